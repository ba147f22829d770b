"""grad and value_and_grad: functions into functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from optimlab.lab.autodiff.graph import trace

__all__ = ["grad", "value_and_grad"]


def grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """∇f: the function that gives the gradient of f with respect to its first argument.

    Parameters
    ----------
    f : callable
        Returns a scalar; written with operators and NumPy functions. See `trace` for what it may do.

    Returns
    -------
    callable
        With the arguments of f; returns the gradient in the structure, shapes and dtypes of the first.

    Raises
    ------
    TypeError, ValueError
        When it is called: if f returns no scalar, or what `trace` raises.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import grad
    >>> def loss(w, x, y):
    ...     return ((x @ w["slope"] + w["level"] - y) ** 2).mean()
    >>> w = {"slope": np.array([1.0]), "level": 0.0}
    >>> grad(loss)(w, np.array([[1.0], [3.0]]), np.array([0.0, 2.0]))
    {'slope': array([4.]), 'level': np.float64(2.0)}
    """

    @functools.wraps(f)
    def gradient(w: Any, *rest: Any, **options: Any) -> Any:
        return trace(f, w, *rest, **options).gradient()

    return gradient


def value_and_grad(f: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """(f, ∇f): the function that gives value and gradient together, at the price of one pass and one sweep.

    Parameters
    ----------
    f : callable
        As for `grad`.

    Returns
    -------
    callable
        With the arguments of f; returns the value, a NumPy number, and the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import value_and_grad
    >>> value_and_grad(lambda w: w @ w)(np.array([3.0, 4.0]))
    (np.float64(25.0), array([6., 8.]))
    """

    @functools.wraps(f)
    def both(w: Any, *rest: Any, **options: Any) -> tuple[Any, Any]:
        graph = trace(f, w, *rest, **options)
        return graph.value, graph.gradient()

    return both
