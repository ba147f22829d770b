"""Record: what the steps of a run did to each leaf, as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optimlab.finite import norm
from optimlab.hooks.leaves import Buffers

if TYPE_CHECKING:
    import pandas as pd

    from optimlab.step import Step

__all__ = ["Clipping", "Record"]

Array = NDArray[Any]
_NUMBERS = ("lr", "gradient_norm", "weight_norm", "update_norm", "update_ratio", "effective_step", "clipped")


class Clipping(Protocol):
    """A hook that knows what it has clipped."""

    def shares(self) -> tuple[Any, ...]:
        """Return the share of each leaf's numbers that the latest step clipped."""


@dataclass(eq=False)
class Record:
    """Norms of gradient, weights and update of each leaf; put it last in the list of hooks.

    Parameters
    ----------
    every : int, at least 1
        Record the updates 1, 1 + every, 1 + 2 every, ...: each costs a copy of the weights and three norms.
    clip : ClipNorm, ClipEach or ClipValue, optional
        The hook of this list whose share of clipped numbers is recorded.

    Notes
    -----
    One row of ``frame()`` for each recorded update, leaf and (with replicas) replica:

    - ``t``: the update, from 1; ``leaf``, ``replica``; ``lr``: its learning rate;
    - ``gradient_norm``: ‖g‖ as the rule saw it, after the hooks before;
    - ``weight_norm``: ‖w‖ before the update; ``update_norm``: ‖Δw‖, hooks before it in the list included;
    - ``update_ratio``: ‖Δw‖/‖w‖; about 10⁻³ is usual;
    - ``effective_step``: ‖Δw‖/‖g‖, the learning rate with which plain gradient descent goes as far;
    - ``clipped``: share of the leaf's numbers that ``clip`` changed; its mean over the updates is the clip rate.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> record = Record()
    >>> w = {"W": np.array([3.0, 4.0])}
    >>> Optimizer(sgd(), lr=0.5, hooks=[record]).step(w, {"W": np.array([0.0, 2.0])})
    >>> record.frame().iloc[0].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'t': 1, 'leaf': 'W', 'lr': 0.5, 'gradient_norm': 2.0, 'weight_norm': 5.0, 'update_norm': 1.0,
     'update_ratio': 0.2, 'effective_step': 0.5, 'clipped': nan}
    """

    every: int = 1
    clip: Clipping | None = None
    _rows: list[tuple[Any, ...]] = field(default_factory=list, init=False, repr=False)
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, (int, np.integer)) or self.every < 1:
            raise ValueError(f"every must be a whole number of at least 1; got {self.every!r}")
        if self.clip is not None and not callable(getattr(self.clip, "shares", None)):
            raise TypeError(f"clip must be the ClipNorm, ClipEach or ClipValue of the list; got {self.clip!r}")

    def before(self, step: Step) -> None:
        """Keep the weights."""
        if self._due(step):
            for kept, w in zip(self._buffers.like(step.params), step.params, strict=True):
                kept[...] = w

    def after(self, step: Step) -> None:
        """Measure each leaf."""
        if not self._due(step):
            return
        shares = self.clip.shares() if self.clip is not None else (np.nan,) * len(step.names)
        before = self._buffers.like(step.params)
        for i, name in enumerate(step.names):
            gradient = norm([step.gradients[i]], step.replicas) * abs(step.scale)
            weight, update = (norm([x], step.replicas) for x in (before[i], step.params[i] - before[i]))
            with np.errstate(all="ignore"):
                numbers = (
                    step.lr,
                    gradient,
                    weight,
                    update,
                    np.divide(update, weight),
                    np.divide(update, gradient),
                    shares[i],
                )
            self._rows.append((_copied(step.t), name, _copied(step.skip), *map(_copied, numbers)))

    def _due(self, step: Step) -> bool:
        return bool((np.max(step.t) - 1) % self.every == 0)

    def frame(self) -> pd.DataFrame:
        """Return what was recorded: one row for each update, leaf and replica."""
        import pandas as pd

        return pd.DataFrame([row for recorded in self._rows for row in _split(recorded)]).reindex(
            columns=self._columns()
        )

    def _columns(self) -> list[str]:
        replicated = any(np.size(entry) > 1 for row in self._rows for entry in row[2:])
        return ["t", "leaf", *(["replica"] if replicated else []), *_NUMBERS]


def _copied(entry: Any) -> Any:
    return entry.copy() if isinstance(entry, np.ndarray) else entry


def _split(recorded: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return one row for each replica that moved."""
    t, leaf, skip, *numbers = recorded
    columns = np.broadcast_arrays(t, skip, *numbers)
    found = []
    for replica, (own_t, skipped, *own) in enumerate(
        zip(*(column.ravel().tolist() for column in columns), strict=True)
    ):
        if not skipped:
            named = dict(zip(_NUMBERS, map(float, own), strict=True))
            found.append({"t": own_t, "leaf": leaf, "replica": replica} | named)
    return found
