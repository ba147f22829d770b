"""The noisy quadratic model: what a constant learning rate leaves, and what averaging, decay and batches make of it.

Each coordinate w has the curvature h, loss ½ h w², and sees the gradient h w + e with E e² = noise: c / B, where c is
the variance of one example's gradient and B the batch size. The minimum is at 0. `LinearRule` has what has no closed
form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import decays, nonnegative, overflowing, positive
from optimlab.typing import Floats

__all__ = [
    "averaged_sgd_variance",
    "heavy_ball_variance",
    "lr_equal_to_average",
    "nesterov_variance",
    "sgd_variance",
]


@overflowing
def sgd_variance(lr: ArrayLike, curvature: ArrayLike, *, noise: ArrayLike = 1.0) -> Any:
    """E w² = lr · noise / (h (2 - lr h)): where SGD with a constant learning rate ends.

    Parameters
    ----------
    lr : array_like of float, greater than 0
        Learning rate.
    curvature : array_like of float, greater than 0
        h.
    noise : array_like of float, at least 0
        Variance of the gradient's noise, c / B.

    Returns
    -------
    float or ndarray
        The stationary E w²; inf where the rule is not stable, lr h ≥ 2. The loss is h/2 times it.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Zhang et al. 2019, "Which Algorithmic Choices Matter at Which Batch Sizes?": E w² = (1 - lr h)² E w² + lr² noise.

    Examples
    --------
    >>> sgd_variance([0.1, 0.5, 2.0], 1.0).round(5)
    array([0.05263, 0.33333,     inf])
    """
    lr, h, noise = _arguments(lr, curvature, noise)
    return _where_stable(lr * h < 2.0, lr * noise, h * (2.0 - lr * h))


@overflowing
def heavy_ball_variance(lr: ArrayLike, curvature: ArrayLike, *, beta: ArrayLike = 0.9, noise: ArrayLike = 1.0) -> Any:
    """E w² = lr · noise (1+β) / (h (1-β) (2(1+β) - lr h)): where the heavy ball, v ← β v + g, ends.

    At small lr it is the variance of SGD at lr/(1-β), which is also as fast.

    Parameters
    ----------
    lr, curvature, noise : array_like of float
        As for ``sgd_variance``.
    beta : array_like of float, in [0, 1)
        β. The EMA form is the heavy ball at lr (1-β).

    Returns
    -------
    float or ndarray
        The stationary E w²; inf where lr h ≥ 2(1+β).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Zhang et al. 2019. It is the variance of the AR(2) process that eliminating v leaves; Box, Jenkins & Reinsel 1994,
    section 3.2.

    Examples
    --------
    >>> heavy_ball_variance([0.1, 0.5], 1.0, beta=0.9).round(5)
    array([0.51351, 2.87879])
    """
    lr, h, noise = _arguments(lr, curvature, noise)
    beta = decays("beta", beta)
    gap = 2.0 * (1.0 + beta) - lr * h
    return _where_stable(gap > 0.0, lr * noise * (1.0 + beta), h * (1.0 - beta) * gap)


@overflowing
def nesterov_variance(lr: ArrayLike, curvature: ArrayLike, *, beta: ArrayLike = 0.9, noise: ArrayLike = 1.0) -> Any:
    """E w² = lr · noise (1 + 2β + 2β² - βr (1+2β)) / (h (1-βr) (1 + r + 2βr)), r = 1 - lr h: Nesterov's momentum.

    Parameters
    ----------
    lr, curvature, noise : array_like of float
        As for ``sgd_variance``.
    beta : array_like of float, in [0, 1)
        β of v ← β v + g, w ← w - lr (g + β v); w is where the gradient is taken.

    Returns
    -------
    float or ndarray
        The stationary E w²; inf where lr h ≥ 2(1+β)/(1+2β).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    The variance of the ARMA(2, 1) process that eliminating v leaves: wₖ₊₁ = (1+β) r wₖ - β r wₖ₋₁ - lr ((1+β) eₖ -
    β eₖ₋₁); Box, Jenkins & Reinsel 1994, section 3.4.

    Examples
    --------
    >>> nesterov_variance([0.1, 1.0], 1.0, beta=[0.9, 0.0]).round(5)
    array([0.32177, 1.     ])
    """
    lr, h, noise = _arguments(lr, curvature, noise)
    beta = decays("beta", beta)
    r = 1.0 - lr * h
    gap = 1.0 + r + 2.0 * beta * r
    above = 1.0 + 2.0 * beta + 2.0 * beta**2 - beta * r * (1.0 + 2.0 * beta)
    return _where_stable(gap > 0.0, lr * noise * above, h * (1.0 - beta * r) * gap)


@overflowing
def averaged_sgd_variance(lr: ArrayLike, curvature: ArrayLike, *, gamma: ArrayLike, noise: ArrayLike = 1.0) -> Any:
    """E w̄² = E w² · (1-γ)/(1+γ) · (1+rγ)/(1-rγ), r = 1 - lr h: the EMA w̄ ← γ w̄ + (1-γ) w of SGD's iterates.

    Parameters
    ----------
    lr, curvature, noise : array_like of float
        As for ``sgd_variance``.
    gamma : array_like of float, in [0, 1)
        γ of the average.

    Returns
    -------
    float or ndarray
        The stationary E w̄²; inf where lr h ≥ 2.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Zhang et al. 2019: the EMA of an AR(1) process of coefficient r.

    Examples
    --------
    >>> averaged_sgd_variance([0.1, 0.5], 1.0, gamma=0.9).round(5)
    array([0.02639, 0.04625])
    """
    return sgd_variance(lr, curvature, noise=noise) * _averaging_gain(lr, curvature, gamma)


def lr_equal_to_average(lr: ArrayLike, curvature: ArrayLike, *, gamma: ArrayLike) -> Any:
    """lr' = 2q / (h (1+q)), q = lr h R / (2 - lr h): the lower learning rate whose floor is that of an average at lr.

    R = (1-γ)(1+rγ) / ((1+γ)(1-rγ)) is what the EMA leaves of the variance. For lr h well below 1-γ nothing is
    gained, lr' ≈ lr; far above it lr' ≈ (1-γ)/h.

    Parameters
    ----------
    lr, curvature : array_like of float
        As for ``sgd_variance``, lr h below 2.
    gamma : array_like of float, in [0, 1)
        γ of the average.

    Returns
    -------
    float or ndarray
        The learning rate; whatever the noise is.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    From ``sgd_variance`` and ``averaged_sgd_variance``; that an average does what a lower rate does is
    the subject of Sandler et al. 2023, "Training trajectories, mini-batch losses and the curious role of the learning
    rate".

    Examples
    --------
    >>> lr = lr_equal_to_average(0.5, 1.0, gamma=0.9)
    >>> bool(np.isclose(sgd_variance(lr, 1.0), averaged_sgd_variance(0.5, 1.0, gamma=0.9)))
    True
    """
    rate, h, _ = _arguments(lr, curvature, 0.0)
    numbers("lr · curvature", rate * h, Range("in [0, 2), where SGD is stable"))
    q = rate * h * _averaging_gain(rate, h, gamma) / (2.0 - rate * h)
    return 2.0 * q / (h * (1.0 + q))


def _averaging_gain(lr: ArrayLike, curvature: ArrayLike, gamma: ArrayLike) -> Any:
    """(1-γ)/(1+γ) · (1+rγ)/(1-rγ)."""
    gamma = decays("gamma", gamma)
    r = 1.0 - np.asarray(lr, np.float64) * np.asarray(curvature, np.float64)
    # 1 - |r|γ > 0 wherever SGD is stable; elsewhere the variance is inf and the gain any positive number.
    r = np.maximum(r, -1.0)
    return (1.0 - gamma) / (1.0 + gamma) * (1.0 + r * gamma) / (1.0 - r * gamma)


def _arguments(lr: ArrayLike, curvature: ArrayLike, noise: ArrayLike) -> tuple[Floats, Floats, Floats]:
    return positive("lr", lr), positive("curvature", curvature), nonnegative("noise", noise)


def _where_stable(stable: Any, above: Any, below: Any) -> Any:
    """Return above / below, inf where there is no stationary state."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(stable, above / below, np.inf)[()]
