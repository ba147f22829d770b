"""Surfaces to descend: frozen values with gradients, starts, and all that is known about their critical points."""

from optimlab.problems.surfaces.classic import Beale, Himmelblau, MonkeySaddle, Rastrigin, Rosenbrock
from optimlab.problems.surfaces.cliff import Cliff
from optimlab.problems.surfaces.critical import critical_point, hessian
from optimlab.problems.surfaces.noise import GaussianNoise, Noise, Noisy, StudentNoise
from optimlab.problems.surfaces.noisy_quadratic import NoisyQuadratic, noisy_quadratic
from optimlab.problems.surfaces.quadratic import Quadratic, bowl, ravine, saddle
from optimlab.problems.surfaces.rounding import Rounded
from optimlab.problems.surfaces.saddle_chain import SaddleChain
from optimlab.problems.surfaces.surface import CriticalPoint, Surface

__all__ = [
    "Beale",
    "Cliff",
    "CriticalPoint",
    "GaussianNoise",
    "Himmelblau",
    "MonkeySaddle",
    "Noise",
    "Noisy",
    "NoisyQuadratic",
    "Quadratic",
    "Rastrigin",
    "Rosenbrock",
    "Rounded",
    "SaddleChain",
    "StudentNoise",
    "Surface",
    "bowl",
    "critical_point",
    "hessian",
    "noisy_quadratic",
    "ravine",
    "saddle",
]
