"""Things to smooth and to optimise: noisy curves of known truth, and small real data sets."""

from optimlab.problems.chains import ACTIVATIONS, Activation, LayerChain, PathChain, UnitChain
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

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "CriticalPoint",
    "Curve",
    "GaussianNoise",
    "LayerChain",
    "Noise",
    "Noisy",
    "PathChain",
    "Quadratic",
    "StudentNoise",
    "Surface",
    "UnitChain",
    "ar1_noise",
    "bowl",
    "bursts",
    "classic_curve",
    "data_folder",
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
]
