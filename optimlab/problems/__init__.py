"""Things to smooth and to optimise: noisy curves of known truth, and small real data sets."""

from optimlab.problems.curves import Curve, ar1_noise, bursts, classic_curve, parabola, ramp, sinusoid, step
from optimlab.problems.datasets import (
    data_folder,
    load_co2,
    load_digits,
    load_elnino,
    load_nile,
    load_seattle_weather,
    load_sunspots,
)
from optimlab.problems.expressions import Scalar, blocks_cost, chain_cost, xor_cost
from optimlab.problems.surfaces import (
    CriticalPoint,
    GaussianNoise,
    Noise,
    Noisy,
    Quadratic,
    StudentNoise,
    Surface,
    bowl,
    ravine,
    saddle,
)
from optimlab.problems.tables import read_series
from optimlab.problems.xor import TwoTwoOne, legacy_normals, xor

__all__ = [
    "CriticalPoint",
    "Curve",
    "GaussianNoise",
    "Noise",
    "Noisy",
    "Quadratic",
    "Scalar",
    "StudentNoise",
    "Surface",
    "TwoTwoOne",
    "ar1_noise",
    "blocks_cost",
    "bowl",
    "bursts",
    "chain_cost",
    "classic_curve",
    "data_folder",
    "legacy_normals",
    "load_co2",
    "load_digits",
    "load_elnino",
    "load_nile",
    "load_seattle_weather",
    "load_sunspots",
    "parabola",
    "ramp",
    "ravine",
    "read_series",
    "saddle",
    "sinusoid",
    "step",
    "xor",
    "xor_cost",
]
