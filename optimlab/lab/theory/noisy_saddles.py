"""How long a saddle holds gradient descent that starts on it and is pushed off by noise alone.

The saddle counts as left at |y| = 1, along the direction that leads down, f = -½ h y².
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.theory.domain import overflowing, positive

__all__ = ["noise_escape_mean", "noise_escape_sd"]


@overflowing
def noise_escape_mean(sd: ArrayLike, lr: ArrayLike, *, curvature: ArrayLike) -> Any:
    """E[T] = [ln(1/q) + (γ + ln 2)/2] / ln λ, λ = 1 + lr h, q = lr sd/√(λ² - 1): steps from y = 0 to |y| = 1.

    Parameters
    ----------
    sd : array_like of float, greater than 0
        Standard deviation of the gradient's noise, white and Gaussian; small, so that q ≪ 1.
    lr : array_like of float, greater than 0
        Learning rate of gradient descent.
    curvature : array_like of float, greater than 0
        h, the size of the negative curvature.

    Returns
    -------
    float or ndarray
        The mean.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    yₜ → λᵗ q Z with Z ~ N(0, 1), and E ln|Z| = -(γ + ln 2)/2, γ Euler's constant.

    Examples
    --------
    >>> noise_escape_mean([0.1, 1e-3, 1e-6], 0.01, curvature=2.0).round(1)
    array([299.9, 532.4, 881.3])
    """
    growth = 1.0 + positive("lr", lr) * positive("curvature", curvature)
    q = positive("lr", lr) * positive("sd", sd) / np.sqrt(growth * growth - 1.0)
    return (np.log(1.0 / q) + (np.euler_gamma + np.log(2.0)) / 2.0) / np.log(growth)


@overflowing
def noise_escape_sd(lr: ArrayLike, *, curvature: ArrayLike) -> Any:
    """π / (√8 ln λ), λ = 1 + lr h: standard deviation of the steps from y = 0, whatever the noise.

    Parameters
    ----------
    lr : array_like of float, greater than 0
        Learning rate of gradient descent.
    curvature : array_like of float, greater than 0
        h, the size of the negative curvature.

    Returns
    -------
    float or ndarray
        The standard deviation.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    As for `noise_escape_mean`, with Var ln|Z| = π²/8.

    Examples
    --------
    >>> print(f"{noise_escape_sd(0.01, curvature=2.0):.1f}")
    56.1
    """
    return np.pi / (np.sqrt(8.0) * np.log1p(positive("lr", lr) * positive("curvature", curvature)))
