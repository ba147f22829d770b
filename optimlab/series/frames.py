"""What comes in goes out: arrays, pandas, polars and xarray objects, recognised without importing their packages."""

from __future__ import annotations

import sys
from numbers import Real
from typing import Any

import numpy as np

from optimlab.typing import Array

__all__ = ["is_a", "is_chunked", "is_pandas", "is_polars", "like", "missing", "refuse_other_labels", "values"]


def is_a(x: Any, package: str, *names: str) -> bool:
    """Whether x is an instance of one of the classes of a package that may not be loaded."""
    module = sys.modules.get(package)
    return module is not None and isinstance(x, tuple(getattr(module, name) for name in names))


def is_pandas(x: Any) -> bool:
    """Whether x is a Series or DataFrame of pandas."""
    return is_a(x, "pandas", "Series", "DataFrame")


def is_chunked(x: Any) -> bool:
    """Whether x is an array or frame of Dask, or a DataArray on one: nothing is known of its values."""
    dask = is_a(x, "dask.array", "Array") or is_a(x, "dask.dataframe", "Series", "DataFrame")
    return dask or (is_a(x, "xarray", "DataArray") and x.chunks is not None)


def is_polars(x: Any) -> bool:
    """Whether x is a Series or DataFrame of polars."""
    return is_a(x, "polars", "Series", "DataFrame")


def values(x: Any, name: str = "x") -> Array:
    """Return the numbers of x: float32 and float64 as they are, integers and Booleans as float64."""
    if type(x) is np.ndarray and x.dtype.char in "fd" and x.ndim and x.dtype.isnative:
        return x
    array = _plain(_unframed(x, name))
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise TypeError(
            f"{name} must hold float32, float64, integers or Booleans; got dtype {array.dtype}; "
            f"convert it, for example {_conversion(x, name)}"
        )
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one dimension; got the single number {array!r}")
    return array.astype(array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.float64, copy=False)


def missing(cell: Any) -> bool:
    """Whether an object stands for no value: None, NaN, NaT, pandas' NA or a masked one."""
    return cell is None or cell is np.ma.masked or type(cell).__name__ == "NAType" or bool(cell != cell)


def _conversion(x: Any, name: str) -> str:
    if is_a(x, "polars", "LazyFrame"):
        return f"{name}.collect()"
    if is_polars(x):
        return f"{name}.cast(float)"
    return f"{name}.astype(float)" if hasattr(x, "astype") else f"np.asarray({name}, dtype=float)"


def _plain(array: Array) -> Array:
    """Return an array of objects that are plain numbers, or missing, as float64; any other as it is."""
    if array.dtype != object or not array.ndim:
        return array
    cells = [np.nan if missing(cell) else cell for cell in array.flat]
    if all(isinstance(cell, Real) and not isinstance(cell, (bool, np.bool_)) for cell in cells):
        return np.array(cells, dtype=np.float64).reshape(array.shape)
    return array


def _unframed(x: Any, name: str) -> Array:
    """Return the numbers of x as an array, gaps as NaN; a column of a frame that holds none is named."""
    if is_chunked(x):
        raise TypeError(f"{name} must be in memory here; got a {type(x).__name__} of Dask; give {name}.compute()")
    if isinstance(x, (list, tuple)) and any(isinstance(part, np.ma.MaskedArray) for part in x):
        x = np.ma.array(x)
    if isinstance(x, np.ma.MaskedArray):  # a masked value is a gap
        return np.asarray(np.ma.filled(x.astype(np.float64) if x.dtype.kind in "iub" else x, np.nan))
    if is_polars(x):
        _refuse_text(name, [(label, x[label]) for label in getattr(x, "columns", ())])
        return np.asarray(x.to_numpy())
    if not is_pandas(x):
        return np.asarray(x)
    dtypes = {x.dtype} if x.ndim == 1 else set(x.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
        array = np.asarray(x.to_numpy())
        if array.dtype.kind in "fiub":
            return array
    if x.ndim == 1 and str(x.dtype) == "category":
        raise TypeError(f"{name} must hold numbers; got a category; convert it, for example {name}.astype(float)")
    if all(getattr(dtype, "kind", "O") in "fiub" for dtype in dtypes):
        return np.asarray(x.astype(np.float64).to_numpy(dtype=np.float64, na_value=np.nan))
    if x.ndim == 2:
        odd = [i for i, dtype in enumerate(x.dtypes) if getattr(dtype, "kind", "O") not in "fiub"]
        _refuse_text(name, [(x.columns[i], x.iloc[:, i]) for i in odd])
    return np.asarray(x.to_numpy(dtype=object))


def _refuse_text(name: str, columns: list[tuple[Any, Any]]) -> None:
    """Raise for the first column that holds other things than numbers."""
    for label, column in columns:
        if _plain(np.asarray(column.to_numpy())).dtype.kind not in "fiub":
            raise TypeError(f"{name} must hold numbers; got column {label!r} of dtype {column.dtype}; leave it out")


def refuse_other_labels(other: Any, x: Any, name: str, axis: int) -> None:
    """Refuse a Series or DataFrame whose labels are not those of x: pandas would align them, we do not."""
    if not (is_pandas(other) and is_pandas(x)):
        return
    across = axis == 1 and other.ndim < x.ndim  # one value for each column
    same = other.index.equals(x.columns if across else x.index)
    if not (same and (other.ndim == 1 or x.ndim == 1 or other.columns.equals(x.columns))):
        what = "columns" if across else "index (and columns)"
        raise ValueError(f"{name} must have the {what} of x; align it first, for example with .reindex")


def like(result: Array, x: Any, more: list[Any] | None = None) -> Any:
    """Return the result in the type of x, with its labels; ``more`` names the entries of a last axis that x lacks."""
    if is_pandas(x) and more is None:
        named = {"name": x.name} if x.ndim == 1 else {"columns": x.columns}
        return type(x)(result, index=x.index, copy=False, **named)
    if is_pandas(x):
        pandas = sys.modules["pandas"]
        columns: Any = more if x.ndim == 1 else pandas.MultiIndex.from_product([x.columns, more])
        return pandas.DataFrame(result.reshape(len(x), len(columns)), index=x.index, columns=columns)
    if is_polars(x) and more is None:
        return type(x)(result, schema=x.columns, orient="row") if hasattr(x, "columns") else type(x)(x.name, result)
    if is_polars(x) and more is not None:
        names = [f"{name}_{each}" for name in getattr(x, "columns", [x.name]) for each in more]
        return sys.modules["polars"].DataFrame(result.reshape(len(x), len(names)), schema=names, orient="row")
    if is_a(x, "xarray", "DataArray"):
        if more is None:
            return x.copy(data=result)
        entries = [each if np.ndim(each) == 0 and not hasattr(each, "beta") else str(each) for each in more]
        coords = {**x.coords, "decay": entries}
        return type(x)(result, dims=(*x.dims, "decay"), coords=coords, name=x.name, attrs=x.attrs)
    return result
