"""The EMA of a stream: a small state that takes values as they come, and merges with what came after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import choice
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.step import fade, step
from optimlab.series.frames import missing, values
from optimlab.series.merging import added
from optimlab.series.options import Plan, by_column, checked_start, checked_weights
from optimlab.series.rows import COUNT, FREE, LOAD, MASS, MEAN, MEAN2, REST, REST2, XX, XY, start_state
from optimlab.series.sweep import refuse_gaps, run
from optimlab.series.times import Clock, read_times, seconds_of
from optimlab.typing import Array, Floats

__all__ = ["EmaState"]

_LONG = 4096  # rows from which another scale of the mass pays: 3 ns a value instead of 15
_SPREAD = (False, False, 1.0, 1.0)  # what a pass over a chunk carries on: an unbiased moment


class EmaState:
    """m ← m + k (x - m): mean, sum, variance and covariance of a stream, with weights that fade by β.

    Feed it rows or chunks in any sizes: the result is that of ``ema`` over all of them at once. ``a.merge(b)`` is the
    state after a's stream and then b's, so parts can be averaged in parallel. Streams with keys are groups.

    Parameters
    ----------
    decay : Decay or float in [0, 1), optional
        Decay of a row, or of one unit of time.
    halflife : timedelta or str, optional
        Half-life of streams whose times are datetimes; exactly one of the two must be given.
    shape : tuple of int
        Shape of one row; () for a stream of numbers.
    start : {"debiased", "zero", "first"} or float
        What the mean starts from, as in ``ema``; with times "debiased".
    gaps : {"decay", "skip", "raise"}
        What NaN means, as in ``ema``.
    covariance : {"diagonal", "full"}
        "diagonal": the variance of each column; a NaN is a gap of its column alone. "full": the covariance matrix of
        the columns of a one-dimensional row; a row with a NaN is a gap as a whole.

    Raises
    ------
    ValueError
        If the decay is outside its range, an option is not one of its words, or covariance="full" has no columns.
    TypeError
        If an option is not of its kind.

    Notes
    -----
    However long a gap, the mean stays. A number costs 1.3 µs, with a time 3.

    Source
    ------
    Chan, Golub & LeVeque 1983 (merging); with weights, Schubert & Gertz 2018.

    Examples
    --------
    >>> state = EmaState(0.9).update(1.0).update([2.0, 3.0])
    >>> round(float(state.mean), 6), int(state.count)
    (2.070111, 3)
    >>> parts = [EmaState(0.9).update([1.0, 2.0]), EmaState(0.9).update(3.0)]
    >>> round(float(parts[0].merge(parts[1]).mean), 6)
    2.070111
    >>> float(EmaState(0.5).update(1.0, time=0).update(0.0, time=2).sum)
    0.25
    >>> float(EmaState(0.5).update([1.0, 7.0, 3.0], key=["a", "b", "a"]).groups["b"].mean)
    7.0
    """

    def __init__(
        self,
        decay: Decay | float | None = None,
        *,
        halflife: Any = None,
        shape: tuple[int, ...] = (),
        start: str | float = "debiased",
        gaps: str = "decay",
        covariance: str = "diagonal",
    ) -> None:
        if (decay is None) == (halflife is None):
            raise ValueError("exactly one of decay and halflife must be given")
        self.decay = decay if isinstance(decay, Decay) else Decay(0.5 if decay is None else decay)
        self.halflife = None if halflife is None else _timedelta(seconds_of(halflife))
        self.shape = tuple(int(n) for n in shape)
        self.start = start
        self.gaps = choice("gaps", gaps, ("decay", "skip", "raise"))
        self.kind = choice("covariance", covariance, ("diagonal", "full"))
        if self.kind == "full" and len(self.shape) != 1:
            raise ValueError(f"covariance='full' needs rows of one dimension, shape=(columns,); got shape={shape}")
        unit, prior = start != "debiased", checked_start(start)
        q, s = np.array([self.decay.beta]), np.array([self.decay.alpha if unit else 1.0])
        self._plan = Plan(0, q, s, self.decay, None, prior, float(unit), gaps != "skip")
        columns = math.prod(self.shape)
        self._pairs = np.triu_indices(columns) if self.kind == "full" else (np.arange(columns), np.arange(columns))
        self._numbers: Any = start_state(self._plan, len(self._pairs[0]))
        self._rates = (self.decay.beta, float(s[0]), self._plan.floor, prior is not None)
        self._single: Any = tuple(self._numbers[0, :XX].tolist()) if self.shape == () else None
        self._steps: Any = 0.0  # rows that the weights have faded by since the first
        self._times: Any = None  # of the first and the last row
        self._groups: dict[Any, EmaState] = {}

    def update(self, x: ArrayLike, *, time: Any = None, weight: Any = None, key: Any = None) -> Self:
        """Take one row, of shape ``shape``, or a chunk of them, (rows, *shape); return the state itself.

        Parameters
        ----------
        x : array_like of real number
            The values; NaN is a gap.
        time : number, datetime or array_like, shape (rows,)
            The time of each row, not before the last one.
        weight : float or array_like, shape (rows,)
            The weight of each row, finite and not negative.
        key : hashable or array_like, shape (rows,)
            The group of each row; ``state.groups[key]`` is the state of a group.

        Returns
        -------
        EmaState
            The state, so that updates can be chained.

        Raises
        ------
        ValueError
            If the shape fits neither a row nor a chunk, times decrease, or gaps="raise" meets a NaN. The state is then
            as before.
        TypeError
            If x holds anything but real numbers.

        Examples
        --------
        >>> EmaState(0.5, shape=(2,)).update([1.0, 2.0]).update([[3.0, 4.0], [5.0, 6.0]]).mean.round(3)
        array([3.857, 4.857])
        """
        if key is None and isinstance(x, (float, int)) and self._quick(x, time, weight):
            self._one(float(x), time, 1.0 if weight is None else float(weight))
            return self
        array = values(x if np.ndim(x) else [x]).astype(np.float64, copy=False).reshape(np.shape(x))
        array = array[np.newaxis] if array.shape == self.shape else array
        if array.shape[1:] != self.shape:
            raise ValueError(f"x must be a row of shape {self.shape} or a chunk of them; got shape {np.shape(x)}")
        if self.gaps == "raise":
            refuse_gaps(by_column(array, 0))
        if key is not None:
            return self._by_key(array, time, weight, key)
        if len(array):
            self._chunk(array, time, weight)
        return self

    def _quick(self, x: float, time: Any, weight: Any) -> bool:
        """Whether a row is one number that nothing needs to be said of."""
        if self._single is None or (x != x and self.gaps == "raise"):
            return False
        if time is None:
            timed = self._times is None and self.halflife is None
        else:
            last: Any = None if self._times is None else self._times[1].item()
            timed = type(time) is type(last) and type(time) in (int, float) and last <= time < math.inf
        return timed and (weight is None or (isinstance(weight, (float, int)) and 0.0 <= weight < math.inf))

    def _one(self, x: float, time: Any, weight: float) -> None:
        """Take one number, or a gap, with Python's floats."""
        q, share, floor, prior = self._rates
        if time is not None:
            passed = time - self._times[1].item()
            q, share = math.exp(self.decay.log_beta * passed) if passed else 1.0, 1.0
            self._times = np.array([self._times[0], time])
        if x == x:
            self._single = step(self._single, x, x, q, share, weight, floor, prior)[0]
        elif self.gaps != "skip" or time is not None:
            self._single = (fade(self._single[0], q), *self._single[1:])
        self._steps += float(x == x or self.gaps != "skip" or time is not None)

    @property
    def groups(self) -> Mapping[Any, EmaState]:
        """The state of each key that was seen."""
        return dict(self._groups)

    def _by_key(self, x: Array, time: Any, weight: Any, key: Any) -> Self:
        """Update copies of the groups, and take them over once all are."""
        labels = [key] if len(x) == 1 and (isinstance(key, tuple) or np.ndim(key) == 0) else key
        labels = [labels] * len(x) if isinstance(labels, str) or np.ndim(labels) == 0 else list(labels)
        if len(labels) != len(x):
            raise ValueError(f"key must be one label, or one for each of {len(x)} rows; got {len(labels)}")
        rows: dict[Any, list[int]] = {}
        for i, label in enumerate(labels):
            if not missing(label):
                rows.setdefault(label, []).append(i)
        changed = {}
        for label, at in rows.items():
            group = changed[label] = copy(self._groups.get(label) or EmaState(**self._settings()))
            own, w = (None if z is None else np.broadcast_to(np.asarray(z), len(x))[at] for z in (time, weight))
            group.update(x[at], time=own, weight=w)
        self._groups |= changed
        return self

    def _fades(self, time: Any, rows: int) -> tuple[Plan, Any]:
        """Return the plan of the next rows, one step apart or as far as their times, and the first and last time."""
        if time is None:
            if self._times is not None or self.halflife is not None:
                raise ValueError("time must be given: with a half-life, and for every row of a stream that has times")
            return self._plan, None
        if self.start != "debiased":
            raise ValueError(f"start must be 'debiased' with times; got {self.start!r}")
        if self._times is None and np.any(self._steps):
            raise ValueError("time must not be given: the rows before had none")
        times = read_times([time] if np.ndim(time) == 0 else time)
        if times.shape != (rows,):
            raise ValueError(f"time must have shape {(rows,)}, one for each row; got {times.shape}")
        if (times.dtype.kind == "M") != (self.halflife is not None):
            if self._times is not None:
                raise TypeError("time must be of one kind, numbers or datetimes, in all rows of a stream")
            raise ValueError("a state for datetimes is made with halflife=, one for numbers with a decay")
        begun = times[:1] if self._times is None else self._times[1:]
        q = self._faded(np.concatenate([begun, times]))[1:]
        passed = np.concatenate([begun if self._times is None else self._times[:1], times[-1:]])
        return replace(self._plan, q=q, s=np.ones(1), decay=None, decays=True), passed

    def _faded(self, times: Array) -> Floats:
        clock = Clock(times, len(times))
        return clock.fades(clock.rate(self.halflife) if clock.dated else self.decay.log_beta)

    def _chunk(self, x: Array, time: Any, weight: Any) -> None:
        plan, times = self._fades(time, len(x))
        rows, state = x.reshape(len(x), -1).T, self._table
        if weight is not None or (state[:, LOAD] != 1.0).any():
            weights = np.broadcast_to(np.asarray(1.0 if weight is None else weight), len(x))
            plan = replace(plan, weights=checked_weights(weights, (len(x),), 0, scaled=False))
        if self.kind == "full":
            rows = np.where(np.isnan(rows).any(axis=0), np.nan, rows)
        full = self.kind == "full"
        one, two = (rows[i] for i in self._pairs) if full else (rows, rows)
        before, whole = state[:, COUNT].copy(), 1.0
        if plan.quick and not plan.floor and len(x) >= _LONG:  # for the loops that know when a mass of 1 is reached
            whole = self.decay.alpha
            plan, state[:, MASS] = replace(plan, s=np.array([whole])), whole * state[:, MASS]
        with np.errstate(all="ignore"):
            run(plan, [one, two], np.empty(one.shape), state, (full, *_SPREAD))
        state[:, MASS] /= whole
        if not full:
            state[:, [MEAN2, REST2]] = state[:, [MEAN, REST]]
        self._times = times
        passed = state[:, COUNT] - before if self.gaps == "skip" and times is None else float(len(x))
        self._steps = self._steps + (float(np.ravel(passed)[0]) if self.shape == () else passed)
        self._keep(state)

    @property
    def _table(self) -> Floats:
        """The state as the loops over series carry it, one row a column, or a pair of columns."""
        if self._single is not None:
            self._numbers[0, : len(self._single)] = self._single
        return np.array(self._numbers)

    def _keep(self, table: Floats) -> None:
        self._numbers = table
        if self._single is not None:
            self._single = tuple(table[0, : len(self._single)].tolist())

    def merge(self, later: EmaState) -> EmaState:
        """Return the state after this one's stream and then ``later``'s; both stay as they are.

        Parameters
        ----------
        later : EmaState
            A state of the same decay, row shape and options, with start="debiased".

        Returns
        -------
        EmaState
            A new state.

        Raises
        ------
        TypeError
            If ``later`` is not an EmaState.
        ValueError
            If the two differ in an option, or a start was given, or later's times begin before the end of these.

        Examples
        --------
        >>> a, b = EmaState(0.5).update([1.0, 2.0]), EmaState(0.5).update(3.0)
        >>> round(float(a.merge(b).mean - EmaState(0.5).update([1.0, 2.0, 3.0]).mean), 12)
        0.0
        """
        if not isinstance(later, EmaState):
            raise TypeError(f"later must be an EmaState; got {type(later).__name__}")
        mine, theirs = self._settings(), later._settings()
        different = [f"{name} {mine[name]!r} and {theirs[name]!r}" for name in mine if mine[name] != theirs[name]]
        if different:
            raise ValueError(f"states to merge must agree; got {', '.join(different)}")
        if self.start != "debiased":
            raise ValueError(f"merged states must have start='debiased', which has no first value; got {self.start!r}")
        if len({part._times is None for part in (self, later) if np.any(part._steps)}) > 1:
            raise ValueError("states to merge must both have times, or neither; one has rows without them")
        merged = EmaState(**mine)
        for label in dict.fromkeys([*self._groups, *later._groups]):
            one, two = (part._groups.get(label, EmaState(**mine)) for part in (self, later))
            merged._groups[label] = one.merge(two)
        with np.errstate(all="ignore"):
            merged._keep(added(self._table, later._table, self._left(later)))
        merged._steps = self._steps + later._steps
        seen = [part._times for part in (self, later) if part._times is not None]
        merged._times = np.concatenate([seen[0][:1], seen[-1][1:]]) if seen else None
        return merged

    def _left(self, later: EmaState) -> Any:
        """Return what later's rows, or its times, leave of a weight of this state."""
        if self._times is not None and later._times is not None:
            return self._faded(np.concatenate([self._times[1:], later._times])).prod()
        steps = np.asarray(later._steps)
        if self.decay.beta == 0.0:
            return np.where(steps == 0.0, 1.0, 0.0)
        return np.exp(self.decay.log_beta * steps)

    @property
    def mean(self) -> Any:
        """Σw x / Σw, of shape ``shape``; NaN before the first value."""
        return self._read(np.where(self._started, self._table[:, MEAN], np.nan))

    @property
    def sum(self) -> Any:
        """Σw x with weights that fade, of shape ``shape``; needs start="debiased"."""
        if self.start != "debiased":
            raise ValueError(f"a sum has no start; make the state with start='debiased', not {self.start!r}")
        return self.mean * self.mass

    @property
    def mass(self) -> Any:
        """Σw, the decayed sum of the weights, of shape ``shape`` (one number for covariance="full")."""
        return self._each(self._table[:, MASS] * self._table[:, LOAD])

    @property
    def count(self) -> Any:
        """Number of values seen, for each column (one number for covariance="full")."""
        return self._each(self._table[:, COUNT].astype(np.int64))

    @property
    def effective_samples(self) -> Any:
        """(Σw)² / Σw²: number n of equally weighted values as good as these, to n · 1e-14; NaN before the first."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._each(np.where(self._started, 1.0 / (1.0 - self._table[:, FREE]), np.nan))

    def variance(self, *, bias: bool = False) -> Any:
        """Σw (x-m)² / Σw, unless ``bias`` times (Σw)² / ((Σw)² - Σw²); of shape ``shape``."""
        return self._read(self._moment(bias))

    def std(self, *, bias: bool = False) -> Any:
        """√variance."""
        return np.sqrt(self.variance(bias=bias))

    def covariance(self, *, bias: bool = False) -> Floats:
        """Covariance matrix of the columns, of shape (columns, columns); needs covariance="full"."""
        if self.kind != "full":
            raise ValueError("covariance() needs a state made with covariance='full'; variance() needs none")
        matrix = np.empty(self.shape * 2)
        matrix[self._pairs] = matrix[self._pairs[::-1]] = self._moment(bias)
        return matrix

    @property
    def _started(self) -> Any:
        return (self._table[:, COUNT] > 0.0) | (self._plan.prior is not None)

    def _read(self, each: Array) -> Any:
        """Return a number of each column, in the shape of a row."""
        own = self._pairs[0] == self._pairs[1]
        return np.array(each[own]).reshape(self.shape)[()]

    def _each(self, each: Array) -> Any:
        return each[0] if self.kind == "full" else self._read(each)

    def _moment(self, bias: bool) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            moment = self._table[:, XY] if bias else self._table[:, XY] / self._table[:, FREE]
        enough = self._table[:, COUNT] > (0.0 if bias or self._plan.prior is not None else 1.0)
        return np.where(enough, moment, np.nan)

    def to_dict(self) -> dict[str, Array]:
        """Return the state as plain arrays, as ``np.savez`` stores them without pickle; keys are numbers or text."""
        keys = np.array(list(self._groups))
        if keys.dtype == object or keys.ndim != 1 or keys.tolist() != list(self._groups):
            raise ValueError("keys must all be numbers or all be text to be stored; store the groups apart")
        arrays = {name: np.array(setting) for name, setting in self._settings().items()}
        arrays["decay"] = np.array([self.decay.beta, self.decay.alpha])
        arrays["halflife"] = np.array(self.halflife or np.timedelta64("NaT", "ns"))
        arrays["shape"] = np.array(self.shape, dtype=np.int64)
        arrays |= {"numbers": self._table, "steps": np.array(self._steps), "keys": keys}
        arrays |= {} if self._times is None else {"times": np.array(self._times)}
        for i, part in enumerate(self._groups.values()):
            arrays |= {f"{i}/{name}": z for name, z in part.to_dict().items()}
        return arrays

    @classmethod
    def from_dict(cls, arrays: Mapping[str, ArrayLike]) -> EmaState:
        """Return the state that ``to_dict`` described.

        Parameters
        ----------
        arrays : mapping of str to array_like
            What ``to_dict`` returned, or ``np.load`` of it.

        Returns
        -------
        EmaState
            A new state.

        Raises
        ------
        TypeError
            If ``arrays`` is no mapping.
        ValueError
            If an entry is missing or has another shape than the settings ask for.

        Examples
        --------
        >>> state = EmaState(0.9).update([1.0, 2.0])
        >>> EmaState.from_dict(state.to_dict()).mean == state.mean
        np.True_
        """
        if not hasattr(arrays, "keys"):
            raise TypeError(f"arrays must be a mapping, as to_dict returns it; got {type(arrays).__name__}")
        names = {"decay", "halflife", "shape", "start", "gaps", "covariance", "numbers", "steps", "keys"}
        lacking = names - set(arrays.keys())
        if lacking:
            raise ValueError(f"arrays must hold {', '.join(sorted(names))}; missing: {', '.join(sorted(lacking))}")
        settings = {name: np.asarray(arrays[name]).tolist() for name in ("shape", "start", "gaps", "covariance")}
        beta, alpha = np.asarray(arrays["decay"]).tolist()
        halflife = np.asarray(arrays["halflife"])[()]
        decay = Decay(com=np.inf) if alpha == 0.0 else Decay(alpha=alpha) if alpha <= 0.5 else Decay(beta)
        state = cls(**settings, **({"decay": decay} if np.isnat(halflife) else {"halflife": halflife}))
        numbers, steps = np.array(arrays["numbers"], dtype=np.float64), np.array(arrays["steps"], dtype=np.float64)
        if numbers.shape != state._numbers.shape:
            raise ValueError(f"numbers must have shape {state._numbers.shape}; got {numbers.shape}")
        state._keep(numbers)
        state._steps = float(steps) if state.shape == () else steps
        state._times = np.asarray(arrays["times"]) if "times" in arrays else None
        groups: dict[str, dict[str, Any]] = {}
        for number, slash, name in (entry.partition("/") for entry in arrays):
            if slash:
                groups.setdefault(number, {})[name] = arrays[f"{number}/{name}"]
        for i, label in enumerate(np.asarray(arrays["keys"]).tolist()):
            state._groups[label] = cls.from_dict(groups.get(str(i), {}))
        return state

    def __repr__(self) -> str:
        said = repr(self.decay) if self.halflife is None else f"halflife={self.halflife!r}"
        return f"EmaState({said}, shape={self.shape}, count={self.count}, mean={self.mean})"

    def _settings(self) -> dict[str, Any]:
        decay = {"decay": self.decay} if self.halflife is None else {"halflife": self.halflife}
        return decay | {"shape": self.shape, "start": self.start, "gaps": self.gaps, "covariance": self.kind}


def _timedelta(seconds: float) -> np.timedelta64:
    return np.timedelta64(round(1e9 * seconds), "ns") if seconds < 9e9 else np.timedelta64(round(seconds), "s")
