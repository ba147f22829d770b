"""grad and value_and_grad: functions into functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from optimlab.checks import whole
from optimlab.lab.autodiff.graph import trace

__all__ = ["grad", "value_and_grad"]


def grad(f: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """∇f: the function that gives the gradient of f with respect to one of its arguments.

    Parameters
    ----------
    f : callable
        Returns a scalar; written with operators and NumPy functions. See `trace` for what it may do.
    argnum : int or tuple of int
        Which argument, from 0; of several arguments the gradients are a tuple.

    Returns
    -------
    callable
        With the arguments of f; returns the gradient in the structure, shapes and dtypes of that argument.

    Raises
    ------
    TypeError, ValueError
        If argnum is no place; when it is called, if f returns no scalar, or what `trace` raises.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import grad
    >>> def loss(w, x, y):
    ...     return ((x @ w["slope"] + w["level"] - y) ** 2).mean()
    >>> w = {"slope": np.array([1.0]), "level": 0.0}
    >>> grad(loss)(w, np.array([[1.0], [3.0]]), np.array([0.0, 2.0]))
    {'slope': array([4.]), 'level': np.float64(2.0)}
    >>> grad(loss, argnum=2)(w, np.array([[1.0], [3.0]]), np.array([0.0, 2.0]))
    array([-1., -1.])
    """
    both = value_and_grad(f, argnum)

    @functools.wraps(f)
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


def value_and_grad(f: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """(f, ∇f): the function that gives value and gradient together, at the price of one pass and one sweep.

    Parameters
    ----------
    f, argnum : callable, int or tuple of int
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
    several = isinstance(argnum, tuple)
    places = [whole("argnum", k, 0) for k in (argnum if isinstance(argnum, tuple) else (argnum,))]
    if not places or len(set(places)) < len(places):
        raise ValueError(f"argnum must name different arguments; got {argnum}")

    @functools.wraps(f)
    def both(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        if max(places) >= len(arguments):
            raise TypeError(f"argument {max(places)}, which argnum names, must be given by place; got {len(arguments)}")

        def of_traced(w: Any) -> Any:
            traced = dict(zip(places, w if several else (w,), strict=True))
            return f(*(traced.get(k, argument) for k, argument in enumerate(arguments)), **options)

        inputs = tuple(arguments[k] for k in places)
        graph = trace(of_traced, inputs if several else inputs[0])
        return graph.value, graph.gradient()

    return both
