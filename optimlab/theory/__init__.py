"""Closed forms that the studies stand beside."""

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

__all__ = [
    "Mode",
    "Tuning",
    "acceleration",
    "bare_steps",
    "ema_momentum_limit",
    "ema_momentum_mode",
    "gradient_descent_mode",
    "gradient_descent_optimum",
    "heavy_ball_error",
    "heavy_ball_limit",
    "heavy_ball_mode",
    "heavy_ball_optimum",
    "heavy_ball_plateau",
    "heavy_ball_transient",
    "impulse_response",
    "nesterov_limit",
    "nesterov_mode",
    "nesterov_optimum",
    "nesterov_textbook",
    "phase_delay",
    "start_lag",
    "start_mean",
    "start_variance",
]
