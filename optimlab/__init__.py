"""optimlab: the exponentially weighted moving average and everything that is built on it."""

__all__: list[str] = []
