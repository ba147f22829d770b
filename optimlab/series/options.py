"""The options that all EMA functions share, checked and turned into a ``Weighting``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, number, whole
from optimlab.recurrence.decay import Decay
from optimlab.series.arguments import Times, by_column, checked_times, checked_weights, values
from optimlab.series.weighting import Weighting
from optimlab.typing import Array, Marks

STARTS = ("debiased", "zero", "first")
GAPS = ("decay", "skip", "propagate", "raise")
SPACINGS = ("event", "time")
_START = Range("'debiased', 'zero', 'first' or a finite number")


class Options(TypedDict, total=False):
    """The keyword options of ``ema``, which every function of a series takes."""

    alpha: float | None
    span: float | None
    com: float | None
    halflife: Any
    start: str | float
    gaps: str
    axis: int
    weights: ArrayLike | None
    times: Any
    spacing: str
    min_count: int


class Resolved:
    """The checked options of one call.

    Attributes
    ----------
    axis : int
        Axis of the rows, from 0.
    weighting : Weighting
        The weights.
    min_count : int
        Values that must have counted before there is a result.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        beta: Decay | ArrayLike | None,
        *,
        start: str | float = "debiased",
        gaps: str = "decay",
        axis: int = 0,
        weights: ArrayLike | None = None,
        times: Any = None,
        spacing: str = "event",
        min_count: int = 1,
        **parameters: Any,
    ) -> None:
        unknown = parameters.keys() - {"alpha", "span", "com", "halflife"}
        if unknown:
            raise TypeError(f"{', '.join(sorted(unknown))}: no such option; see the docstring of optimlab.ema")
        self.axis = whole("axis", axis, -len(shape), len(shape) - 1) % len(shape)
        self.gaps = choice("gaps", gaps, GAPS)
        self.min_count = whole("min_count", min_count, 0)
        choice("spacing", spacing, SPACINGS)
        prior, unit_mass = checked_start(start)
        rows = shape[self.axis]
        timed = None if times is None else checked_times(times, rows, parameters.get("halflife"))
        if timed is None:
            weighting = _by_row(beta, rows, parameters)
        else:
            weighting = _by_time(timed, beta, parameters, spacing, unit_mass)
        if unit_mass and weighting.decay is not None and weighting.decay.alpha == 0.0:
            raise ValueError("start must be 'debiased' with an infinite memory, which never leaves any other start")
        weighting = replace(weighting, prior=prior, unit_mass=unit_mass)
        if self.gaps == "skip" and timed is None:
            weighting = replace(weighting, gaps_decay=False)
        if weights is not None:
            weighting = replace(weighting, weights=checked_weights(weights, shape, self.axis))
        self.weighting = weighting
        self._times = timed

    def present(self, *series: Array) -> Marks:
        """Where all of the series hold a value."""
        if self.gaps == "propagate":
            return np.ones(series[0].shape, dtype=np.bool_)
        present: Marks = ~np.isnan(series[0])
        for other in series[1:]:
            present &= ~np.isnan(other)
        return present

    def prepare(self, *series: Array) -> None:
        """Do what needs the series, shaped (columns, rows): refuse gaps, weigh the first value of a timed one."""
        if self.gaps == "raise":
            for x in series:
                _refuse_gaps(x)
        if self.weighting.share is None and not self.weighting.unit_mass:
            assert self._times is not None
            shares = [self._first_share(c, *(x[c : c + 1] for x in series)) for c in range(len(series[0]))]
            self.weighting = replace(self.weighting, first_share=np.array(shares))

    def _first_share(self, index: int, *column: Array) -> float:
        """1 - (decay over the first gap between two values of the column): the first value stands for as long."""
        present = self.present(*column)[0]
        weights = self.weighting.weights
        if weights is not None:
            present = present & ((weights if weights.ndim == 1 else weights[index]) > 0.0)
        values = np.flatnonzero(present)
        fading = np.log(self.weighting.factors)
        fading[: values[0] + 1 if values.size else 0] = 0.0
        later = np.cumsum(fading)[values]
        later = later[later < 0.0]
        return float(-np.expm1(later[0])) if later.size else 1.0


def checked_start(start: Any) -> tuple[float | None, bool]:
    """Return (prior, unit mass)."""
    if isinstance(start, str):
        choice("start", start, (*STARTS, "a number"))
        return (0.0 if start == "zero" else None), start != "debiased"
    return number("start", start, _START), True


