"""check_gradient: a gradient against differences of the value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from optimlab.checks import generator, whole
from optimlab.descent.loop import mapped
from optimlab.trees import tree_of
from optimlab.typing import Array, Floats

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
    tree = tree_of(w)
    leaves = [np.asarray(leaf, np.float64) for leaf in tree.leaves(w)]
    point = np.concatenate([leaf.ravel() for leaf in leaves])
    if not point.size:
        return GradientCheck(0.0, "", 0.0, 0.0)
    begins = np.cumsum([0, *(leaf.size for leaf in leaves)])[:-1]
    moved = point.copy()
    views = (part.reshape(leaf.shape) for part, leaf in zip(np.split(moved, begins[1:]), leaves, strict=True))
    here = mapped(lambda _: next(views), w)
    h = np.cbrt(np.finfo(np.float64).eps) * (1.0 + np.abs(point))

    def change(v: Floats) -> float:
        """[f(w + hv) - f(w - hv)]/2."""
        moved[:] = point + h * v
        above = float(value(here))
        moved[:] = point - h * v
        return 0.5 * (above - float(value(here)))

    def gap(v: Floats) -> float:
        """|change(v) - ⟨g, hv⟩|, from a step of length h: a shorter one would lose digits."""
        size, moves = float(np.linalg.norm(v)), v != 0.0  # a NaN elsewhere does not count
        found = size * abs(change(v / size) - float(g[moves] @ (h * v)[moves]) / size)
        return math.inf if math.isnan(found) else found

    with np.errstate(all="ignore"):
        g = _flat(tree.leaves(gradient(here)), [leaf.shape for leaf in leaves])
        i = _halved(max((rng.standard_normal(point.size) for _ in range(directions)), key=gap), gap)
        difference = change(np.eye(1, point.size, i)[0]) / float(h[i])
        error = abs(float(g[i]) - difference) / (float(np.abs(g).max()) or 1.0)
    k = int(np.searchsorted(begins, i, side="right")) - 1
    index = [int(j) for j in np.unravel_index(i - int(begins[k]), leaves[k].shape)] if leaves[k].ndim else ""
    name = tree.names[k] if isinstance(w, (Mapping, list, tuple)) else "w"
    return GradientCheck(error, f"{name}{index}", float(g[i]), difference)


def _halved(v: Floats, gap: Callable[[Floats], float]) -> int:
    """Return the number to which the gap along a direction leads, if the half with the larger one is kept."""
    numbers = np.arange(v.size)
    while numbers.size > 1:
        halves = np.array_split(numbers, 2)
        numbers = max(halves, key=lambda half: gap(np.where(np.isin(np.arange(v.size), half), v, 0.0)))
    return int(numbers[0])


def _flat(arrays: list[Array], shapes: list[tuple[int, ...]]) -> Floats:
    found = [np.shape(array) for array in arrays]
    if found != shapes:
        raise ValueError(f"the gradient must have the shapes of w, {shapes}; got {found}")
    return np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])
