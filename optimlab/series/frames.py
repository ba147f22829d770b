"""What comes in goes out: arrays, pandas, polars and xarray objects, recognised without importing their packages."""

from __future__ import annotations

import sys
from numbers import Real
from typing import Any

import numpy as np

from optimlab.typing import Array

__all__ = ["is_a", "is_pandas", "is_polars", "labels", "like", "refuse_other_labels", "values"]


def is_a(x: Any, package: str, *names: str) -> bool:
    """Whether x is an instance of one of the classes of a package that may not be loaded."""
    module = sys.modules.get(package)
    return module is not None and isinstance(x, tuple(getattr(module, name) for name in names))


def is_pandas(x: Any) -> bool:
    """Whether x is a Series or DataFrame of pandas."""
    return is_a(x, "pandas", "Series", "DataFrame")


def is_polars(x: Any) -> bool:
    """Whether x is a Series or DataFrame of polars."""
    return is_a(x, "polars", "Series", "DataFrame")


def values(x: Any, name: str = "x") -> Array:
    """Return the numbers of x: float32 and float64 as they are, integers and Booleans as float64."""
    if type(x) is np.ndarray and x.dtype.char in "fd" and x.ndim and x.dtype.isnative:
        return x
    if isinstance(x, np.ndarray) and hasattr(x, "mask"):  # a masked value is a gap
        x = np.ma.filled(x.astype(np.float64) if x.dtype.kind in "iub" else x, np.nan)
    array = _plain(_unframed(x, name))
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


def _plain(array: Array) -> Array:
    """Return an array of objects that are all plain numbers as float64, any other as it is."""
    numbers = array.dtype == object and array.ndim
    if numbers and all(isinstance(v, Real) and not isinstance(v, (bool, np.bool_)) for v in array.flat):
        return array.astype(np.float64)
    return array


def _unframed(x: Any, name: str) -> Array:
    """Return the numbers of x as an array, gaps as NaN; a column of a frame that holds none is named."""
    if not is_pandas(x):
        return np.asarray(x.to_numpy() if is_polars(x) else x)
    dtypes = {x.dtype} if x.ndim == 1 else set(x.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
        return np.asarray(x.to_numpy())
    if x.ndim == 1 and str(x.dtype) == "category":
        raise TypeError(f"{name} must hold numbers; got a category; convert it, for example {name}.astype(float)")
    if all(getattr(dtype, "kind", "O") in "fiub" for dtype in dtypes):
        return np.asarray(x.to_numpy(dtype=np.float64, na_value=np.nan))
    if x.ndim == 2:
        for label, dtype in x.dtypes.items():
            if getattr(dtype, "kind", "O") not in "fiub" and _plain(x[label].to_numpy(dtype=object)).dtype == object:
                raise TypeError(f"{name} must hold numbers; got column {label!r} of dtype {dtype}; leave it out")
    return np.asarray(x.to_numpy(dtype=object))


def labels(x: Any, axis: int) -> Any:
    """Return the labels along an axis of a Series or DataFrame."""
    return x.columns if axis == 1 and x.ndim == 2 else x.index


def refuse_other_labels(other: Any, x: Any, name: str, axis: int) -> None:
    """Refuse a Series or DataFrame whose labels are not those of x: pandas would align them, we do not."""
    if not (is_pandas(other) and is_pandas(x)):
        return
    one = other.ndim < x.ndim  # one value for each row along the axis
    same = other.index.equals(labels(x, axis) if one else x.index)
    if not (same and (one or other.ndim == 1 or x.ndim == 1 or other.columns.equals(x.columns))):
        what = "columns" if one and axis == 1 else "index (and columns)"
        raise ValueError(f"{name} must have the {what} of x; align it first, for example with .reindex")


def like(result: Array, x: Any, more: list[Any] | None = None) -> Any:
    """Return the result in the type of x, with its labels; ``more`` names the entries of a last axis that x lacks."""
    if is_pandas(x) and more is None:
        named = {"name": x.name} if x.ndim == 1 else {"columns": x.columns}
        return type(x)(result, index=x.index, copy=False, **named)
    if is_pandas(x):
        pandas = sys.modules["pandas"]
        columns = more if x.ndim == 1 else pandas.MultiIndex.from_product([x.columns, more])
        return pandas.DataFrame(result.reshape(len(x), -1), index=x.index, columns=columns)
    if is_polars(x) and more is None:
        return type(x)(result, schema=x.columns) if hasattr(x, "columns") else type(x)(x.name, result)
    if is_a(x, "xarray", "DataArray"):
        return x.copy(data=result) if more is None else type(x)(result, dims=(*x.dims, "decay"), coords=dict(x.coords))
    return result
