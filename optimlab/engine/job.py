"""Jobs: what a step does to the leaves of a group, and which engines do it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np

from optimlab.engine import Engine, choose
from optimlab.finite import FACTOR, TAME
from optimlab.rules.algebra import Rule
from optimlab.typing import Count, Number

if TYPE_CHECKING:
    from optimlab.engine.fading import Fade
    from optimlab.engine.segment import Segment

__all__ = ["Job"]


@final
class Job:
    """A rule, which of the learning rates, and an average: what leaves of one group share.

    Parameters
    ----------
    rule : Rule
        The update rule.
    rate : int
        Which of the learning rates.
    average : Rule or None
        What averages the weights.

    Attributes
    ----------
    engine, follower : Engine or None
        What sweeps the rule, with the average if that is early; what sweeps the average alone.
    early : bool
        Whether the average is part of the sweep.
    rates : tuple of int
        Which of the rule's coefficients are the learning rate.
    whole : bool
        Whether the rule looks at whole leaves; NumPy sweeps these.
    """

    def __init__(self, rule: Rule, rate: int, average: Rule | None) -> None:
        self.rule = rule
        self.rate = rate
        self.average = average
        self.rates = rule.rates
        self.whole = rule.whole
        self.early = False
        self.engine: Engine | None = None
        self.follower: Engine | None = None

    @property
    def starts(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What the slots of the rule and of the average hold before the first step."""
        return self.rule.start, () if self.average is None else self.average.start

    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the rule's slots in a leaf of this shape."""
        return self.rule.shapes(shape)

    @property
    def slots(self) -> dict[str, tuple[str, ...]]:
        """The names of the slots of the rule, its state, and of the average."""
        return {"state": self.rule.slots, "average": () if self.average is None else self.average.slots}

    @cached_property
    def fades(self) -> list[Fade]:
        """How each slot of the rule fades in steps with gradients of zeros; TypeError if that has no closed form."""
        from optimlab.engine.fading import fading

        return fading(self.rule)

    def __getstate__(self) -> dict[str, Any]:
        return {name: held for name, held in vars(self).items() if name != "fades"}

    def choose(self, engine: str, *, early: bool) -> None:
        """Choose the engines, for the rule with or without the average."""
        self.early = early and self.average is not None
        engine = "numpy" if self.whole else engine
        self.engine = choose(engine, self.rule, self.average if self.early else None)
        self.follower = None if self.average is None else choose(engine, None, self.average)

    def prepare(self, segment: Segment) -> bool:
        """Trace and compile what the steps on a segment need; whether they are made of calls that cannot raise."""
        engines = [self.engine] if self.early else [self.engine, self.follower]
        return min([engine.prepare(segment) for engine in engines if engine is not None])

    def holds(self, dtype: np.dtype[Any]) -> bool:
        """Whether the state stays finite where gradients are tame: its powers of them are at most squares."""
        if self.whole:
            return False
        g, w = np.full(1, FACTOR * TAME[dtype.itemsize] ** 0.5, dtype), np.ones(1, dtype)
        state = tuple([np.full(1, first, dtype) for first in self.rule.start])
        c = tuple([np.asarray(number, dtype) for number in self.rule.coefficients(1)])
        with np.errstate(all="ignore"):
            try:
                return all(np.isfinite(x).all() for x in self.rule.compose()(g, w, state, c)[1])
            except Exception:  # a formula that looks at more than one number
                return False

    def averaging(self, t: Count) -> tuple[Number, ...]:
        """Return the coefficients of the average."""
        return () if self.average is None else self.average.coefficients(t)

    def check(self, dtype: np.dtype[Any]) -> None:
        """Refuse a hyperparameter that vanishes, or overflows, in the dtype of the parameters."""
        for number in np.concatenate([np.ravel(x) for x in (*self.rule.coefficients(1), 1.0)]):
            with np.errstate(all="ignore"):
                rounded = dtype.type(number)
            if (rounded == 0.0) != (number == 0.0) or np.isinf(rounded) != np.isinf(number):
                least, most = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
                raise ValueError(
                    f"{self.rule!r} has the number {float(number)!r}, which is {rounded} in the {dtype} of the "
                    f"parameters; it must be from {least} to {most}; use such a one, or parameters of float64"
                )
