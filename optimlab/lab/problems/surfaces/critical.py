"""Critical points to full precision: Newton's method on the gradient, from an approximate place."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface
from optimlab.typing import Floats

__all__ = ["critical_point", "hessian"]


_STEP = 1e-30  # no difference is taken, so it may be so small that its square vanishes beside 1
_ITERATIONS = 12  # the number of right digits doubles in each: from one digit, five are enough


def hessian(surface: Surface, w: Floats) -> Floats:
    """H eⱼ = Im ∇f(w + i h eⱼ) / h: derivatives of the gradient by a complex step, exact to rounding.

    Parameters
    ----------
    surface : Surface
        A surface with an analytic gradient.
    w : ndarray of float64, shape (n,)
        A point.

    Returns
    -------
    ndarray of float64, shape (n, n)
        The Hessian.

    Source
    ------
    Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions".

    Examples
    --------
    >>> from optimlab.lab.problems import Quadratic, hessian
    >>> hessian(Quadratic((3.0, -7.0)), np.ones(2))
    array([[ 3.,  0.],
           [ 0., -7.]])
    """
    found: Any = surface._gradient(w + 1j * _STEP * np.eye(surface.dimension)).imag / _STEP
    return (found + found.T) / 2  # type: ignore[no-any-return]


@cache
def critical_point(surface: Surface, near: tuple[float, ...]) -> CriticalPoint:
    """w ← w - H⁻¹ ∇f(w): the critical point near a place, with its value and the spectrum of the Hessian.

    Parameters
    ----------
    surface : Surface
        A surface with an analytic gradient.
    near : tuple of float
        A place with a few right digits.

    Returns
    -------
    CriticalPoint
        The point; a place that is one already is left as it is.

    Examples
    --------
    >>> from optimlab.lab.problems import Himmelblau, critical_point
    >>> np.round(critical_point(Himmelblau(), (-2.8, 3.1)).at, 12).tolist()
    [-2.805118086953, 3.131312518251]
    """
    w = np.array(near)
    for _ in range(_ITERATIONS):
        w = w - np.linalg.solve(hessian(surface, w), surface.gradient(w))
    curvatures = np.linalg.eigvalsh(hessian(surface, w))
    return CriticalPoint(tuple(w.tolist()), float(surface.value(w)), tuple(curvatures.tolist()))
