"""Descents: the one loop over a problem and an optimizer, what it records, and a check of gradients."""

from optimlab.descent.check import check_gradient
from optimlab.descent.loop import Every, Problem, descend
from optimlab.descent.passage import FirstPassage
from optimlab.descent.stop import Below, Moment, Seconds, Stalled
from optimlab.descent.trace import Trace

__all__ = [
    "Below", "Every", "FirstPassage", "Moment", "Problem", "Seconds", "Stalled", "Trace", "check_gradient", "descend",
]  # fmt: skip
