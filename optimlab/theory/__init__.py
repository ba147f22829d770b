"""Closed forms that the studies stand beside."""

from optimlab.theory.ema import start_mean, start_variance

__all__ = ["start_mean", "start_variance"]
