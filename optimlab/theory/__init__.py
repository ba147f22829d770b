"""Closed forms that the studies stand beside."""

from optimlab.theory.counterexample import (
    adam_drift,
    adam_regret,
    amsgrad_distance,
    amsgrad_drift,
    amsgrad_regret,
    crossing_steps,
    period_squares,
    worst_regret,
)
from optimlab.theory.ema import start_mean, start_variance
from optimlab.theory.saddle_chain import chain_bound, chain_factor, chain_mean
from optimlab.theory.saddles import (
    Growth,
    descent_escape,
    ema_momentum_escape,
    heavy_ball_escape,
    heavy_ball_growth,
    monkey_escape,
    monkey_flow_time,
    nesterov_escape,
    nesterov_growth,
    noise_escape_mean,
    noise_escape_sd,
)

__all__ = [
    "Growth",
    "adam_drift",
    "adam_regret",
    "amsgrad_distance",
    "amsgrad_drift",
    "amsgrad_regret",
    "chain_bound",
    "chain_factor",
    "chain_mean",
    "crossing_steps",
    "descent_escape",
    "ema_momentum_escape",
    "heavy_ball_escape",
    "heavy_ball_growth",
    "monkey_escape",
    "monkey_flow_time",
    "nesterov_escape",
    "nesterov_growth",
    "noise_escape_mean",
    "noise_escape_sd",
    "period_squares",
    "start_mean",
    "start_variance",
    "worst_regret",
]
