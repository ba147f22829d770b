"""check_gradient: a gradient against differences of the value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.descent.loop import Problem, mapped
from optimlab.trees import tree_of

__all__ = ["check_gradient"]

Array = NDArray[Any]


def check_gradient(problem: Problem, w: Any, rng: np.random.Generator, directions: int = 10) -> float:
    """max |[f(w + hv) - f(w - hv)]/2h - ⟨g, v⟩| / ‖g‖ over random unit vectors v: the error of a gradient.

    The differences are made in float64, with the step h = ∛ε (1 + ‖w‖∞); for a gradient of 0 the error is absolute.

    Parameters
    ----------
    problem : object
        With ``value(w)`` and ``gradient(w)``.
    w : array or container of arrays
        Where to look; it is not changed.
    rng : numpy.random.Generator
        Source of the directions.
    directions : int, at least 1
        Number of directions; in each all numbers of w change.

    Returns
    -------
    float
        The largest error found: about 10⁻⁹ if the gradient is right and the function smooth, about 1/√n or more if one
        of n numbers of it is wrong.

    Raises
    ------
    ValueError, TypeError
        If directions is below 1, rng is no generator, or the gradient has another shape than w.

    Source
    ------
    Nocedal & Wright 2006, section 8.1, equation 8.7.

    Examples
    --------
    >>> class Bowl:
    ...     def value(self, w):
    ...         return float(w @ w)
    ...     def gradient(self, w):
    ...         return 2 * w
    >>> w, rng = np.array([1.0, 2.0]), np.random.default_rng(0)
    >>> check_gradient(Bowl(), w, rng) < 1e-8
    True
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; got {rng!r}; numpy.random.default_rng(seed) makes one")
    if directions < 1:
        raise ValueError(f"directions must be at least 1; got {directions!r}")
    here = mapped(lambda leaf: np.array(leaf, np.float64), w)
    tree = tree_of(here)
    leaves = tree.leaves(here)
    gradient = _flat(tree.leaves(problem.gradient(here)), leaves)
    point = _flat(leaves, leaves)
    h = np.cbrt(np.finfo(np.float64).eps) * (1.0 + np.abs(point).max(initial=0.0))
    scale = np.linalg.norm(gradient) or 1.0
    errors = []
    for _ in range(directions):
        v = rng.standard_normal(point.size)
        v /= np.linalg.norm(v)
        ends = [float(_value(problem, here, leaves, point + sign * h * v)) for sign in (1.0, -1.0)]
        errors.append(abs((ends[0] - ends[1]) / (2.0 * h) - gradient @ v) / scale)
    return float(np.max(errors))


def _value(problem: Problem, tree: Any, leaves: list[Array], point: Array) -> Any:
    """Write a point into the leaves of a container, and return the value there."""
    begin = 0
    for leaf in leaves:
        leaf[...] = point[begin : begin + leaf.size].reshape(leaf.shape)
        begin += leaf.size
    return problem.value(tree)


def _flat(arrays: list[Array], leaves: list[Array]) -> Array:
    shapes = [np.shape(array) for array in arrays]
    if shapes != [leaf.shape for leaf in leaves]:
        raise ValueError(f"the gradient must have the shapes of w, {[leaf.shape for leaf in leaves]}; got {shapes}")
    return np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])
