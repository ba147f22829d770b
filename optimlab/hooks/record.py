"""Record: what the steps of a run did to each leaf, as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, final

import numpy as np

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.finite import norm
from optimlab.hooks.memory import Buffers
from optimlab.settings import Checked
from optimlab.typing import Floats, Mark, Number

if TYPE_CHECKING:
    import pandas as pd

    from optimlab.step import Step

__all__ = ["Clipping", "Record"]

_NUMBERS = ("lr", "gradient_norm", "weight_norm", "update_norm", "update_ratio", "effective_step", "clipped")


class Clipping(Protocol):
    """A hook that knows what it has clipped."""

    def shares(self) -> tuple[Mark | Number, ...]:
        """Return the share of each leaf's numbers that the latest step clipped."""


def _clipping(clip: Any) -> Clipping | None:
    if clip is not None and not callable(getattr(clip, "shares", None)):
        raise TypeError(f"clip must be the ClipNorm, ClipEach or ClipValue of the list; got {clip!r}")
    return clip  # type: ignore[no-any-return]


@final
@dataclass(eq=False)
class Record(Checked):
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
    >>> from optimlab import Optimizer, Record, sgd
    >>> record = Record()
    >>> w = {"W": np.array([3.0, 4.0])}
    >>> _ = Optimizer(sgd(), lr=0.5, hooks=[record]).step(w, {"W": np.array([0.0, 2.0])})
    >>> record.frame().iloc[0].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'t': 1, 'leaf': 'W', 'lr': 0.5, 'gradient_norm': 2.0, 'weight_norm': 5.0, 'update_norm': 1.0,
     'update_ratio': 0.2, 'effective_step': 0.5, 'clipped': nan}
    """

    every: int = 1
    clip: Clipping | None = None
    _rows: list[tuple[str, Floats]] = field(default_factory=list, init=False, repr=False)
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)
    moves_weights: ClassVar[bool] = False
    checks: ClassVar[dict[str, Any]] = {"every": partial(whole, "every", least=1), "clip": _clipping}

    def before(self, step: Step) -> None:
        """Keep the weights."""
        if self._due(step):
            for kept, w in zip(self._buffers.like(step.params, step.names), step.params, strict=True):
                kept[...] = w

    def after(self, step: Step) -> None:
        """Measure each leaf."""
        if not self._due(step):
            return
        shares = self.clip.shares() if self.clip is not None else (np.nan,) * len(step.names)
        leaves = zip(
            step.names, step.gradients, self._buffers.like(step.params, step.names), step.params, shares, strict=True
        )
        for i, (name, g, before, w, share) in enumerate(leaves):
            gradient = step.norm([g])
            weight, update = norm([before], step.replicas), norm([w - before], step.replicas)
            with np.errstate(all="ignore"):
                ratios = np.divide(update, weight), np.divide(update, gradient)
            numbers = (step.t, step.skip, step.rate(i), gradient, weight, update, *ratios, share)
            self._rows.append((name, np.array(np.broadcast_arrays(*numbers), np.float64)))

    def _due(self, step: Step) -> bool:
        return bool((np.max(step.t) - 1) % self.every == 0)

    def frame(self) -> pd.DataFrame:
        """Return what was recorded: one row for each update, leaf and replica."""
        needed("pandas", "lab", "Record.frame")
        import pandas as pd

        counts = [numbers[0].size for _, numbers in self._rows]
        parts = [numbers.reshape(-1, count) for (_, numbers), count in zip(self._rows, counts, strict=True)]
        t, skip, *numbers = np.concatenate([np.empty((2 + len(_NUMBERS), 0)), *parts], axis=1)
        columns = {"t": t.astype(int), "leaf": np.repeat(np.array([name for name, _ in self._rows], object), counts)}
        if max(counts, default=1) > 1:
            columns["replica"] = np.concatenate([np.arange(count) for count in counts])
        columns |= dict(zip(_NUMBERS, numbers, strict=True))
        return pd.DataFrame({name: column[skip == 0.0] for name, column in columns.items()})
