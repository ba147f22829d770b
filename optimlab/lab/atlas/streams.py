"""Start parameters, gradients and losses that are the same numbers on every machine and in every NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np

from optimlab.typing import Array, Floats

__all__ = ["Stream", "Trajectory", "stream"]

Trajectory = tuple[Array, ...]


@final
@dataclass(frozen=True)
class Stream:
    """What an optimizer is given: start parameters, and for each step a gradient of each leaf and a loss."""

    start: tuple[Array, ...]
    gradients: tuple[tuple[Array, ...], ...]
    losses: tuple[float, ...]
    dtype: np.dtype[Any]

    @property
    def rates(self) -> bool:
        """Whether there are no leaves: what is asked for are the numbers of a schedule."""
        return not self.start


def stream(seed: int, shapes: Sequence[tuple[int, ...]], steps: int, *, dtype: str = "float64") -> Stream:
    """Return start parameters, gradients and losses that belong to a seed.

    Each number has a gradient of its own scale, from 1/8 to 4, and a mean of its own; one gradient in eight is 0.
    They are sums and products of raw words of PCG64, which NumPy promises to keep; what it draws from them may change.

    Examples
    --------
    >>> stream(0, [(2,)], 1).gradients[0][0].shape
    (2,)
    """
    words = np.random.default_rng(seed).bit_generator

    def uniform(*shape: int) -> Floats:
        raw = np.asarray(words.random_raw(prod(shape))) >> 11
        return raw.reshape(shape).astype(np.float64) * 2.0**-53

    def gradients(shape: tuple[int, ...]) -> Floats:
        scale = 2.0 ** np.floor(6.0 * uniform(*shape) - 3.0)
        noise = uniform(steps, *shape) + uniform(steps, *shape) + uniform(steps, *shape) - 1.5
        return scale * (noise + uniform(*shape) - 0.5) * (uniform(steps, *shape) >= 0.125)

    start = [4.0 * uniform(*shape) - 2.0 for shape in shapes]
    leaves = [gradients(shape).astype(dtype) for shape in shapes]
    losses = (1.0 + uniform(steps)).tolist()
    rows = tuple([tuple([leaf[k] for leaf in leaves]) for k in range(steps)])
    return Stream(tuple([w.astype(dtype) for w in start]), rows, tuple(losses), np.dtype(dtype))
