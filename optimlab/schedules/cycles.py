"""Schedules that rise and fall: restarts, triangles, and the single cycle."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.checks import FINITE, NOT_NEGATIVE, Range, number, whole
from optimlab.recurrence.elementary import logarithm, power
from optimlab.schedules.decay import cosine_decay, half_wave, linear, mixed
from optimlab.schedules.joined import join
from optimlab.schedules.schedule import Schedule, Value, schedule, updates
from optimlab.typing import Floats

__all__ = ["cosine_restarts", "cosine_wave", "cyclic", "linear_one_cycle", "one_cycle"]


@schedule(initial=FINITE, steps=updates, growth=Range("at least 1 and finite"), factor=NOT_NEGATIVE, final=FINITE)
def cosine_restarts(
    k: Floats, initial: Value, *, steps: Value, growth: Value = 1.0, factor: Value = 1.0, final: Value = 0.0
) -> Any:
    """s(k) = final + (initial - final) factorⁱ (1 + cos πx)/2 at the part x of run i; run i takes steps · growthⁱ.

    Parameters
    ----------
    initial, final : float or sequence of float, shape (S,)
        First value of run 0, and the limit at the end of each run.
    steps : float or sequence of float, shape (S,), greater than 0
        Updates of run 0; at k = steps the next run begins.
    growth : float or sequence of float, shape (S,), at least 1
        Length of a run over that of the one before (keras: t_mul).
    factor : float or sequence of float, shape (S,), at least 0
        Height of a run over that of the one before (keras: m_mul).

    Source
    ------
    Loshchilov & Hutter 2017, "SGDR", equation 5.

    Examples
    --------
    >>> cosine_restarts(1.0, steps=3, growth=2, factor=0.5)(np.arange(10)).round(6)
    array([1.      , 0.75    , 0.25    , 0.5     , 0.466506, 0.375   ,
           0.25    , 0.125   , 0.033494, 0.25    ])
    """
    run, x = _run(k / steps, growth)
    return mixed(initial, final, power(factor, run) * half_wave(x))


def _run(time: Any, growth: Any) -> tuple[Any, Any]:
    """Return the run and the part of it that is over; the time is in lengths of run 0."""
    excess = growth - 1.0
    with np.errstate(invalid="ignore", divide="ignore"):  # growth 1: the branch that is not chosen is 0/0
        about = np.where(excess == 0.0, time, logarithm(1.0 + time * excess) / logarithm(growth))
        run = np.floor(about - 0.5)  # this one or the next, however the logarithms are rounded
        run = run + (_start(run + 1.0, power(growth, run + 1.0), excess) <= time)
        length = power(growth, run)
        return run, (time - _start(run, length, excess)) / length


def _start(run: Any, length: Any, excess: Any) -> Any:
    """Return the time 1 + growth + ... + growth^(run-1) at which a run of length growth^run begins."""
    return np.where(excess == 0.0, run, (length - 1.0) / excess)


@schedule(initial=FINITE, steps=updates, final=FINITE)
def cosine_wave(k: Floats, initial: Value, *, steps: Value, final: Value = 0.0) -> Any:
    """s(k) = final + (initial - final) (1 + cos(π k/steps))/2: down to ``final`` and up again, for ever.

    Parameters
    ----------
    initial, final : float or sequence of float, shape (S,)
        s(0) and s(steps).
    steps : float or sequence of float, shape (S,), greater than 0
        Updates from one to the other.

    Source
    ------
    torch's ``CosineAnnealingLR``.

    Examples
    --------
    >>> cosine_wave(1.0, steps=2)(np.arange(5)).round(6)
    array([1. , 0.5, 0. , 0.5, 1. ])
    """
    return mixed(initial, final, half_wave(k / steps))


@schedule(low=FINITE, high=FINITE, up=updates, down=updates, factor=NOT_NEGATIVE, fade=NOT_NEGATIVE)
def cyclic(
    k: Floats, low: Value, high: Value, *, up: Value, down: Value = None, factor: Value = 1.0, fade: Value = 1.0
) -> Any:
    """s(k): triangles from ``low`` to ``high`` and back; the height of triangle i is (high - low) factorⁱ fadeᵏ.

    Parameters
    ----------
    low, high : float or sequence of float, shape (S,)
        s(0) and s(up).
    up, down : float or sequence of float, shape (S,), greater than 0
        Updates on the way up and on the way down (default: as up).
    factor : float or sequence of float, shape (S,), at least 0
        Height of a triangle over that of the one before: 1 is torch's "triangular", ½ its "triangular2".
    fade : float or sequence of float, shape (S,), at least 0
        Height at an update over that at the one before: the γ of torch's "exp_range".

    Source
    ------
    Smith 2017, "Cyclical learning rates", section 3.2.

    Examples
    --------
    >>> cyclic(0.1, 1.0, up=2, factor=0.5)(np.arange(7))
    array([0.1  , 0.55 , 1.   , 0.55 , 0.1  , 0.325, 0.55 ])
    """
    fall = up if down is None else down
    cycle = np.floor(k / (up + fall))
    now = k - cycle * (up + fall)
    share = np.minimum(now / up, (up + fall - now) / fall)
    return mixed(high, low, share * power(factor, cycle) * power(fade, k))


def one_cycle(initial: Value, peak: Value, *, steps: int, final: Value = 0.0, rise: float = 0.3) -> Schedule:
    """Half a cosine from ``initial`` up to ``peak`` in rise · steps updates, half a cosine down to ``final``, joined.

    Parameters
    ----------
    initial, peak, final : float or sequence of float, shape (S,)
        s(0), the highest value, and s(steps). torch and optax have initial = peak/25 and final = initial/10⁴.
    steps : int, at least 2
        Updates from first to last.
    rise : float, in (0, 1)
        Share of the updates before the peak, rounded to whole updates.

    Raises
    ------
    ValueError
        If rise · steps rounds to 0 or to steps.

    Source
    ------
    Smith & Topin 2018, "Super-convergence", with torch's cosines.

    Notes
    -----
    optax: ``cosine_onecycle_schedule(transition_steps=steps)``. torch's ``OneCycleLR(total_steps=n)`` counts the
    values, not the ways between them, and peaks one update earlier: it is steps = n - 1 with
    rise = (pct_start · n - 1) / (n - 1).

    Examples
    --------
    >>> one_cycle(100, 1000, steps=5, rise=0.4, final=1)(np.arange(7))
    array([ 100.  ,  550.  , 1000.  ,  750.25,  250.75,    1.  ,    1.  ])
    """
    (top,) = _phases(steps, rise=rise)
    rising = cosine_decay(initial, steps=top, final=peak)
    return join(rising, cosine_decay(peak, steps=steps - top, final=final), at=(top,))


def linear_one_cycle(
    initial: Value,
    peak: Value,
    *,
    steps: int,
    final: Value = 0.0,
    phases: tuple[float, float] = (0.3, 0.85),
) -> Schedule:
    """Straight lines: ``initial`` up to ``peak``, back to ``initial``, and down to ``final``, joined.

    Parameters
    ----------
    initial, peak, final : float or sequence of float, shape (S,)
        s(0), the highest value, and s(steps).
    steps : int, at least 3
        Updates from first to last.
    phases : tuple of two floats, in (0, 1)
        Shares of the updates after which the peak is reached, and ``initial`` again.

    Raises
    ------
    ValueError
        If a phase rounds to no update.

    Source
    ------
    Smith & Topin 2018, "Super-convergence", section 3.

    Notes
    -----
    optax: ``linear_onecycle_schedule``; torch: ``three_phase=True``, with the index of ``one_cycle``.

    Examples
    --------
    >>> linear_one_cycle(100, 1000, steps=10, final=1, phases=(0.3, 0.7))(np.arange(12))
    array([ 100.,  400.,  700., 1000.,  775.,  550.,  325.,  100.,   67.,   34.,    1.,    1.])
    """
    rise, fall = phases
    top, back = _phases(steps, rise=rise, fall=fall)
    lines = [linear(initial, steps=top, final=peak), linear(peak, steps=back - top, final=initial)]
    return join(*lines, linear(initial, steps=steps - back, final=final), at=(top, back))


def _phases(steps: int, **shares: float) -> list[int]:
    """Return the updates at these shares of the steps; between them, and to both ends, lies at least one."""
    steps = whole("steps", steps, len(shares) + 1)
    found = [round(number(name, share, Range("in (0, 1)")) * steps) for name, share in shares.items()]
    if any(b <= a for a, b in zip([0, *found], [*found, steps], strict=True)):
        given = ", ".join(f"{name}={share!r}" for name, share in shares.items())
        raise ValueError(f"each phase must last at least one update; got {given} of steps={steps}; give more steps")
    return found
