"""Lock-step: a convention and the released rule take the same gradients, and how far apart they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from optimlab.lab.atlas.pairs import Pair
from optimlab.lab.atlas.streams import Stream, Trajectory, stream
from optimlab.lab.atlas.systems import rates, stacked
from optimlab.typing import Array

__all__ = ["RUNS", "STEPS", "difference", "lock_step", "ours", "worst"]

RUNS: Final = 4
STEPS: Final = 200


def ours(pair: Pair, options: Mapping[str, Any], given: Stream) -> Trajectory:
    """Return the parameters after each step of the convention: for each leaf an array of shape (steps, ...)."""
    return stacked(_steps(pair, options, given))


def _steps(pair: Pair, options: Mapping[str, Any], given: Stream) -> Iterator[list[Array]]:
    if given.rates:
        yield from rates(pair.convention(**options), given)
        return
    optimizer, params = pair.convention(**options), [w.copy() for w in given.start]
    for gradients, loss in zip(given.gradients, given.losses, strict=True):
        optimizer.step(params, list(gradients), loss=loss)
        yield [w.copy() for w in params]


def difference(mine: Trajectory, theirs: Trajectory, start: tuple[Array, ...]) -> float:
    """max |mine - theirs| / max |theirs - start|: relative to the longest way from the start, of the worst leaf.

    Examples
    --------
    >>> start, theirs = (np.zeros(1),), (np.array([[1.0], [2.0]]),)
    >>> difference((theirs[0] + 0.5,), theirs, start)
    0.25
    """
    leaves = zip(mine, theirs, start, strict=True)
    with np.errstate(invalid="ignore"):
        return float(np.max([np.abs(x - y).max() / np.abs(y - w).max() for x, y, w in leaves]))


def lock_step(pair: Pair, seed: int, *, steps: int = STEPS, dtype: str = "float64") -> float:
    """Return the difference in one run: three leaves, hyperparameters and gradients of the seed."""
    options, given = pair.options(seed), stream(seed, pair.shapes, steps, dtype=dtype)
    theirs = pair.other.trajectory(pair.released, options, given)
    return difference(ours(pair, options, given), theirs, given.start or (np.zeros(()),))


def worst(pair: Pair, *, dtype: str = "float64") -> float:
    """Return the largest difference of all runs."""
    return float(np.max([lock_step(pair, seed, dtype=dtype) for seed in range(RUNS)]))
