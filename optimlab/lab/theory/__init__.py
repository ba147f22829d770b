"""Closed forms that the studies stand beside, each with its equation and source.

What an EMA does (``ema``). Quadratics without noise: one mode at any lr and β (``modes``), where it is stable
(``stability``), the best lr and β (``quadratics``), how far the heavy ball moves away at first (``transients``). With
noise: where rules end (``noisy_quadratic``), their moments at each step (``linear_rules``), the best decay and batch
(``best_steps``), clipped gradients (``clipping``). Saddles: time to leave one (``saddles``), by noise alone
(``noisy_saddles``), the degenerate one (``monkey_saddle``), a chain of them (``saddle_chain``: ``chain_...``). Whether
a critical point is a minimum (``random_matrices``, and ``shifted_spectra`` for finite sizes). Where Adam fails
(``counterexample``). Signals through layers of random weights (``variance``).
"""

from optimlab.lab.theory.best_steps import InverseTime, best_decay, best_decay_variance, critical_batch_size
from optimlab.lab.theory.clipping import (
    ClippedMoments,
    clipped_exponential,
    clipped_normal,
    clipped_normal_cosine,
    clipped_student,
)
from optimlab.lab.theory.counterexample import (
    adam_drift,
    adam_regret,
    amsgrad_distance,
    amsgrad_drift,
    amsgrad_regret,
    crossing_steps,
    period_squares,
    worst_regret,
)
from optimlab.lab.theory.ema import impulse_response, phase_delay, start_lag, start_mean, start_variance
from optimlab.lab.theory.forms import linear_rule
from optimlab.lab.theory.linear_rules import LinearRule, Moments, stationary_covariance, transient
from optimlab.lab.theory.modes import Mode, ema_momentum_mode, gradient_descent_mode, heavy_ball_mode, nesterov_mode
from optimlab.lab.theory.monkey_saddle import monkey_escape, monkey_flow_time
from optimlab.lab.theory.noisy_quadratic import (
    averaged_sgd_variance,
    heavy_ball_variance,
    lr_equal_to_average,
    nesterov_variance,
    sgd_variance,
)
from optimlab.lab.theory.noisy_saddles import noise_escape_mean, noise_escape_sd
from optimlab.lab.theory.quadratics import (
    Tuning,
    acceleration,
    bare_steps,
    gradient_descent_optimum,
    heavy_ball_optimum,
    nesterov_optimum,
    nesterov_textbook,
)
from optimlab.lab.theory.random_matrices import (
    minimum_log_probability,
    minimum_log_probability_large,
    minimum_log_probability_signs,
    semicircle_density,
    semicircle_index,
)
from optimlab.lab.theory.saddle_chain import chain_bound, chain_factor, chain_mean
from optimlab.lab.theory.saddles import (
    Growth,
    descent_escape,
    ema_momentum_escape,
    heavy_ball_escape,
    heavy_ball_growth,
    nesterov_escape,
    nesterov_growth,
)
from optimlab.lab.theory.shifted_spectra import goe_density, goe_index, goe_minimum_probability
from optimlab.lab.theory.stability import ema_momentum_limit, heavy_ball_limit, heavy_ball_plateau, nesterov_limit
from optimlab.lab.theory.transients import heavy_ball_error, heavy_ball_transient
from optimlab.lab.theory.variance import (
    activation_moment,
    backward_factors,
    forward_moments,
    outside_probability,
    preactivation_sd,
    slope_moment,
    truncated_variance,
)

__all__ = [
    "ClippedMoments",
    "Growth",
    "InverseTime",
    "LinearRule",
    "Mode",
    "Moments",
    "Tuning",
    "acceleration",
    "activation_moment",
    "adam_drift",
    "adam_regret",
    "amsgrad_distance",
    "amsgrad_drift",
    "amsgrad_regret",
    "averaged_sgd_variance",
    "backward_factors",
    "bare_steps",
    "best_decay",
    "best_decay_variance",
    "chain_bound",
    "chain_factor",
    "chain_mean",
    "clipped_exponential",
    "clipped_normal",
    "clipped_normal_cosine",
    "clipped_student",
    "critical_batch_size",
    "crossing_steps",
    "descent_escape",
    "ema_momentum_escape",
    "ema_momentum_limit",
    "ema_momentum_mode",
    "forward_moments",
    "goe_density",
    "goe_index",
    "goe_minimum_probability",
    "gradient_descent_mode",
    "gradient_descent_optimum",
    "heavy_ball_error",
    "heavy_ball_escape",
    "heavy_ball_growth",
    "heavy_ball_limit",
    "heavy_ball_mode",
    "heavy_ball_optimum",
    "heavy_ball_plateau",
    "heavy_ball_transient",
    "heavy_ball_variance",
    "impulse_response",
    "linear_rule",
    "lr_equal_to_average",
    "minimum_log_probability",
    "minimum_log_probability_large",
    "minimum_log_probability_signs",
    "monkey_escape",
    "monkey_flow_time",
    "nesterov_escape",
    "nesterov_growth",
    "nesterov_limit",
    "nesterov_mode",
    "nesterov_optimum",
    "nesterov_textbook",
    "nesterov_variance",
    "noise_escape_mean",
    "noise_escape_sd",
    "outside_probability",
    "period_squares",
    "phase_delay",
    "preactivation_sd",
    "semicircle_density",
    "semicircle_index",
    "sgd_variance",
    "slope_moment",
    "start_lag",
    "start_mean",
    "start_variance",
    "stationary_covariance",
    "transient",
    "truncated_variance",
    "worst_regret",
]
