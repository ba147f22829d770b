"""optax's schedules by its names, defaults and parameters, as schedules of optimlab.

They count from k = 0, as there. optax computes them in float32 unless told otherwise, these are float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf
from operator import mul
from typing import Any

import numpy as np

from optimlab.checks import ANY, choice
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Schedule as Function
from optimlab.schedules import decay, joined
from optimlab.schedules.schedule import Schedule, constant, part, schedule
from optimlab.typing import Floats

__all__ = [
    "constant_schedule", "cosine_decay_schedule", "cosine_onecycle_schedule", "exponential_decay", "join_schedules",
    "linear_onecycle_schedule", "linear_schedule", "piecewise_constant_schedule", "piecewise_interpolate_schedule",
    "polynomial_schedule", "sgdr_schedule", "warmup_constant_schedule", "warmup_cosine_decay_schedule",
    "warmup_exponential_decay_schedule",
]  # fmt: skip

Scales = Mapping[int, float] | None


def _begun(schedule: Schedule, initial: float, begin: int) -> Schedule:
    """Return the schedule from an update on, before it its first value."""
    return joined.join(initial, schedule, at=(begin,)) if begin > 0 else schedule


@schedule(of=part, low=ANY, high=ANY)
def _bounded(k: Floats, of: Any, *, low: float = -inf, high: float = inf) -> Any:
    """s(k) = min(max(of(k), low), high)."""
    return np.clip(of(k), low, high)


@spelled("optax")
def constant_schedule(value: float) -> Schedule:
    """s(k) = value: ``optimlab.constant``."""
    return constant(value)


@spelled("optax")
def polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """s(k) = end + (init - end) (1 - min(k/steps, 1))^power, from ``transition_begin`` on: ``polynomial_decay``.

    Examples
    --------
    >>> polynomial_schedule(1.0, 0.0, 2, 4)
    polynomial_decay(1.0, steps=4, power=2.0)
    """
    line = decay.polynomial_decay(init_value, steps=transition_steps, power=power, final=end_value)
    return _begun(line, init_value, transition_begin)


@spelled("optax")
def linear_schedule(init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0) -> Schedule:
    """s(k) = init + (end - init) min(k/steps, 1), from ``transition_begin`` on: ``linear``."""
    line = decay.linear(init_value, steps=transition_steps, final=end_value)
    return _begun(line, init_value, transition_begin)


@spelled("optax")
def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    """s(k) = init + (peak - init) min(k/steps, 1): ``linear``; with init 0 the first update does not move."""
    return decay.linear(init_value, steps=warmup_steps, final=peak_value)


@spelled("optax")
def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """s(k) = init · rate^(k/steps), from ``transition_begin`` on, in stairs, and not beyond ``end_value``.

    Examples
    --------
    >>> exponential_decay(1.0, 2, 0.5)
    exponential_decay(1.0, 0.5, steps=2)
    >>> exponential_decay(1.0, 2, 0.5, staircase=True, end_value=0.3)(np.arange(6))
    array([1. , 1. , 0.5, 0.5, 0.3, 0.3])
    """
    line = (decay.step_decay if staircase else decay.exponential_decay)(init_value, decay_rate, steps=transition_steps)
    whole = _begun(line, init_value, transition_begin)
    if end_value is None:
        return whole
    return _bounded(whole, low=end_value) if decay_rate < 1.0 else _bounded(whole, high=end_value)


@spelled("optax")
def cosine_decay_schedule(init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    """s(k) = init ((1-α) [(1 + cos(π min(k/steps, 1)))/2]^exponent + α): ``cosine_decay``, α the floor over init.

    Examples
    --------
    >>> cosine_decay_schedule(0.5, 100, alpha=0.1)
    cosine_decay(0.5, steps=100, final=0.05)
    """
    return decay.cosine_decay(init_value, steps=decay_steps, exponent=exponent, final=alpha * init_value)


@spelled("optax")
def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """A straight line from init to peak, then ``cosine_decay`` to end: ``decay_steps`` include the warm-up.

    Examples
    --------
    >>> warmup_cosine_decay_schedule(0.0, 1.0, 2, 8, 0.1)(np.arange(10)).round(6)
    array([0.      , 0.5     , 1.      , 0.939711, 0.775   , 0.55    ,
           0.325   , 0.160289, 0.1     , 0.1     ])
    """
    steps = decay_steps - warmup_steps
    down = decay.cosine_decay(peak_value, steps=steps, exponent=exponent, final=end_value if peak_value else 0.0)
    return _warmed(init_value, peak_value, warmup_steps, down)


def _warmed(initial: float, peak: float, steps: int, then: Schedule) -> Schedule:
    """Return the schedule after a straight line."""
    return joined.join(decay.linear(initial, steps=steps, final=peak), then, at=(steps,)) if steps > 0 else then


@spelled("optax")
def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """A straight line from init to peak, then ``exponential_decay`` from there."""
    down = exponential_decay(peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value)
    return _warmed(init_value, peak_value, warmup_steps, down)


@spelled("optax")
def piecewise_constant_schedule(init_value: float, boundaries_and_scales: Scales = None) -> Schedule:
    """s(k) = init, from each boundary on times its scale: ``piecewise``; the new value holds at the boundary.

    Examples
    --------
    >>> piecewise_constant_schedule(0.5, {3: 2.0, 6: 0.5})
    join(constant(0.5), constant(1.0), constant(0.5), at=(3, 6))
    """
    at, values = _pieces(init_value, boundaries_and_scales)
    return joined.piecewise(values, at=at) if at else constant(init_value)


def _pieces(initial: float, scales: Scales) -> tuple[list[int], list[float]]:
    """Return boundaries in order, and the values before, between and after them."""
    ordered = sorted((scales or {}).items())
    return [at for at, _ in ordered], list(accumulate([scale for _, scale in ordered], mul, initial=initial))


_WAYS: dict[str, Callable[..., Schedule]] = {"linear": decay.linear, "cosine": decay.cosine_decay}


@spelled("optax")
def piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: Scales = None
) -> Schedule:
    """From init to its multiple by each scale at the boundary, by straight lines or half cosines.

    Examples
    --------
    >>> piecewise_interpolate_schedule("linear", 200, {5: 1.5, 10: 0.25})(np.arange(12))
    array([200., 220., 240., 260., 280., 300., 255., 210., 165., 120.,  75.,
            75.])
    """
    way = _WAYS[choice("interpolate_type", interpolate_type, tuple(_WAYS))]
    at, values = _pieces(init_value, boundaries_and_scales)
    ends = zip([0, *at], at, values, values[1:], strict=False)
    lines = [way(first, steps=end - begin, final=last) for begin, end, first, last in ends]
    return joined.join(*lines, values[-1], at=at) if at else constant(init_value)


@spelled("optax")
def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Straight lines from peak/div up to peak, back, and down to peak/(div · final_div).

    Examples
    --------
    >>> linear_onecycle_schedule(10, 1000, pct_final=0.7, div_factor=10, final_div_factor=100)(np.arange(12)).round(9)
    array([ 100.,  400.,  700., 1000.,  775.,  550.,  325.,  100.,   67.,
             34.,    1.,    1.])
    """
    top, back = int(pct_start * transition_steps), int(pct_final * transition_steps)
    scales = {top: div_factor, back: 1.0 / div_factor, transition_steps: 1.0 / final_div_factor}
    return piecewise_interpolate_schedule("linear", peak_value / div_factor, scales)


@spelled("optax")
def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Half a cosine from peak/div up to peak, half a cosine down to peak/(div · final_div): ``one_cycle``."""
    scales = {int(pct_start * transition_steps): div_factor, transition_steps: 1.0 / (div_factor * final_div_factor)}
    return piecewise_interpolate_schedule("cosine", peak_value / div_factor, scales)


@spelled("optax")
def join_schedules(schedules: Sequence[Function], boundaries: Sequence[int]) -> Schedule:
    """s(k) = sᵢ(k - bᵢ) from k = bᵢ on: ``join``."""
    return joined.join(*schedules, at=boundaries)


@spelled("optax")
def sgdr_schedule(cosine_kwargs: Iterable[Mapping[str, float]]) -> Schedule:
    """One ``warmup_cosine_decay_schedule`` after the other, each of its own arguments.

    Source: Loshchilov & Hutter 2017, "SGDR", arXiv 1608.03983.
    """
    runs: list[dict[str, Any]] = [dict(words) for words in cosine_kwargs]
    ends = list(accumulate([run["decay_steps"] for run in runs]))
    waves = [warmup_cosine_decay_schedule(**run) for run in runs]
    return joined.join(*waves, at=ends[:-1]) if len(waves) > 1 else waves[0]
