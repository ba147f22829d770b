"""Surfaces to descend: frozen values with gradients, starts, and all that is known about their critical points."""

from optimlab.lab.problems.surfaces.classic import Beale, Himmelblau, MonkeySaddle, Rastrigin, Rosenbrock
from optimlab.lab.problems.surfaces.cliff import Cliff
from optimlab.lab.problems.surfaces.critical import critical_point, hessian
from optimlab.lab.problems.surfaces.noise import GaussianNoise, Noise, Noisy, StudentNoise
from optimlab.lab.problems.surfaces.noisy_quadratic import NoisyQuadratic, noisy_quadratic
from optimlab.lab.problems.surfaces.quadratic import Quadratic, bowl, ravine, saddle
from optimlab.lab.problems.surfaces.rounding import Rounded
from optimlab.lab.problems.surfaces.saddle_chain import SaddleChain
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface

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
