"""Closed forms that the studies stand beside."""

from optimlab.theory.clipping import (
    ClippedMoments,
    clipped_exponential,
    clipped_normal,
    clipped_normal_cosine,
    clipped_student,
)
from optimlab.theory.ema import impulse_response, phase_delay, start_lag, start_mean, start_variance
from optimlab.theory.modes import Mode, ema_momentum_mode, gradient_descent_mode, heavy_ball_mode, nesterov_mode
from optimlab.theory.quadratics import (
    Tuning,
    acceleration,
    bare_steps,
    ema_momentum_limit,
    gradient_descent_optimum,
    heavy_ball_error,
    heavy_ball_limit,
    heavy_ball_optimum,
    heavy_ball_plateau,
    heavy_ball_transient,
    nesterov_limit,
    nesterov_optimum,
    nesterov_textbook,
)
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
    "Mode",
    "Tuning",
    "acceleration",
    "bare_steps",
    "clipped_exponential",
    "clipped_normal",
    "clipped_normal_cosine",
    "clipped_student",
    "ema_momentum_limit",
    "ema_momentum_mode",
    "goe_density",
    "goe_index",
    "goe_minimum_probability",
    "gradient_descent_mode",
    "gradient_descent_optimum",
    "heavy_ball_error",
    "heavy_ball_limit",
    "heavy_ball_mode",
    "heavy_ball_optimum",
    "heavy_ball_plateau",
    "heavy_ball_transient",
    "impulse_response",
    "minimum_log_probability",
    "minimum_log_probability_large",
    "minimum_log_probability_signs",
    "nesterov_limit",
    "nesterov_mode",
    "nesterov_optimum",
    "nesterov_textbook",
    "phase_delay",
    "semicircle_density",
    "semicircle_index",
    "start_lag",
    "start_mean",
    "start_variance",
]
