"""Stability of one mode: up to which lr h each form of momentum is stable, and where lr does not matter.

h is the curvature of the mode; the learning rate of a quadratic is limited by its largest one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.theory.domain import decays

__all__ = ["ema_momentum_limit", "heavy_ball_limit", "heavy_ball_plateau", "nesterov_limit"]


def heavy_ball_limit(beta: ArrayLike) -> Any:
    """2 (1+β): the heavy ball is stable for 0 < lr h < this; β = 0 is gradient descent.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Polyak 1964, theorem 9: where a root reaches -1.

    Examples
    --------
    >>> heavy_ball_limit([0.0, 0.9])
    array([2. , 3.8])
    """
    return (2.0 * (1.0 + decays("beta", beta)))[()]


def ema_momentum_limit(beta: ArrayLike) -> Any:
    """2 (1+β)/(1-β): momentum as the gradient's EMA is stable for 0 < lr h < this.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    ``heavy_ball_limit`` at lr (1-β); Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability", where
    38 is the limit of Adam's preconditioned sharpness.

    Examples
    --------
    >>> ema_momentum_limit(0.9).round(9)
    np.float64(38.0)
    """
    return (heavy_ball_limit(beta) / (1.0 - decays("beta", beta)))[()]


def nesterov_limit(beta: ArrayLike) -> Any:
    """2 (1+β)/(1+2β): Nesterov's momentum is stable for 0 < lr h < this, less than gradient descent.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Where a root of ``nesterov_mode`` reaches -1; Cohen et al. 2021, "Gradient Descent on Neural Networks Typically
    Occurs at the Edge of Stability", appendix.

    Examples
    --------
    >>> nesterov_limit([0.0, 0.9]).round(4)
    array([2.    , 1.3571])
    """
    return (heavy_ball_limit(beta) / (1.0 + 2.0 * decays("beta", beta)))[()]


def heavy_ball_plateau(beta: ArrayLike) -> tuple[Any, Any]:
    """(1-√β)² ≤ lr h ≤ (1+√β)²: where the heavy ball's rate is √β, and lr does not matter.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    low, high : float or ndarray
        Both ends, in learning rate times curvature; for the gradient's EMA divide them by 1-β.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Goh 2017, "Why Momentum Really Works", Distill.

    Examples
    --------
    >>> heavy_ball_plateau(0.25)
    (np.float64(0.25), np.float64(2.25))
    """
    root = np.sqrt(decays("beta", beta))
    return ((1.0 - root) ** 2)[()], ((1.0 + root) ** 2)[()]
