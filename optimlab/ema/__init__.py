"""Exponentially weighted moving averages of series."""
