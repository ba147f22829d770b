"""The contributed rules: ``optax.contrib`` by its names, defaults and parameters."""

from __future__ import annotations

from optimlab.conventions.optax.contrib.matrices import (
    muon,
)
from optimlab.conventions.optax.contrib.moments import (
    acprop,
    ademamix,
    adopt,
    cocob,
    madgrad,
    simplified_ademamix,
)
from optimlab.conventions.optax.contrib.rates import (
    dog,
    dowg,
    momo,
    momo_adam,
    prodigy,
    reduce_on_plateau,
    schedule_free,
    schedule_free_adamw,
    schedule_free_eval_params,
    schedule_free_sgd,
)

__all__ = [
    "acprop",
    "ademamix",
    "adopt",
    "cocob",
    "dog",
    "dowg",
    "madgrad",
    "momo",
    "momo_adam",
    "muon",
    "prodigy",
    "reduce_on_plateau",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
    "simplified_ademamix",
]
