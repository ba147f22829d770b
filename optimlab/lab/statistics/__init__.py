"""Statistics of runs: what a table of losses says, how sure it is, and how it looks.

Intervals by bootstrap, stratified (``bootstrap``); differences paired by seed, and the correction for many of them
(``paired``); performance profiles and rankings (``profiles``); time to a target where some runs never arrive
(``times``); how exactly a learning rate must be known (``sensitivity``); axes for each (``drawing``); and the referee,
who says whether a difference between two contestants may be noise (``chance``, ``referee``).

What all of them share is said here, once for all docstrings.

Parameters
----------
frame : DataFrame
    A tidy table, a row for each run: problem, rule, lr, seed, and measurements such as final, best, hit, settled, of
    which the smaller is the better. One that is NaN or inf is the worst of all: a run that diverged, or never arrived.
value : str
    The column that is measured.
confidence : float
    Probability that an interval covers the true value, in (0, 1).
rng : Generator, seed or None
    What resampling draws from.

Raises
------
ValueError
    If the frame lacks a column, there are too few runs, or a number is out of its range.
TypeError
    If an argument is of the wrong kind.

Examples
--------
>>> interquartile_mean([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 800.0])
4.5
"""

from optimlab.lab.statistics.bootstrap import bootstrap_interval, interquartile_mean, summary
from optimlab.lab.statistics.drawing import draw_ecdf, draw_profile, draw_sensitivity
from optimlab.lab.statistics.paired import holm, paired_difference, paired_differences
from optimlab.lab.statistics.profiles import performance_profile, ranking
from optimlab.lab.statistics.sensitivity import good_range
from optimlab.lab.statistics.times import dkw_band, kaplan_meier

__all__ = [
    "bootstrap_interval", "dkw_band", "draw_ecdf", "draw_profile", "draw_sensitivity", "good_range", "holm",
    "interquartile_mean", "kaplan_meier", "paired_difference", "paired_differences", "performance_profile", "ranking",
    "summary",
]  # fmt: skip
