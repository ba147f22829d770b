"""Replicas that are no longer finite, and the weights that they keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from optimlab.typing import Array, Floats, Marks

__all__ = ["Kept"]


@final
class Kept:
    """Which replicas still move; those that are not finite keep their last finite weights.

    Parameters
    ----------
    leaves : sequence of ndarray, shape (S, ...)
        The weights, which others change in place.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> kept = Kept([w])
    >>> kept.given([np.array([np.nan, 4.0])])
    [array([nan,  4.])]
    >>> w[:] = np.inf
    >>> kept.restore()
    >>> w, kept.moving
    (array([1., 2.]), array([False, False]))
    """

    def __init__(self, leaves: Sequence[Floats]) -> None:
        self.leaves = leaves
        self.moving: Marks = np.ones(len(leaves[0]), bool)
        self._saved = [leaf.copy() for leaf in leaves]

    def given(self, gradients: Sequence[Array]) -> list[Floats]:
        """Return the gradients of a step as arrays of their own, and look which replicas still move."""
        self._look(self.leaves)
        for saved, leaf in zip(self._saved, self.leaves, strict=True):
            np.copyto(saved, leaf, where=_wide(self.moving, leaf))
        self._look(gradients)
        return [np.array(g, np.float64) for g in gradients]

    def restore(self) -> None:
        """Give replicas that do not move, or have become infinite in this step, their last finite weights."""
        self._look(self.leaves)
        if not self.moving.all():
            for saved, leaf in zip(self._saved, self.leaves, strict=True):
                np.copyto(leaf, saved, where=_wide(~self.moving, leaf))

    def _look(self, arrays: Sequence[Array]) -> None:
        for x in arrays:
            self.moving &= np.isfinite(x).reshape(len(x), -1).all(axis=1)


def _wide(marks: Marks, like: Array) -> Marks:
    return marks.reshape(-1, *(1,) * (like.ndim - 1))
