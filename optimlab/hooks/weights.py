"""Hooks that change the weights after the step: projection, independent decay, look-ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimlab.hooks.leaves import check_held, live, moving, spread
from optimlab.hooks.sets import ConvexSet
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.trees import chosen, patterns

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["IndependentDecay", "Lookahead", "Project"]

Array = NDArray[Any]


@dataclass(eq=False)
class Project:
    """w ← the point of a set that is nearest to w, after each step and for each leaf by itself.

    The optimizer's average has seen the weights before the projection.

    Parameters
    ----------
    onto : Box, Ball, Simplex, NonNegative or another object with ``nearest(rows)``
        The set; a leaf is a point of it as one vector, with replicas each replica's part.
    only : str or sequence of str, optional
        Names of the leaves that are projected, with ``*`` for any letters; default all.

    Examples
    --------
    >>> from optimlab import Box
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> w = np.array([0.5, -0.5])
    >>> Optimizer(sgd(), lr=1.0, hooks=[Project(Box(-1.0, 1.0))]).step(w, np.array([-3.0, 0.25]))
    >>> w
    array([ 1.  , -0.75])
    """

    onto: ConvexSet
    only: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.onto, type) or not callable(getattr(self.onto, "nearest", None)):
            raise TypeError(f"onto must be a set with nearest(rows), such as Box(-1.0, 1.0); got {self.onto!r}")
        self.only = patterns(self.only)

    def after(self, step: Step) -> None:
        """Project the leaves of the replicas that have moved."""
        count = 1 if step.replicas is None else step.replicas
        for w, meant in zip(step.params, chosen(step.names, self.only), strict=True):
            if meant:
                nearest = self.onto.nearest(w.reshape(count, -1))
                np.copyto(w, nearest.reshape(w.shape), where=moving(step.skip, w))


@dataclass(eq=False)
class IndependentDecay:
    """w ← (1 - rate) w after each step: decoupled weight decay that is not multiplied by the learning rate.

    Parameters
    ----------
    rate : float, in [0, 1], sequence of float, shape (S,), or schedule
        Share of the weights that a step takes away; the decay of AdamW with rate = lr · λ.
    only : str or sequence of str, optional
        Names of the leaves that decay, with ``*`` for any letters; default all.

    Source
    ------
    Loshchilov & Hutter 2019, algorithm 2, where the rate follows the schedule but not the base learning rate; give
    ``rate=cosine_decay(...)`` for that.

    Notes
    -----
    AdamW's decay, tied to lr, is ``adam() + λ * Weights()``; the L2 penalty is ``WeightDecay``. This decay comes after
    the update, so it takes its share of the update too.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> w = np.array([2.0])
    >>> Optimizer(sgd(), lr=1e-9, hooks=[IndependentDecay(0.25)]).step(w, np.zeros(1))
    >>> w
    array([1.5])
    """

    rate: Hyperparameter
    only: Any = None

    def __post_init__(self) -> None:
        hyperparameter(self, "rate", "in [0, 1]", lambda x: 0.0 <= x <= 1.0)
        self.only = patterns(self.only)

    def after(self, step: Step) -> None:
        """Shrink the leaves of the replicas that have moved."""
        kept = np.where(step.skip, 1.0, 1.0 - np.asarray(value(self, "rate", step.t)))
        for w, meant in zip(step.params, chosen(step.names, self.only), strict=True):
            if meant:
                np.multiply(w, spread(kept, w), out=w)


@dataclass(eq=False)
class Lookahead:
    """Every k updates: slow ← slow + share · (w - slow), w ← slow.

    Parameters
    ----------
    k : int, at least 1, or sequence of int, shape (S,)
        Updates from one synchronisation to the next.
    share : float, in [0, 1], sequence of float, shape (S,), or schedule
        α: how far the slow weights go.

    Source
    ------
    Zhang, Lucas, Hinton & Ba 2019, algorithm 1.

    Notes
    -----
    The slow weights begin as the parameters before the first step. The rule's state is kept at a synchronisation, as
    in optax's ``lookahead``.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> w = np.array([3.0])
    >>> opt = Optimizer(sgd(), lr=0.5, hooks=[Lookahead(3, share=1 / 3)])
    >>> for _ in range(6):
    ...     opt.step(w, np.array([2.0]))
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
    _slow: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    _names: tuple[str, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        hyperparameter(self, "k", "a whole number of at least 1", lambda x: x >= 1.0 and x == math.floor(x))
        hyperparameter(self, "share", "in [0, 1]", lambda x: 0.0 <= x <= 1.0)

    def before(self, step: Step) -> None:
        """Keep the weights of the start."""
        if step.names is not self._names:
            if not self._slow:
                self._slow = {name: w.copy() for name, w in zip(step.names, step.params, strict=True)}
            check_held("Lookahead", self._slow, step.names, step.params)
            self._names = step.names

    def after(self, step: Step) -> None:
        """Synchronise the replicas whose update is a multiple of k."""
        due = live(step) & (step.t % value(self, "k", step.t) == 0)
        if not np.any(due):
            return
        share = value(self, "share", step.t)
        for name, w in zip(step.names, step.params, strict=True):
            slow, moves = self._slow[name], moving(np.logical_not(due), w)
            np.copyto(slow, slow + spread(share, w) * (w - slow), where=moves)
            np.copyto(w, slow, where=moves)

    def state(self) -> dict[str, Array]:
        """Return the slow weights, for a checkpoint."""
        return {name: slow.copy() for name, slow in self._slow.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self._slow, self._names = {name: np.array(slow) for name, slow in state.items()}, ()
