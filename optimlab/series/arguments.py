"""What callers may pass to the EMA functions, checked, and brought into one form: (columns, rows) arrays."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.typing import Array, Floats, Marks


def needed(module: str, purpose: str) -> Any:
    """Return a module of another package, or say how to install what is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        package = module.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}: pip install 'optimlab[lab]'") from None


def is_pandas(x: Any) -> bool:
    """Whether x is a Series or DataFrame, found without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(x, (pandas.Series, pandas.DataFrame))


def values(x: Any, name: str = "x") -> Array:
    """Return the numbers of x: float32 and float64 as they are, integers and Booleans as float64."""
    if isinstance(x, np.ndarray) and hasattr(x, "mask"):  # a masked value is a gap
        x = np.ma.filled(x.astype(np.float64) if x.dtype.kind in "iub" else x, np.nan)
    array = _pandas_values(x) if is_pandas(x) else np.asarray(x)
    if array.size == 0 and array.dtype == np.float64:
        return array
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise TypeError(
            f"{name} must hold float32, float64, integers or Booleans; got dtype {array.dtype}; "
            f"convert it, for example {name}.astype(float)"
        )
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one dimension; got the single number {array!r}")
    if array.dtype.kind == "f" and array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.float64)


def _pandas_values(x: Any) -> Array:
    dtypes = {x.dtype} if x.ndim == 1 else set(x.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
        return np.asarray(x.to_numpy())
    if all(getattr(dtype, "kind", "O") in "fiub" for dtype in dtypes):
        return np.asarray(x.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(x.to_numpy(dtype=object))


def refuse_other_index(other: Any, x: Any, name: str) -> None:
    """Refuse a Series or DataFrame whose rows or columns are not those of x: pandas would align them, we do not."""
    if not (is_pandas(other) and is_pandas(x)):
        return
    same = other.index.equals(x.index) and (other.ndim == 1 or x.ndim == 1 or other.columns.equals(x.columns))
    if not same:
        raise ValueError(f"{name} must have the index (and columns) of x; align it first, for example with .reindex")


def like(result: Array, x: Any, name: Any = None) -> Any:
    """Return the result in the type of x: with the index and names of a Series or DataFrame."""
    if not is_pandas(x):
        return result
    if x.ndim == 1:
        return type(x)(result, index=x.index, name=x.name if name is None else name, copy=False)
    return type(x)(result, index=x.index, columns=x.columns, copy=False)


def checked_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return ``out``, or a new array where it is None."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array; got {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"out must have shape {shape} and dtype {dtype}, as the result has; got {out.shape} and {out.dtype}"
        )
    if not out.flags.writeable:
        raise ValueError("out must be writeable; got a read-only array")
    return out


def by_column(array: Array, axis: int) -> Array:
    """Return the array as (columns, rows), rows along ``axis``: a view wherever one exists."""
    if array.ndim == 1:
        return array[np.newaxis, :]
    moved = np.moveaxis(array, axis, -1)
    return moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1])


def checked_weights(weights: ArrayLike, shape: tuple[int, ...], axis: int) -> Array:
    """Return weights as (rows,) or (columns, rows)."""
    array = values(weights, "weights")
    if array.shape not in ((shape[axis],), shape):
        raise ValueError(
            f"weights must have shape {(shape[axis],)}, one for each row, or {shape} like x; got {array.shape}"
        )
    if not (array >= 0.0).all() or np.isinf(array).any():
        raise ValueError(f"weights must be finite and not negative; got {_first_bad(array, array >= 0.0)}")
    return array if array.ndim == 1 else by_column(array, axis)


def _first_bad(array: Array, good: Marks) -> str:
    bad = np.argwhere(~(good & np.isfinite(array)))[0]
    where = int(bad[0]) if bad.size == 1 else tuple(map(int, bad))
    return f"{array[tuple(bad)]} at index {where}"


@dataclass(frozen=True)
class Times:
    """The times of the rows and what one unit of them is."""

    gaps: Floats  # from the row before, in half-lives or in units; 0 for the first row
    in_halflives: bool


def checked_times(times: Any, rows: int, halflife: Any) -> Times:
    """Return the time gaps between rows; datetimes are divided by the half-life, which must then be a timedelta."""
    array = np.asarray(times.to_numpy() if hasattr(times, "to_numpy") else times)
    if array.shape != (rows,):
        raise ValueError(f"times must have shape {(rows,)}, one for each row; got {array.shape}")
    if array.dtype == object and all(hasattr(time, "tzinfo") for time in array):
        array = needed("pandas", "a time with a time zone").to_datetime(array, utc=True).tz_localize(None).to_numpy()
    if array.dtype.kind == "M":
        unit = np.datetime_data(array.dtype)[0]  # what is coarser than µs would overflow in ns
        array = array.astype(f"datetime64[{unit if unit in ('ns', 'ps', 'fs', 'as') else 'us'}]")
        return Times(_gaps(array, _timedelta(halflife)), in_halflives=True)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"times must hold numbers or datetimes (datetime64); got dtype {array.dtype}")
    if isinstance(halflife, (str, bytes)) or _is_timedelta(halflife):
        raise TypeError(f"halflife must be a number, in the unit of the times, which are numbers; got {halflife!r}")
    return Times(_gaps(array.astype(np.float64), None), in_halflives=False)


def _gaps(times: Array, unit: Any) -> Floats:
    missing = np.isnat(times) if unit is not None else ~np.isfinite(times)
    if missing.any():
        raise ValueError(f"times must be finite; got {times[missing.argmax()]} at index {int(missing.argmax())}")
    steps = np.diff(times, prepend=times[:1])
    one = None if unit is None else np.ones((), steps.dtype)
    gaps: Floats = steps if one is None else (steps / one) / (unit / one)
    if (gaps < 0.0).any():
        i = int((gaps < 0.0).argmax())
        raise ValueError(
            f"times must not decrease (equal ones are allowed); got {times[i]} after {times[i - 1]} at index {i}; "
            "sort the rows by time first"
        )
    return gaps


def _is_timedelta(value: Any) -> bool:
    return isinstance(value, np.timedelta64) or hasattr(value, "total_seconds")


def _timedelta(halflife: Any) -> Any:
    """Return the half-life as timedelta64[ns]; a string is read by pandas."""
    remedy = "must be a timedelta, or a string such as '4 days' that pandas.Timedelta reads, since times are datetimes"
    if not (isinstance(halflife, str) or _is_timedelta(halflife)):
        raise TypeError(f"halflife {remedy}; got {halflife!r}")
    pd = needed("pandas", "a half-life in the unit of datetimes")
    try:
        delta = pd.Timedelta(halflife)
    except ValueError:
        raise ValueError(f"halflife {remedy}; got {halflife!r}") from None
    if not delta > pd.Timedelta(0):
        raise ValueError(f"halflife must be greater than 0; got {halflife!r}")
    return np.asarray(delta.to_timedelta64(), dtype="timedelta64[ns]")
