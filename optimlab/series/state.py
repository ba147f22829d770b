"""The EMA of a stream: a small state that takes values as they come, and merges with what came after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import choice
from optimlab.recurrence.decay import Decay
from optimlab.series.arguments import values
from optimlab.typing import Array, Floats

__all__ = ["EmaState"]

CHUNK = 4096  # rows summed at a time
EXTENDED = np.longdouble  # 80 bits on x86: sums in any chunks round to the same float64; elsewhere float64 itself


@dataclass(frozen=True)
class _Sums:
    """Σw and what else a weighted sample is known by; each an array, of one entry a column (or one for all)."""

    mass: Any  # W = Σw
    squares: Any  # Σw²
    pairs: Any  # W² - Σw² = 2 Σ_{i<j} w_i w_j, without its cancellation
    mean: Any
    spread: Any  # Σw (x-m)², or Σw (x-m)(x-m)ᵀ
    count: Any  # values seen
    steps: Any  # powers of β that the weights have faded by since the first row

    def faded(self, log_beta: Any, steps: Any) -> _Sums:
        """Return the sums after ``steps`` more steps without a value."""
        factor = _power(log_beta, steps)
        return replace(
            self,
            mass=factor * self.mass,
            squares=factor**2 * self.squares,
            pairs=factor**2 * self.pairs,
            spread=factor * self.spread,
            steps=self.steps + steps,
        )

    def followed_by(self, later: _Sums, log_beta: Any, outer: Any) -> _Sums:
        """Return the sums of both samples, the later one unfaded."""
        old = self.faded(log_beta, later.steps)
        mass = old.mass + later.mass
        share = np.divide(later.mass, mass, out=np.asarray(later.count > 0, mass.dtype), where=mass > 0.0)
        delta = np.where((old.count == 0) | (later.count == 0), 0.0, later.mean - old.mean)
        mean = np.where(old.count == 0, later.mean, old.mean + share * delta)
        lost = ~np.isfinite(old.mean) & (old.count > 0) & (later.count > 0)
        mean = np.where(lost, old.mean + later.mean, mean)  # an infinite mean stays so; opposite ones are NaN
        return _Sums(
            mass=mass,
            squares=old.squares + later.squares,
            pairs=old.pairs + later.pairs + 2.0 * old.mass * later.mass,
            mean=mean,
            spread=old.spread + later.spread + outer(delta) * (old.mass * share),
            count=old.count + later.count,
            steps=old.steps,
        )


def _power(log_beta: Any, steps: Any) -> Any:
    """β^steps; 1 for no step, also at β = 0."""
    return np.exp(np.where(np.equal(steps, 0), 0.0, log_beta) * steps)


class EmaState:
    """m ← m + (x-m)/W, W ← β W + 1: mean, variance and covariance of a stream, with weights that fade by β.

    Feed it rows or chunks in any sizes: the result is that of ``ema`` (debiased start) over all of them at once.
    ``a.merge(b)`` is the state after a's stream and then b's, so parts can be averaged in parallel.

    Parameters
    ----------
    decay : Decay or float in [0, 1)
        Decay of a row.
    shape : tuple of int
        Shape of one row; () for a stream of numbers.
    gaps : {"decay", "skip", "raise"}
        What NaN means, as in ``ema``.
    covariance : {"diagonal", "full"}
        "diagonal": the variance of each column; a NaN is a gap of its column alone. "full": the covariance matrix of
        the columns of a one-dimensional row; a row with a NaN is a gap as a whole.

    Raises
    ------
    ValueError
        If the decay is outside its range, an option is not one of its words, or covariance="full" has no columns.

    Notes
    -----
    Sums are carried in the platform's extended precision and rounded to float64 when read, so that the way a stream was
    cut does not show. After a gap so long that every weight has faded to 0 the mean stays and the variance is NaN.

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
    """

    def __init__(
        self,
        decay: Decay | float,
        *,
        shape: tuple[int, ...] = (),
        gaps: str = "decay",
        covariance: str = "diagonal",
    ) -> None:
        self.decay = decay if isinstance(decay, Decay) else Decay(decay)
        self.shape = tuple(int(n) for n in shape)
        self.gaps = choice("gaps", gaps, ("decay", "skip", "raise"))
        self.kind = choice("covariance", covariance, ("diagonal", "full"))
        if self.kind == "full" and len(self.shape) != 1:
            raise ValueError(f"covariance='full' needs rows of one dimension, shape=(columns,); got shape={shape}")
        masses = () if self.kind == "full" else self.shape
        zero = np.zeros(masses, EXTENDED)
        spread = np.zeros(self.shape * 2 if self.kind == "full" else self.shape, EXTENDED)
        none = np.zeros(masses, np.int64)
        self._sums = _Sums(zero, zero, zero, np.full(self.shape, np.nan, EXTENDED), spread, none, none)
        self._log_beta = _log_beta(self.decay)

    def update(self, x: ArrayLike) -> Self:
        """Take one row, of shape ``shape``, or a chunk of them, (rows, *shape); return the state itself.

        Parameters
        ----------
        x : array_like of real number
            The values; NaN is a gap.

        Returns
        -------
        EmaState
            The state, so that updates can be chained.

        Raises
        ------
        ValueError
            If the shape fits neither a row nor a chunk, or gaps="raise" meets a NaN. The state is then as before.
        TypeError
            If x holds anything but real numbers.

        Examples
        --------
        >>> EmaState(0.5, shape=(2,)).update([1.0, 2.0]).update([[3.0, 4.0], [5.0, 6.0]]).mean.round(3)
        array([3.857, 4.857])
        """
        array = values(x if np.ndim(x) else [x]).astype(np.float64, copy=False).reshape(np.shape(x))
        if array.shape == self.shape:
            array = array[np.newaxis]
        if array.shape[1:] != self.shape:
            raise ValueError(f"x must be a row of shape {self.shape} or a chunk of them; got shape {np.shape(x)}")
        if self.gaps == "raise" and np.isnan(array).any():
            row = int(np.argwhere(np.isnan(array))[0][0])
            raise ValueError(f"x must not contain NaN with gaps='raise'; got one in row {row}")
        sums = self._sums
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            for start in range(0, len(array), CHUNK):
                sums = self._joined(sums, self._chunk(array[start : start + CHUNK]))
        self._sums = sums
        return self

    def merge(self, later: EmaState) -> EmaState:
        """Return the state after this one's stream and then ``later``'s; both stay as they are.

        Parameters
        ----------
        later : EmaState
            A state of the same decay, row shape and options.

        Returns
        -------
        EmaState
            A new state.

        Raises
        ------
        TypeError
            If ``later`` is not an EmaState.
        ValueError
            If the two differ in decay, shape, gaps or covariance.

        Examples
        --------
        >>> a, b = EmaState(0.5).update([1.0, 2.0]), EmaState(0.5).update(3.0)
        >>> a.merge(b).mean == EmaState(0.5).update([1.0, 2.0, 3.0]).mean
        np.True_
        """
        if not isinstance(later, EmaState):
            raise TypeError(f"later must be an EmaState; got {type(later).__name__}")
        mine, theirs = self._settings(), later._settings()
        different = [f"{name} {mine[name]!r} and {theirs[name]!r}" for name in mine if mine[name] != theirs[name]]
        if different:
            raise ValueError(f"states to merge must agree; got {', '.join(different)}")
        merged = EmaState(**mine)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            merged._sums = self._joined(self._sums, later._sums)
        return merged

    @property
    def mean(self) -> Any:
        """Σw x / Σw, of shape ``shape``; NaN before the first value."""
        return self._sums.mean.astype(np.float64)[()]

    @property
    def count(self) -> Any:
        """Number of values seen, for each column (one number for covariance="full")."""
        return self._sums.count.copy()[()]

    @property
    def effective_samples(self) -> Any:
        """(Σw)² / Σw²: number of equally weighted values as good as these; NaN before the first."""
        with np.errstate(invalid="ignore"):
            return (self._sums.mass**2 / self._sums.squares).astype(np.float64)[()]

    def variance(self, *, bias: bool = False) -> Any:
        """Σw (x-m)² / Σw, unless ``bias`` times (Σw)² / ((Σw)² - Σw²); of shape ``shape``."""
        spread = self._moment(bias)
        return np.diagonal(spread).copy() if self.kind == "full" else spread

    def std(self, *, bias: bool = False) -> Any:
        """√variance."""
        return np.sqrt(self.variance(bias=bias))

    def covariance(self, *, bias: bool = False) -> Floats:
        """Covariance matrix of the columns, of shape (columns, columns); needs covariance="full"."""
        if self.kind != "full":
            raise ValueError("covariance() needs a state made with covariance='full'; variance() needs none")
        matrix: Floats = self._moment(bias)
        return matrix

    def to_dict(self) -> dict[str, Array]:
        """Return the state as plain arrays, as ``np.savez`` stores them without pickle."""
        settings = {
            "decay": np.array([self.decay.beta, self.decay.alpha]),
            "shape": np.array(self.shape, dtype=np.int64),
            "gaps": np.array(self.gaps),
            "covariance": np.array(self.kind),
        }
        sums = {name: np.asarray(value) for name, value in vars(self._sums).items()}
        return settings | {name: v.astype(np.int64 if v.dtype.kind == "i" else np.float64) for name, v in sums.items()}

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
        ValueError
            If an entry is missing or has another shape than the settings ask for.

        Examples
        --------
        >>> state = EmaState(0.9).update([1.0, 2.0])
        >>> EmaState.from_dict(state.to_dict()).mean == state.mean
        np.True_
        """
        names = {"decay", "shape", "gaps", "covariance", *_Sums.__dataclass_fields__}
        missing = names - set(arrays.keys())
        if missing:
            raise ValueError(f"arrays must hold {', '.join(sorted(names))}; missing: {', '.join(sorted(missing))}")
        beta, alpha = (float(value) for value in np.asarray(arrays["decay"]))
        decay = Decay(com=np.inf) if alpha == 0.0 else Decay(alpha=alpha) if alpha <= 0.5 else Decay(beta)
        shape = tuple(np.asarray(arrays["shape"]).tolist())
        state = cls(decay, shape=shape, gaps=str(arrays["gaps"]), covariance=str(arrays["covariance"]))
        sums = {}
        for name, value in vars(state._sums).items():
            sums[name] = np.array(arrays[name], dtype=value.dtype)
            if sums[name].shape != value.shape:
                raise ValueError(f"{name} must have shape {value.shape}; got {sums[name].shape}")
        state._sums = _Sums(**sums)
        return state

    def __repr__(self) -> str:
        return f"EmaState({self.decay!r}, shape={self.shape}, count={self.count}, mean={self.mean})"

    def _settings(self) -> dict[str, Any]:
        return {"decay": self.decay, "shape": self.shape, "gaps": self.gaps, "covariance": self.kind}

    def _joined(self, earlier: _Sums, later: _Sums) -> _Sums:
        return earlier.followed_by(later, self._log_beta, self._product)

    def _product(self, delta: Floats) -> Floats:
        return delta[:, np.newaxis] * delta if self.kind == "full" else delta**2

    def _moment(self, bias: bool) -> Any:
        sums = self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = 1.0 / sums.mass if bias else sums.mass / sums.pairs
            moment = np.where(sums.count > (0 if bias else 1), sums.spread * scale, np.nan)
        return moment.astype(np.float64)[()]

    def _row(self, x: Floats) -> _Sums:
        """Return the sums of one row, of shape ``shape``."""
        present = ~np.isnan(x).any() if self.kind == "full" else ~np.isnan(x)
        mass = np.asarray(present, EXTENDED)
        count = np.asarray(present, np.int64)
        steps = count if self.gaps == "skip" else np.ones_like(count)
        zero = np.zeros_like(mass)
        return _Sums(mass, mass, zero, np.asarray(x, EXTENDED), np.zeros_like(self._sums.spread), count, steps)

    def _chunk(self, x: Floats) -> _Sums:
        """Return the sums of rows, of shape (rows, *shape)."""
        if len(x) == 1:
            return self._row(x[0])
        present = np.asarray(~np.isnan(x))
        if self.kind == "full":
            present = np.asarray(present.all(axis=1))
        rows = present.astype(np.int64)
        if self.gaps != "skip":
            rows = np.ones((len(x),) + (1,) * (present.ndim - 1), np.int64)
        age = np.cumsum(rows[::-1], axis=0)[::-1] - rows
        latest = np.where(present, age, len(x)).min(axis=0)  # weights relative to the latest value: one of them is 1
        w = _power(self._log_beta, np.maximum(age - latest, 0)) * present
        mass, squares = w.sum(axis=0), (w**2).sum(axis=0)
        older = np.concatenate([np.zeros_like(w[:1]), np.cumsum(w[:-1], axis=0)])
        columns = w[:, np.newaxis] if self.kind == "full" else w
        values = np.where(columns > 0.0, x, 0.0)
        mean = np.divide(
            (columns * values).sum(axis=0), mass, out=np.full(self.shape, np.nan, EXTENDED), where=mass > 0.0
        )
        mean = np.clip(mean, *_range(np.where(columns > 0.0, x, np.nan), mean))
        deviations = np.where(columns > 0.0, x - mean, 0.0)
        if self.kind == "full":
            root = (np.sqrt(columns) * deviations).astype(np.float64)  # BLAS knows no extended precision
            spread = (root.T @ root).astype(EXTENDED)
        else:
            spread = (w * deviations**2).sum(axis=0)
        total = np.broadcast_to(rows.sum(axis=0), np.shape(mass))
        later = np.where(mass > 0.0, latest, total)
        pairs = 2.0 * (w * older).sum(axis=0)
        sums = _Sums(mass, squares, pairs, mean, spread, present.sum(axis=0), total - later)
        return sums.faded(self._log_beta, later)


def _log_beta(decay: Decay) -> Any:
    if decay.beta == 0.0:
        return EXTENDED(-np.inf)
    return np.log1p(-EXTENDED(decay.alpha)) if decay.beta >= 0.5 else np.log(EXTENDED(decay.beta))


def _range(x: Floats, otherwise: Floats) -> tuple[Floats, Floats]:
    """Smallest and largest value of each column: a mean of equal values is that value, exactly."""
    low = np.fmin.reduce(x, axis=0)
    high = np.fmax.reduce(x, axis=0)
    return np.where(np.isnan(low), otherwise, low), np.where(np.isnan(high), otherwise, high)
