"""What SciPy's ``minimize`` gives to a method: x0, bounds, a function with or without its gradient, a callback."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import numpy as np

from optimlab.checks import Range, choice, floats, numbers, real
from optimlab.trees import kind
from optimlab.typing import Array, Floats

__all__ = ["SCHEMES", "Limits", "Objective", "Point", "begin", "teller"]

_LIMIT = Range("a number (None or an infinity stand for no limit)")
SCHEMES: Final = ("2-point", "3-point", "cs")
"""Differences that SciPy knows."""


class Point(NamedTuple):
    """A point that a descent came to: x, shape (n,), the value and the gradient there."""

    x: Array
    value: float
    gradient: Array


@final
@dataclass(frozen=True)
class Limits:
    """{x : lowᵢ ≤ xᵢ ≤ highᵢ}: a set for ``Project``.

    Parameters
    ----------
    low, high : ndarray, shape (n,), of the dtype of x
        The limits.
    """

    low: Array
    high: Array

    def nearest(self, rows: Array) -> Array:
        """min(max(x, low), high)."""
        return np.clip(rows, self.low, self.high)

    def slope(self, x: Array, gradient: Array) -> float:
        """max |x - P(x - g)|, P the projection: 0 where no step downhill stays inside.

        Source
        ------
        Byrd, Lu, Nocedal & Zhu 1995, section 6.
        """
        return float(np.abs(np.clip(gradient, x - self.high, x - self.low)).max(initial=0.0))


def begin(x0: Any, bounds: Any, *, clip: bool) -> tuple[Array, Limits]:
    """Return x0 as an array of one axis, float32 or float64, and the limits; if clip is set the nearest within."""
    x = np.atleast_1d(floats("x0", x0))
    if x.ndim != 1:
        remedy = f"pass np.ravel(x0), and let fun restore the shape, x.reshape({x.shape})"
        raise ValueError(f"x0 must have one dimension; got shape {x.shape}; {remedy}")
    within = _limits(bounds, x)
    for i in [] if clip else np.flatnonzero((x < within.low) | (x > within.high))[:1]:
        remedy = "begin at np.clip(x0, low, high), or let options={'clip_x0': True} do it, as basinhopping needs"
        got = f"x0[{i}]={x[i]!s} outside [{within.low[i]!s}, {within.high[i]!s}]"
        raise ValueError(f"x0 must lie within the bounds; got {got}; {remedy}")
    return within.nearest(x), within


def _limits(bounds: Any, x0: Array) -> Limits:
    """Return what ``Bounds``, pairs or None say, rounded inwards to numbers of the dtype of x0."""
    low, high = _sides(bounds, x0.size)
    for i in np.flatnonzero(low > high)[:1]:
        got = f"low={low[i]!s}, high={high[i]!s} for x[{i}]"
        raise ValueError(f"bounds must have low at most high; got {got}; exchange the two")
    with np.errstate(over="ignore"):
        inner, outer = low.astype(x0.dtype), high.astype(x0.dtype)
    inner = np.where(inner < low, np.nextafter(inner, x0.dtype.type(math.inf)), inner)
    outer = np.where(outer > high, np.nextafter(outer, x0.dtype.type(-math.inf)), outer)
    for i in np.flatnonzero(inner > outer)[:1]:
        got = f"{low[i]!s} and {high[i]!s} for x[{i}]"
        raise ValueError(f"bounds must have a number of {x0.dtype} between them; got {got}; pass x0.astype(np.float64)")
    return Limits(inner, outer)


def _sides(bounds: Any, n: int) -> tuple[Floats, Floats]:
    """Return the lower and the upper limits, shape (n,)."""
    if bounds is None:
        return np.full(n, -math.inf), np.full(n, math.inf)
    given: Any = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") and hasattr(bounds, "ub") else _pairs(bounds)
    sides = [np.atleast_1d(numbers("bounds", side, _LIMIT)) for side in given]
    try:
        low, high = (np.broadcast_to(side, n) for side in sides)
    except ValueError:
        got = len(sides[0])
        raise ValueError(f"bounds must have one pair for each of the {n} numbers of x0; got {got}") from None
    return low, high


def _pairs(bounds: Any) -> tuple[list[Any], list[Any]]:
    """Return the two columns of pairs, with infinities for None."""
    try:
        rows = [(low, high) for low, high in bounds]
    except (TypeError, ValueError):
        allowed = "scipy.optimize.Bounds, or a pair (low, high) for each number of x0, None where there is no limit"
        raise TypeError(f"bounds must be {allowed}; got {bounds!r}") from None
    return (
        [-math.inf if low is None else low for low, _ in rows],
        [math.inf if high is None else high for _, high in rows],
    )


@final
class Objective:
    """A function and its gradient as a descent asks for them: on copies of x, and counted.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``, a number.
    jac : callable, {"2-point", "3-point", "cs"}
        ``jac(x, *args)``, shape (n,), or differences of which kind.
    args : tuple
        More arguments of both.
    within : Limits
        Where differences may look.
    steps : dict
        ``rel_step`` and ``abs_step`` of the differences.

    Attributes
    ----------
    nfev, njev : int
        Calls of fun, those for differences too, and gradients.
    last, best : Point
        The latest point, and the first of the least value; where no value was a number the latest.
    """

    last: Point
    best: Point | None = None

    def __init__(self, fun: Any, jac: Any, *, args: Any, within: Limits, steps: dict[str, Any]) -> None:
        if not callable(jac):
            choice("jac", jac, SCHEMES, kind="a function, or one of")
        self.fun, self.jac, self.within, self.steps = fun, jac, within, steps
        self.args = args if isinstance(args, tuple) else (args,)
        self.nfev = self.njev = 0

    def value(self, x: Array) -> Any:
        """Return fun(x), a number; complex where x is."""
        self.nfev += 1
        found = np.asarray(self.fun(np.copy(x), *self.args))
        if found.size != 1:
            raise ValueError(f"fun must return a number; got shape {found.shape}; return its sum, for example")
        return found.reshape(())[()]

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return both, and remember where they were."""
        self.last = Point(np.copy(x), math.nan, np.full_like(x, math.nan))  # for an error in one of the two
        value = float(real("fun(x)", self.value(x)))
        self.njev += 1
        gradient = self.given(x) if callable(self.jac) else self.differences(x, value)
        self.last = Point(self.last.x, value, gradient)
        if self.best is None or math.isnan(self.best.value) or value < self.best.value:
            self.best = self.last
        return value, gradient

    def given(self, x: Array) -> Array:
        """Return jac(x)."""
        found = np.atleast_1d(real("jac(x)", self.jac(np.copy(x), *self.args), "real numbers"))
        if found.shape != x.shape:
            raise ValueError(f"jac must return the gradient, shape {x.shape}; got shape {found.shape}; np.ravel it")
        return found.astype(x.dtype)

    def differences(self, x: Array, value: float) -> Array:
        """Return differences of fun along the numbers that the limits leave free; 0 for the others."""
        from scipy.optimize._numdiff import approx_derivative

        low, high = self.within.low, self.within.high
        gradient, free = np.zeros_like(x), low < high
        steps = {name: None if h is None else np.broadcast_to(h, x.shape)[free] for name, h in self.steps.items()}

        def along(z: Array) -> Any:
            moved = x.astype(z.dtype)
            moved[free] = z
            return self.value(moved)

        if free.any():
            quotients: Any = approx_derivative  # whose stubs know float64 alone
            gradient[free] = quotients(along, x[free], self.jac, f0=value, bounds=(low[free], high[free]), **steps)
        return gradient

    def stated(self, gradient: Array) -> Array:
        """Return a gradient for others: NaN for the numbers along which no differences were made."""
        if callable(self.jac):
            return gradient
        return np.where(self.within.low < self.within.high, gradient, gradient.dtype.type(math.nan))


def teller(callback: Any) -> Callable[[Point], object]:
    """Return what calls a callback in the form that it takes.

    Raises
    ------
    TypeError
        If it takes neither.
    """
    forms = "callback(x) or callback(intermediate_result=...)"
    if not callable(callback):
        raise TypeError(f"callback must be a function, {forms}; got {kind(callback)}")
    try:
        signature = inspect.signature(callback)
    except ValueError:  # of some functions written in C nothing is known
        return lambda point: callback(np.copy(point.x))
    if set(signature.parameters) == {"intermediate_result"}:
        from scipy.optimize import OptimizeResult

        result: Any = OptimizeResult  # whose stubs know no fields
        return lambda point: callback(intermediate_result=result(x=np.copy(point.x), fun=point.value))
    try:
        signature.bind(None)
    except TypeError:
        remedy = "wrap it, such as callback=lambda x: call(x, more)"
        raise TypeError(f"callback must take {forms}; got one that takes {signature}; {remedy}") from None
    return lambda point: callback(np.copy(point.x))
