"""descend: the one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np

from optimlab.checks import real, whole
from optimlab.descent.history import Every, History
from optimlab.descent.interrupt import interruption
from optimlab.descent.problem import Function, Problem
from optimlab.descent.stop import Progress
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.trees import kind, mapped, tree_of
from optimlab.typing import Mark, Number

__all__ = ["descend"]

Stop = Callable[[Progress], bool]


def descend(
    problem: Problem | Callable[[Any], Any],
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
    problem : Problem or callable
        ``value(w)``, ``gradient(w)`` and ``start``; or a function of w that returns the pair (value, gradient) or the
        gradient alone, whose values are then NaN in the history.
    optimizer : Optimizer
        Used as it is: a second call goes on with its state.
    steps : int, at least 0
        Largest number of updates.
    start : array or container of arrays, optional
        Where to start, in place of ``problem.start``; it is copied. With replicas it has their axis. A list of numbers
        stands for an array.
    record : Every, optional
        What to record; by default the value at each step.
    stop : callable or sequence of them
        Conditions that end the descent, such as ``Below(1e-6)``, ``Seconds(30)``, ``Stalled(100)`` or a function of
        a ``Progress``; each is asked before each update. A hook ends it, too, while its attribute ``stopped`` is true.
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
    if not isinstance(optimizer, Optimizer):
        got = f"a rule; write Optimizer({optimizer!r}, lr=0.01)" if isinstance(optimizer, Rule) else kind(optimizer)
        raise TypeError(f"optimizer must be an Optimizer(rule, lr); got {got}")
    run = _Run(Function(problem, start), optimizer, Every() if record is None else record, limit)
    conditions = tuple(stop) if isinstance(stop, Sequence) else (stop,)
    # np.errstate: a descent may overflow on its way out; the history says so
    with _bar(limit, progress) as tick, interruption() as interrupted, np.errstate(over="ignore", invalid="ignore"):
        try:
            reason = _reason(run, [*conditions, interrupted], tick)
            run.finish()
        except KeyboardInterrupt:
            reason = "interrupted"
    return run.history(reason)


def _reason(run: _Run, conditions: Sequence[Stop], tick: Callable[[], object]) -> str:
    """Do the updates; return why they ended."""
    try:
        while True:
            run.look()
            for condition in conditions:
                if condition(run.now):
                    return getattr(condition, "reason", None) or repr(condition)
            for hook in run.optimizer.hooks:
                stopped = getattr(hook, "stopped", False)
                if stopped is not False and np.all(stopped):
                    return repr(hook)
            if run.now.step >= run.limit:
                return "steps"
            if run.all_diverged():
                return "diverged: all replicas"
            run.update()
            tick()
    except FloatingPointError as error:
        return f"diverged: {error}"


class _Run:
    """A descent on its way."""

    def __init__(self, problem: Function, optimizer: Optimizer, record: Every, limit: int) -> None:
        self.problem, self.optimizer, self.record, self.limit = problem, optimizer, record, limit
        self.valued = True
        self.each = [hook for hook in optimizer.hooks if getattr(hook, "needs_loss", False)]
        self.begin = time.perf_counter()
        self.now = Progress(0, 0.0, problem.start)
        self.best_w = mapped(np.copy, problem.start) if record.best else None
        self.tree = tree_of(problem.start)
        optimizer.adopt(problem.start)
        self.value: Number | None = None
        self.rows: list[tuple[Any, ...]] = []

    def look(self) -> None:
        """Find the value where it is due, and record it."""
        now, due = self.now, self.now.step % self.record.steps == 0
        now.seconds = time.perf_counter() - self.begin
        self.value = now.gradient = None
        if self.problem.together is None:
            if due or self.each:
                self.see(self.problem.value(now.w))  # type: ignore[misc]
        elif self.valued or now.step < self.limit:
            value, now.gradient = self.problem.together(now.w)
            self.see(value)
        if due:
            self.write()

    def see(self, value: Any) -> None:
        """Take a value, and keep the weights if it is the best one; None says that there are no values."""
        self.valued = value is not None
        if value is None:
            if self.each:
                remedy = "let the function return the pair (value, gradient)"
                raise ValueError(f"{type(self.each[0]).__name__} needs the loss; {remedy}")
            return
        self.value = self.number(value)
        better = self.now.see(self.value)
        if self.best_w is not None and better is not False:
            self.keep(better)

    def keep(self, better: Mark) -> None:
        """Copy the weights, with replicas those that are better."""
        for best, w in zip(self.tree.leaves(self.best_w), self.tree.leaves(self.now.w), strict=True):
            if better is True:  # where=True takes five times as long for a small array
                best[...] = w
            else:
                np.copyto(best, w, where=np.reshape(better, (-1, *(1,) * (w.ndim - 1))))

    def write(self) -> None:
        """Record the state at hand, as one row."""
        rate, value = self.optimizer.lr, self.value
        lr: Any = np.nan if isinstance(rate, Mapping) else rate
        if self.optimizer.replicas is not None:
            shape = (self.optimizer.replicas,)
            lr, value = np.array(np.broadcast_to(lr, shape)), np.full(shape, np.nan) if value is None else value
        quantities = [np.array(quantity(self.now.w)) for quantity in self.record.quantities.values()]
        self.rows.append((self.now.step, self.now.seconds, lr, np.nan if value is None else value, *quantities))

    def number(self, value: Any) -> Number:
        """Return a value as a float, with replicas as a new array of shape (S,)."""
        replicas = self.optimizer.replicas
        if replicas is None and isinstance(value, float):
            return float(value)
        array = real("value(w)", value)
        shape = () if replicas is None else (replicas,)
        if array.shape != shape:
            wanted = "a number" if replicas is None else f"shape {shape}"
            raise ValueError(f"value(w) must return {wanted}; got shape {array.shape}")
        return float(array) if replicas is None else np.array(array, np.float64)

    def update(self) -> None:
        """Do one update."""
        gradient = self.now.gradient
        if gradient is None:
            gradient = self.problem.gradient(self.now.w)  # type: ignore[misc]
        self.optimizer.step(self.now.w, gradient, loss=self.value)
        self.now.step += 1

    def all_diverged(self) -> bool:
        """Whether no replica moves any more."""
        return self.optimizer.replicas is not None and bool(self.optimizer.diverged.all())

    def finish(self) -> None:
        """Make the end the last row."""
        if not self.rows or self.rows[-1][0] != self.now.step:
            self.now.seconds = time.perf_counter() - self.begin
            if self.value is None and self.problem.value is not None:
                self.see(self.problem.value(self.now.w))
            self.write()

    def history(self, reason: str) -> History:
        """Return what there is."""
        names = ("step", "seconds", "lr", "value", *self.record.quantities)
        shape = () if self.optimizer.replicas is None else (self.optimizer.replicas,)
        none = (np.empty(0, int), np.empty(0), *[np.empty((0, *shape))] * (len(names) - 2))
        found = zip(*self.rows, strict=True) if self.rows else none
        columns = {name: np.array(column) for name, column in zip(names, found, strict=True)}
        return History(self.now.w, reason, columns, self.optimizer.replicas, self.best_w)


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
