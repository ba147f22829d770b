"""Closed forms that the studies stand beside, each with its equation and source.

What an EMA does (``ema``). Quadratics without noise: one mode at any lr and β, and where it is stable (``modes``), the
best lr and β, and how far the heavy ball then moves away at first (``quadratics``). With noise: where rules end, the
best decay and batch (``noisy_quadratic``), moments at each step (``linear_rules``), any mean of iterates, and merging
against decaying (``averages``), clipped gradients (``clipping``). Saddles: time to leave one, a degenerate one, a chain
of them (``saddles``). Whether a critical point is a minimum (``random_matrices``). Where Adam fails
(``counterexample``). Signals through layers of random weights (``variance``).

What all of them share is said here, once for all docstrings; a module says what its own letters mean, and a docstring
gives the formula, its source, an example, and what is special about an argument.

Parameters
----------
lr : Positive
    Learning rate.
curvature : Positive
    h: of the mode, of each coordinate, at a saddle the size of the negative one; lr_h is lr times h, without unit.
mu, L : Positive
    Smallest and largest curvature; their ratio is the condition κ = L/μ.
beta : Decays
    β of the momentum's buffer, or of Adam's squares; gamma is γ of an average of iterates.
noise : NotNegative
    Variance of the gradient's noise, c / B: of one example over the batch size.
eps : Distances
    Distance of the start from its saddle, in units of the radius at which the saddle counts as left.
t, steps : Counts, Ordinals
    Updates done; those are whole numbers, of at least 0 and of at least 1.
limit : Positive
    c of the clipping to [-c, c].

Returns
-------
float or ndarray
    What the formula says, in float64. All arguments are numbers or array_like, they broadcast, and so does the result:
    a number for numbers. Where the range of float64 ends it is inf, without a warning.

Raises
------
ValueError, TypeError
    If an argument is out of the range that its annotation stands for, or no number: Finite, Positive (and finite),
    NotNegative (and finite), Decays in [0, 1), Distances in (0, 1], ... The message names argument and range.

Examples
--------
>>> sgd_variance([0.1, 0.5], 1.0).round(5)
array([0.05263, 0.33333])
>>> sgd_variance(0.1, -1.0)
Traceback (most recent call last):
ValueError: curvature must be greater than 0 and finite; got -1.0
"""

# ruff: noqa: F403  each module says in its __all__ what it exports, and so it is said once

from optimlab.lab.theory.averages import *
from optimlab.lab.theory.clipping import *
from optimlab.lab.theory.counterexample import *
from optimlab.lab.theory.ema import *
from optimlab.lab.theory.linear_rules import *
from optimlab.lab.theory.modes import *
from optimlab.lab.theory.noisy_quadratic import *
from optimlab.lab.theory.quadratics import *
from optimlab.lab.theory.random_matrices import *
from optimlab.lab.theory.saddles import *
from optimlab.lab.theory.variance import *

__all__ = sorted(name for name, it in vars().items() if getattr(it, "__module__", "").startswith(f"{__name__}."))
