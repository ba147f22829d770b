"""One mode of a descent on a quadratic: the recurrence that a linear rule makes of it (``LinearRule.mode``), solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from optimlab.checks import FINITE, Range, check_fields, numbers
from optimlab.lab.theory.domain import Counts, Decays, Positive, formula
from optimlab.typing import Floats

__all__ = ["Mode", "heavy_ball_plateau"]


@dataclass(frozen=True, eq=False)
class Mode:
    """wₜ₊₁ = p wₜ - q wₜ₋₁ from w₁ = s w₀: a coordinate along an eigenvector of the Hessian.

    On a quadratic every rule with one buffer, started at 0, is such a recurrence: ``LinearRule.mode``. p and q are
    trace and determinant of its iteration matrix, whose eigenvalues are the roots of z² - p z + q.

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

    @formula
    def escape(self, eps: Positive) -> Any:
        """ln(1/(A eps)) / ln z₁, A = (s - z₂)/(z₁ - z₂): steps from rest at eps to 1 of a mode that grows.

        It holds for an eps so small that the faster mode has taken over by then. The steps are not rounded.
        """
        grows, fades = np.moveaxis(self.roots.real, -1, 0)
        return -np.log(eps * (self.s - fades) / (grows - fades)) / np.log(grows)

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
