"""One mode of a descent on a quadratic: the recurrence that each rule makes of it, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimlab.lab.theory.domain import counts, decays, finite
from optimlab.typing import Floats

__all__ = ["Mode", "ema_momentum_mode", "gradient_descent_mode", "heavy_ball_mode", "nesterov_mode"]


@dataclass(frozen=True, eq=False)
class Mode:
    """wₜ₊₁ = p wₜ - q wₜ₋₁ from w₁ = s w₀: a coordinate along an eigenvector of the Hessian.

    On a quadratic every rule with one buffer, started at 0, is such a recurrence; see ``heavy_ball_mode`` and its
    sisters. The roots of z² - p z + q are the eigenvalues of its iteration matrix.

    Parameters
    ----------
    p, q, s : array_like of float, finite, of shapes that broadcast
        Trace and determinant of the iteration matrix, and the first step w₁/w₀.

    Raises
    ------
    ValueError, TypeError
        If one of them is not a finite number.

    Source
    ------
    O'Donoghue & Candès 2015, "Adaptive Restart for Accelerated Gradient Schemes"; Goh 2017, "Why Momentum
    Really Works".

    Examples
    --------
    Fibonacci's numbers:

    >>> Mode(1.0, -1.0, 1.0).values([0, 1, 2, 3, 4, 5]).round(12)
    array([1., 1., 2., 3., 5., 8.])
    """

    p: Any
    q: Any
    s: Any

    def __post_init__(self) -> None:
        for name in ("p", "q", "s"):
            object.__setattr__(self, name, finite(name, getattr(self, name)))

    @property
    def matrix(self) -> Floats:
        """M = [[p, -q], [1, 0]], shape (..., 2, 2): (wₜ₊₁, wₜ) = M (wₜ, wₜ₋₁)."""
        p, q = np.broadcast_arrays(self.p, self.q)
        rows = [np.stack([p, -q], axis=-1), np.stack([np.ones_like(p), np.zeros_like(p)], axis=-1)]
        return np.stack(rows, axis=-2)

    @property
    def roots(self) -> NDArray[np.complex128]:
        """z = (p ± √(p² - 4q)) / 2, shape (..., 2): eigenvalues of the iteration matrix, the larger modulus first."""
        p = np.broadcast_to(self.p, np.broadcast_shapes(self.p.shape, self.q.shape))
        root = np.sqrt((p * p - 4.0 * self.q).astype(np.complex128))
        first = 0.5 * (p + np.where(p < 0.0, -root, root))
        second = np.divide(self.q, first, out=np.zeros_like(first), where=first != 0.0)
        return np.stack([first, second], axis=-1)

    @property
    def radius(self) -> Any:
        """ρ = max |z|: the spectral radius, the rate of convergence; √q wherever the roots are complex."""
        return np.abs(self.roots).max(axis=-1)

    def values(self, t: ArrayLike) -> Any:
        """wₜ/w₀ = z₁ᵗ⁻¹ (s Sₜ - z₂ Sₜ₋₁) with Sₜ = (1 - xᵗ) / (1 - x), x = z₂/z₁.

        With complex roots r e^(±iθ) it is rᵗ⁻¹ (s sin tθ - r sin (t-1)θ) / sin θ, and with a double root Sₜ = t.

        Parameters
        ----------
        t : array_like of int, at least 0
            Steps; broadcasts with p, q and s.

        Returns
        -------
        float or ndarray
            The coordinate over its start; infinite once it is beyond the range of float64.

        Raises
        ------
        ValueError, TypeError
            If a t is not a whole number of at least 0.
        """
        steps = counts(t)
        n = np.maximum(steps, 1.0)
        discriminant = self.p * self.p - 4.0 * self.q
        with np.errstate(all="ignore"):  # an unstable mode overflows; np.where evaluates both of its branches
            values = np.where(discriminant < 0.0, self._rotating(n, -discriminant), self._real(n, discriminant))
        return np.where(steps == 0.0, 1.0, values)[()]

    def _rotating(self, t: Floats, minus: Floats) -> Any:
        """Return wₜ/w₀ of complex roots; ``minus`` is 4q - p²."""
        theta = np.arctan2(np.sqrt(minus), np.abs(self.p))  # of |p|, as θ near π has no digits left: z = -r instead
        z = np.where(self.p < 0.0, -1.0, 1.0) * np.sqrt(self.q)
        return z ** (t - 1.0) * (self.s * np.sin(t * theta) - z * np.sin((t - 1.0) * theta)) / np.sin(theta)

    def _real(self, t: Floats, discriminant: Floats) -> Any:
        """Return wₜ/w₀ of real roots."""
        width = np.sqrt(discriminant)
        z = 0.5 * (self.p + np.where(self.p < 0.0, -width, width))
        other, gap = np.where(z == 0.0, 0.0, self.q / z), np.where(z == 0.0, 1.0, width / np.abs(z))
        return z ** (t - 1.0) * (self.s * _geometric(gap, t) - other * _geometric(gap, t - 1.0))


def gradient_descent_mode(lr_h: ArrayLike) -> Mode:
    """wₜ₊₁ = (1 - lr h) wₜ: gradient descent, w ← w - lr g.

    Parameters
    ----------
    lr_h : array_like of float, finite
        Learning rate times curvature, without unit; below 0 at a saddle.

    Returns
    -------
    Mode
        The recurrence, with q = 0.

    Raises
    ------
    ValueError, TypeError
        If ``lr_h`` is not finite.

    Examples
    --------
    >>> gradient_descent_mode([0.5, 2.5]).radius
    array([0.5, 1.5])
    """
    return heavy_ball_mode(lr_h, 0.0)


def heavy_ball_mode(lr_h: ArrayLike, beta: ArrayLike) -> Mode:
    """wₜ₊₁ = (1+β - lr h) wₜ - β wₜ₋₁: momentum that accumulates, v ← β v + g; w ← w - lr v.

    Where lr h lies between (1-√β)² and (1+√β)² the roots are complex and their modulus is √β, whatever lr.

    Parameters
    ----------
    lr_h : array_like of float, finite
        Learning rate times curvature; below 0 at a saddle.
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    Mode
        The recurrence.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Polyak 1964, equation 9.

    Examples
    --------
    >>> heavy_ball_mode([0.5, 1.0, 2.0], 0.81).radius.round(6)
    array([0.9, 0.9, 0.9])
    """
    a, b = finite("lr_h", lr_h), decays("beta", beta)
    return Mode(1.0 + b - a, b, 1.0 - a)


def ema_momentum_mode(lr_h: ArrayLike, beta: ArrayLike) -> Mode:
    """wₜ₊₁ = (1+β - (1-β) lr h) wₜ - β wₜ₋₁: the gradient's EMA, m ← β m + (1-β) g; w ← w - lr m.

    Parameters
    ----------
    lr_h : array_like of float, finite
        Learning rate times curvature; below 0 at a saddle.
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    Mode
        That of the heavy ball at lr (1-β).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> ema_momentum_mode(2.0, 0.5).values([1, 2, 3, 4]).round(6)
    array([ 0.   , -0.5  , -0.25 ,  0.125])
    """
    return heavy_ball_mode((1.0 - decays("beta", beta)) * finite("lr_h", lr_h), beta)


def nesterov_mode(lr_h: ArrayLike, beta: ArrayLike) -> Mode:
    """wₜ₊₁ = (1+β)(1 - lr h) wₜ - β (1 - lr h) wₜ₋₁: v ← β v + g; w ← w - lr (g + β v).

    w is the point where the gradient is taken, as in torch and in ``optimlab.rules``; the sequence x of Nesterov's
    papers is xₜ₊₁ = (1 - lr h) wₜ, a step behind and nearer.

    Parameters
    ----------
    lr_h : array_like of float, finite
        Learning rate times curvature; below 0 at a saddle.
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    Mode
        The recurrence; the modulus of complex roots is √(β (1 - lr h)).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Nesterov 1983, with constant β; Sutskever et al. 2013, appendix A.

    Examples
    --------
    >>> nesterov_mode(0.19, 0.9).radius.round(6)
    np.float64(0.853815)
    """
    a, b = finite("lr_h", lr_h), decays("beta", beta)
    return Mode((1.0 + b) * (1.0 - a), b * (1.0 - a), 1.0 - (1.0 + b) * a)


def _geometric(gap: Floats, t: Floats) -> Any:
    """(1 - xᵗ) / (1 - x) of gap = 1 - x in [0, 2]."""
    near = np.where(gap == 0.0, t, -np.expm1(t * np.log1p(-gap)) / gap)
    return np.where(gap < 0.5, near, (1.0 - (1.0 - gap) ** t) / gap)
