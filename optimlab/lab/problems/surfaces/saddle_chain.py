"""Du et al.'s chain of saddles: gradient descent needs exponentially many steps to leave them all."""

from __future__ import annotations

from dataclasses import dataclass
from math import e
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Range, check_fields, number, whole
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface
from optimlab.typing import Array, Floats, Marks

__all__ = ["SaddleChain"]


@dataclass(frozen=True)
class SaddleChain(Surface):
    """f(w) = Σ_{j<k} [L (|wⱼ| - 4τ)² - ν] - g wₖ² + L Σ_{j>k} wⱼ², k the first coordinate with |wₖ| < τ = e.

    Coordinate k leaves its saddle while all later ones are pulled to 0, where their own saddles begin. Beyond τ it
    falls into its valley at ±4τ, and it is the next coordinate's turn. The paper joins the stages by splines between τ
    and 2τ; here the valley begins at τ, with ν = (g + 9L) τ², so that f is continuous in wₖ there, while its slope
    jumps, and f jumps by (L+g) w² of the next coordinate.

    The length is the number of saddles, and of coordinates. At each step of gradient descent wₖ grows by 1 + 2 lr g,
    the growth, and later coordinates shrink by 1 - 2 lr L, the contraction; both are greater than 0.

    Source
    ------
    Du, Jin, Lee, Jordan, Póczos & Singh 2017, "Gradient descent can take exponential time to escape saddle points",
    section 4.1, τ = e as in its theorem 4.1.

    Examples
    --------
    >>> f = SaddleChain(3, growth=0.25)
    >>> f.gradient([[0.5, 0.5, 0.5], [3.0, 0.5, 0.5]])
    array([[ -0.25 , 1. , 1. ],
           [-15.74625463, -0.25 , 1. ]])
    """

    length: int
    growth: float = 1.0
    contraction: float = 1.0

    ranges: ClassVar = {"growth": POSITIVE, "contraction": POSITIVE}
    radius: ClassVar[float] = e

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", whole("length", self.length, 1))
        check_fields(self, number)

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return self.length

    @property
    def starts(self) -> Floats:
        """(½, ½, ..., ½): the median size of a coordinate that is uniform in [-1, 1]."""
        return np.full((1, self.length), 0.5)

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The saddles and, last, the minimum; each stands for its mirror images too."""
        return tuple(self._point(k) for k in range(self.length + 1))

    def escapes(self, starts: ArrayLike, lr: float, *, floor: float = 0.0) -> Floats:
        """Return the step at which gradient descent leaves each saddle: Tₖ = Tₖ₋₁ + ⌈(1 - ln|wₖ|)/ln(1 + 2 lr g)⌉.

        Here wₖ is where coordinate k has shrunk to when its turn comes. Sizes are kept as logarithms, so the steps are
        exact where float64 coordinates would underflow; signs do not matter. The floor stands for the noise of
        perturbed gradient descent: no coordinate begins its own saddle closer to 0. Starts have shape (..., length), as
        the steps; from 0 nothing escapes, inf steps. The learning rate is below 1/(2L).

        Examples
        --------
        >>> SaddleChain(4).escapes([0.5] * 4, 0.125)
        array([  8.,  26.,  68., 164.])
        >>> SaddleChain(4).escapes([0.5] * 4, 0.125, floor=0.01)
        array([ 8., 26., 52., 78.])
        """
        shrink, grow = self._log_rates(lr)
        with np.errstate(divide="ignore"):
            least = np.log(number("floor", floor, NOT_NEGATIVE))
            sizes = np.log(np.abs(self._checked(starts), dtype=np.float64))
        steps = np.zeros(sizes.shape)
        now: Any = np.zeros(sizes.shape[:-1])
        for k in range(self.length):
            distance = 1.0 - np.maximum(sizes[..., k] + now * shrink, least)
            steps[..., k] = now = now + np.maximum(np.ceil(distance / grow), 0.0)
        return steps

    def _log_rates(self, lr: float) -> tuple[float, float]:
        """Return ln(1 - 2 lr L) and ln(1 + 2 lr g)."""
        step = number("lr", lr, Range(f"in (0, {0.5 / self.contraction}), below 1/(2 contraction)"))
        return float(np.log1p(-2.0 * step * self.contraction)), float(np.log1p(2.0 * step * self.growth))

    def _value(self, w: Array) -> Any:
        left, leaving = self._stage(w)
        nu = (self.growth + 9.0 * self.contraction) * self.radius**2
        valley = self.contraction * (np.abs(w) - 4.0 * self.radius) ** 2 - nu
        saddle = np.where(leaving, -self.growth * w * w, self.contraction * w * w)
        return np.where(left, valley, saddle).sum(axis=-1)

    def _gradient(self, w: Array) -> Array:
        left, leaving = self._stage(w)
        distance = np.where(left, w - np.copysign(4.0 * self.radius, w), w)
        gradient: Array = np.where(leaving, -2.0 * self.growth * w, 2.0 * self.contraction * distance)
        return gradient

    def _stage(self, w: Array) -> tuple[Marks, Marks]:
        """Return which coordinates have left their saddles, and which one is leaving."""
        left = np.logical_and.accumulate(np.abs(w) >= self.radius, axis=-1)
        leaving = ~left
        leaving[..., 1:] &= left[..., :-1]
        return left, leaving

    def _point(self, k: int) -> CriticalPoint:
        """Return the critical point with k coordinates in their valleys."""
        at = (4.0 * self.radius,) * k + (0.0,) * (self.length - k)
        value = -k * (self.growth + 9.0 * self.contraction) * self.radius**2
        down = (-2.0 * self.growth,) if k < self.length else ()
        return CriticalPoint(at, value, down + (2.0 * self.contraction,) * (self.length - len(down)))
