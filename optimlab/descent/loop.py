"""descend: the one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from optimlab.checks import whole
from optimlab.descent.history import Every, History
from optimlab.descent.interrupt import interruption
from optimlab.descent.stop import Progress
from optimlab.optimizer import Optimizer
from optimlab.trees import mapped
from optimlab.typing import Number

__all__ = ["Problem", "descend"]

Stop = Callable[[Progress], bool]


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


def descend(
    problem: Problem,
    optimizer: Optimizer,
    steps: int,
    *,
    start: Any = None,
    record: Every | None = None,
    stop: Stop | Sequence[Stop] = (),
    progress: bool | str = True,
) -> History:
    """w₀ = start, wₖ₊₁ = optimizer(wₖ, gradient(wₖ)): descend a problem and record the way.

    Parameters
    ----------
    problem : Problem
        ``value(w)``, ``gradient(w)`` and ``start``.
    optimizer : Optimizer
        Used as it is: a second call goes on with its state.
    steps : int, at least 0
        Largest number of updates.
    start : array or container of arrays, optional
        Where to start, in place of ``problem.start``; it is copied. With replicas it has their axis.
    record : Every, optional
        What to record; by default the value at each step.
    stop : callable or sequence of them
        Conditions that end the descent, such as ``Below(1e-6)``, ``Seconds(30)``, ``Stalled(100)`` or a function of
        a ``Progress``; each is asked before each update.
    progress : bool or str
        Show a bar after two seconds, if standard error is a terminal and tqdm is installed; a string is its title.

    Returns
    -------
    History
        The way. The last row is the end, also after Ctrl-C and where gradients were no longer finite. After Ctrl-C the
        update at hand is finished first; a second Ctrl-C does not wait, and gives the rows that there are. Where
        Ctrl-C is ignored, as under ``nohup``, it stays so.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or what the optimizer raises for its parameters.

    Examples
    --------
    >>> from optimlab import Below, Every, Optimizer, descend, sgd
    >>> class Bowl:
    ...     start = np.array([1.0, 2.0])
    ...     def value(self, w):
    ...         return float(w @ w)
    ...     def gradient(self, w):
    ...         return 2 * w
    >>> history = descend(Bowl(), Optimizer(sgd(), lr=0.25), 100, record=Every(1, w=np.copy), stop=Below(1e-3))
    >>> history
    <History of 8 rows up to step 7, best 0.00030517578125, ended by Below(target=0.001)>
    >>> history.frame()[["step", "value", "w_0", "w_1"]].head(3)
       step   value   w_0  w_1
    0     0  5.0000  1.00  2.0
    1     1  1.2500  0.50  1.0
    2     2  0.3125  0.25  0.5
    """
    limit = whole("steps", steps, 0)
    run = _Run(problem, optimizer, problem.start if start is None else start, Every() if record is None else record)
    conditions = tuple(stop) if isinstance(stop, Sequence) else (stop,)
    # np.errstate: a descent may overflow on its way out; the history says so
    with _bar(limit, progress) as tick, interruption() as interrupted, np.errstate(over="ignore", invalid="ignore"):
        try:
            reason = _reason(run, limit, [*conditions, interrupted], tick)
            run.finish()
        except KeyboardInterrupt:
            reason = "interrupted"
    return run.history(reason)


def _reason(run: _Run, limit: int, conditions: Sequence[Stop], tick: Callable[[], object]) -> str:
    """Do the updates; return why they ended."""
    try:
        while True:
            run.look()
            for condition in conditions:
                if condition(run.now):
                    return getattr(condition, "reason", None) or repr(condition)
            if run.now.step >= limit:
                return "steps"
            if run.all_diverged():
                return "diverged: all replicas"
            run.update()
            tick()
    except FloatingPointError as error:
        return f"diverged: {error}"


class _Run:
    """A descent on its way."""

    def __init__(self, problem: Any, optimizer: Optimizer, start: Any, record: Every) -> None:
        self.problem, self.optimizer, self.record = problem, optimizer, record
        self.together = getattr(problem, "value_and_gradient", None)
        self.each = any(getattr(hook, "needs_loss", False) for hook in optimizer.hooks)
        self.begin = time.perf_counter()
        self.now = Progress(0, 0.0, mapped(np.array, start))
        optimizer.adopt(self.now.w)
        self.known: tuple[Any, Any] = (None, None)
        self.rows: list[tuple[Any, ...]] = []

    def look(self) -> None:
        """Find the value where it is due, and record it."""
        now, due = self.now, self.now.step % self.record.steps == 0
        now.seconds = time.perf_counter() - self.begin
        self.known = (None, None)
        if self.together is not None:
            self.known = self.together(now.w)
        elif due or self.each:
            self.known = (self.problem.value(now.w), None)
        if self.known[0] is not None:
            now.see(self.number(self.known[0]))
        if due:
            self.write()

    def write(self) -> None:
        """Record the state at hand, as one row."""
        value = self.number(self.problem.value(self.now.w) if self.known[0] is None else self.known[0])
        rate = self.optimizer.lr
        lr = np.array(np.broadcast_to(np.nan if isinstance(rate, Mapping) else rate, np.shape(value)))
        quantities = [np.array(quantity(self.now.w)) for quantity in self.record.quantities.values()]
        self.rows.append((self.now.step, self.now.seconds, lr, value, *quantities))

    def number(self, value: Any) -> Number:
        """Return a value as a float, with replicas as a new array of shape (S,)."""
        replicas = self.optimizer.replicas
        shape = () if replicas is None else (replicas,)
        if np.shape(value) != shape:
            wanted = "a number" if replicas is None else f"shape {shape}"
            raise ValueError(f"value(w) must return {wanted}; got shape {np.shape(value)}")
        return float(value) if replicas is None else np.array(value, np.float64)

    def update(self) -> None:
        """Do one update."""
        value, gradient = self.known
        if gradient is None:
            gradient = self.problem.gradient(self.now.w)
        self.optimizer.step(self.now.w, gradient, loss=value)
        self.now.step += 1

    def all_diverged(self) -> bool:
        """Whether no replica moves any more."""
        return self.optimizer.replicas is not None and bool(self.optimizer.diverged.all())

    def finish(self) -> None:
        """Make the end the last row."""
        if not self.rows or self.rows[-1][0] != self.now.step:
            self.now.seconds = time.perf_counter() - self.begin
            self.write()

    def history(self, reason: str) -> History:
        """Return what there is."""
        names = ("step", "seconds", "lr", "value", *self.record.quantities)
        shape = () if self.optimizer.replicas is None else (self.optimizer.replicas,)
        none = (np.empty(0, int), np.empty(0), *[np.empty((0, *shape))] * (len(names) - 2))
        found = zip(*self.rows, strict=True) if self.rows else none
        columns = {name: np.array(column) for name, column in zip(names, found, strict=True)}
        return History(self.now.w, reason, columns, self.optimizer.replicas)


@contextmanager
def _bar(steps: int, progress: bool | str) -> Iterator[Callable[[], object]]:
    """Give what each update calls: to move the bar, or nothing where there is none."""
    if not progress or find_spec("tqdm") is None:
        yield lambda: None
        return
    from tqdm import tqdm

    title = progress if isinstance(progress, str) else None
    with tqdm(total=steps, desc=title, delay=2.0, disable=None, unit=" steps") as bar:
        yield bar.update
