"""Noise of gradients: what a mini-batch adds to the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import NOT_NEGATIVE, Range, generator, number, numbers, per_replica
from optimlab.lab.problems.surfaces.surface import Surface
from optimlab.typing import Array, Floats, Rng

__all__ = ["GaussianNoise", "Noise", "Noisy", "StudentNoise"]


class Noise(Protocol):
    """A distribution of noise with mean 0.

    Examples
    --------
    >>> GaussianNoise(0.1).draw(np.random.default_rng(0), (3, 2)).shape
    (3, 2)
    """

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""


@dataclass(frozen=True)
class GaussianNoise:
    """e ~ N(0, sd²), independent in every coordinate.

    Parameters
    ----------
    sd : float, at least 0, or sequence of float, one for each coordinate
        Standard deviation.

    Examples
    --------
    >>> GaussianNoise((0.0, 2.0)).draw(np.random.default_rng(0), (1000, 2)).std(axis=0).round(1)
    array([0., 2.])
    """

    sd: float | tuple[float, ...]

    def __post_init__(self) -> None:
        sd = numbers("sd", self.sd, NOT_NEGATIVE)
        if sd.ndim > 1 or not sd.size:
            raise ValueError(f"sd must be a number, or one for each coordinate; got {self.sd!r}")
        object.__setattr__(self, "sd", per_replica("sd", sd, NOT_NEGATIVE))

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""
        return np.asarray(self.sd) * generator(rng).standard_normal(shape)


@dataclass(frozen=True)
class StudentNoise:
    """e = scale · t(df): heavy tails; the variance is infinite for df ≤ 2.

    Parameters
    ----------
    scale : float, at least 0
        Scale, not the standard deviation.
    df : float, greater than 1
        Degrees of freedom; above 1, so that the mean exists.

    Examples
    --------
    >>> StudentNoise(1.0, df=1.5).draw(np.random.default_rng(0), (3,)).shape
    (3,)
    """

    scale: float
    df: float

    def __post_init__(self) -> None:
        number("scale", self.scale, NOT_NEGATIVE)
        number("df", self.df, Range("greater than 1 and finite, for the mean to exist"))

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""
        return self.scale * generator(rng).standard_t(self.df, shape)


@dataclass(frozen=True, eq=False)
class Noisy:
    """∇f(w) + e: a surface whose gradient is seen through noise, fresh at each call and for each replica.

    Parameters
    ----------
    surface : Surface
        The truth; ``value`` is its value, without noise.
    noise : Noise
        Distribution of e.
    rng : numpy.random.Generator, seed or None
        Where e comes from; a call of ``gradient`` moves it on.

    Examples
    --------
    >>> from optimlab.lab.problems import bowl
    >>> problem = Noisy(bowl(), GaussianNoise(0.1), np.random.default_rng(0))
    >>> problem.gradient(np.zeros((1000, 2))).std(axis=0).round(1)
    array([0.1, 0.1])
    """

    surface: Surface
    noise: Noise
    rng: Rng

    def __post_init__(self) -> None:
        object.__setattr__(self, "rng", generator(self.rng))

    @property
    def start(self) -> Floats:
        """The surface's first starting point."""
        return self.surface.start

    def value(self, w: ArrayLike) -> Any:
        """Return f, without noise."""
        return self.surface.value(w)

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f + e."""
        gradient = self.surface.gradient(w)
        gradient += self.noise.draw(self.rng, gradient.shape).astype(gradient.dtype, copy=False)
        return gradient
