"""``optax.contrib.muon``: matrices by orthogonalised momentum, other leaves by Adam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final

import numpy as np

from optimlab.checks import choice, whole
from optimlab.conventions.optax.moments import adamw
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, mean, split
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.rules.elementwise import Clip, Root
from optimlab.rules.matrix import IN_OUT, Orthogonalize
from optimlab.rules.whole import Mean, Size

__all__ = ["muon"]

Row = tuple[float, float, float]
STANDARD: Final[Row] = (3.4445, -4.775, 2.0315)
POLYNOMIALS: Final[Mapping[str, Sequence[Any]]] = {
    "standard": STANDARD,
    "dion": (
        (4.0848, -6.8946, 2.927), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037), (2.8769, -3.1427, 1.2046),
        (2.8366, -3.0525, 1.2012),
    ),
}  # fmt: skip


def _polynomials(coefficients: Sequence[Any] | str, steps: int) -> tuple[Row, ...]:
    """Return (a, b, c) of each step: of a name, one for all, or the last so many."""
    if isinstance(coefficients, str):
        coefficients = POLYNOMIALS[choice("ns_coeffs", coefficients, tuple(POLYNOMIALS))]
    if np.ndim(coefficients) == 1:
        return (tuple(coefficients),) * whole("ns_steps", steps, 1)
    if len(coefficients) < steps:
        raise ValueError(f"ns_coeffs must have a row for each of ns_steps={steps}; got {len(coefficients)}")
    return tuple([tuple(row) for row in coefficients[-steps:]])


@spelled("optax")
def muon(
    learning_rate: LearningRate,
    ns_coeffs: Sequence[Any] | str = STANDARD,
    ns_steps: int = 5,
    beta: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    weight_decay_mask: Mask = None,
    *,
    nesterov: bool = True,
    adaptive: bool = False,
    preconditioning: str = "frobenius",
    adam_b1: float = 0.9,
    adam_b2: float = 0.999,
    adam_eps_root: float = 0.0,
    adam_weight_decay: float = 0.0,
    adam_learning_rate: LearningRate | None = None,
    muon_weight_dimension_numbers: Mask = None,
    consistent_rms: float | None = None,
) -> Optimizer:
    """w ← w - lr (√max(1, columns/rows) orthogonalized(m̂) + λ w), m̂ that of ``nadam``.

    ``optimlab.muon`` and torch correct no bias, and scale by rows over columns: there weights are (out, in), here
    (in, out). With ``consistent_rms`` the scale is that times √max(rows, columns). The leaves that are not named, or
    marked, by ``muon_weight_dimension_numbers`` get ``adamw``; without it all leaves must be matrices, while optax asks
    the parameters which are. Axes of a matrix are not exchanged here, and ``preconditioning`` is by the norm alone.

    Source: Jordan 2024; optax 0.2.8, ``contrib.muon``.

    Examples
    --------
    >>> opt = muon(0.02, muon_weight_dimension_numbers="*.weight", adam_learning_rate=1e-3)
    >>> params = {"a": {"weight": np.eye(2), "bias": np.zeros(2)}}
    >>> opt.step(params, {"a": {"weight": np.eye(2), "bias": np.ones(2)}})["a"]["bias"].round(6)
    array([-0.001474, -0.001474])
    """
    choice("preconditioning", preconditioning, ("frobenius",))
    up = mean(beta, nesterov=nesterov)
    turned = up | Orthogonalize(_polynomials(ns_coeffs, ns_steps), eps)
    turned = (Size() * (up * turned | Mean())) * turned if adaptive else turned
    longest = Size(1) * (Size(0) / Size(1) | Clip(1.0, inf)) | Root()
    matrices = decayed(
        turned * (consistent_rms * longest if consistent_rms else IN_OUT), weight_decay, weight_decay_mask
    )
    words = {"eps_root": adam_eps_root, "weight_decay": adam_weight_decay, "nesterov": nesterov}
    others: Rule = adamw(1.0, adam_b1, adam_b2, eps, **words).rule  # type: ignore[arg-type]
    rule = split(muon_weight_dimension_numbers, matrices, others)
    adam_rate = learning_rate if adam_learning_rate is None else adam_learning_rate
    rates = (
        {name: adam_rate if part is others else learning_rate for name, part in rule.items()}
        if isinstance(rule, dict)
        else learning_rate
    )
    return Optimizer(rule, rates)
