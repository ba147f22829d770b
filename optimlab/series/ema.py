"""Exponentially weighted mean, sum, variance, standard deviation, covariance and correlation of series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import choice, truth, whole
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.series import scan
from optimlab.series.frames import is_chunked, is_pandas, like, refuse_other_labels, values
from optimlab.series.options import Options, Plan, plan, refuse
from optimlab.series.sweep import sweep
from optimlab.typing import Array

__all__ = [
    "CORRELATION",
    "MEAN",
    "SUM",
    "ema",
    "ema_corr",
    "ema_corr_matrix",
    "ema_cov",
    "ema_cov_matrix",
    "ema_std",
    "ema_sum",
    "ema_var",
    "magnitude",
    "moment_of",
    "summed",
]

Beta = Decay | Gain | ArrayLike | None
# What is asked: a second moment (biased or not, a correlation or not), a decayed sum, the root of what comes out.
Task = tuple[tuple[bool, bool] | None, bool, bool]
MEAN, SUM, CORRELATION = (None, False, False), (None, True, False), ((False, True), False, False)


def ema(x: ArrayLike, beta: Beta = None, *, out: Array | None = None, **options: Unpack[Options]) -> Any:
    """m ← m + k (x - m): exponentially weighted moving average along an axis.

    Every value of the result is a weighted mean of the values so far, with weights that fade by β each row.

    Parameters
    ----------
    x : array_like, Series, DataFrame or DataArray of float32, float64, integer or Boolean
        Values; NaN is a gap, an infinity is a value (and stays in the mean). To treat infinities as gaps, pass
        ``np.where(np.isfinite(x), x, np.nan)``. Also arrays and frames of Dask, and DataArrays on it, see Notes.
    beta : float in [0, 1), Decay, gain, or array_like of float, shape (rows,)
        Decay. An array holds one β for each row, ``m ← β_t m + (1-β_t) x_t``. A gain, such as ``PowerGain(7)``, says
        k for the first, second, ... value, and the start; a gap is then no step.
    betas : sequence of float or Decay
        Several decays instead: the result has a last axis for them (a DataFrame: a last level of columns).
    alpha, span, com, halflife, window, cutoff : float
        Other names for β, see ``Decay``; exactly one of them must be given.
    start : {"debiased", "zero", "first", "sma"} or float
        What m starts from. "debiased": nothing, each result is divided by the weights so far (pandas
        ``adjust=True``, Adam's bias correction). "zero": 0, so early results are too small by the factor 1 - βᵗ.
        "first": the first value (pandas ``adjust=False``). "sma": the plain mean of the first ``warmup`` values, the
        first result (TA-Lib). A number: that number, with the weight of the first value.
    warmup : int, at least 1
        Number of values that start="sma" starts from.
    gaps : {"decay", "skip", "propagate", "raise"}
        What NaN means. "decay": the row passes without a value, older ones fade (pandas ``ignore_na=False``);
        "skip": the row does not exist (``ignore_na=True``); "propagate": every later result is NaN; "raise": an error.
    gap_result : {"hold", "nan"}
        What the result on a gap row is: the last mean (NaN before the first value), or NaN.
    axis : int
        Axis of the rows.
    weights : array_like, shape (rows,) or as x
        Weights of the values, finite and not negative, in any unit: the result is the mean of ``weights * x`` divided
        by that of ``weights``. A value of weight 0 moves nothing.
    times : array_like of number or datetime, shape (rows,), or "index"
        Times of the rows, not decreasing; "index" takes those of a Series or DataFrame. β is then the decay of one unit
        of time; for datetimes give ``halflife`` as a timedelta or a string that pandas reads as one, and no other.
        Rows with gaps pass their time on.
    spacing : {"event", "time"}
        What counts with ``times``. "event": each value once, however close they lie (pandas with ``times``).
        "time": each value for the time since the one before, m ← q m + (1-q) x with q = β^Δ; the first value, with
        start="debiased", for as long as the second. A start value has the time of the first row, whose value then
        stands for no time, as the later ones of equal times do.
    min_count : int, at least 0
        Values that must have been seen before there is a result (pandas ``min_periods``).
    min_weight : float, at least 0
        Mass that what was seen must have before there is a result: 1 - βᵗ after t values, less after gaps.
    by : array_like of label, shape (rows,)
        Groups: each is a series of its own, in the order of the rows. A missing label has no result.
    out : ndarray
        Array of the result's shape and dtype to write into; it may be ``x`` itself.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape and type of ``x``, with its labels: float32 for float32 (averaged in float64), else float64.

    Raises
    ------
    ValueError
        If the decay is given twice or not at all or lies outside its range, an option is not one of its words, an
        array has the wrong shape, weights are negative, times decrease or are missing, or gaps="raise" meets one.
    TypeError
        If ``x`` holds anything but real numbers, or an option is not of its kind.

    Notes
    -----
    A mean of equal values is that value, exactly. Series of 65 536 values or more are averaged by compiled loops, on
    all cores, where numba is installed; both ways agree to a few units in the last place.

    Of an ``x`` of Dask the result is lazy and in the chunks of ``x``, which may be cut along any axis; that of an
    ``x`` in memory to 1e-14, and the same bits whatever the number of workers. Each chunk is read twice: for what it
    amounts to, and for its results. What belongs to the rows may be of Dask too, or in memory where lengths are known.

    Source
    ------
    Kingma & Ba 2015, section 3 (correction); the pandas user guide on exponentially weighted windows (gaps).

    Examples
    --------
    >>> ema([1.0, 2.0, 3.0], 0.9).round(6)
    array([1.      , 1.526316, 2.070111])
    >>> ema([1.0, 2.0, 3.0], 0.9, start="zero").round(6)
    array([0.1  , 0.29 , 0.561])
    >>> ema([1.0, np.nan, 5.0], 0.5)
    array([1. , 1. , 4.2])
    >>> ema([0.0, 1.0, 2.0], halflife=4, times=[0, 2, 9]).round(6)
    array([0.      , 0.585786, 1.523889])
    >>> ema([1.0, 9.0, 2.0, 5.0], 0.5, by=["a", "b", "a", "b"]).round(3)
    array([1.   , 9.   , 1.667, 6.333])
    """
    return _apply([x], beta, options, out=out)


def ema_sum(x: ArrayLike, beta: Beta = None, *, of: str = "values", **options: Unpack[Options]) -> Any:
    """Σ βʲ x_{t-j}: decayed sum of the values, of their number, or of their weights.

    Parameters
    ----------
    x : array_like, Series, DataFrame or DataArray
        Values, as in ``ema``.
    beta : float in [0, 1), Decay or array_like
        Decay of a row, or of one unit of time with ``times``.
    of : {"values", "counts", "weights"}
        What is summed: w x, 1 or w for each value x of weight w.
    **options
        The options of ``ema`` but ``out``, ``start`` and ``spacing``. A sum fades on gap rows.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape and type of ``x``; NaN before the first value.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Examples
    --------
    >>> ema_sum([1.0, 0.0, 0.0], halflife=5, times=[0, 5, 15]).round(6)
    array([1.   , 0.5  , 0.125])
    """
    if options.get("start", "debiased") != "debiased" or options.get("spacing", "event") != "event":
        raise ValueError("a decayed sum starts from nothing, and counts each value once; give no start and no spacing")
    if choice("of", of, ("values", "counts", "weights")) == "counts":
        options["weights"] = None
    return _apply([x], beta, options, SUM, of=of)


def ema_var(x: ArrayLike, beta: Beta = None, *, bias: bool = False, **options: Unpack[Options]) -> Any:
    """Σw (x-m)² / Σw · (Σw)² / ((Σw)² - Σw²): exponentially weighted variance.

    Parameters
    ----------
    x : array_like, Series, DataFrame or DataArray
        Values, as in ``ema``.
    beta : float in [0, 1), Decay, gain or array_like
        Decay, as in ``ema``.
    bias : bool
        Leave out the second factor, which makes the variance of independent values unbiased (as pandas).
    **options
        The options of ``ema`` but ``out``. A start value counts as one value.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape of ``x``. NaN (with ``bias`` 0) at the first value; on gap rows the last variance.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Source
    ------
    pandas ``ewm().var``; Finch 2009, "Incremental calculation of weighted mean and variance".

    Examples
    --------
    >>> ema_var([1.0, 5.0, 7.0], 0.5).round(6)
    array([     nan, 8.      , 7.428571])
    >>> ema_var([10.0, np.nan, np.nan, 12.0], 0.5)[-1]  # two values: (10-12)²/2
    np.float64(2.0)
    """
    return _apply([x], beta, options, moment_of(bias))


def ema_std(x: ArrayLike, beta: Beta = None, *, bias: bool = False, **options: Unpack[Options]) -> Any:
    """√ema_var: exponentially weighted standard deviation.

    Parameters
    ----------
    x, beta, bias, **options
        As in ``ema_var``.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Examples
    --------
    >>> ema_std([1.0, 5.0, 7.0], 0.5, bias=True).round(6)
    array([0.      , 1.885618, 2.060315])
    """
    return _apply([x], beta, options, moment_of(bias, root=True))


def ema_cov(x: ArrayLike, y: ArrayLike, beta: Beta = None, *, bias: bool = False, **options: Unpack[Options]) -> Any:
    """Σw (x-m)(y-n) / Σw · (Σw)² / ((Σw)² - Σw²): exponentially weighted covariance of two series.

    Parameters
    ----------
    x, y : array_like, Series, DataFrame or DataArray, of one shape
        Values. A row counts where both have one.
    beta, bias, **options
        As in ``ema_var``.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape and type of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if the shapes or the labels of x and y differ.

    Examples
    --------
    >>> ema_cov([1.0, 5.0, 7.0], [2.0, 3.0, 8.0], 0.5).round(6)
    array([     nan, 2.      , 8.285714])
    """
    return _apply([x, y], beta, options, moment_of(bias))


def ema_corr(x: ArrayLike, y: ArrayLike, beta: Beta = None, **options: Unpack[Options]) -> Any:
    """cov(x, y) / √(var(x) var(y)): exponentially weighted correlation of two series.

    Parameters
    ----------
    x, y : array_like, Series, DataFrame or DataArray, of one shape
        Values. A row counts where both have one.
    beta, **options
        As in ``ema_var``.

    Returns
    -------
    ndarray, Series, DataFrame or DataArray
        Of the shape and type of ``x``, in [-1, 1]; NaN until both have varied.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if the shapes or the labels of x and y differ.

    Examples
    --------
    >>> ema_corr([1.0, 2.0, 3.0], [1.0, 4.0, 9.0], 0.5).round(6)
    array([    nan, 1.     , 0.99087])
    """
    return _apply([x, y], beta, options, CORRELATION)


def ema_cov_matrix(x: ArrayLike, beta: Beta = None, *, bias: bool = False, **options: Unpack[Options]) -> Any:
    """ema_cov of every two columns: a covariance matrix at each row.

    Parameters
    ----------
    x : array_like or DataFrame, shape (rows, columns)
        Values. A row counts for two columns where both have one (pandas' ``pairwise=True``).
    beta, bias, **options
        As in ``ema_var``, but ``axis``.

    Returns
    -------
    ndarray, shape (rows, columns, columns), or DataFrame
        The matrices; of a DataFrame one below the other, with an index of row and column.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if x has not two dimensions.

    Examples
    --------
    >>> ema_cov_matrix([[1.0, 2.0], [5.0, 3.0], [7.0, 8.0]], 0.5)[-1].round(4)
    array([[ 7.4286,  8.2857],
           [ 8.2857, 12.3571]])
    """
    return _matrix(x, beta, options, moment_of(bias))


def ema_corr_matrix(x: ArrayLike, beta: Beta = None, **options: Unpack[Options]) -> Any:
    """ema_corr of every two columns: a correlation matrix at each row.

    Parameters
    ----------
    x, beta, **options
        As in ``ema_cov_matrix``.

    Returns
    -------
    ndarray, shape (rows, columns, columns), or DataFrame
        The matrices, as ``ema_cov_matrix`` returns them.

    Raises
    ------
    ValueError, TypeError
        As ``ema_cov_matrix``.

    Examples
    --------
    >>> ema_corr_matrix([[1.0, 2.0], [5.0, 3.0], [7.0, 8.0]], 0.5)[-1].round(4)
    array([[1.    , 0.8648],
           [0.8648, 1.    ]])
    """
    return _matrix(x, beta, options, CORRELATION)


def moment_of(bias: Any, root: bool = False) -> Task:
    """Return the task of a second moment, biased or not, or its root."""
    return (truth("bias", bias), False), False, root


def _apply(
    series: list[Any], beta: Any, options: Any, task: Task = MEAN, *, out: Any = None, of: str = "values"
) -> Any:
    """Return what is asked of one series or two, in the type of the first; of ones in the place of its values."""
    x, betas = series[0], _several(beta, options.pop("betas", None))
    framed = type(x) is not np.ndarray
    if framed and is_chunked(x):
        return _lazily(series, beta, options | {"betas": betas}, task, (out, of))
    arrays = [values(x), *(values(y, "y") for y in series[1:])]
    if of != "values":
        arrays = [np.where(np.isnan(arrays[0]), np.nan, 1.0)]
    shape, dtype = arrays[0].shape, arrays[0].dtype if len(arrays) == 1 else np.result_type(*arrays)
    if arrays[-1].shape != shape:
        raise ValueError(f"y must have the shape of x, {shape}; got {arrays[-1].shape}")
    index = _index(x, options, y=series[-1], beta=beta) if framed and is_pandas(x) else None
    if betas is None:
        steps = plan(arrays[0], beta, index, **options)
        result = _checked_out(out, arrays[0], dtype)
        if task is not MEAN or not _short(steps, arrays[0], result):
            _write([steps], arrays, [result], *task)
        return like(result, x) if framed else result
    result = _checked_out(out, arrays[0], dtype, (len(betas),))
    if len(betas):
        arrays = [z.copy() if np.may_share_memory(z, result) else z for z in arrays]  # which every decay reads
        plans = [plan(arrays[0], each, index, **options) for each in betas]
        _write(plans, arrays, [result[..., j] for j in range(len(betas))], *task)
    return like(result, x, betas)


def _several(beta: Any, betas: Any) -> list[Any] | None:
    if betas is None:
        return None
    if beta is not None:
        raise ValueError("exactly one of beta and betas must be given; got both")
    if np.ndim(betas) != 1:
        raise TypeError(f"betas must be a sequence of decays; got {betas!r}")
    return list(betas)


def _lazily(series: list[Any], beta: Any, options: Any, task: Task, more: tuple[Any, str]) -> Any:
    """Return what is asked of series in chunks, which nobody has looked at."""
    from optimlab.series.lazy import chunked

    (moment, total, root), (out, of) = task, more
    if out is not None:
        raise ValueError(
            "out must not be given with a Dask x, whose result is lazy; dask.array.store(result, out) fills it"
        )
    name = "mean" if moment is None else "corr" if moment[1] else "std" if root else ("var", "cov")[len(series) - 1]
    asked = ("sum", False, of) if total else (name, moment is not None and moment[0], of)
    return chunked(asked, series, beta, options)


def _index(x: Any, options: Any, **others: Any) -> Any:
    """Return the index of a pandas object, if the others have its labels."""
    axis = whole("axis", options.get("axis", 0), -x.ndim, x.ndim - 1) % x.ndim
    for name, other in (others | {name: options.get(name) for name in ("weights", "times", "by")}).items():
        refuse_other_labels(other, x, name, axis)
    return x.index


def _write(plans: list[Plan], arrays: list[Array], results: list[Array], what: Any, total: bool, root: bool) -> None:
    if total:
        plans = [summed(each) for each in plans]
    if what is not None:
        scales = [float(np.ldexp(1.0, -magnitude(z))) for z in (arrays[0], arrays[-1])] if what[1] else [1.0, 1.0]
        what = (len(arrays) > 1, *what, *scales)
    sweep(plans, arrays, results, what, total=total)
    if root:
        for result in results:
            np.sqrt(result, out=result)


def _short(steps: Plan, x: Array, out: Array) -> bool:
    """Write the debiased mean of one short column, in few calls; False if it is none, or has gaps or equal values.

    8 µs for 365 values, where the tiles take 60.
    """
    if x.ndim > 1 or not 1 < x.size <= scan.SHORT or not steps.brief or x[0] == x[1]:
        return False
    if (x is out or x.base is not None or out.base is not None) and np.may_share_memory(x, out):
        return False
    decay: Any = steps.decay
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        last = scan.short_mean(x, decay.log_beta, decay.alpha, out)
    out[0] = x[0]
    return abs(last) < np.inf


def summed(steps: Plan) -> Plan:
    """Return the plan of a sum, in which each value counts whole."""
    lightest = steps.lightest / float(steps.s[0]) if steps.decay else steps.lightest
    return replace(steps, s=np.ones(1), lightest=lightest)


def magnitude(x: Array) -> int:
    """Return the power of two of the largest value where squares would leave the range of floats, else 0."""
    flat = x.reshape(-1)
    largest = max(float(np.fmax.reduce(flat, initial=0.0)), -float(np.fmin.reduce(flat, initial=0.0)))
    if largest == np.inf:
        largest = float(np.nanmax(np.abs(x), initial=0.0, where=np.isfinite(x)))
    return 0 if 1e-100 < largest < 1e100 or largest == 0.0 else int(np.frexp(largest)[1])


def _checked_out(out: Any, x: Array, dtype: np.dtype[Any], more: tuple[int, ...] = ()) -> Array:
    """Return ``out``, or a new array where it is None, whose rows and columns lie as those of x."""
    shape = (*x.shape, *more)
    if out is None:
        return np.empty(shape, dtype) if more else np.empty_like(x, dtype=dtype, subok=False)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array; got {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"out must have shape {shape} and dtype {dtype}, as the result has; got {out.shape} and {out.dtype}"
        )
    if not out.flags.writeable:
        raise ValueError("out must be writeable; got a read-only array")
    return out


def _matrix(x: Any, beta: Any, options: Any, task: Task) -> Any:
    array = values(x)
    refuse(options, "betas", "axis", by="a matrix")
    if array.ndim != 2:
        raise ValueError(f"x must have shape (rows, columns); got {array.shape}")
    index = _index(x, options, beta=beta) if is_pandas(x) else None
    if isinstance(options.get("times"), str) and options["times"] == "index" and index is not None:
        options["times"] = index
    rows, p = array.shape
    result = np.empty((rows, p, p), array.dtype)
    for i in range(p):
        for j in range(i, p):
            result[:, i, j] = result[:, j, i] = _apply([array[:, i], array[:, j]], beta, dict(options), task)
    if not is_pandas(x):
        return result
    from pandas import DataFrame, MultiIndex

    if x.columns.nlevels == 1:
        index = MultiIndex.from_product([x.index, x.columns])
    else:  # a level for each of theirs
        levels = [x.columns.get_level_values(i).to_numpy() for i in range(x.columns.nlevels)]
        index = MultiIndex.from_arrays([x.index.repeat(p), *(np.tile(level, rows) for level in levels)])
        index.names = [x.index.name, *x.columns.names]
    return DataFrame(result.reshape(rows * p, p), index=index, columns=x.columns)
