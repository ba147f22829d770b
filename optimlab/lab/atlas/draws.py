"""How hyperparameters are drawn: a range, a choice, or several at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

__all__ = ["BETA", "BETAS", "DECAY", "EITHER", "EPS", "RATE", "Draw", "between", "one_of", "together"]

Draw = Callable[[np.random.Generator], Any]


def between(low: float, high: float) -> Draw:
    """Return what draws a number whose logarithm is uniform, with four digits.

    Examples
    --------
    >>> 0.1 <= between(0.1, 0.2)(np.random.default_rng(0)) <= 0.2
    True
    """
    return lambda generator: float(f"{low * (high / low) ** generator.random():.4g}")


def one_of(*values: Any) -> Draw:
    """Return what draws one of several values.

    Examples
    --------
    >>> one_of(3.0)(np.random.default_rng(0))
    3.0
    """
    return lambda generator: values[int(generator.integers(len(values)))]


def together(*draws: Draw) -> Draw:
    """Return what draws a tuple.

    Examples
    --------
    >>> together(one_of(1), one_of(2))(np.random.default_rng(0))
    (1, 2)
    """
    return lambda generator: tuple([draw(generator) for draw in draws])


def _below_one(low: float, high: float) -> Draw:
    """Return what draws a decay: 1 minus a number between low and high."""
    return lambda generator: float(f"{1.0 - between(low, high)(generator):.6g}")


RATE: Final = between(0.01, 0.1)
BETA: Final = _below_one(0.003, 0.5)
BETAS: Final = together(_below_one(0.03, 0.5), _below_one(0.001, 0.1))
DECAY: Final = between(0.001, 0.3)
EPS: Final = between(1e-9, 0.1)
EITHER: Final = one_of(False, True)
