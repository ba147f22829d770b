"""Exponentially weighted mean, variance, standard deviation, covariance and correlation of series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimlab.ema.arguments import by_column, checked_out, like, values
from optimlab.ema.decay import Decay
from optimlab.ema.options import resolve, shaped
from optimlab.ema.sweep import sweep_mean

__all__ = ["ema"]


def ema(
    x: ArrayLike,
    beta: Decay | ArrayLike | None = None,
    *,
    alpha: float | None = None,
    span: float | None = None,
    com: float | None = None,
    halflife: Any = None,
    start: str | float = "debiased",
    gaps: str = "decay",
    axis: int = 0,
    weights: ArrayLike | None = None,
    times: Any = None,
    spacing: str = "event",
    min_count: int = 1,
    out: NDArray[Any] | None = None,
) -> Any:
    """DOC"""
    array = values(x)
    options = resolve(
        array,
        beta,
        alpha=alpha,
        span=span,
        com=com,
        halflife=halflife,
        start=start,
        gaps=gaps,
        axis=axis,
        weights=weights,
        times=times,
        spacing=spacing,
        min_count=min_count,
    )
    result = checked_out(out, array.shape, array.dtype)
    target = by_column(result, options.axis)
    if array.size:
        (columns,) = shaped(options, array)
        with np.errstate(invalid="ignore", over="ignore"):
            sweep_mean(columns, options.weighting, options.present, options.min_count, target)
        if not np.may_share_memory(target, result):
            result[...] = np.moveaxis(target.reshape(np.moveaxis(result, options.axis, -1).shape), -1, options.axis)
    return like(result, x)
