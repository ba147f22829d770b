"""Quadratics: the bowl, the ravine of any spectrum, and the saddle; and random Hessians (GOE)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.checks import FINITE, Range, generator, number, numbers, whole
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface
from optimlab.typing import Array, Floats, Rng

__all__ = ["Quadratic", "bowl", "goe_hessians", "ravine", "saddle", "spectrum"]


@dataclass(frozen=True)
class Quadratic(Surface):
    """f(w) = ½ Σ hᵢ wᵢ²: every quadratic, in the coordinates of its axes; curvatures h, at least one, of any sign.

    Examples
    --------
    >>> f = Quadratic((1.0, 100.0))
    >>> f.value([1.0, 1.0]), f.gradient([1.0, 1.0])
    (np.float64(50.5), array([  1., 100.]))
    """

    curvatures: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "curvatures", spectrum("curvatures", self.curvatures, FINITE))

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.curvatures)

    @property
    def starts(self) -> Floats:
        """(1, 1, ..., 1), which has a part of every mode."""
        return np.ones((1, self.dimension))

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The origin."""
        return (CriticalPoint((0.0,) * self.dimension, 0.0, tuple(sorted(self.curvatures))),)

    def _value(self, w: Array) -> Any:
        return (self._spectrum(w) * w * w).sum(axis=-1) / 2

    def _gradient(self, w: Array) -> Array:
        return self._spectrum(w) * w

    def _spectrum(self, w: Array) -> Array:
        return np.array(self.curvatures, dtype=w.dtype)


def spectrum(name: str, given: Any, allowed: Range) -> tuple[float, ...]:
    """Return a sequence of at least one number as floats."""
    array = numbers(name, given, allowed)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a sequence of at least one number; got {given!r}")
    return tuple(array.tolist())


def bowl(dimension: int = 2) -> Quadratic:
    """f(w) = Σ wᵢ²: equally steep in every direction.

    Examples
    --------
    >>> bowl().value([3.0, 4.0])
    np.float64(25.0)
    """
    return Quadratic((2.0,) * whole("dimension", dimension, 1))


def ravine(condition: float, dimension: int = 2) -> Quadratic:
    """f(w) = ½ Σ hᵢ wᵢ² with h from 1 to κ, equally spaced in the logarithm: an ill-conditioned quadratic.

    The condition κ is at least 1, the dimension at least 2. A spectrum of your own is ``Quadratic(curvatures)``.

    Examples
    --------
    >>> ravine(100.0, 3).curvatures
    (1.0, 10.0, 100.0)
    """
    kappa = number("condition", condition, Range("at least 1 and finite"))
    return Quadratic(tuple(np.geomspace(1.0, kappa, whole("dimension", dimension, 2)).tolist()))


def saddle() -> Quadratic:
    """f(x, y) = x² - y²: up in one direction, down in the other, with curvatures 2 and -2.

    Examples
    --------
    >>> saddle().saddles
    (CriticalPoint(at=(0.0, 0.0), value=0.0, curvatures=(-2.0, 2.0)),)
    """
    return Quadratic((2.0, -2.0))


def goe_hessians(rng: Rng, draws: int, *, n: int, shift: float = 0.0) -> Floats:
    """H = (G + Gᵀ)/√(2n) + s I, G of independent N(0, 1): Hessians whose eigenvalues fill [s-2, s+2] for large n.

    Their elements have variance 1/n off the diagonal and 2/n on it; s, the shift, is added to every eigenvalue. They
    have shape (draws, n, n).

    Source
    ------
    Mehta, Random Matrices, 2004, chapter 2, the Gaussian orthogonal ensemble.

    Examples
    --------
    >>> spectra = np.linalg.eigvalsh(goe_hessians(np.random.default_rng(0), 5, n=200, shift=1.0))
    >>> spectra.shape, round(float(spectra.min()), 1), round(float(spectra.max()), 1)
    ((5, 200), -1.0, 3.0)
    """
    shape = (whole("draws", draws, 1), whole("n", n, 1), n)
    g = generator(rng).standard_normal(shape)
    hessians: Floats = (g + g.transpose(0, 2, 1)) / math.sqrt(2.0 * n)
    hessians[:, np.arange(n), np.arange(n)] += number("shift", shift)
    return hessians
