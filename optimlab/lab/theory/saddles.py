"""How long a saddle holds an optimizer: gradient descent, and momentum in its three forms.

Along the direction that leads down, f = -½ h y². A start at distance eps is in units of the radius at which the saddle
counts as left, so that the escape is the first step with |y| ≥ 1. The steps here are real numbers; a run takes whole
ones, that is up to one more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.theory.domain import decays, distances, overflowing, positive

__all__ = [
    "Growth",
    "descent_escape",
    "ema_momentum_escape",
    "heavy_ball_escape",
    "heavy_ball_growth",
    "nesterov_escape",
    "nesterov_growth",
]


class Growth(NamedTuple):
    """|yₜ| → A rᵗ |y₀|: how a start at rest grows once the faster mode has taken over.

    Examples
    --------
    >>> root, amplitude = heavy_ball_growth(0.01, curvature=2.0, beta=0.9)
    """

    root: Any
    amplitude: Any


@overflowing
def descent_escape(eps: ArrayLike, lr: ArrayLike, *, curvature: ArrayLike) -> Any:
    """ln(1/eps) / ln(1 + lr h): steps of gradient descent from eps to 1.

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start along the direction that leads down.
    lr : array_like of float, greater than 0
        Learning rate.
    curvature : array_like of float, greater than 0
        h, the size of the negative curvature.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    yₜ = (1 + lr h)ᵗ eps, the power iteration behind Lee et al. 2016, "Gradient descent only converges to minimizers".

    Examples
    --------
    >>> descent_escape([1e-2, 1e-12], 0.01, curvature=2.0).round(1)
    array([ 232.6, 1395.3])
    """
    return np.log(1.0 / distances(eps)) / np.log1p(_push(lr, curvature))


@overflowing
def heavy_ball_growth(lr: ArrayLike, *, curvature: ArrayLike, beta: ArrayLike) -> Growth:
    """r = [b + √(b² - 4β)]/2 with b = 1 + β + lr h, and A = (1 + lr h - r₋)/(r - r₋) from rest.

    Parameters
    ----------
    lr : array_like of float, greater than 0
        Learning rate of the accumulating form v ← β v + g; the EMA form's is lr (1-β).
    curvature : array_like of float, greater than 0
        h, the size of the negative curvature.
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    Growth
        r and A.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Polyak 1964; the roots of r² - b r + β = 0, the mode's part from y₀ = 1, y₁ = 1 + lr h.

    Examples
    --------
    >>> root, amplitude = heavy_ball_growth(0.01, curvature=2.0, beta=0.9)
    >>> print(f"{root:.4f} {amplitude:.4f}")
    1.1070 0.7041
    """
    s, b = _push(lr, curvature), decays("beta", beta)
    return _growth(1.0 + b + s, b, 1.0 + s)


@overflowing
def nesterov_growth(lr: ArrayLike, *, curvature: ArrayLike, beta: ArrayLike) -> Growth:
    """r² = (1 + lr h) [(1+β) r - β], A = (y₁ - r₋)/(r - r₋) with y₁ = 1 + (1+β) lr h from rest.

    Parameters
    ----------
    lr : array_like of float, greater than 0
        Learning rate.
    curvature : array_like of float, greater than 0
        h, the size of the negative curvature.
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    Growth
        r, the larger root, and A.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    The form of Sutskever et al. 2013 and Bengio et al. 2013 on a quadratic, with curvature -h.

    Examples
    --------
    >>> root, amplitude = nesterov_growth(0.01, curvature=2.0, beta=0.9)
    >>> print(f"{root:.4f} {amplitude:.4f}")
    1.1138 0.7383
    """
    s, b = _push(lr, curvature), decays("beta", beta)
    return _growth((1.0 + s) * (1.0 + b), (1.0 + s) * b, 1.0 + (1.0 + b) * s)


@overflowing
def heavy_ball_escape(eps: ArrayLike, lr: ArrayLike, *, curvature: ArrayLike, beta: ArrayLike) -> Any:
    """ln(1/(A eps)) / ln r: steps of the heavy ball, v ← β v + g, from rest at eps to 1.

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start; small enough for the faster mode to have taken over by the time of the escape.
    lr, curvature, beta : array_like of float
        As for `heavy_ball_growth`.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    `heavy_ball_growth`, solved for A rᵗ eps = 1.

    Examples
    --------
    >>> heavy_ball_escape([1e-2, 1e-12], 0.01, curvature=2.0, beta=0.9).round(1)
    array([ 48.8, 275.3])
    """
    return _escape(eps, heavy_ball_growth(lr, curvature=curvature, beta=beta))


def ema_momentum_escape(eps: ArrayLike, lr: ArrayLike, *, curvature: ArrayLike, beta: ArrayLike) -> Any:
    """Steps of momentum as an EMA, m ← β m + (1-β) g: those of the heavy ball at lr (1-β).

    At equal lr they are more than those of gradient descent: the EMA of a gradient that grows lags behind it.

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start.
    lr, curvature, beta : array_like of float
        As for `heavy_ball_growth`.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    `heavy_ball_escape`: m = (1-β) v.

    Examples
    --------
    >>> ema_momentum_escape([1e-2, 1e-12], 0.01, curvature=2.0, beta=0.9).round(1)
    array([ 275. , 1614.4])
    """
    return heavy_ball_escape(eps, positive("lr", lr) * (1.0 - decays("beta", beta)), curvature=curvature, beta=beta)


@overflowing
def nesterov_escape(eps: ArrayLike, lr: ArrayLike, *, curvature: ArrayLike, beta: ArrayLike) -> Any:
    """ln(1/(A eps)) / ln r: steps of Nesterov's momentum from rest at eps to 1.

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start.
    lr, curvature, beta : array_like of float
        As for `nesterov_growth`.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    `nesterov_growth`, solved for A rᵗ eps = 1.

    Examples
    --------
    >>> nesterov_escape([1e-2, 1e-12], 0.01, curvature=2.0, beta=0.9).round(1)
    array([ 45.6, 259.2])
    """
    return _escape(eps, nesterov_growth(lr, curvature=curvature, beta=beta))


def _escape(eps: ArrayLike, growth: Growth) -> Any:
    return np.log(1.0 / (growth.amplitude * distances(eps))) / np.log(growth.root)


def _growth(b: Any, c: Any, first: Any) -> Growth:
    """Return the larger root of r² - b r + c, and its part in the solution that begins with 1, first."""
    twice = 2.0 * np.sqrt(c)
    spread = np.sqrt(b - twice) * np.sqrt(b + twice)  # of b² - 4c, which may overflow
    root = (b + spread) / 2.0
    return Growth(root, (first - c / root) / spread)


def _push(lr: ArrayLike, curvature: ArrayLike) -> Any:
    """Return lr h."""
    return positive("lr", lr) * positive("curvature", curvature)
