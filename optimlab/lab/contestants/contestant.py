"""What a contestant is, and the rules of the library as contestants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np

from optimlab.checkpoint.hyperparameters import described
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.typing import Floats, Marks

__all__ = ["Contestant", "Ruled", "Step"]


@final
class Step:
    """One update of all replicas, in place: ``step(gradients, loss=None)``.

    Parameters
    ----------
    move : callable
        Does the update, of gradients and loss.
    diverged : callable
        Returns which replicas are frozen.

    Examples
    --------
    >>> from optimlab import sgd
    >>> w = np.ones((2, 1))
    >>> step = Ruled(sgd(), "SGD").begin(w, np.array([0.5, 0.25]))
    >>> step(np.array([[1.0], [np.nan]]))
    >>> w[:, 0], step.diverged
    (array([0.5, 1. ]), array([False,  True]))
    """

    def __init__(self, move: Callable[[Any, Any], None], diverged: Callable[[], Marks]) -> None:
        self._move = move
        self._diverged = diverged

    def __call__(self, gradients: Any, loss: Floats | None = None) -> None:
        """Do one update, of gradients as the weights and a loss of shape (S,)."""
        self._move(gradients, loss)

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen, shape (S,)."""
        return self._diverged()


class Contestant(Protocol):
    """What can be made to step independent replicas, in place.

    A replica whose gradient or weights are not finite is frozen at its last finite weights; it raises nothing, and does
    not touch the others.

    Attributes
    ----------
    label : str
        For tables and figures.
    key : str
        The same for the same optimizer, however it was written.
    lr : float or None
        The learning rate that its text fixes; None: it is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import sgd
    >>> contestant: Contestant = Ruled(sgd(), "SGD")
    >>> w = np.array([[1.0], [np.inf]])
    >>> contestant.begin(w, np.array([0.5, 0.5]))(np.ones((2, 1)))
    >>> w[0]
    array([0.5])
    """

    @property
    def label(self) -> str: ...  # noqa: D102  # said above, once
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def lr(self) -> float | None: ...  # noqa: D102

    def begin(self, w: Any, lr: Floats) -> Step:
        """Return what steps the replicas.

        Parameters
        ----------
        w : ndarray of float64, shape (S, ...), or containers of them
            The weights, changed in place at each step: the same arrays throughout.
        lr : ndarray, shape (S,)
            The learning rate of each replica.

        Returns
        -------
        Step
            ``step(gradients, loss=None)``, with gradients as `w` and a loss of shape (S,).
        """
        ...


@final
@dataclass(frozen=True)
class Ruled:
    """A rule of the library as a `Contestant`.

    Parameters
    ----------
    rule : Rule
        The rule.
    label : str
        How it is called.

    Examples
    --------
    >>> from optimlab import adam
    >>> Ruled(2 * adam(), "twice").key
    '2.0 * (Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08)))'
    """

    rule: Rule
    label: str
    lr: None = field(default=None, init=False)

    @property
    def key(self) -> str:
        """The expression that rebuilds the rule."""
        return described(self.rule).text

    def begin(self, w: Any, lr: Floats) -> Step:
        """Return what steps the replicas; see `Contestant`."""
        optimizer = Optimizer(self.rule, lr, replicas=len(lr))
        optimizer.adopt(w)

        def move(gradients: Any, loss: Floats | None) -> None:
            with np.errstate(all="ignore"):  # a replica may overflow on its way out
                optimizer.step(w, gradients, loss=loss)

        return Step(move, lambda: optimizer.diverged)
