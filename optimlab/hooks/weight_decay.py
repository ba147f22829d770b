"""Weight decay: coupled, as part of the gradient, and independent of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Hyperparameter, Range, value
from optimlab.hooks.memory import Buffers
from optimlab.settings import Checked
from optimlab.trees import patterns

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["IndependentDecay", "WeightDecay"]


@final
@dataclass(eq=False)
class WeightDecay(Checked):
    """g ← g + rate · w: coupled (L2) weight decay, the gradient of ½ rate ‖w‖² added before the rule.

    The rule sees the sum: in Adam the decay is divided by √v like any gradient. Decoupled decay is in the algebra,
    ``adam() + rate * Weights()`` (AdamW, tied to lr); decay that is not multiplied by lr is ``IndependentDecay``.

    Parameters
    ----------
    rate : float, at least 0, sequence of float, shape (S,), or schedule of such
        λ.
    only : str or sequence of str, optional
        Names of the leaves that decay, with ``*`` for any letters; default all.

    Notes
    -----
    After a clipping hook in the list the decay is not clipped, before it, it is. torch: ``weight_decay`` of ``SGD``
    and ``Adam``; optax: ``add_decayed_weights`` before the rule; keras has only the decoupled kind.

    Examples
    --------
    >>> from optimlab import Optimizer, WeightDecay, sgd
    >>> params = {"weight": np.array([2.0]), "bias": np.array([2.0])}
    >>> zeros = {"weight": np.zeros(1), "bias": np.zeros(1)}
    >>> _ = Optimizer(sgd(), lr=0.5, hooks=[WeightDecay(0.1, only="weight")]).step(params, zeros)
    >>> params
    {'weight': array([1.9]), 'bias': array([2.])}
    """

    rate: Hyperparameter
    only: str | Sequence[str] | None = None
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)
    ranges: ClassVar[dict[str, Range]] = {"rate": NOT_NEGATIVE}
    checks: ClassVar[dict[str, Any]] = {"only": patterns}

    def before(self, step: Step) -> None:
        """Replace the gradients by the sums; the factor that earlier hooks have put on them goes in first."""
        if step.idle:
            return
        rate, room = value(self, "rate", step.t), self._buffers.like(step.gradients, step.names)
        leaves = zip(step.fold_scale(), step.params, room, step.chosen(self.only), strict=True)
        step.gradients = tuple(
            np.add(np.multiply(w, step.spread(rate, w), out=out), g, out=out) if meant else g
            for g, w, out, meant in leaves
        )


@final
@dataclass(eq=False)
class IndependentDecay(Checked):
    """w ← (1 - rate) w after each step: decoupled weight decay that is not multiplied by the learning rate.

    Parameters
    ----------
    rate : float, in [0, 1], sequence of float, shape (S,), or schedule of such
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
    >>> from optimlab import IndependentDecay, Optimizer, sgd
    >>> w = np.array([2.0])
    >>> _ = Optimizer(sgd(), lr=1e-9, hooks=[IndependentDecay(0.25)]).step(w, np.zeros(1))
    >>> w
    array([1.5])
    """

    rate: Hyperparameter
    only: str | Sequence[str] | None = None
    moves_weights: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"rate": Range("in [0, 1]")}
    checks: ClassVar[dict[str, Any]] = {"only": patterns}

    def before(self, step: Step) -> None:
        """See that the rate is one before anything moves."""
        if not step.idle:
            value(self, "rate", step.t)

    def after(self, step: Step) -> None:
        """Shrink the leaves of the replicas that have moved."""
        kept = np.where(step.live, 1.0 - value(self, "rate", step.t), 1.0)
        for w, meant in zip(step.params, step.chosen(self.only), strict=True):
            if meant:
                np.multiply(w, step.spread(kept, w), out=w)
