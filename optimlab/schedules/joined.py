"""Schedules one after the other: join, piecewise constant, warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from optimlab.schedules.decay import linear
from optimlab.schedules.schedule import Schedule, Value, parts, schedule, updates
from optimlab.typing import Floats

__all__ = ["join", "piecewise", "warm_up"]


def _boundaries(name: str, at: Any) -> tuple[float, ...]:
    """Return an increasing sequence of updates, or of a single one."""
    found: tuple[float, ...] = updates(name, np.atleast_1d(at))
    if any(a >= b for a, b in pairwise(found)):
        raise ValueError(f"{name} must increase; got {at!r}")
    return found


@schedule(schedules=parts, at=_boundaries)
def join(k: Floats, *schedules: Any, at: Any) -> Any:
    """s(k) = sᵢ(k - atᵢ) from k = atᵢ on: schedules one after the other, each from its own 0.

    Parameters
    ----------
    *schedules : schedule, function of k, float or sequence of float, shape (S,)
        The parts. A function that is no ``Schedule`` is called with one index after the other, from 0 to its end.
    at : sequence of number, increasing, greater than 0
        Updates at which the second, third, ... begins: s(atᵢ) is the new schedule's value at 0.

    Examples
    --------
    >>> join(linear(0.0, steps=2, final=1.0), 0.5, at=[4])(np.arange(6))
    array([0. , 0.5, 1. , 1. , 0.5, 0.5])
    """
    if len(schedules) != len(at) + 1:
        raise ValueError(f"at must have one number fewer than there are schedules, {len(schedules)}; got {at.tolist()}")
    value: Floats = np.array(np.nan)
    for part, begin, end in zip(schedules, (0, *at), (*at, np.nan), strict=True):
        value = np.where(k >= begin, part(np.where((k < begin) | (k >= end), 0.0, k - begin)), value)
    return value


def piecewise(values: Sequence[Value], *, at: Sequence[float]) -> Schedule:
    """s(k) = valuesᵢ from k = atᵢ on: constant pieces, a ``join`` of numbers.

    Parameters
    ----------
    values : sequence of float
        The values of the pieces; each may be a sequence of shape (S,).
    at : sequence of number, increasing, greater than 0
        Updates at which the second, third, ... begins.

    Notes
    -----
    The new value holds *at* the boundary, as in optax and in torch's ``MultiStepLR``; keras' ``PiecewiseConstantDecay``
    has the old value there. optax and torch give factors, this the values themselves.

    Examples
    --------
    >>> piecewise([0.1, 0.2, 0.1], at=[3, 6])(np.arange(8))
    array([0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1])
    """
    return join(*values, at=at)


def warm_up(to: Any, *, steps: float, initial: Value = 0.0) -> Schedule:
    """s(k) = initial + (to(0) - initial) k/steps for k < steps, then to(k - steps): a ramp before any schedule.

    Parameters
    ----------
    to : schedule, function of k, or float
        What follows the ramp, from its own 0.
    steps : float, greater than 0
        Updates of the ramp; the first full value is that of k = steps.
    initial : float or sequence of float, shape (S,)
        s(0). With the default 0 the first update moves nothing.

    Notes
    -----
    keras' ``CosineDecay(warmup_steps=...)`` counts as here: the steps of the decay exclude the warm-up. In optax's
    ``warmup_cosine_decay_schedule`` decay_steps *includes* it: ``warm_up(cosine_decay(1.0, steps=6), steps=2)`` is
    decay_steps=8 there.

    Examples
    --------
    >>> from optimlab import cosine_decay
    >>> warm_up(cosine_decay(1.0, steps=6, final=0.1), steps=2)(np.arange(10)).round(6)
    array([0.      , 0.5     , 1.      , 0.939711, 0.775   , 0.55    ,
           0.325   , 0.160289, 0.1     , 0.1     ])
    """
    first = to(0) if callable(to) else to
    return join(linear(initial, steps=steps, final=first), to, at=(steps,))
