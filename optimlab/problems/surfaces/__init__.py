"""Surfaces to descend: frozen values with gradients, starts, and all that is known about their critical points."""

from optimlab.problems.surfaces.monkey import MonkeySaddle
from optimlab.problems.surfaces.noise import GaussianNoise, Noise, Noisy, StudentNoise
from optimlab.problems.surfaces.quadratic import Quadratic, bowl, ravine, saddle
from optimlab.problems.surfaces.saddle_chain import SaddleChain
from optimlab.problems.surfaces.surface import CriticalPoint, Surface

__all__ = [
    "CriticalPoint",
    "GaussianNoise",
    "MonkeySaddle",
    "Noise",
    "Noisy",
    "Quadratic",
    "SaddleChain",
    "StudentNoise",
    "Surface",
    "bowl",
    "ravine",
    "saddle",
]
