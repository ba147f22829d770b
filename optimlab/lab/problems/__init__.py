"""Things to smooth and to optimise: noisy curves of known truth, real data, surfaces, the spiral, digits, XOR.

Said once for all of them: w is one point, shape (n,), or one for each replica, (..., n), of float32 or float64, which
stays. ``rng`` is a numpy.random.Generator, a seed or None. An argument of the wrong kind is a TypeError, one outside
its range a ValueError; a run that diverges is inf or NaN, without a warning.
"""

from optimlab.lab.problems.curves import Curve, ar1_noise, bursts, classic_curve, parabola, ramp, sinusoid, step
from optimlab.lab.problems.datasets import (
    data_folder,
    load_co2,
    load_digits,
    load_elnino,
    load_nile,
    load_seattle_weather,
    load_sunspots,
)
from optimlab.lab.problems.digits import Holdout, digits, holdout, load_mnist5k
from optimlab.lab.problems.expressions import Scalar, blocks_cost, chain_cost, xor_cost
from optimlab.lab.problems.online import AlternatingLosses
from optimlab.lab.problems.spiral import PublishedSpiral, Samples, published_spiral, spiral, xor
from optimlab.lab.problems.surfaces.classic import Beale, Cliff, Himmelblau, MonkeySaddle, Rastrigin, Rosenbrock
from optimlab.lab.problems.surfaces.noise import (
    GaussianNoise,
    Noise,
    Noisy,
    NoisyQuadratic,
    Rounded,
    StudentNoise,
    TwelveUniforms,
    noisy_quadratic,
)
from optimlab.lab.problems.surfaces.quadratic import Quadratic, bowl, goe_hessians, ravine, saddle
from optimlab.lab.problems.surfaces.saddle_chain import SaddleChain
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface, critical_point, hessian

__all__ = [
    "AlternatingLosses", "Beale", "Cliff", "CriticalPoint", "Curve", "GaussianNoise", "Himmelblau", "Holdout",
    "MonkeySaddle", "Noise", "Noisy", "NoisyQuadratic", "PublishedSpiral", "Quadratic", "Rastrigin", "Rosenbrock",
    "Rounded", "SaddleChain", "Samples", "Scalar", "StudentNoise", "Surface", "TwelveUniforms", "ar1_noise",
    "blocks_cost", "bowl", "bursts", "chain_cost", "classic_curve", "critical_point", "data_folder", "digits",
    "goe_hessians", "hessian", "holdout", "load_co2", "load_digits", "load_elnino", "load_mnist5k", "load_nile",
    "load_seattle_weather", "load_sunspots", "noisy_quadratic", "parabola", "published_spiral", "ramp", "ravine",
    "saddle", "sinusoid", "spiral", "step", "xor", "xor_cost",
]  # fmt: skip
