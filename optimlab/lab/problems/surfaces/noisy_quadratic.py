"""The noisy quadratic model of training with mini-batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, number, whole
from optimlab.lab.problems.surfaces.noise import GaussianNoise, Noisy
from optimlab.lab.problems.surfaces.quadratic import Quadratic, spectrum
from optimlab.typing import Rng

__all__ = ["NoisyQuadratic", "noisy_quadratic"]


@dataclass(frozen=True)
class NoisyQuadratic:
    """f(w) = ½ Σ hᵢ wᵢ², seen through gradients h w + e with e ~ N(0, cᵢ/B).

    Parameters
    ----------
    curvatures : sequence of float, greater than 0, at least one
        h.
    variances : sequence of float, at least 0, one for each curvature
        c, the variance of the gradient of one example.
    batch : float, greater than 0
        B, the number of examples in a gradient; a fraction is a noisier problem.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

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
        if len(self.variances) != len(self.curvatures):
            raise ValueError(
                f"variances must be as many as curvatures, {len(self.curvatures)}; got {len(self.variances)}"
            )
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
        """Return what an optimizer descends: f with noise in its gradients, for any number of replicas.

        Parameters
        ----------
        rng : numpy.random.Generator, seed or None
            Where e comes from.
        """
        return Noisy(self.surface, self.noise, rng)


def noisy_quadratic(dimension: int = 100, *, batch: float = 1.0) -> NoisyQuadratic:
    """hᵢ = cᵢ = 1/i, i = 1 ... n: the paper's choice, noise along the curvature and a long tail of flat directions.

    Parameters
    ----------
    dimension : int, at least 1
        n. The paper takes 10⁴.
    batch : float, greater than 0
        B.

    Source
    ------
    Zhang et al. 2019.

    Examples
    --------
    >>> noisy_quadratic(4).curvatures
    (1.0, 0.5, 0.3333333333333333, 0.25)
    """
    spectrum = tuple((1.0 / np.arange(1, whole("dimension", dimension, 1) + 1)).tolist())
    return NoisyQuadratic(spectrum, spectrum, batch)
