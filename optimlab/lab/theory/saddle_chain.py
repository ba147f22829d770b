"""A chain of saddles, which gradient descent needs exponentially many steps to leave.

While saddle k is left, coordinate k grows by 1 + 2 lr g a step and all later ones shrink by 1 - 2 lr L: the longer a
saddle lasts, the closer to the axis the next one begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import overflowing, positive

__all__ = ["chain_bound", "chain_factor", "chain_mean"]


@overflowing
def chain_factor(lr: ArrayLike, *, growth: ArrayLike, contraction: ArrayLike) -> Any:
    """1 + ρ, ρ = -ln(1 - 2 lr L)/ln(1 + 2 lr g): the factor by which the step of escape grows from saddle to saddle.

    Parameters
    ----------
    lr : array_like of float, greater than 0, below 1/(2L)
        Learning rate of gradient descent.
    growth : array_like of float, greater than 0
        g: the coordinate that leaves its saddle sees -g w².
    contraction : array_like of float, greater than 0
        L: the later ones see L w².

    Returns
    -------
    float or ndarray
        The factor; at least `chain_bound`, its limit for lr → 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Du, Jin, Lee, Jordan, Póczos & Singh 2017, "Gradient descent can take exponential time to escape saddle points",
    section 4: there the bound; with both logarithms it is exact.

    Examples
    --------
    >>> L = 1.0
    >>> chain_factor(1 / (8 * L), growth=[1.0, 0.5, 0.25], contraction=L).round(3)
    array([2.289, 3.442, 5.745])
    """
    shrink, grow = _rates(lr, growth, contraction)
    return 1.0 - shrink / grow


@overflowing
def chain_bound(growth: ArrayLike, contraction: ArrayLike) -> Any:
    """(L + g)/g: the least factor from saddle to saddle, whatever the learning rate.

    Parameters
    ----------
    growth, contraction : array_like of float, greater than 0
        g and L, as for `chain_factor`.

    Returns
    -------
    float or ndarray
        The bound.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Du et al. 2017, section 4; from -ln(1-x) ≥ x ≥ ln(1+x).

    Examples
    --------
    >>> chain_bound([1.0, 0.5, 0.25], 1.0)
    array([2., 3., 5.])
    """
    g, L = positive("growth", growth), positive("contraction", contraction)
    return (L + g) / g


@overflowing
def chain_mean(saddle: ArrayLike, lr: ArrayLike, *, growth: ArrayLike, contraction: ArrayLike) -> Any:
    """E[Tₖ] = (2/a + ½) [(1+ρ)ᵏ - 1]/ρ, a = ln(1 + 2 lr g): mean step at which gradient descent leaves saddle k.

    Parameters
    ----------
    saddle : array_like of int, at least 1
        k.
    lr, growth, contraction : array_like of float
        As for `chain_factor`.

    Returns
    -------
    float or ndarray
        The mean over starts that are uniform in [-1, 1] in every coordinate; a saddle is left at |w| = e.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Tₖ = (1+ρ) Tₖ₋₁ + (1 - ln|uₖ|)/a, rounded up, which adds ½ on average; -ln|u| has mean 1 for u uniform in [-1, 1].

    Examples
    --------
    >>> chain_mean([1, 2, 8], 0.125, growth=1.0, contraction=1.0).round(1)
    array([   9.5,   31.1, 5528.7])
    """
    k = numbers("saddle", saddle, Range("whole numbers of at least 1"))
    shrink, grow = _rates(lr, growth, contraction)
    rho = -shrink / grow
    return (2.0 / grow + 0.5) * np.expm1(k * np.log1p(rho)) / rho


def _rates(lr: ArrayLike, growth: ArrayLike, contraction: ArrayLike) -> tuple[Any, Any]:
    """Return ln(1 - 2 lr L) and ln(1 + 2 lr g)."""
    g, L = positive("growth", growth), positive("contraction", contraction)
    step = positive("lr", lr)
    if not (2.0 * step * L < 1.0).all():
        raise ValueError(f"lr must be below 1/(2 contraction), beyond which coordinates change their sign; got {lr!r}")
    return np.log1p(-2.0 * step * L), np.log1p(2.0 * step * g)
