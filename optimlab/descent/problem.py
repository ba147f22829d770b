"""What can be descended: a problem object, or a plain function of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, Protocol, final

import numpy as np

from optimlab.checks import floats
from optimlab.engine.given import check_apart, check_first, plain
from optimlab.trees import Tree, kind, rebuilt, tree_of
from optimlab.typing import Number

__all__ = ["Function", "Problem"]

_FORMS = (
    "an object with value(w) and gradient(w), or with value_and_gradient(w); or a function of w that returns the "
    "gradient, or the pair (value, gradient)"
)


class Problem(Protocol):
    """What can be descended: a value, its gradient, and where to start.

    A problem that finds value and gradient together may offer ``value_and_gradient(w)``; the value is then known at
    each step at no cost.

    Examples
    --------
    >>> import numpy as np
    >>> class Bowl:
    ...     start = np.array([3.0, -1.0])
    ...     def value(self, w):
    ...         return float((w**2).sum())
    ...     def gradient(self, w):
    ...         return 2 * w
    """

    @property
    def start(self) -> Any:
        """Array, or (nested) dict, list or tuple of arrays."""

    def value(self, w: Any) -> Number:
        """Return the value: a number, with replicas an array of shape (S,)."""

    def gradient(self, w: Any) -> Any:
        """Return the gradient, in the form of w."""


@final
class Function:
    """A problem as the descent asks it: value and gradient together, the value alone, the gradient alone.

    Parameters
    ----------
    problem : Problem or callable
        The problem, or a function of w that returns the gradient, or the pair of value and gradient.
    start : container of arrays, optional
        Where to start, in place of ``problem.start``.

    Attributes
    ----------
    start : container of arrays
        A copy.
    """

    def __init__(self, problem: Any, start: Any = None) -> None:
        if isinstance(problem, type):
            raise TypeError(f"problem must be an object, not a class; write {problem.__name__}(...)")
        self.together: Callable[[Any], Any] | None = getattr(problem, "value_and_gradient", None)
        self.value: Callable[[Any], Any] | None = getattr(problem, "value", None)
        self.gradient: Callable[[Any], Any] | None = getattr(problem, "gradient", None)
        asked = self.together or (self.value and self.gradient)
        if not asked and not callable(problem):
            lacks = "value" if self.gradient else "gradient"
            raise TypeError(f"problem must be {_FORMS}; got {kind(problem)}, which has no {lacks}(w)")
        start = getattr(problem, "start", None) if start is None else start
        if start is None:
            raise TypeError("where to start is missing: the problem has no start; give one, start=w (of minimize: x0)")
        self.start = _started(start)
        if not asked:
            tree = tree_of(self.start)
            self.together = lambda w: _pair(problem(w), tree)


def _pair(found: Any, tree: Tree) -> tuple[Any, Any]:
    """Return value and gradient; the value is None if what a function has returned is the gradient alone.

    A pair is a tuple of two, the second of which has the structure of the parameters. No gradient is one: it is a tuple
    of two only where the parameters are (a, b) themselves; its second part then has the structure of b, and had it
    that of (a, b) too, then second part after second part would have to be a pair once more, without an end.
    """
    pair = found if isinstance(found, tuple) and len(found) == 2 and _fits(found[1], tree) else (None, found)
    if pair[1] is None:
        raise TypeError(f"the function must return the gradient, or the pair (value, gradient); got {found!r}")
    return pair


def _fits(found: Any, tree: Tree) -> bool:
    """Whether something has the structure of the parameters."""
    try:
        tree.leaves(found)
    except (TypeError, ValueError):
        return False
    return True


def _started(start: Any) -> Any:
    """Return a copy of the parameters to start from: containers of arrays; a number or numbers in a list as one."""
    plainly = start if type(start) in (list, tuple) else [start]
    if plainly and all(isinstance(x, Real) and not isinstance(x, bool) for x in plainly):
        return np.array(floats("start", start))
    tree = tree_of(start)
    names = tuple([name or "params" for name in tree.names])
    rows = zip(names, tree.leaves(start), strict=True)
    leaves = [np.asarray(plain(f"parameter {name!r}", leaf)) for name, leaf in rows]
    check_first(leaves, names, None)
    check_apart(leaves, names)
    return rebuilt(start, map(np.array, leaves))
