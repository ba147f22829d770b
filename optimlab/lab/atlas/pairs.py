"""The table of the atlas: each convention that stands beside a released rule, and how its hyperparameters are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final, Self, final

import numpy as np

<<<<<<< HEAD
from optimlab.lab.atlas.draws import BETA, BETAS, DECAY, EITHER, EPS, RATE, Draw, between, one_of, together
=======
from optimlab.lab.atlas.draws import BETA, DECAY, EITHER, EPS, RATE, Draw, between, one_of
>>>>>>> atlas
from optimlab.lab.atlas.systems import SYSTEMS, System

__all__ = ["PAIRS", "Pair", "pair"]

Shapes = tuple[tuple[int, ...], ...]
ARRAYS: Final[Shapes] = ((7,), (3, 4), (2, 3, 4))
MATRICES: Final[Shapes] = ((4, 6), (6, 4), (5, 5))
RATES: Final[Shapes] = ()
"""No leaves: the pair is one of schedules, and what is compared are their numbers."""


NORM: Final = between(1.0, 10.0)
LENGTH: Final = one_of(20, 64, 100)
START: Final[dict[str, Any]] = {"initial_learning_rate": 0.5}


@final
@dataclass(frozen=True, eq=False)
class Pair:
    """A function of ``optimlab.conventions`` and the released rule that it stands for."""

    system: str
    name: str
    given: Mapping[str, Any]
    drawn: Mapping[str, Draw]
    released: str
    shapes: Shapes = ARRAYS
    bar: float = 1e-11
    because: str = ""

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.given.items())
        return f"{self.system}.{self.name}" + (f"({given})" if given else "")

    def on(self, shapes: Shapes) -> Self:
        """Return the pair for parameters of these shapes."""
        return replace(self, shapes=shapes)

    def called(self, released: str) -> Self:
        """Return the pair for what the system has under another name."""
        return replace(self, released=released)

    def within(self, bar: float, because: str) -> Self:
        """Return the pair with a bar of its own, and the reason for it."""
        return replace(self, bar=bar, because=because)

    def bar_in(self, dtype: str) -> float:
        """Return the largest relative difference that is allowed in float64 or float32."""
        return self.bar if dtype == "float64" else max(self.bar, 1e-5)

    @property
    def other(self) -> System:
        """The system that has released the rule."""
        return SYSTEMS[self.system]

    @property
    def convention(self) -> Callable[..., Any]:
        """The function of ``optimlab.conventions``: it returns an Optimizer or a Schedule."""
        made: Callable[..., Any] = getattr(import_module(f"optimlab.conventions.{self.system}"), self.name)
        return made

    def options(self, seed: int) -> dict[str, Any]:
        """Return the arguments of a run: for seed 0 the defaults and what is given, else random ones."""
        rng, rates = np.random.default_rng(seed), {self.other.rate: RATE} if self.shapes else {}
        if seed == 0:
            return {**dict.fromkeys(rates, 0.01), **self.given}
        return {**self.given, **{name: draw(rng) for name, draw in (rates | dict(self.drawn)).items()}}


def pair(name: str, given: Mapping[str, Any] | None = None, **drawn: Draw) -> Pair:
    """Return the pair of a name such as ``torch.SGD``: with what is given always, and what is drawn at random.

    The learning rate is always drawn. What is both given and drawn is as given in the run with the defaults.

    Examples
    --------
    >>> str(pair("torch.SGD", {"momentum": 0.9}))
    'torch.SGD(momentum=0.9)'
    """
    system, _, own = name.partition(".")
    return Pair(system, own, given or {}, drawn, released=own)


PAIRS: Final[tuple[Pair, ...]] = (
    pair("keras.SGD", weight_decay=DECAY, global_clipnorm=NORM),
    pair("keras.SGD", {"momentum": 0.9}, momentum=BETA, clipnorm=NORM),
    pair("keras.SGD", {"momentum": 0.9, "nesterov": True}, momentum=BETA, clipvalue=NORM),
    pair("keras.RMSprop", rho=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.RMSprop", {"momentum": 0.9, "centered": True}, rho=BETA, momentum=BETA, epsilon=EPS),
<<<<<<< HEAD
    pair("torch.SGD", weight_decay=DECAY, maximize=EITHER),
    pair("torch.SGD", {"momentum": 0.9}, momentum=BETA, dampening=between(0.1, 0.9), weight_decay=DECAY),
    pair("torch.SGD", {"momentum": 0.9, "nesterov": True}, momentum=BETA, weight_decay=DECAY, maximize=EITHER),
    pair("torch.Adam", betas=BETAS, eps=EPS, weight_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.Adam", {"amsgrad": True}, betas=BETAS, eps=EPS, weight_decay=DECAY, maximize=EITHER),
    pair("torch.AdamW", betas=BETAS, eps=EPS, weight_decay=DECAY, amsgrad=EITHER),
    pair("torch.NAdam", betas=BETAS, eps=EPS, weight_decay=DECAY, momentum_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.RAdam", betas=BETAS, eps=EPS, weight_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.Adamax", betas=BETAS, eps=EPS, weight_decay=DECAY),
    pair("torch.Adagrad", lr_decay=DECAY, weight_decay=DECAY, initial_accumulator_value=EPS, eps=EPS),
    pair("torch.Adadelta", rho=BETA, eps=EPS, weight_decay=DECAY),
    pair("torch.RMSprop", alpha=BETA, eps=EPS, weight_decay=DECAY),
    pair("torch.RMSprop", {"momentum": 0.9, "centered": True}, alpha=BETA, eps=EPS, momentum=BETA, weight_decay=DECAY),
    pair("torch.Rprop", etas=together(between(0.2, 0.8), between(1.05, 1.5)), maximize=EITHER),
    pair("torch.ASGD", lambd=DECAY, alpha=between(0.5, 1.0), t0=one_of(0.0, 50.0), weight_decay=DECAY),
)
=======
    pair("keras.Adam", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adam", {"amsgrad": True}, beta_1=BETA, beta_2=BETA, epsilon=EPS),
    pair("keras.AdamW", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY, amsgrad=EITHER),
    pair("keras.Adadelta", rho=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adagrad", initial_accumulator_value=between(0.01, 1.0), epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adamax", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Nadam", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Lion", beta_1=BETA, beta_2=BETA, weight_decay=DECAY),
    pair("keras.Ftrl", initial_accumulator_value=between(0.01, 1.0), l1_regularization_strength=DECAY,
         l2_regularization_strength=DECAY, l2_shrinkage_regularization_strength=DECAY, beta=DECAY, weight_decay=DECAY),
    pair("keras.ExponentialDecay", START | {"decay_steps": 50, "decay_rate": 0.5}, staircase=EITHER).on(RATES),
    pair("keras.InverseTimeDecay", START | {"decay_steps": 50, "decay_rate": 0.5}, staircase=EITHER).on(RATES),
    pair("keras.PiecewiseConstantDecay", {"boundaries": [50, 90], "values": [1.0, 0.5, 0.1]}).on(RATES),
    pair("keras.PolynomialDecay", START | {"decay_steps": 60}, power=between(0.5, 3.0), cycle=EITHER).on(RATES),
    pair("keras.CosineDecay", START | {"decay_steps": 60}, alpha=DECAY, decay_steps=LENGTH).on(RATES),
    pair("keras.CosineDecay", START | {"decay_steps": 60, "warmup_target": 1.0, "warmup_steps": 20},
         alpha=DECAY, warmup_steps=LENGTH).on(RATES),
    pair("keras.CosineDecayRestarts", START | {"first_decay_steps": 20}, t_mul=between(1.1, 3.0), m_mul=BETA,
         alpha=DECAY).on(RATES),
)  # fmt: skip
>>>>>>> atlas
