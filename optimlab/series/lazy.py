"""The EMA of chunked series, on Dask: a summary of each chunk, what stands before each, its results with that carry."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from optimlab.checks import whole
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.series.carried import Piece, Recipe
from optimlab.series.frames import is_a, is_chunked, is_pandas, like, refuse_other_labels, values
from optimlab.series.options import of_gain
from optimlab.series.prefix import Several, stripe
from optimlab.series.times import read_times
from optimlab.typing import Array

__all__ = ["chunked"]


def chunked(task: tuple[str, bool, str], series: list[Any], beta: Any, options: dict[str, Any]) -> Any:
    """Return, lazily, what the functions of ``optimlab.series.ema`` say of series in memory."""
    d, (name, bias, of) = series[0].ndim, task
    if not d:
        raise ValueError(f"x must have at least one dimension; got the single number {series[0]!r}")
    axis = whole("axis", options.pop("axis", 0), -d, d - 1) % d
    rows = dict(zip(("x", "y"), series, strict=False))
    rows |= {each: options.pop(each, None) for each in ("weights", "times", "by")}
    betas = options.pop("betas")
    if not isinstance(beta, (Decay, Gain)) and np.ndim(beta) > 0:
        rows["beta"], beta = beta, None
    recipes = [Recipe(name, each, options, bias, of) for each in ([beta] if betas is None else betas)]
    recipe = recipes[0] if betas is None else Several(tuple(recipes))
    rows = {each: z for each, z in rows.items() if z is not None}
    if isinstance(beta, Gain) and of_gain(beta) is None and _is_unknown(series[0].shape[axis]):
        raise ValueError(
            f"a gain counts rows, and x must say how many a chunk has; got {beta!r}; x.compute_chunk_sizes() or, for a "
            "DataFrame, x.to_dask_array(lengths=True) does"
        )
    dtype = np.result_type(*(values(_sample(z), each) for each, z in rows.items() if each in ("x", "y")))
    dtype = dtype if of == "values" else np.dtype(np.float64)
    return (_of_frame if _is_frame(series[0]) else _of_array)(recipe, rows, axis, betas, dtype)


def _sample(z: Any) -> Any:
    """Return something in memory of the dtypes of z."""
    if _is_frame(z):
        from dask.dataframe.utils import meta_nonempty

        return meta_nonempty(z._meta)
    return np.empty((0,) * z.ndim, z.dtype) if is_chunked(z) else z


def _is_unknown(length: Any) -> bool:
    return not isinstance(length, (int, np.integer))


def _is_frame(x: Any) -> bool:
    return is_a(x, "dask.dataframe", "Series", "DataFrame")


# ------------------------------------------------------------------ arrays


def _of_array(recipe: Any, rows: dict[str, Any], axis: int, betas: Any, dtype: Any) -> Any:
    from dask import array
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    x = _data(rows["x"])
    arrays = {name: x if name == "x" else _aligned(name, z, x, axis) for name, z in rows.items()}
    name, read = f"ema-{tokenize(recipe, axis, arrays)}", partial(_read_blocks, tuple(arrays), axis)
    before = [0, *accumulate(0 if _is_unknown(n) else n for n in x.chunks[axis])]
    graph: dict[Any, Any] = {}
    for column in np.ndindex(*(1 if d == axis else n for d, n in enumerate(x.numblocks))):
        places = [(*column[:axis], i, *column[axis + 1 :]) for i in range(x.numblocks[axis])]
        last = () if betas is None else (0,)
        graph |= stripe(name, recipe, read, {(*at, *last): _blocks(arrays, at, axis) for at in places}, before)
    layers = HighLevelGraph.from_collections(name, graph, dependencies=list(arrays.values()))
    chunks = (*x.chunks, *([] if betas is None else [(len(betas),)]))
    result: Any = array.Array(layers, name, chunks=chunks, meta=np.empty((0,) * len(chunks), dtype))
    return like(result, rows["x"], betas)


def _blocks(arrays: dict[str, Any], at: tuple[int, ...], axis: int) -> list[Any]:
    """Return references to the blocks at a place of the first array, and to those of its rows."""
    from dask.task_spec import TaskRef

    return [TaskRef((z.name, *(at if z.ndim == len(at) else at[axis : axis + 1]))) for z in arrays.values()]


def _read_blocks(names: tuple[str, ...], axis: int, *blocks: Array) -> tuple[Piece, Any]:
    """Return the blocks of arrays as (rows, columns), and how results become a block again."""
    shape = np.moveaxis(blocks[0], axis, 0).shape
    columns = (shape[0], int(np.prod(shape[1:])))[: len(shape)]
    arrays = dict(zip(names, blocks, strict=True))
    arrays |= {name: values(z, name) for name, z in arrays.items() if name in ("x", "y", "weights", "beta")}
    for name, z in arrays.items():
        if z.ndim == len(shape) > 1:
            arrays[name] = np.moveaxis(z, axis, 0).reshape(columns)
    return Piece(**arrays), partial(_write_block, shape, axis)


def _write_block(shape: tuple[int, ...], axis: int, result: Array) -> Array:
    more = result.shape[min(len(shape), 2) :]
    return np.moveaxis(result.reshape(*shape, *more), 0, axis)


def _aligned(name: str, z: Any, x: Any, axis: int) -> Any:
    """Return what belongs to the rows of x, or to its values, as a Dask array of its chunks."""
    from dask import array

    z = _data(z)
    z = z if is_a(z, "dask.array", "Array") else array.from_array(_loaded(name, z))
    each = {"y": (x.ndim,), "weights": (1, x.ndim)}.get(name, (1,))
    whole = z.ndim == x.ndim
    shape, chunks = (x.shape, x.chunks) if whole else (x.shape[axis : axis + 1], x.chunks[axis : axis + 1])
    unknown = any(map(_is_unknown, (*shape, *z.shape)))
    if z.ndim in each and unknown and z.numblocks == tuple(map(len, chunks)):
        return z
    if unknown:
        raise ValueError(
            f"{name} must have the chunks of x where lengths are unknown; got {z.numblocks} chunks, x has "
            f"{x.numblocks}; x.compute_chunk_sizes(), and {name} likewise, make them known"
        )
    if z.ndim not in each or z.shape != shape:
        raise ValueError(f"{name} must have shape {x.shape if name == 'y' else shape}; got {z.shape}")
    return z.rechunk(chunks)


def _data(z: Any) -> Any:
    """Return the array of a DataArray or of a frame of Dask; anything else as it is."""
    return z.data if is_a(z, "xarray", "DataArray") else z.values if _is_frame(z) else z


def _loaded(name: str, z: Any) -> Array:
    """Return as an array what is in memory."""
    if name == "times" and isinstance(z, str):
        raise ValueError(f"times={z!r} needs an x that has an index, a Series or DataFrame")
    if name in ("times", "by"):
        return read_times(z) if name == "times" else np.asanyarray(z.to_numpy() if hasattr(z, "to_numpy") else z)
    return values(z, name)


# ------------------------------------------------------------------ frames


def _of_frame(recipe: Any, rows: dict[str, Any], axis: int, betas: Any, dtype: Any) -> Any:
    from dask import dataframe
    from dask.base import tokenize
    from dask.task_spec import TaskRef

    x = rows["x"]
    if axis == 1:
        raise ValueError("axis must be 0, the rows of a Dask DataFrame; x.map_partitions(ema, ..., axis=1) goes across")
    rows = {name: z if name == "x" else _partitioned(name, z, x) for name, z in rows.items()}
    empty = np.empty((0, *x.shape[1:], *([] if betas is None else [len(betas)])), dtype)
    packed = dataframe.map_partitions(
        _packed, *rows.values(), names=tuple(rows), betas=betas, meta=x._meta, enforce_metadata=False
    ).optimize()
    name = f"ema-{tokenize(recipe, packed)}"
    chunks: Any = {(i,): [TaskRef(key)] for i, key in enumerate(packed.__dask_keys__())}
    graph = dict(packed.__dask_graph__()) | stripe(name, recipe, _read_partition, chunks, [0] * len(chunks))
    keys = [(name, *place) for place in chunks]
    return dataframe.from_graph(graph, like(empty, x._meta, betas), packed.divisions, keys, "ema")


def _read_partition(packed: tuple[Piece, Any]) -> tuple[Piece, Any]:
    return packed


def _partitioned(name: str, z: Any, x: Any) -> Any:
    """Return what belongs to the rows of x as a Dask frame of its partitions."""
    from dask import dataframe

    if name == "times" and isinstance(z, str) and z == "index":
        return z
    if is_pandas(z) and x.known_divisions:
        z = dataframe.from_pandas(z, npartitions=1).repartition(divisions=x.divisions, force=True)
    if not _is_frame(z):
        raise TypeError(
            f"{name} must be a Dask Series of the partitions of x, such as a column of its frame; got "
            f"{type(z).__name__}; x.to_dask_array(lengths=True) has rows of known number, which take arrays"
        )
    if z.divisions != x.divisions:
        raise ValueError(f"{name} must have the divisions of x; {name}.repartition(divisions=x.divisions) has them")
    return z


def _packed(*partitions: Any, names: tuple[str, ...], betas: Any) -> tuple[Piece, Any]:
    """Return the arrays of a partition, and how results become one again."""
    x, rows = partitions[0], dict(zip(names, partitions, strict=True))
    for name, z in rows.items():
        refuse_other_labels(z, x, name, 0)
    index = {"times": x.index} if isinstance(rows.get("times"), str) else {}
    return Piece(**{name: _loaded(name, z) for name, z in (rows | index).items()}), partial(like, x=x, more=betas)
