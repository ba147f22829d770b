"""The options that all functions of a series share, checked and brought into one form, a ``Plan``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, number, whole
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.gains import ConstantGain, DebiasedGain, FirstValueGain
from optimlab.series.frames import is_a, missing, values
from optimlab.series.times import Clock, is_timedelta
from optimlab.typing import Array, Floats, Marks

__all__ = [
    "NAMES",
    "Options",
    "Plan",
    "by_column",
    "by_value",
    "checked_start",
    "checked_weights",
    "group_codes",
    "of_gain",
    "one_decay",
    "plan",
    "rate_of",
    "refuse",
]

NAMES = ("alpha", "span", "com", "halflife", "window", "cutoff")
_ONE = np.ones(1)
_ALIKE = np.ones(())
_ONE.flags.writeable = _ALIKE.flags.writeable = False


class Options(TypedDict, total=False):
    """The keyword options of ``ema``, which every function of a series takes."""

    betas: Any
    alpha: float | None
    span: float | None
    com: float | None
    halflife: Any
    window: float | None
    cutoff: float | None
    start: str | float
    warmup: int | None
    gaps: str
    gap_result: str
    axis: int
    weights: ArrayLike | None
    times: Any
    spacing: str
    min_count: int
    min_weight: float
    by: Any


@dataclass(frozen=True, eq=False)
class Plan:
    """What every row of a series does to the past, in the letters of ``recurrence.step``."""

    axis: int
    q: Floats  # the factor of a row, of one entry or one a row
    s: Floats  # the share of its value, likewise
    decay: Decay | None = None  # that of a row, if it is the same for all
    own: Callable[[Marks, int], tuple[Floats, Floats]] | None = (
        None  # q and s from where a column has values, and its number, if they depend
    )
    prior: float | None = None  # the value that starts; None: the first one
    floor: float = 0.0  # 1 if the past has the mass of one row after each value (every start but the debiased), else 0
    decays: bool = True  # a gap lets the past fade
    propagate: bool = False  # a gap is a value like any other
    refuse: bool = False  # a gap is an error
    blank: bool = False  # a gap has no result
    least: int = 1  # values from which on there is a result
    lightest: float = 0.0  # mass from which on there is a result
    weights: Floats = field(default_factory=lambda: _ALIKE)  # (rows,) or (columns, rows); of no dimension if none
    codes: Array | None = None  # the group of each row, -1 for none
    groups: int = 1

    def how(self, total: bool = False) -> tuple[Any, ...]:
        """Return what the compiled loops are told."""
        least = float(self.least if self.prior is not None else max(self.least, 1))
        quick = self.quick and not total
        flags = (self.prior is not None, self.decays, self.propagate, self.blank, total, quick)
        return (self.floor, *flags, least, self.lightest)

    @property
    def weighted(self) -> bool:
        """Whether the caller gave weights."""
        return self.weights.ndim > 0

    @property
    def alike(self) -> bool:
        """Whether all rows of a series fade alike, whatever was before them."""
        return self.decay is not None and self.own is None and self.codes is None and not self.weighted

    @property
    def quick(self) -> bool:
        """Whether all rows without gaps do the same: then means are sums over sums."""
        special = self.propagate or self.lightest > 0.0 or self.weighted or self.own is not None
        return not special and self.decay is not None and 0.0 < self.decay.alpha < 1.0

    @cached_property
    def brief(self) -> bool:
        """Whether a debiased mean without gaps has no other option."""
        return self.quick and self.least <= 1 and not (self.floor or self.refuse or self.codes is not None)

    @property
    def forgets(self) -> bool:
        """Whether β is 0: a value has no weight at all beside its successor."""
        return self.decay is not None and self.decay.beta == 0.0


def plan(x: Array, beta: Any, index: Any = None, **options: Any) -> Plan:
    """Return the checked options; those of plain numbers and words are remembered."""
    plain = not options or all(options.get(name) is None for name in ("weights", "times", "by"))
    if plain and isinstance(beta, (float, int, Decay, type(None))):
        try:
            return _remembered(x.ndim, beta, getattr(beta, "alpha", None), **options)  # equal decays may differ in α
        except TypeError:  # an option that cannot be hashed: say what is wrong with it
            pass
    return _plan(x.shape, beta, index, **options)


@lru_cache(maxsize=256, typed=True)
def _remembered(ndim: int, beta: Any, alpha: float | None, /, **options: Any) -> Plan:
    return _plan((1,) * ndim, beta, None, **options)


def _plan(
    shape: tuple[int, ...],
    beta: Any,
    index: Any,
    *,
    start: str | float = "debiased",
    warmup: int | None = None,
    gaps: str = "decay",
    gap_result: str = "hold",
    axis: int = 0,
    weights: ArrayLike | None = None,
    times: Any = None,
    spacing: str = "event",
    min_count: int = 1,
    min_weight: float = 0.0,
    by: Any = None,
    **names: Any,
) -> Plan:
    unknown = names.keys() - set(NAMES)
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))}: no such option; see the docstring of optimlab.ema")
    axis = whole("axis", axis, -len(shape), len(shape) - 1) % len(shape)
    rows = shape[axis]
    choice("gaps", gaps, ("decay", "skip", "propagate", "raise"))
    choice("spacing", spacing, ("event", "time"))
    codes, groups = (None, 1) if by is None else group_codes(by, rows)
    prior, least = checked_start(start, "sma"), whole("min_count", min_count, 0)
    if isinstance(beta, Gain):
        fades, start = _by_gain(beta, start, names, times, rows, axis, codes)
        prior = checked_start(start)
    elif times is not None:
        fades = _by_time(Clock(times, rows, index, codes), beta, names, spacing, start, axis)
    else:
        fades = _by_row(beta, rows, names, axis)
    if start != "debiased" and fades.decay is not None and fades.decay.alpha == 0.0:
        raise ValueError("start must be 'debiased' with an infinite memory, which never leaves any other start")
    if (start == "sma") != (warmup is not None):
        raise ValueError("start='sma' and warmup=n, the number of values to start from, go together; give both")
    if warmup is not None:
        warmup = whole("warmup", warmup, 1)
        fades, least = _warmed(fades, warmup, codes), max(least, warmup)
    return replace(
        fades,
        prior=prior,
        floor=float(start != "debiased"),
        decays=gaps != "skip" or times is not None,
        propagate=gaps == "propagate",
        refuse=gaps == "raise",
        blank=choice("gap_result", gap_result, ("hold", "nan")) == "nan",
        least=least,
        lightest=number("min_weight", min_weight, Range("at least 0")),
        weights=_ALIKE if weights is None else checked_weights(weights, shape, axis),
        codes=codes,
        groups=groups,
    )


def refuse(options: Any, *names: str, by: str) -> None:
    """Raise for options that a function does not take."""
    for name in names:
        if options.get(name) is not None:
            each = {"by": "group", "betas": "decay"}.get(name, "table, the other way round")
            raise ValueError(f"{name} must not be given to {by}; call it for each {each}")


def checked_start(start: Any, *more: str) -> float | None:
    """Return the value that starts, None if it is the first one or none; ``more`` words are allowed too."""
    words = ("debiased", "zero", "first", *more)
    allowed = f"one of {', '.join(map(repr, words))} or a finite number"
    if not isinstance(start, str):
        return number("start", start, Range(allowed))
    if start not in words:
        raise ValueError(f"start must be {allowed}; got {start!r}")
    return 0.0 if start == "zero" else None


def _by_row(beta: Any, rows: int, names: dict[str, Any], axis: int) -> Plan:
    """Rows one step apart."""
    if isinstance(beta, Decay) or beta is None or np.ndim(beta) == 0:
        decay = one_decay(beta, names)
        return Plan(axis, np.array([decay.beta]), np.array([decay.alpha or 1.0]), decay)
    if any(value is not None for value in names.values()):
        raise ValueError(f"exactly one of beta, {', '.join(NAMES)} must be given; got an array beta and another")
    betas = values(beta, "beta").astype(np.float64, copy=False)
    if betas.shape != (rows,):
        raise ValueError(f"an array beta must have shape {(rows,)}, one for each row; got {betas.shape}")
    inside = (betas >= 0.0) & (betas < 1.0)
    if not inside.all():
        i = int((~inside).argmax())
        raise ValueError(f"beta must be in [0, 1); got {betas[i]} at index {i}")
    return Plan(axis, betas, 1.0 - betas)


def one_decay(beta: Any, names: Mapping[str, Any], kind: str = " of rows; a timedelta needs times=") -> Decay:
    """Return the decay that one of the parameters says; ``kind`` of number is a half-life."""
    if isinstance(beta, Decay):
        if any(value is not None for value in names.values()):
            raise ValueError("beta is a Decay already; give no other parametrisation beside it")
        return beta
    halflife = names.get("halflife")
    if isinstance(halflife, (str, bytes)) or is_timedelta(halflife):
        raise TypeError(f"halflife must be a number{kind}; got {halflife!r}")
    return Decay(beta, **names)


def _by_time(clock: Clock, beta: Any, names: dict[str, Any], spacing: str, start: Any, axis: int) -> Plan:
    """Rows as far apart as their times."""
    if spacing == "event" and start != "debiased":
        raise ValueError(
            "start must be 'debiased' with times and spacing='event', where every value counts alike; "
            "for another start give spacing='time'"
        )
    rate = rate_of(clock, beta, names)
    q = clock.fades(rate)
    if spacing == "event":
        return Plan(axis, q, _ONE)
    opening = None if start not in ("debiased", "first", "sma") else start != "debiased"
    return Plan(axis, q, _ONE, own=lambda there, _column: (q, clock.shares(rate, there, opening)))


def rate_of(clock: Clock, beta: Any, names: Mapping[str, Any]) -> float:
    """Return ln β of one unit of the times."""
    if clock.dated:
        rate = clock.rate(names.get("halflife"))
        if beta is not None or any(names.get(name) is not None for name in NAMES if name != "halflife"):
            raise ValueError("times are datetimes: give the decay as halflife alone, a timedelta")
        return rate
    if isinstance(beta, Decay) or beta is None or np.ndim(beta) == 0:
        return one_decay(beta, names, ", in the unit of the times, which are numbers").log_beta
    raise ValueError("beta must be one number with times, which make the decay of each row; got an array")


def _by_gain(
    gain: Gain, start: Any, names: dict[str, Any], times: Any, rows: int, axis: int, codes: Array | None
) -> tuple[Plan, str]:
    """Return the plan and the start that a gain says; its gains are counted by values, a gap is no step."""
    if start != "debiased" or times is not None or any(value is not None for value in names.values()):
        raise ValueError(f"a gain says the decay and the start, by values; give none of them beside it; got {gain!r}")
    said = of_gain(gain)
    if said is not None:
        return _by_row(said[0], rows, {}, axis), said[1]
    k = np.array([gain.at(t) for t in range(1, rows + 1)] or [1.0])
    if k.ndim != 1:
        raise ValueError(f"a series takes one gain, not one for each replica; got {gain!r}")
    return Plan(axis, _ONE, _ONE, own=by_value(1.0 - k, k, codes)), "first" if k[0] == 1.0 else "zero"


def of_gain(gain: Any) -> tuple[Decay, str] | None:
    """Return the decay and the start of a gain that is no more than those; None for any other."""
    for kind, word in ((DebiasedGain, "debiased"), (FirstValueGain, "first"), (ConstantGain, "zero")):
        if isinstance(gain, kind) and isinstance(gain.beta, (float, Decay)):
            return gain.decay, word
    return None


def _warmed(fades: Plan, n: int, codes: Array | None) -> Plan:
    """Return the plan whose first n values have a plain mean, which is what the start is."""
    if fades.decay is None:
        raise ValueError("start='sma' needs one decay for all rows: no times, no array and no gain as beta")
    k = np.append(1.0 / np.arange(1.0, n + 1.0), fades.decay.alpha)
    return replace(fades, decay=None, own=by_value(np.append(1.0 - k[:-1], fades.decay.beta), k, codes))


def by_value(
    q: Floats, s: Floats, codes: Array | None, past: Array | None = None
) -> Callable[[Marks, int], tuple[Floats, Floats]]:
    """Return a function that gives the n-th value the n-th q and s, later ones the last; a gap is no step.

    ``past`` says how many values came before, for each column and group.
    """

    def own(there: Marks, column: int) -> tuple[Floats, Floats]:
        order = np.arange(len(there)) if codes is None else np.argsort(codes, kind="stable")
        seen = there[order]
        before: Array = np.cumsum(seen) - seen
        if codes is not None:
            first = np.diff(codes[order], prepend=-2) != 0
            before -= np.maximum.accumulate(np.where(first, before, 0))
        if past is not None:
            before += past[column, 0] if codes is None else past[column, codes[order]]
        at = np.empty(len(there), dtype=np.int64)
        at[order] = np.minimum(before, len(q) - 1)
        return np.where(there | (at == len(q) - 1), q[at], 1.0), s[at]

    return own


def checked_weights(weights: ArrayLike, shape: tuple[int, ...], axis: int, *, scaled: bool = True) -> Floats:
    """Return weights as (rows,) or (columns, rows), near enough to 1 that no sum of them overflows."""
    array = values(weights, "weights").astype(np.float64, copy=False)
    if array.shape not in ((shape[axis],), shape):
        raise ValueError(
            f"weights must have shape {(shape[axis],)}, one for each row, or {shape} like x; got {array.shape}"
        )
    good = (array >= 0.0) & np.isfinite(array)
    if not good.all():
        bad = np.argwhere(~good)[0]
        where = int(bad[0]) if bad.size == 1 else tuple(map(int, bad))
        raise ValueError(f"weights must be finite and not negative; got {array[tuple(bad)]} at index {where}")
    if scaled and array.size and (array.max() > 1e150 or array.max() < 1e-150):
        array = np.ldexp(array, -int(np.frexp(array.max())[1]))
    return array if array.ndim == 1 else by_column(array, axis)


def by_column(array: Array, axis: int) -> Array:
    """Return the array as (columns, rows), rows along ``axis``: a view wherever one exists."""
    if array.ndim == 1:
        return array[np.newaxis, :]
    moved = np.moveaxis(array, axis, -1)
    return moved.reshape(int(np.prod(moved.shape[:-1])), moved.shape[-1])


def group_codes(by: Any, rows: int) -> tuple[Array, int]:
    """Return the number of each row's group, -1 for a label that is missing, and how many groups there are."""
    given = by
    if not is_a(by, "pandas", "Series", "Index", "Categorical"):
        given = np.asanyarray(by.to_numpy() if hasattr(by, "to_numpy") else by)
    if np.shape(given) != (rows,):
        raise ValueError(f"by must have shape {(rows,)}, one label for each row; got {np.shape(given)}")
    is_masked = isinstance(given, np.ma.MaskedArray)
    if "pandas" in sys.modules:  # by hashing, where Python's objects take a hundred times as long
        found = sys.modules["pandas"].factorize(given.data if is_masked else given)[0]
    else:
        seen: dict[Any, int] = {}
        found = [-1 if missing(label) else seen.setdefault(label, len(seen)) for label in given.tolist()]
    codes = np.where(np.ma.getmaskarray(given) if is_masked else False, -1, np.asarray(found, dtype=np.int64))
    return codes, int(codes.max(initial=-1)) + 1
