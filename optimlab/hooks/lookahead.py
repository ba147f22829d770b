"""Lookahead: slow weights that follow the fast ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, value
from optimlab.hooks.memory import Kept
from optimlab.settings import Checked
from optimlab.typing import Array

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Lookahead"]


@final
@dataclass(eq=False)
class Lookahead(Checked):
    """Every k updates: slow ← slow + share · (w - slow), w ← slow.

    Parameters
    ----------
    k : int, at least 1, sequence of int, shape (S,), or schedule of such
        Updates from one synchronisation to the next.
    share : float, in [0, 1], sequence of float, shape (S,), or schedule of such
        α: how far the slow weights go.

    Source
    ------
    Zhang, Lucas, Hinton & Ba 2019, algorithm 1.

    Notes
    -----
    The slow weights begin as the parameters before the first step. A leaf without a gradient in the update that
    synchronises goes on to the next. The rule's state is kept at a synchronisation, as
    in optax's ``lookahead``. ``Optimizer.averaged`` puts the slow weights into the parameters.

    Examples
    --------
    >>> from optimlab import Lookahead, Optimizer, sgd
    >>> w = np.array([3.0])
    >>> opt = Optimizer(sgd(), lr=0.5, hooks=[Lookahead(3, share=1 / 3)])
    >>> for _ in range(6):
    ...     _ = opt.step(w, np.array([2.0]))
    ...     print(w.item())
    2.0
    1.0
    2.0
    1.0
    0.0
    1.0
    """

    k: Hyperparameter = 5
    share: Hyperparameter = 0.5
    _slow: Kept = field(default_factory=lambda: Kept("Lookahead"), init=False, repr=False)
    whole_leaves: ClassVar[bool] = True
    leafwise: ClassVar[tuple[str, ...]] = ("",)
    moves_weights: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {
        "k": Range("a whole number of at least 1 and finite"),
        "share": Range("in [0, 1]"),
    }

    @property
    def averaged(self) -> dict[str, Array]:
        """The slow weights by the leaf's name, copied; none before the first step."""
        return self._slow.copies()

    def before(self, step: Step) -> None:
        """Keep the weights of the start; see that the numbers are right before anything moves."""
        if not step.idle:
            value(self, "k", step.t), value(self, "share", step.t)
        self._slow.bind(step.names, step.params, np.copy)

    def after(self, step: Step) -> None:
        """Synchronise the replicas whose update is a multiple of k."""
        due = step.live & (step.t % value(self, "k", step.t) == 0)
        if not np.any(due):
            return
        share = value(self, "share", step.t)
        for slow, w, meant in zip(self._slow.arrays.values(), step.params, step.chosen(None), strict=True):
            moves = step.spread(due & meant, w)
            np.copyto(slow, slow + step.spread(share, w) * (w - slow), where=moves)
            np.copyto(w, slow, where=moves)

    def forget(self, names: Collection[str]) -> None:
        """Drop what belongs to leaves that are gone."""
        self._slow.forget(names)

    def state(self) -> dict[str, Array]:
        """Return the slow weights, for a checkpoint."""
        return self._slow.copies()

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self._slow.load(state)
