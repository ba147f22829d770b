"""Closed forms that the studies stand beside."""

from optimlab.theory.ema import start_mean, start_variance
from optimlab.theory.variance import (
    backward_factors,
    forward_moments,
    outside_probability,
    preactivation_sd,
    second_moment,
    slope_moment,
    truncated_variance,
)

__all__ = [
    "backward_factors",
    "forward_moments",
    "outside_probability",
    "preactivation_sd",
    "second_moment",
    "slope_moment",
    "start_mean",
    "start_variance",
    "truncated_variance",
]