def _by_row(beta: Any, rows: int, parameters: dict[str, Any]) -> Weighting:
    """Weights of rows one step apart."""
    if isinstance(beta, Decay) or beta is None or np.ndim(beta) == 0:
        decay = one_decay(beta, parameters)
        return Weighting(decay, decay.beta, decay.alpha or 1.0)
    if any(value is not None for value in parameters.values()):
        raise ValueError("exactly one of beta, alpha, span, com, halflife must be given; got an array beta and another")
    betas = values(beta, "beta").astype(np.float64, copy=False)
    if betas.shape != (rows,):
        raise ValueError(f"an array beta must have shape {(rows,)}, one for each row; got {betas.shape}")
    if not ((betas >= 0.0) & (betas < 1.0)).all():
        i = int((~((betas >= 0.0) & (betas < 1.0))).argmax())
        raise ValueError(f"beta must be in [0, 1); got {betas[i]} at index {i}")
    return Weighting(None, betas, 1.0 - betas)


def one_decay(beta: Any, parameters: dict[str, Any]) -> Decay:
    """Return the decay that one of the parameters says."""
    if isinstance(beta, Decay):
        if any(value is not None for value in parameters.values()):
            raise ValueError("beta is a Decay already; give no other parametrisation beside it")
        return beta
    given = {"beta": beta, "alpha": None, "span": None, "com": None, "halflife": None} | parameters
    if isinstance(given["halflife"], (str, bytes)) or hasattr(given["halflife"], "total_seconds"):
        raise TypeError(f"halflife must be a number of rows; a timedelta needs times=; got {given['halflife']!r}")
    return Decay(**given)


def _by_time(times: Times, beta: Any, parameters: dict[str, Any], spacing: str, unit_mass: bool) -> Weighting:
    """Weights that fade with the time between rows."""
    if spacing == "event" and unit_mass:
        raise ValueError(
            "start must be 'debiased' with times and spacing='event', where every value counts alike; "
            "for another start give spacing='time'"
        )
    if times.in_halflives:
        others = [name for name in ("alpha", "span", "com") if parameters.get(name) is not None]
        if beta is not None or others:
            raise ValueError("times are datetimes: give the decay as halflife alone, a timedelta")
        log_beta = -np.log(2.0)
    elif isinstance(beta, Decay) or beta is None or np.ndim(beta) == 0:
        log_beta = one_decay(beta, parameters).log_beta
    else:
        raise ValueError("beta must be one number with times, which make the decay of each row; got an array")
    with np.errstate(invalid="ignore"):
        factors = np.where(times.gaps == 0.0, 1.0, np.exp(log_beta * times.gaps))
    share = 1.0 if spacing == "event" else None
    return Weighting(None, factors, share)


def _refuse_gaps(x: Array) -> None:
    for start in range(0, x.shape[1], 4096):
        missing = np.isnan(x[:, start : start + 4096])
        if missing.any():
            column, row = np.argwhere(missing)[0]
            raise ValueError(
                f"x must not contain NaN with gaps='raise'; got NaN in row {start + row}, column {column}; "
                "gaps='decay' or 'skip' average past it"
            )


def resolve(x: Array, beta: Any, **options: Any) -> Resolved:
    """Return the checked options; those of plain numbers and words are remembered."""
    if options.get("weights") is None and options.get("times") is None and isinstance(beta, _NUMBER):
        try:
            return _remembered(x.ndim, beta, **options)
        except TypeError:  # an option that cannot be hashed: say what is wrong with it
            pass
    return Resolved(x.shape, beta, **options)


_NUMBER = (float, int, Decay, type(None))


@lru_cache(maxsize=256, typed=True)
def _remembered(ndim: int, beta: Any, **options: Any) -> Resolved:
    return Resolved((1,) * ndim, beta, **options)


def write(sweep: Callable[..., None], options: Resolved, series: list[Array], result: Array) -> None:
    """Call ``sweep`` on the series, the options and the result, all as (columns, rows).

    Arithmetic on NaN and infinity is silent: they are data.
    """
    if result.size == 0:
        return
    columns = [by_column(x, options.axis) for x in series]
    target = by_column(result, options.axis)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore", under="ignore"):
        if options.gaps == "raise" or options.weighting.share is None:
            options.prepare(*columns)
        sweep(*columns, options, target)
    if not np.may_share_memory(target, result):  # three dimensions or more, of which there is no such view
        moved = np.moveaxis(result, options.axis, -1)
        moved[...] = target.reshape(moved.shape)
