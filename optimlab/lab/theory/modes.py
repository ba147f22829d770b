"""One mode of a descent on a quadratic: the recurrence that each rule makes of it, solved exactly, and its limits.

``lr_h`` is the learning rate times the mode's curvature, below 0 at a saddle. The learning rate of a quadratic is
limited by the largest curvature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from optimlab.checks import FINITE, Range, check_fields, numbers
from optimlab.lab.theory.domain import Counts, Decays, Finite, formula
from optimlab.typing import Floats

__all__ = [
    "Mode", "ema_momentum_limit", "ema_momentum_mode", "heavy_ball_limit", "heavy_ball_mode", "heavy_ball_plateau",
    "nesterov_limit", "nesterov_mode",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mode:
    """wₜ₊₁ = p wₜ - q wₜ₋₁ from w₁ = s w₀: a coordinate along an eigenvector of the Hessian.

    On a quadratic every rule with one buffer, started at 0, is such a recurrence; see ``heavy_ball_mode`` and its
    sisters. p and q are trace and determinant of its iteration matrix, whose eigenvalues are the roots of z² - p z + q.

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
    ranges: ClassVar[dict[str, Range]] = {"p": FINITE, "q": FINITE, "s": FINITE}

    def __post_init__(self) -> None:
        check_fields(self, numbers)

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

    @formula
    def values(self, t: Counts) -> Any:
        """wₜ/w₀ = z₁ᵗ⁻¹ (s Sₜ - z₂ Sₜ₋₁) with Sₜ = (1 - xᵗ) / (1 - x), x = z₂/z₁; t broadcasts with p, q and s.

        With complex roots r e^(±iθ) it is rᵗ⁻¹ (s sin tθ - r sin (t-1)θ) / sin θ, and with a double root Sₜ = t.
        """
        n = np.maximum(t, 1.0)
        discriminant = self.p * self.p - 4.0 * self.q
        with np.errstate(all="ignore"):  # an unstable mode overflows; np.where evaluates both of its branches
            values = np.where(discriminant < 0.0, self._rotating(n, -discriminant), self._real(n, discriminant))
        return np.where(t == 0.0, 1.0, values)

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


@formula
def heavy_ball_mode(lr_h: Finite, beta: Decays) -> Mode:
    """wₜ₊₁ = (1+β - lr h) wₜ - β wₜ₋₁: momentum that accumulates, v ← β v + g; w ← w - lr v.

    Where lr h lies between (1-√β)² and (1+√β)² the roots are complex and their modulus is √β, whatever lr. β = 0 is
    gradient descent, wₜ₊₁ = (1 - lr h) wₜ.

    Source
    ------
    Polyak 1964, equation 9.

    Examples
    --------
    >>> heavy_ball_mode([0.5, 1.0, 2.0], 0.81).radius.round(6)
    array([0.9, 0.9, 0.9])
    """
    return Mode(1.0 + beta - lr_h, beta, 1.0 - lr_h)


@formula
def ema_momentum_mode(lr_h: Finite, beta: Decays) -> Mode:
    """wₜ₊₁ = (1+β - (1-β) lr h) wₜ - β wₜ₋₁: the gradient's EMA, m ← β m + (1-β) g; w ← w - lr m.

    Examples
    --------
    >>> ema_momentum_mode(2.0, 0.5).values([1, 2, 3, 4]).round(6)
    array([ 0.   , -0.5  , -0.25 ,  0.125])
    """
    return heavy_ball_mode((1.0 - beta) * lr_h, beta)


@formula
def nesterov_mode(lr_h: Finite, beta: Decays) -> Mode:
    """wₜ₊₁ = (1+β)(1 - lr h) wₜ - β (1 - lr h) wₜ₋₁: v ← β v + g; w ← w - lr (g + β v).

    w is the point where the gradient is taken, as in torch and in ``optimlab.rules``; the sequence x of Nesterov's
    papers is xₜ₊₁ = (1 - lr h) wₜ, a step behind and nearer. The modulus of complex roots is √(β (1 - lr h)).

    Source
    ------
    Nesterov 1983, with constant β; Sutskever et al. 2013, appendix A.

    Examples
    --------
    >>> nesterov_mode(0.19, 0.9).radius.round(6)
    np.float64(0.853815)
    """
    return Mode((1.0 + beta) * (1.0 - lr_h), beta * (1.0 - lr_h), 1.0 - (1.0 + beta) * lr_h)


@formula
def heavy_ball_limit(beta: Decays) -> Any:
    """2 (1+β): the heavy ball is stable for 0 < lr h < this; β = 0 is gradient descent.

    Source
    ------
    Polyak 1964, theorem 9: where a root reaches -1.

    Examples
    --------
    >>> heavy_ball_limit([0.0, 0.9])
    array([2. , 3.8])
    """
    return 2.0 * (1.0 + beta)


@formula
def ema_momentum_limit(beta: Decays) -> Any:
    """2 (1+β)/(1-β): momentum as the gradient's EMA is stable for 0 < lr h < this.

    Source
    ------
    ``heavy_ball_limit`` at lr (1-β); Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability", where
    38 is the limit of Adam's preconditioned sharpness.

    Examples
    --------
    >>> ema_momentum_limit(0.9).round(9)
    np.float64(38.0)
    """
    return heavy_ball_limit(beta) / (1.0 - beta)


@formula
def nesterov_limit(beta: Decays) -> Any:
    """2 (1+β)/(1+2β): Nesterov's momentum is stable for 0 < lr h < this, less than gradient descent.

    Source
    ------
    Where a root of ``nesterov_mode`` reaches -1; Cohen et al. 2021, "Gradient Descent on Neural Networks Typically
    Occurs at the Edge of Stability", appendix.

    Examples
    --------
    >>> nesterov_limit([0.0, 0.9]).round(4)
    array([2.    , 1.3571])
    """
    return heavy_ball_limit(beta) / (1.0 + 2.0 * beta)


@formula
def heavy_ball_plateau(beta: Decays) -> tuple[Any, Any]:
    """(1-√β)² ≤ lr h ≤ (1+√β)²: both ends of where the heavy ball's rate is √β, and lr does not matter.

    For the gradient's EMA divide them by 1-β.

    Source
    ------
    Goh 2017, "Why Momentum Really Works", Distill.

    Examples
    --------
    >>> heavy_ball_plateau(0.25)
    (np.float64(0.25), np.float64(2.25))
    """
    root = np.sqrt(beta)
    return (1.0 - root) ** 2, (1.0 + root) ** 2


def _geometric(gap: Floats, t: Floats) -> Any:
    """(1 - xᵗ) / (1 - x) of gap = 1 - x in [0, 2]."""
    near = np.where(gap == 0.0, t, -np.expm1(t * np.log1p(-gap)) / gap)
    return np.where(gap < 0.5, near, (1.0 - (1.0 - gap) ** t) / gap)
