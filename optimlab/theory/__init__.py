"""Closed forms that the studies stand beside."""

from optimlab.theory.best_steps import InverseTime, best_decay, best_decay_variance, critical_batch_size
from optimlab.theory.ema import start_mean, start_variance
from optimlab.theory.linear_rules import LinearRule, Moments, stationary_covariance, transient
from optimlab.theory.noisy_quadratic import (
    averaged_sgd_variance,
    heavy_ball_variance,
    lr_equal_to_average,
    nesterov_variance,
    sgd_variance,
)

__all__ = [
    "InverseTime",
    "LinearRule",
    "Moments",
    "averaged_sgd_variance",
    "best_decay",
    "best_decay_variance",
    "critical_batch_size",
    "heavy_ball_variance",
    "lr_equal_to_average",
    "nesterov_variance",
    "sgd_variance",
    "start_mean",
    "start_variance",
    "stationary_covariance",
    "transient",
]
