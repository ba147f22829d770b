"""Gradients that are not the truth: noise, as of a mini-batch, rounding, and the noisy quadratic model of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Range, generator, number, numbers, per_replica, whole
from optimlab.lab.problems.surfaces.quadratic import Quadratic, spectrum
from optimlab.lab.problems.surfaces.surface import Surface
from optimlab.typing import Array, Floats, Rng

__all__ = [
    "GaussianNoise", "Noise", "Noisy", "NoisyQuadratic", "Rounded", "StudentNoise", "TwelveUniforms", "noisy_quadratic",
]  # fmt: skip


class Noise(Protocol):
    """A distribution of noise with mean 0.

    Examples
    --------
    >>> GaussianNoise(0.1).draw(np.random.default_rng(0), (3, 2)).shape
    (3, 2)
    """

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""


class _Scaled:
    """Noise of standard deviation sd, at least 0: a number, or one for each coordinate."""

    sd: float | tuple[float, ...]

    def __post_init__(self) -> None:
        sd = numbers("sd", self.sd, NOT_NEGATIVE)
        if sd.ndim > 1 or not sd.size:
            raise ValueError(f"sd must be a number, or one for each coordinate; got {self.sd!r}")
        object.__setattr__(self, "sd", per_replica("sd", sd, NOT_NEGATIVE))


@dataclass(frozen=True)
class GaussianNoise(_Scaled):
    """e ~ N(0, sd²), independent in every coordinate, sd at least 0: a number, or one for each coordinate.

    Examples
    --------
    >>> GaussianNoise((0.0, 2.0)).draw(np.random.default_rng(0), (1000, 2)).std(axis=0).round(1)
    array([0., 2.])
    """

    sd: float | tuple[float, ...]

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""
        return np.asarray(self.sd) * generator(rng).standard_normal(shape)


@dataclass(frozen=True)
class TwelveUniforms(_Scaled):
    """e = sd (u₁ + ... + u₁₂ - 6), uₗ ~ U(0, 1): nearly normal, variance sd², within 6 sd, the same bits everywhere.

    NumPy's normal numbers need a logarithm and an exponential; these are bits of its generator and sums.

    Examples
    --------
    >>> TwelveUniforms((0.0, 2.0)).draw(np.random.default_rng(0), (1000, 2)).std(axis=0).round(1)
    array([0., 2.])
    """

    sd: float | tuple[float, ...]

    def draw(self, rng: Rng, shape: tuple[int, ...]) -> Floats:
        """Return noise of this shape."""
        terms = np.moveaxis(generator(rng).random((*shape, 12)), -1, 0)
        return np.asarray(self.sd) * (sum(terms) - 6.0)  # np.sum adds in another order


@dataclass(frozen=True)
class StudentNoise:
    """e = scale · t(df): heavy tails; the variance is infinite for df ≤ 2, and df > 1, so that the mean exists.

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


class _Seen:
    """A surface whose value is the truth, while its gradient is not."""

    surface: Surface
    rng: Rng

    def __post_init__(self) -> None:
        object.__setattr__(self, "rng", generator(self.rng))

    @property
    def start(self) -> Floats:
        """The surface's first starting point."""
        return self.surface.start

    def value(self, w: ArrayLike) -> Any:
        """Return f, as it is."""
        return self.surface.value(w)


@dataclass(frozen=True, eq=False)
class Noisy(_Seen):
    """∇f(w) + e: a surface whose gradient is seen through noise, fresh at each call and for each replica.

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

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f + e."""
        gradient = self.surface.gradient(w)
        gradient += self.noise.draw(self.rng, gradient.shape).astype(gradient.dtype, copy=False)
        return gradient


@dataclass(frozen=True, eq=False)
class Rounded(_Seen):
    """∇f(w + δ w), δ ~ U(-u, u) for each number and call: a gradient whose rounding errors are drawn anew.

    With u = 2⁻⁵², one unit in the last place of a float64, this is as far off as another order of operations, another
    compiler or another processor may be. What differs between replicas then is owed to rounding alone. The ``unit`` u
    may be an array that broadcasts to the points; 0 is plain arithmetic.

    Examples
    --------
    >>> from optimlab.lab.problems import Rosenbrock
    >>> f = Rounded(Rosenbrock(), np.random.default_rng(0))
    >>> off = f.gradient(f.start) / Rosenbrock().gradient(f.start) - 1
    >>> bool(0 < abs(off).max() < 1e-14)
    True
    """

    surface: Surface
    rng: Rng
    unit: Any = 2.0**-52

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers("unit", self.unit, NOT_NEGATIVE)

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f beside w."""
        points = np.asarray(w)
        # not w (1 + δ): 1 + δ is a multiple of 2⁻⁵³ below 1 but of 2⁻⁵² above, and the rounding would lean to one side
        beside = points + points * (self.unit * generator(self.rng).uniform(-1.0, 1.0, points.shape))
        return self.surface.gradient(beside.astype(points.dtype, copy=False))


@dataclass(frozen=True)
class NoisyQuadratic:
    """f(w) = ½ Σ hᵢ wᵢ², seen through gradients h w + e with e ~ N(0, cᵢ/B).

    The curvatures h are greater than 0; c, as many, at least 0, are the variances of the gradient of one example; the
    batch B is the number of examples in a gradient, and a fraction is a noisier problem.

    Source
    ------
    Zhang et al. 2019, "Which Algorithmic Choices Matter at Which Batch Sizes?"; Schaul, Zhang & LeCun 2013.

    Examples
    --------
    >>> model = NoisyQuadratic((1.0, 0.5), (1.0, 4.0), batch=4)
    >>> model.noise
    GaussianNoise(sd=(0.5, 1.0))
    >>> model.seen(np.random.default_rng(0)).gradient(np.zeros((1000, 2))).std(axis=0).round(1)
    array([0.5, 1. ])
    """

    curvatures: tuple[float, ...]
    variances: tuple[float, ...]
    batch: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "curvatures", spectrum("curvatures", self.curvatures, POSITIVE))
        object.__setattr__(self, "variances", spectrum("variances", self.variances, NOT_NEGATIVE))
        n = len(self.curvatures)
        if len(self.variances) != n:
            raise ValueError(f"variances must be as many as curvatures, {n}; got {len(self.variances)}")
        object.__setattr__(self, "batch", number("batch", self.batch, POSITIVE))

    @property
    def surface(self) -> Quadratic:
        """f, the truth."""
        return Quadratic(self.curvatures)

    @property
    def noise(self) -> GaussianNoise:
        """Distribution of e."""
        return GaussianNoise(tuple(np.sqrt(np.array(self.variances) / self.batch).tolist()))

    def seen(self, rng: Rng) -> Noisy:
        """Return what an optimizer descends: f with noise in its gradients, for any number of replicas."""
        return Noisy(self.surface, self.noise, rng)


def noisy_quadratic(dimension: int = 100, *, batch: float = 1.0) -> NoisyQuadratic:
    """hᵢ = cᵢ = 1/i, i = 1 ... n, in the paper to 10⁴: noise along the curvature and a long tail of flat directions.

    Examples
    --------
    >>> noisy_quadratic(4).curvatures
    (1.0, 0.5, 0.3333333333333333, 0.25)
    """
    inverse = tuple((1.0 / np.arange(1, whole("dimension", dimension, 1) + 1)).tolist())
    return NoisyQuadratic(inverse, inverse, batch)
