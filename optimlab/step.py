"""Step: what a hook sees of a step of the Optimizer, and may set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optimlab.finite import norm
from optimlab.trees import ByName, chosen, patterns
from optimlab.typing import Array, Count, Mark, Number

__all__ = ["Step"]


@final
@dataclass(slots=True)
class Step:
    """What a hook sees of a step, and may set.

    A hook is an object with ``before(step)``, ``after(step)`` or both. One that needs the loss says so with the class
    attribute ``needs_loss = True``: ``descend`` then computes it at each step. One whose ``after`` moves no weights
    says so with ``moves_weights = False``: the average of the weights is then part of the sweep, not a second pass. One
    that cannot do with some rows of the leaves (``Optimizer.step_rows``) says ``whole_leaves = True``. One that counts
    in ``before`` may have ``take_back()``: it is called if the step is refused after that, by whatever comes later.

    Attributes
    ----------
    t : int, or ndarray of int, shape (S,)
        Number of this update, from 1; an array once replicas have skipped steps of their own.
    lr : float, ndarray of float64, shape (S,), or ByName
        Learning rate of this update; may be set, or multiplied: with one for each group it is a mapping of them that
        can be multiplied, and a number that is set is that of all.
    scale : float or ndarray of float64, shape (S,)
        Factor on the gradients, applied inside the sweep; may be multiplied.
    skip : bool or ndarray of bool, shape (S,)
        If true nothing moves: not the parameters, not the state, not t; see ``leave_out``.
    params : tuple of ndarray
        The parameters.
    gradients : tuple of ndarray
        The gradients. They are never written to; a hook may put other arrays of the same shapes in their place.
    names : tuple of str
        Names of the leaves.
    loss : float, ndarray of float64, shape (S,), or None
        The ``loss`` given to ``Optimizer.step``.
    replicas : int or None
        S.
    waiting : tuple of bool
        Which leaves have no gradient in this step (None was given, or they are frozen; here are zeros), or () if all
        have one: the rule leaves them and their state alone, and so should a hook; see ``chosen``.
    closing : bool
        Whether this is ``flush``: there are no new gradients, but perhaps some that a hook has collected.
    check_finite : bool
        Whether the optimizer refuses gradients that are not finite.
    places : tuple of int
        Which of the rates by name each leaf has; see ``rate``.
    known : tuple of str
        Names of all leaves, if the step is one of rows, or ().
    checked : tuple of ndarray or None
        Gradients that a hook has found to be finite, with a norm below 1e16: if they still are ``step.gradients`` when
        all hooks have been called, the optimizer does not look at them again. A hook that changes an array of its own
        in place afterwards sets it to None.
    clocks : function
        Returns, by name, how many updates a leaf waited in and how many there had been when it was added; see
        ``counts``.

    Examples
    --------
    >>> class Noise:  # a hook: Gaussian noise of one size, or of one for each replica
    ...     def __init__(self, size, seed=0):
    ...         self.size, self.rng = size, np.random.default_rng(seed)
    ...     def before(self, step):
    ...         if not step.idle:
    ...             step.gradients = tuple(
    ...                 g + step.spread(self.size, g) * self.rng.standard_normal(g.shape, g.dtype)
    ...                 for g in step.fold_scale()
    ...             )
    >>> from optimlab import Optimizer, sgd
    >>> w = np.ones((2, 3))
    >>> _ = Optimizer(sgd(), lr=0.5, hooks=[Noise([0.0, 9.0])], replicas=2).step(w, np.ones((2, 3)))
    >>> w == 0.5
    array([[ True,  True,  True],
           [False, False, False]])
    """

    t: Count
    lr: Number | ByName[Number]
    scale: Number
    skip: Mark
    params: tuple[Array, ...]
    gradients: tuple[Array, ...]
    names: tuple[str, ...]
    loss: Number | None = None
    replicas: int | None = None
    checked: tuple[Array, ...] | None = None
    waiting: tuple[bool, ...] = ()
    closing: bool = False
    check_finite: bool = True
    places: tuple[int, ...] = ()
    known: tuple[str, ...] = ()
    clocks: Callable[[], Mapping[str, tuple[Count, Count]]] = dict

    def chosen(self, only: str | Sequence[str] | None) -> list[bool]:
        """Return, for each leaf, whether patterns of names mean it, and it does not wait.

        Each pattern must mean one of the parameters.
        """
        known = self.known or self.names
        marks = dict(zip(known, chosen(known, patterns(only)), strict=True))
        waiting = self.waiting or (False,) * len(self.names)
        return [marks[name] and not waits for name, waits in zip(self.names, waiting, strict=True)]

    def rate(self, leaf: int) -> Number:
        """Return the learning rate of the leaf of this index."""
        return self.lr.parts[self.places[leaf]] if isinstance(self.lr, ByName) else self.lr

    def counts(self) -> list[Count]:
        """Return, for each leaf, t without the updates that it waited in, or was not there."""
        clocks = self.clocks()
        return [self.t - sum(clocks.get(name, (0, 0))) for name in self.names]

    def refuse_bad(self) -> None:
        """Raise FloatingPointError, with the leaf and the index, for the first gradient that is not finite."""
        for name, gradient in zip(self.names, self.gradients, strict=True):
            bad = np.argwhere(~np.isfinite(gradient))
            if len(bad):
                index = tuple(bad[0].tolist())
                raise FloatingPointError(
                    f"gradient {name!r} is {gradient[index]} at index {index} in step {self.t}; parameters and state "
                    "are as before; to skip such steps use the hook SkipNonFinite"
                )

    @property
    def idle(self) -> bool:
        """Whether the step is skipped, with replicas by all of them: there is nothing to do."""
        return self.skip is not False and bool(np.all(self.skip))

    @property
    def live(self) -> Mark:
        """Which replicas are not skipped, shape (S,); without replicas True or False."""
        return not self.skip if self.replicas is None else np.broadcast_to(np.logical_not(self.skip), self.replicas)

    def leave_out(self, which: Mark) -> None:
        """Skip these replicas too, without replicas the step if it is true."""
        self.skip = bool(self.skip or which) if self.replicas is None else np.asarray(self.skip, bool) | which

    def norm(self, gradients: Sequence[Array]) -> Number:
        """√Σ(scale · g)² over all numbers of some gradients: a float, with replicas an array of shape (S,)."""
        scale = abs(self.scale) if isinstance(self.scale, float) else np.abs(self.scale)
        return norm(gradients, self.replicas) * scale

    def spread(self, numbers: Any, leaf: Array) -> Array:
        """Return a number or a mark, or one for each replica, shaped to meet a leaf; numbers take its dtype."""
        array = np.asarray(numbers)
        array = array if array.dtype == np.bool_ else np.asarray(array, leaf.dtype)
        return array.reshape(-1, *(1,) * (leaf.ndim - 1)) if array.ndim else array

    def fold_scale(self) -> tuple[Array, ...]:
        """Put the factor into the gradients, which become copies unless it is 1, and return them."""
        if not np.all(np.equal(self.scale, 1.0)):
            self.gradients = tuple(g * self.spread(self.scale, g) for g in self.gradients)
        self.scale = 1.0
        return self.gradients
