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
from optimlab.problems.tables import read_series

__all__ = [
    "Curve",
    "ar1_noise",
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
    "read_series",
    "sinusoid",
    "step",
]
