"""What a descent records, and what it has recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from optimlab.checks import ANY, numbers, whole
from optimlab.extras import needed
from optimlab.typing import Array, Marks, Number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Every", "History"]


@final
class Every:
    """Record the value, and other quantities, at each multiple of a number of steps, and at the end.

    Parameters
    ----------
    steps : int, at least 1
        The number. Where a problem has no ``value_and_gradient`` and no hook ``needs_loss``, the value is computed at
        these steps only: targets are looked at, and hooks get a loss, no more often.
    best : bool
        Keep the weights of the least value seen, ``History.best_w``.
    **quantities : callable
        What else to record, by name: functions of w that return a number or an array.

    Examples
    --------
    >>> from optimlab import Every
    >>> Every(10, norm=np.linalg.norm)  # doctest: +ELLIPSIS
    Every(10, norm=<function norm at 0x...>)
    """

    def __init__(self, steps: int = 1, /, *, best: bool = False, **quantities: Callable[[Any], Any]) -> None:
        self.steps = whole("steps of Every", steps, 1)
        self.best = best
        self.quantities = quantities
        if not isinstance(best, (bool, np.bool_)):
            raise TypeError(f"best must be True or False (no quantity can have that name); got {best!r}")
        for name, quantity in quantities.items():
            if name in ("step", "replica", "seconds", "lr", "value"):
                raise ValueError(f"a quantity must not be named {name!r}: a column of the history has that name")
            if not callable(quantity):
                raise TypeError(f"{name} must be a function of w; got {quantity!r}")

    def __repr__(self) -> str:
        words = [repr(self.steps), *(["best=True"] if self.best else [])]
        words += [f"{name}={quantity!r}" for name, quantity in self.quantities.items()]
        return f"Every({', '.join(words)})"


@final
@dataclass(frozen=True, eq=False, repr=False)
class History:
    """A descent as it was recorded: arrays over the n recorded steps, with S replicas on a second axis.

    Parameters
    ----------
    w : array or container of arrays
        Where the descent ended.
    reason : str
        Why it ended: "steps", "interrupted", "diverged: ..." or the condition that stopped it.
    columns : dict of ndarray
        ``step``, shape (n,): updates done; ``seconds``, shape (n,): time since the start; ``lr`` and ``value``, shape
        (n,) or (n, S), and the quantities of ``record``, shape (n, ...) or (n, S, ...).
    replicas : int or None
        S.
    best_w : array or container of arrays, or None
        The weights of the least value that was seen, in a row or between two, if they were asked for with
        ``Every(best=True)``: with replicas of each its own; the start where no value was a number.

    Examples
    --------
    >>> from optimlab import History
    >>> columns = {"step": np.arange(5), "value": np.array([8.0, 0.5, 3.0, 0.5, 0.25])}
    >>> history = History(None, "steps", columns, None)
    >>> history.best_so_far
    array([8.  , 0.5 , 0.5 , 0.5 , 0.25])
    >>> history.first_hit(1.0), history.settled(1.0), history.first_hit(0.1)
    (1, 3, inf)
    """

    w: Any
    reason: str
    columns: dict[str, Array]
    replicas: int | None
    best_w: Any = None

    def __getitem__(self, name: str) -> Array:
        """Return what was recorded under a name."""
        return self.columns[name]

    def __repr__(self) -> str:
        n, last = len(self["step"]), self["step"][-1:].tolist()
        return f"<History of {n} rows up to step {last[0] if last else None}, best {self.best}, ended by {self.reason}>"

    @property
    def best_so_far(self) -> Array:
        """minᵢ≤ₙ valueᵢ: the best value up to each row; NaN is never the best."""
        found: Array = np.fmin.accumulate(self["value"], axis=0)
        return found

    @property
    def best(self) -> Any:
        """The best value, NaN if there is none: a float, with replicas an array of shape (S,)."""
        best = np.fmin.reduce(self["value"], axis=0, initial=np.nan)
        return best if np.ndim(best) else float(best)

    def first_hit(self, target: Number) -> Any:
        """min {step : value ≤ target}: the first recorded step at or below a target, which may be left again.

        Parameters
        ----------
        target : float or ndarray, shape (S,)
            The target.

        Returns
        -------
        int, or inf if there is none; with replicas ndarray of float64, shape (S,)
            The step.
        """
        return self._first(self._hit(target))

    def held(self, target: Number, rows: int) -> Any:
        """min {step : value ≤ target there and at the next `rows` rows}: the step from which a target is kept for long.

        Between ``first_hit``, which is ``rows = 0``, and ``settled``, which depends on how long the descent was; what
        is returned is as there.

        Parameters
        ----------
        target : float or ndarray, shape (S,)
            The target.
        rows : int, at least 0
            For how many further rows it must be kept; steps, if every step is recorded.
        """
        rows, missed = whole("rows", rows, 0), ~self._hit(target)
        counts = np.cumsum(missed, axis=0, dtype=np.int32)
        return self._first(counts[rows:] == (counts - missed)[: max(len(missed) - rows, 0)])

    def settled(self, target: Number) -> Any:
        """min {step : value ≤ target there and at all later rows}: the recorded step from which a target is kept.

        Parameters and what is returned are those of ``first_hit``.
        """
        return self._first(np.logical_and.accumulate(self._hit(target)[::-1], axis=0)[::-1])

    def _hit(self, target: Number) -> Marks:
        hit: Marks = self["value"] <= numbers("target", target, ANY)
        return hit

    def _first(self, marks: Marks) -> Any:
        """Return the step of the first row that is marked, inf where none is: of a row after the last one."""
        steps = np.append(self["step"][: len(marks)].astype(np.float64), np.inf)
        found = steps[np.concatenate([marks, np.ones_like(marks, shape=(1, *marks.shape[1:]))]).argmax(axis=0)]
        return found if np.ndim(found) else (int(found) if math.isfinite(found) else math.inf)

    def frame(self) -> pd.DataFrame:
        """Return a tidy table: a row for each recorded step and replica, with the best value so far.

        A quantity of several numbers has a column for each, ``name_0``, ``name_1``, ...
        """
        needed("pandas", "lab", "History.frame")
        import pandas as pd

        n, count = len(self["step"]), 1 if self.replicas is None else self.replicas
        data: dict[str, Array] = {"step": np.repeat(self["step"], count)}
        if self.replicas is not None:
            data["replica"] = np.tile(np.arange(count), n)
        for name, column in {**self.columns, "best": self.best_so_far}.items():
            if name != "step":
                data |= _split(name, column, n, count)
        return pd.DataFrame(data)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the value over the steps, a line for each replica, and return the axes.

        Values that are all greater than 0 are drawn on a logarithmic axis.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where; by default in a new figure.
        """
        needed("matplotlib", "lab", "History.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.figure().subplots()
        values = self["value"]
        ax.plot(self["step"], values)
        finite = values[np.isfinite(values)]
        log = bool(finite.size) and bool((finite > 0.0).all())
        ax.set(xlabel="step", ylabel="value", yscale="log" if log else "linear")
        return ax


def _split(name: str, column: Array, n: int, count: int) -> dict[str, Array]:
    """Return the columns of a table that a recorded quantity makes."""
    if column.size == n:
        return {name: np.repeat(column.reshape(n), count)}
    if column.shape[1:2] != (count,):
        column = np.repeat(column[:, np.newaxis], count, axis=1)
    parts = column.reshape(n * count, -1)
    if parts.shape[1] == 1:
        return {name: parts[:, 0]}
    return {f"{name}_{i}": parts[:, i] for i in range(parts.shape[1])}
