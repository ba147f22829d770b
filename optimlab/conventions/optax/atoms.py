"""Atoms that only optax has: the cube root of MADGRAD, and what depends on the shape of a leaf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimlab.rules.algebra import ArrayRule, Arrays, Rule
from optimlab.rules.whole import Mean, Norm
from optimlab.typing import Array

__all__ = ["CubeRoot", "FactoredMean", "UnitNorm"]


@dataclass(frozen=True, repr=False)
class CubeRoot(Rule):
    """y = ∛x.

    Examples
    --------
    >>> float(CubeRoot().formula(8.0, 0.0, (), ())[0])
    2.0
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return np.cbrt(x), state


@dataclass(frozen=True, repr=False)
class FactoredMean(ArrayRule):
    """y = the mean over the largest axis of the leaf (axis 0) or the second (1), if that has ``least``; else x.

    Examples
    --------
    >>> FactoredMean(0, 2).of(np.ones((2, 3)), np.ones((2, 3)), ()), FactoredMean(0).of(np.ones(2), np.ones(2), ())
    (array([[1.],
           [1.]]), array([1., 1.]))
    """

    axis: int
    least: float = 128

    def _axes(self, leaf: tuple[int, ...]) -> tuple[int, ...]:
        second, largest = [*([-1, -1] if len(leaf) < 2 else []), *np.argsort(leaf).tolist()][-2:]
        return ((largest, second)[self.axis],) if len(leaf) > 1 and leaf[second] >= self.least else ()

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([1 if i in self._axes(leaf) else n for i, n in enumerate(shape)])

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        axes = self._axes(w.shape)
        return Mean(axes).of(x, w, c) if axes else x


@dataclass(frozen=True, repr=False)
class UnitNorm(ArrayRule):
    """y = √Σx² over what optax calls a unit: a vector; the columns of a matrix; the last axis of a kernel of 4 or 5.

    Examples
    --------
    >>> UnitNorm().of(np.array([[3.0, 0.0], [4.0, 2.0]]), None, ())
    array([[5., 2.]])
    """

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        axes = self._axes(shape)
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])

    @staticmethod
    def _axes(shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) > 5:
            raise ValueError(f"units are of arrays with up to 5 axes; got shape {shape}; give axis=")
        single = sum(n != 1 for n in shape) <= 1
        return tuple(range(len(shape) if single else 1 if len(shape) < 4 else len(shape) - 1))

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        norm: Array = Norm(self._axes(x.shape)).of(x, w, c)
        return norm
