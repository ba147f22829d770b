"""Step: what a hook sees of a step of the Optimizer, and may set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimlab.typing import Array

__all__ = ["Step"]


@dataclass(slots=True)
class Step:
    """What a hook sees of a step, and may set.

    Attributes
    ----------
    t : int, or ndarray of int, shape (S,)
        Number of this update, from 1; an array once replicas have skipped steps of their own.
    lr : float or ndarray of float64, shape (S,)
        Learning rate of this update; may be set.
    scale : float or ndarray of float64, shape (S,)
        Factor on the gradients, applied inside the sweep; may be multiplied.
    skip : bool or ndarray of bool, shape (S,)
        If true nothing moves: not the parameters, not the state, not t.
    params : tuple of ndarray
        The parameters.
    gradients : tuple of ndarray
        The gradients. They are never written to; a hook may put other arrays of the same shapes in their place.
    names : tuple of str
        Names of the leaves.
    loss : float or None
        The ``loss`` given to ``Optimizer.step``.
    replicas : int or None
        S.
    checked : tuple of ndarray or None
        Gradients that a hook has found to be finite: if they still are ``step.gradients`` when all hooks have been
        called, the optimizer does not look at them again. A hook that changes an array of its own in place afterwards
        sets it to None.

    Examples
    --------
    >>> class Halve:  # a hook
    ...     def before(self, step):
    ...         step.scale = 0.5 * step.scale
    """

    t: Any
    lr: Any
    scale: Any
    skip: Any
    params: tuple[Array, ...]
    gradients: tuple[Array, ...]
    names: tuple[str, ...]
    loss: Any = None
    replicas: int | None = None
    checked: tuple[Array, ...] | None = None
