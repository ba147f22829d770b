"""minimize: a function of arrays, a rule, and a number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import NOT_NEGATIVE, generator, number
from optimlab.descent.history import Every, History
from optimlab.descent.loop import descend
from optimlab.descent.stop import Progress
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.trees import Tree, kind, tree_of

__all__ = ["MinimizeResult", "minimize"]

_NOT_GIVEN: Final[Any] = object()
"""No rng was given: None is a seed of its own kind."""


@final
@dataclass(frozen=True, eq=False)
class MinimizeResult:
    """What ``minimize`` found.

    Parameters
    ----------
    x : array or container of arrays
        Where it ended.
    value : float
        The value there, NaN where the function gives none.
    best_x : array or container of arrays
        The x of the least value seen; where the function gives no values, x.
    best_value : float
        The value there.
    steps : int
        Updates done.
    reason : str
        Why it ended: "steps", "tol", "callback", "interrupted", "diverged: ..." or the ``repr`` of the hook.
    trace : History
        The way: ``trace["value"]``, ``trace["lr"]``, ``trace["seconds"]`` at each step.

    Examples
    --------
    >>> from optimlab import minimize, sgd
    >>> minimize(lambda x: 2 * x, [3.0], sgd(), lr=0.5, steps=10, tol=0.0).reason
    'tol'
    """

    x: Any
    value: float
    best_x: Any
    best_value: float
    steps: int
    reason: str
    trace: History = field(repr=False)


def minimize(
    function: Callable[..., Any],
    x0: Any,
    rule: Rule,
    *,
    lr: ArrayLike | Callable[[Any], Any],
    steps: int,
    callback: Callable[[Any, int, Any], Any] | None = None,
    hooks: Sequence[Any] = (),
    tol: float | None = None,
    rng: Any = _NOT_GIVEN,
    progress: bool | str = True,
) -> MinimizeResult:
    """xᵢ₊₁ = xᵢ - lr · rule(g(xᵢ)), i = 0, 1, ..., steps - 1: minimize a function, given its gradient.

    Parameters
    ----------
    function : callable
        ``function(x)`` returns the gradient, or the tuple (value, gradient); the gradient has the form of x.
    x0 : float array, or (nested) dict, list or tuple of them, or a list of numbers, which stands for an array
        Where to start; it is copied. x is updated in place: a function that keeps it keeps a copy.
    rule : Rule
        The update rule, such as ``adam()``; ``-rule`` climbs.
    lr : float greater than 0, or schedule
        Learning rate, or a function of i.
    steps : int, at least 0
        Largest number of updates.
    callback : callable, optional
        ``callback(x, i, g)`` is called before update i; x and g are not to be written to. A true result, or
        StopIteration, ends the run there.
    hooks : sequence
        Hooks of the ``Optimizer``, such as ``ClipNorm(1.0)``.
    tol : float, at least 0, optional
        End where no number of the gradient is larger in size.
    rng : numpy.random.Generator, seed or None, optional
        If it is given, the function is called as ``function(x, rng)``, with one generator for the whole run.
    progress : bool or str
        Show a bar after two seconds, as ``descend`` does; a string is its title.

    Returns
    -------
    MinimizeResult
        ``x``, ``best_x``, ``value``, ``best_value``, ``steps``, ``reason``, ``trace``.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or what the optimizer raises for x and g.

    Notes
    -----
    The function is called once for each update, and once at the end if it gives values. A gradient that is not finite
    ends the run at the last finite x: ``reason`` begins with "diverged". Averages of the weights, replicas and runs
    that go on are for ``descend`` with an ``Optimizer``.

    A step costs 3 µs more than ``Optimizer.step`` (measured), and a copy of x where the value is the least so far.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import adam, minimize, sgd
    >>> def bowl(x):
    ...     return float(x @ x), 2 * x
    >>> found = minimize(bowl, [3.0, -1.0], adam(), lr=0.1, steps=500, tol=1e-6)
    >>> found.reason, bool(abs(found.x).max() <= 5e-7), found.steps == len(found.trace["value"]) - 1
    ('tol', True, True)

    A dict of arrays, a noisy gradient, and a callback:

    >>> def noisy(x, rng):
    ...     return {"a": 2 * x["a"] + rng.normal(size=2), "b": 2 * x["b"]}
    >>> x0 = {"a": np.ones(2), "b": np.array(4.0)}
    >>> say = lambda x, i, g: print(i, x["b"])
    >>> found = minimize(noisy, x0, sgd(), lr=0.25, steps=3, callback=say, rng=0)
    0 4.0
    1 2.0
    2 1.0
    """
    if isinstance(rule, Optimizer):
        raise TypeError(
            "rule must be a Rule such as adam(); got an Optimizer; descend(function, optimizer, ...) takes it"
        )
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"function must be a function of x; got {kind(function)}; descend takes problems")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be a function of x, i and the gradient; got {callback!r}")
    more = () if rng is _NOT_GIVEN else (generator(rng),)
    ends: list[Any] = [] if tol is None else [_Flat(number("tol", tol, NOT_NEGATIVE))]
    ends += [] if callback is None else [_Callback(callback, steps)]
    optimizer, record = Optimizer(rule, lr, hooks=hooks), Every(best=True)
    trace = descend(
        lambda x: function(x, *more), optimizer, steps, start=x0, record=record, stop=ends, progress=progress
    )
    done, value = (int(trace["step"][-1]), float(trace["value"][-1])) if len(trace["step"]) else (0, math.nan)
    best_x = trace.w if math.isnan(trace.best) else trace.best_w
    return MinimizeResult(trace.w, value, best_x, trace.best, done, trace.reason, trace)


@final
@dataclass
class _Flat:
    """The condition that no number of the gradient is larger than ``tol``."""

    tol: float
    tree: Tree | None = None
    reason: ClassVar[str] = "tol"

    def __call__(self, now: Progress) -> bool:
        if now.gradient is None:
            return False
        self.tree = self.tree or tree_of(now.w)
        leaves = [leaf for leaf in self.tree.leaves(now.gradient) if leaf is not None]
        return bool(leaves) and all(
            np.max(leaf, initial=0.0) <= self.tol and np.min(leaf, initial=0.0) >= -self.tol for leaf in leaves
        )


@final
@dataclass
class _Callback:
    """The condition that a callback, which is called before each update, wants to end."""

    function: Callable[[Any, int, Any], Any]
    steps: int
    reason: ClassVar[str] = "callback"

    def __call__(self, now: Progress) -> bool:
        try:
            return now.step < self.steps and bool(self.function(now.w, now.step, now.gradient))
        except StopIteration:
            return True
