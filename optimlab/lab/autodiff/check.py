"""check_grad: a gradient against finite differences, number by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from optimlab.lab.autodiff.graph import trace
from optimlab.lab.autodiff.tape import quiet
from optimlab.trees import rebuilt, tree_of

__all__ = ["GradientCheck", "check_grad"]


class GradientCheck(NamedTuple):
    """What `check_grad` found.

    Attributes
    ----------
    error : float
        The largest difference, over the largest number of the gradient (or over 1, if all are 0).
    place : str
        Where: ``W[0, 1]`` is an element of the leaf W.
    gradient, difference : float
        The two numbers there.

    Examples
    --------
    >>> GradientCheck(0.5, "W[0, 1]", 1.0, 1.5).place
    'W[0, 1]'
    """

    error: float
    place: str
    gradient: float
    difference: float


def check_grad(f: Callable[..., Any], w: Any, *rest: Any, **options: Any) -> GradientCheck:
    """max |∂f/∂wᵢ - [f(w + heᵢ) - f(w - heᵢ)]/2h| / max |∂f/∂w|, over every number of w.

    Everything is computed in float64, with h = ∛ε (1 + |wᵢ|).

    Parameters
    ----------
    f : callable
        As for `grad`.
    w : array or container of arrays
        Where; it is not changed.
    *rest, **options
        Further arguments of f.

    Returns
    -------
    GradientCheck
        The error, about 10⁻⁹ where f is smooth, and the place of the worst number. A NaN anywhere is the worst;
        where w holds no number, the error is 0 and the place empty.

    Raises
    ------
    TypeError, ValueError
        What `grad` raises.

    Source
    ------
    Nocedal & Wright 2006, section 8.1, equation 8.7.

    Examples
    --------
    >>> from optimlab.lab.autodiff import check_grad
    >>> check_grad(lambda w: (np.sin(w["a"]) * w["b"]).sum(), {"a": np.array([1.0, 2.0]), "b": 3.0}).error < 1e-8
    True
    """
    tree = tree_of(w)
    points = [np.array(leaf, dtype=np.float64) for leaf in tree.leaves(w)]
    graph = trace(f, rebuilt(w, points), *rest, **options)
    gradients = [np.asarray(g) for g in tree.leaves(graph.gradient())]

    def value() -> Any:
        return trace(f, rebuilt(w, points), *rest, **options).value

    with quiet():
        differences = [_differences(value, point) for point in points]
        errors = [np.abs(g - d) for g, d in zip(gradients, differences, strict=True)]
    k = int(np.argmax([_worst(error) for error in errors]))
    if not errors[k].size:
        return GradientCheck(0.0, "", 0.0, 0.0)
    at = np.unravel_index(int(np.argmax(errors[k])), errors[k].shape)
    scale = max(float(np.abs(g).max(initial=0.0)) for g in gradients) or 1.0
    place = graph.names[k] + (str([int(i) for i in at]) if at else "")
    return GradientCheck(float(errors[k][at]) / scale, place, float(gradients[k][at]), float(differences[k][at]))


def _differences(value: Callable[[], Any], point: Any) -> Any:
    """Return the central difference for each number of one leaf, which is changed and put back."""
    differences = np.empty(point.shape)
    for at in np.ndindex(point.shape):
        here = point[at]
        h = np.cbrt(np.finfo(np.float64).eps) * (1.0 + abs(here))
        point[at] = here + h
        above = value()
        point[at] = here - h
        differences[at] = (above - value()) / (2.0 * h)
        point[at] = here
    return differences


def _worst(error: Any) -> float:
    """Return the largest error, inf for NaN, and -1 where there is none."""
    return float(error.max(initial=-1.0)) if not np.isnan(error).any() else np.inf
