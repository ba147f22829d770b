"""The noisy quadratic model: what a constant learning rate leaves, and what averaging, decay and batches make of it.

Each coordinate w has the curvature h, loss ½ h w², and sees the gradient h w + e with E e² = noise: c / B, where c is
the variance of one example's gradient and B the batch size. The minimum is at 0. Every variance is the stationary
E w², inf where the rule is not stable; the loss is h/2 times it. ``LinearRule`` has what has no closed form.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import Counts, Decays, NotNegative, Positive, formula

__all__ = [
    "InverseTime", "averaged_sgd_variance", "best_decay", "best_decay_variance", "critical_batch_size",
    "lr_equal_to_average", "sgd_variance",
]  # fmt: skip


@formula
def sgd_variance(lr: Positive, curvature: Positive, *, noise: NotNegative = 1.0) -> Any:
    """E w² = lr · noise / (h (2 - lr h)): where SGD with a constant learning rate ends; inf for lr h ≥ 2.

    Source
    ------
    Zhang et al. 2019, "Which Algorithmic Choices Matter at Which Batch Sizes?": E w² = (1 - lr h)² E w² + lr² noise.

    Examples
    --------
    >>> sgd_variance([0.1, 0.5, 2.0], 1.0).round(5)
    array([0.05263, 0.33333,     inf])
    """
    return _where_stable(lr * curvature < 2.0, lr * noise, curvature * (2.0 - lr * curvature))


@formula
def averaged_sgd_variance(lr: Positive, curvature: Positive, *, gamma: Decays, noise: NotNegative = 1.0) -> Any:
    """E w̄² = E w² · (1-γ)/(1+γ) · (1+rγ)/(1-rγ), r = 1 - lr h: the EMA w̄ ← γ w̄ + (1-γ) w of SGD's iterates.

    Source
    ------
    Zhang et al. 2019: the EMA of an AR(1) process of coefficient r.

    Examples
    --------
    >>> averaged_sgd_variance([0.1, 0.5], 1.0, gamma=0.9).round(5)
    array([0.02639, 0.04625])
    """
    return sgd_variance(lr, curvature, noise=noise) * _averaging_gain(lr, curvature, gamma)


@formula
def lr_equal_to_average(lr: Positive, curvature: Positive, *, gamma: Decays) -> Any:
    """lr' = 2q / (h (1+q)), q = lr h R / (2 - lr h): the lower learning rate whose floor is that of an average at lr.

    R = (1-γ)(1+rγ) / ((1+γ)(1-rγ)) is what the EMA leaves of the variance; lr h is below 2. For lr h well below 1-γ
    nothing is gained, lr' ≈ lr; far above it lr' ≈ (1-γ)/h. The noise does not matter.

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
    numbers("lr · curvature", lr * curvature, Range("in [0, 2), where SGD is stable"))
    q = lr * curvature * _averaging_gain(lr, curvature, gamma) / (2.0 - lr * curvature)
    return 2.0 * q / (curvature * (1.0 + q))


class InverseTime(NamedTuple):
    """lr(k) = initial / (1 + rate k), the arguments of ``inverse_time_decay``.

    Examples
    --------
    >>> InverseTime(initial=0.5, rate=0.5)
    InverseTime(initial=0.5, rate=0.5)
    """

    initial: Any
    rate: Any


@formula
def best_decay(curvature: Positive, *, noise: NotNegative = 1.0, start: Positive = 1.0) -> InverseTime:
    """lr(k) = 1 / (h (k + 1 + noise/(h² x₀))): the learning rates that no others beat, at any step.

    From x = E w² the step lr = h x / (h² x + noise) leaves the least, and less before is less after; ``start`` is
    x₀ = E w₀².

    Source
    ------
    The minimum over lr of (1 - lr h)² x + lr² noise; Schaul, Zhang & LeCun 2013, "No More Pesky Learning Rates",
    take the same step; here it is solved for all steps.

    Examples
    --------
    >>> best_decay(2.0, noise=4.0, start=1.0)
    InverseTime(initial=np.float64(0.25), rate=np.float64(0.5))
    """
    delay = 1.0 + noise / (curvature * curvature * start)
    return InverseTime(1.0 / (curvature * delay), 1.0 / delay)


@formula
def best_decay_variance(t: Counts, curvature: Positive, *, noise: NotNegative = 1.0, start: Positive = 1.0) -> Any:
    """E w² = 1 / (1/x₀ + t h²/noise): what ``best_decay`` has reached after t updates, the law of 1/t.

    Source
    ------
    As ``best_decay``: each step adds h²/noise to 1/x. The limit noise/(h² t) is that of Robbins & Monro 1951 with the
    best gain, Chung 1954.

    Examples
    --------
    >>> best_decay_variance([0, 1, 3], 1.0)
    array([1.  , 0.5 , 0.25])
    """
    with np.errstate(invalid="ignore"):
        information = np.where(t == 0.0, 0.0, t * curvature * curvature / noise)
    return 1.0 / (1.0 / start + information)


@formula
def critical_batch_size(curvature: Positive, squares: Positive, *, noise: NotNegative) -> Any:
    """B = Σ hᵢ cᵢ / Σ hᵢ³ E wᵢ²: the batch at which a step brings half of what a step without noise brings.

    The sums are over the last axis, ``squares`` are E w² of each coordinate here and now, and ``noise`` is c, that of
    one example. With its best learning rate a step lowers the loss by ΔL(∞) / (1 + B_crit/B): below B_crit twice the
    batch is nearly twice the progress, above it nearly the same.

    Source
    ------
    McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", section 2: tr(HΣ) / (Gᵀ H G).

    Examples
    --------
    >>> critical_batch_size([1.0, 0.5], [1.0, 1.0], noise=[1.0, 0.5])
    np.float64(1.1111111111111112)
    """
    signal, noisy = np.broadcast_arrays(curvature**3 * squares, curvature * noise)
    return noisy.sum(axis=-1) / signal.sum(axis=-1)


def _averaging_gain(lr: Any, curvature: Any, gamma: Any) -> Any:
    """(1-γ)/(1+γ) · (1+rγ)/(1-rγ)."""
    # 1 - |r|γ > 0 wherever SGD is stable; elsewhere the variance is inf and the gain any positive number.
    r = np.maximum(1.0 - lr * curvature, -1.0)
    return (1.0 - gamma) / (1.0 + gamma) * (1.0 + r * gamma) / (1.0 - r * gamma)


def _where_stable(stable: Any, above: Any, below: Any) -> Any:
    """Return above / below, inf where there is no stationary state."""
    with np.errstate(invalid="ignore"):
        return np.where(stable, above / below, np.inf)
