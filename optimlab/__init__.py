"""optimlab: the exponentially weighted moving average and everything that is built on it.

The parts are packages: ``optimlab.ema`` averages series, ``optimlab.problems`` has curves and real data to average,
``optimlab.theory`` the closed forms, and ``optimlab.lab`` what a study needs.

Examples
--------
>>> from optimlab.ema import ema
>>> ema([1.0, 2.0, 3.0], 0.9).round(6)
array([1.      , 1.526316, 2.070111])
"""

from optimlab import ema

__all__ = ["ema"]
