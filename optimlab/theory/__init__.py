"""Closed forms that the studies stand beside."""

from optimlab.theory.clipping import (
    ClippedMoments,
    clipped_exponential,
    clipped_normal,
    clipped_normal_cosine,
    clipped_student,
)
from optimlab.theory.ema import start_mean, start_variance
from optimlab.theory.random_matrices import (
    minimum_log_probability,
    minimum_log_probability_large,
    minimum_log_probability_signs,
    semicircle_density,
    semicircle_index,
)
from optimlab.theory.shifted_spectra import goe_density, goe_index, goe_minimum_probability

__all__ = [
    "ClippedMoments",
    "clipped_exponential",
    "clipped_normal",
    "clipped_normal_cosine",
    "clipped_student",
    "goe_density",
    "goe_index",
    "goe_minimum_probability",
    "minimum_log_probability",
    "minimum_log_probability_large",
    "minimum_log_probability_signs",
    "semicircle_density",
    "semicircle_index",
    "start_mean",
    "start_variance",
]
