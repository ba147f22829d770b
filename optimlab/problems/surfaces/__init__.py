"""Surfaces to descend: frozen values with gradients, starts, and all that is known about their critical points."""

from optimlab.problems.surfaces.noise import GaussianNoise, Noise, Noisy, StudentNoise
from optimlab.problems.surfaces.noisy_quadratic import NoisyQuadratic, noisy_quadratic
from optimlab.problems.surfaces.quadratic import Quadratic, bowl, ravine, saddle
from optimlab.problems.surfaces.surface import CriticalPoint, Surface

__all__ = [
    "CriticalPoint",
    "GaussianNoise",
    "Noise",
    "Noisy",
    "NoisyQuadratic",
    "Quadratic",
    "StudentNoise",
    "Surface",
    "bowl",
    "noisy_quadratic",
    "ravine",
    "saddle",
]
