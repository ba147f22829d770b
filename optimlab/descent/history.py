"""History: what a descent has recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

Array = NDArray[Any]


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

    Examples
    --------
    >>> columns = {"step": np.arange(5), "value": np.array([8.0, 0.5, 3.0, 0.5, 0.25])}
    >>> trace = History(None, "steps", columns, None)
    >>> trace.best_so_far
    array([8.  , 0.5 , 0.5 , 0.5 , 0.25])
    >>> trace.first_hit(1.0), trace.settled(1.0), trace.first_hit(0.1)
    (1, 3, inf)
    """

    w: Any
    reason: str
    columns: dict[str, Array]
    replicas: int | None

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
        """The best value: a float, with replicas an array of shape (S,)."""
        if not len(self["value"]):
            return math.nan
        best = self.best_so_far[-1]
        return best if best.ndim else float(best)

    def first_hit(self, target: float) -> Any:
        """min {step : value ≤ target}: the first recorded step at or below a target.

        An optimizer may leave the target again; see ``settled``.

        Parameters
        ----------
        target : float
            The target.

        Returns
        -------
        int, or inf if there is none; with replicas ndarray of float64, shape (S,)
            The step.
        """
        hit = self["value"] <= target
        return self._step(np.where(hit.any(axis=0), hit.argmax(axis=0), len(hit)))

    def held(self, target: float, rows: int) -> Any:
        """min {step : value ≤ target there and at the next `rows` rows}: the step from which a target is kept for long.

        Between ``first_hit``, which is ``rows = 0``, and ``settled``, which depends on how long the descent was.

        Parameters
        ----------
        target : float
            The target.
        rows : int, at least 0
            For how many further rows it must be kept; steps, if every step is recorded.

        Returns
        -------
        int, or inf if there is none; with replicas ndarray of float64, shape (S,)
            The step.
        """
        if rows < 0:
            raise ValueError(f"rows must be at least 0; got {rows}")
        missed = ~(self["value"] <= target)
        counts = np.cumsum(missed, axis=0, dtype=np.int32)
        calm = counts[rows:] == (counts - missed)[: max(len(missed) - rows, 0)]
        calm = np.concatenate([calm, np.zeros_like(missed[:1])])  # never empty
        return self._step(np.where(calm.any(axis=0), calm.argmax(axis=0), len(missed)))

    def settled(self, target: float) -> Any:
        """min {step : value ≤ target there and at all later rows}: the recorded step from which a target is kept.

        Parameters
        ----------
        target : float
            The target.

        Returns
        -------
        int, or inf if there is none; with replicas ndarray of float64, shape (S,)
            The step.
        """
        missed = ~(self["value"] <= target)
        return self._step(np.where(missed.any(axis=0), len(missed) - missed[::-1].argmax(axis=0), 0))

    def _step(self, row: Array) -> Any:
        """Return the step of a row; the row after the last one is never."""
        found = np.append(self["step"].astype(np.float64), np.inf)[row]
        return found if np.ndim(found) else (int(found) if math.isfinite(found) else math.inf)

    def frame(self) -> pd.DataFrame:
        """Return the trace as a tidy table: a row for each recorded step and replica, with the best value so far.

        A quantity of several numbers has a column for each, ``name_0``, ``name_1``, ...
        """
        import pandas as pd

        n, count = len(self["step"]), 1 if self.replicas is None else self.replicas
        data: dict[str, Array] = {"step": np.repeat(self["step"], count)}
        if self.replicas is not None:
            data["replica"] = np.tile(np.arange(count), n)
        for name, column in {**self.columns, "best": self.best_so_far}.items():
            if name != "step":
                data |= _split(name, column, n, count)
        return pd.DataFrame(data)


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
