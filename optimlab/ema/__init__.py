"""Exponentially weighted moving averages of series."""

from optimlab.ema.decay import Decay, bias_correction
from optimlab.ema.series import ema, ema_corr, ema_cov, ema_std, ema_var

__all__ = ["Decay", "bias_correction", "ema", "ema_corr", "ema_cov", "ema_std", "ema_var"]
