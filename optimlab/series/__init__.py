"""The EMA of series: ema and its relatives, streams, files, the decay that fits."""
