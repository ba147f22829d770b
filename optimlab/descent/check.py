"""check_gradient: a gradient against differences of the value."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optimlab.checks import generator, whole
from optimlab.trees import rebuilt, tree_of
from optimlab.typing import Floats

__all__ = ["GradientCheck", "check_gradient"]


class GradientCheck(NamedTuple):
    """What ``check_gradient`` found at the worst place.

    Attributes
    ----------
    error : float
        |gradient - difference| over the largest number of the gradient (or over 1, if all are 0).
    place : str
        Where: ``W[0, 1]`` is an element of the leaf W.
    gradient, difference : float
        The two numbers there.

    Examples
    --------
    >>> from optimlab import GradientCheck
    >>> GradientCheck(0.5, "W[0, 1]", 1.0, 1.5).place
    'W[0, 1]'
    """

    error: float
    place: str
    gradient: float
    difference: float


def check_gradient(
    value: Callable[[Any], Any], gradient: Callable[[Any], Any], w: Any, *, rng: Any = None, directions: int = 10
) -> GradientCheck:
    """|∂f/∂wᵢ - [f(w + heᵢ) - f(w - heᵢ)]/2h| / max |∂f/∂w| at the number i of w where they differ.

    Differences along random directions show whether anything is wrong, at a cost that does not grow with w; halving the
    worst of them leads to the number. All are made in float64, with h = ∛ε (1 + |wᵢ|).

    Parameters
    ----------
    value, gradient : callable
        Functions of w: ``problem.value`` and ``problem.gradient``, or f and ``grad(f)``.
    w : array or container of arrays
        Where to look; it is not changed.
    rng : numpy.random.Generator, seed or None
        Source of the directions.
    directions : int, at least 1
        Number of directions; in each all numbers of w change.

    Returns
    -------
    GradientCheck
        The error and its place: about 10⁻⁹ if the gradient is right and the function smooth. A NaN anywhere is the
        worst; where w holds no number, the error is 0 and the place empty.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or the gradient has another shape than w.

    Source
    ------
    Nocedal & Wright 2006, section 8.1, equation 8.7.

    Examples
    --------
    >>> from optimlab import check_gradient
    >>> w = {"a": np.array([1.0, 2.0]), "b": np.array(3.0)}
    >>> value = lambda w: (w["a"] ** 2).sum() * w["b"]
    >>> check_gradient(value, lambda w: {"a": 2 * w["a"] * w["b"], "b": (w["a"] ** 2).sum()}, w).error < 1e-8
    True
    >>> wrong = check_gradient(value, lambda w: {"a": 2 * w["a"] * w["b"], "b": w["a"].sum()}, w)
    >>> wrong.place, wrong.gradient, round(wrong.difference, 6)
    ('b', 3.0, 5.0)
    """
    directions, rng = whole("directions", directions, 1), generator(rng)
    row = _Row(value, w)
    if not row.point.size:
        return GradientCheck(0.0, "", 0.0, 0.0)
    with np.errstate(all="ignore"):
        g = row.flat(gradient(row.tree))
        gap = partial(row.gap, g)
        i = _halved(max((rng.standard_normal(g.size) for _ in range(directions)), key=gap), gap)
        difference = row.change(np.eye(1, g.size, i)[0]) / float(row.h[i])
        error = abs(float(g[i]) - difference) / (float(np.abs(g).max()) or 1.0)
    return GradientCheck(error, row.place(i), float(g[i]), difference)


class _Row:
    """The numbers of a container in one row, and a function's changes when all of them move."""

    def __init__(self, value: Callable[[Any], Any], w: Any) -> None:
        structure = tree_of(w)
        self.value = value
        self.leaves = structure.leaves
        self.names = structure.names
        arrays = [np.asarray(leaf, np.float64) for leaf in self.leaves(w)]
        self.shapes = [array.shape for array in arrays]
        self.begins = np.cumsum([0, *(array.size for array in arrays)])[:-1]
        self.point = np.concatenate([np.empty(0), *(array.ravel() for array in arrays)])
        self.h = np.cbrt(np.finfo(np.float64).eps) * (1.0 + np.abs(self.point))
        self.moved = self.point.copy()
        parts = zip(np.split(self.moved, self.begins[1:]), self.shapes, strict=True)
        self.tree = rebuilt(w, (part.reshape(shape) for part, shape in parts))

    def change(self, v: Floats) -> float:
        """[f(w + hv) - f(w - hv)]/2."""
        self.moved[:] = self.point + self.h * v
        above = float(self.value(self.tree))
        self.moved[:] = self.point - self.h * v
        return 0.5 * (above - float(self.value(self.tree)))

    def gap(self, g: Floats, v: Floats) -> float:
        """|change(v) - ⟨g, hv⟩|, from a step of length h: a shorter one would lose digits."""
        size, moves = float(np.linalg.norm(v)), v != 0.0  # a NaN elsewhere does not count
        found = size * abs(self.change(v / size) - float(g[moves] @ (self.h * v)[moves]) / size)
        return math.inf if math.isnan(found) else found

    def flat(self, gradient: Any) -> Floats:
        """Return a gradient as a row."""
        arrays = self.leaves(gradient)
        found = [np.shape(array) for array in arrays]
        if found != self.shapes:
            raise ValueError(f"the gradient must have the shapes of w, {self.shapes}; got {found}")
        return np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])

    def place(self, i: int) -> str:
        """Return the name of a number's leaf, and its index there."""
        k = int(np.searchsorted(self.begins, i, side="right")) - 1
        index = [int(j) for j in np.unravel_index(i - int(self.begins[k]), self.shapes[k])]
        return (self.names[k] or "w") + (str(index) if index else "")


def _halved(v: Floats, gap: Callable[[Floats], float]) -> int:
    """Return the number to which the gap along a direction leads, if the half with the larger one is kept."""
    numbers = np.arange(v.size)
    while numbers.size > 1:
        halves = np.array_split(numbers, 2)
        numbers = max(halves, key=lambda half: gap(np.where(np.isin(np.arange(v.size), half), v, 0.0)))
    return int(numbers[0])
