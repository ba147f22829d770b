"""Averages of weights: more than an Ema, and any other average from snapshots of two."""
