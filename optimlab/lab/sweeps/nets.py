"""Small nets as problems of a sweep: the spiral, the digits, XOR, on all samples or on mini-batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from optimlab.checks import choice, number, whole
from optimlab.descent.problem import Problem
from optimlab.lab.nets import MLP, Batches, MiniBatchLoss, TrainingLoss
from optimlab.lab.nets.initializers import glorot_uniform
from optimlab.lab.problems import Samples, digits, spiral, xor
from optimlab.lab.sweeps.problems import SweepProblem, stream

__all__ = ["OnNet", "PairedBatches"]

# samples, outputs, loss, activation of the outputs, target, of each data set
_DATA: dict[str, tuple[Callable[[], Samples], int, str, str, float]] = {
    "spiral": (lambda: spiral(np.random.default_rng(0)), 3, "softmax", "linear", 0.2),
    "digits": (digits, 10, "softmax", "linear", 0.1),
    "xor": (xor, 1, "squared", "sigmoid", 0.01),
}


@cache
def _samples(data: str) -> Samples:
    return _DATA[data][0]()


@final
@dataclass(frozen=True, eq=False)
class OnNet(SweepProblem):
    """L(w), the training loss of a small net with one hidden layer or more; each seed has weights of its own to start.

    Parameters
    ----------
    data : {"spiral", "digits", "xor"}
        300 points of three classes, 1797 digits of 8 × 8 pixels, or the four points of the exclusive or.
    hidden : int or sequence of int
        Units of the hidden layers.
    activation : str
        Theirs.
    batch : int, optional
        Samples in a gradient, drawn by the seed, each epoch in another order; by default all.
    target : float, optional
        Loss to get below, on all samples; by default 0.2 for the spiral, 0.1 for the digits, 0.01 for XOR.
    every : int, at least 1
        The loss is looked at each so many steps; by default at each, with mini-batches at each tenth.

    Examples
    --------
    >>> problem = OnNet("xor", hidden=4)
    >>> problem.label, problem.seen([0, 1], copies=3).start.shape
    ('xor 4 tanh', (6, 17))
    """

    data: str = "spiral"
    hidden: Any = 20
    activation: str = "tanh"
    batch: int | None = None
    target: float | None = None
    every: int = 0

    def __post_init__(self) -> None:
        choice("data", self.data, list(_DATA))
        units = self.hidden if isinstance(self.hidden, Sequence) else (self.hidden,)
        object.__setattr__(self, "hidden", tuple(whole("hidden", n, 1) for n in units))
        _, outputs, _, _, target = _DATA[self.data]
        X = _samples(self.data).X
        if self.batch is not None:
            whole("batch", self.batch, 1, len(X))
        object.__setattr__(self, "target", number("target", target if self.target is None else self.target))
        object.__setattr__(self, "every", whole("every", self.every or (1 if self.batch is None else 10), 1))
        self._net(X.shape[1], outputs)  # says what is wrong with the activation

    @property
    def label(self) -> str:
        """Data, units, activation, batch."""
        sized = "" if self.batch is None else f" batch {self.batch}"
        return f"{self.data} {'-'.join(map(str, self.hidden))} {self.activation}{sized}"

    @property
    def goal(self) -> float:
        """Target."""
        return float(self.target or 0.0)

    @property
    def config(self) -> dict[str, Any]:
        """All parameters."""
        names = ("data", "activation", "batch", "target", "every")
        return {name: getattr(self, name) for name in names} | {"hidden": list(self.hidden)}

    @property
    def drawn(self) -> bool:
        """True: the weights at the start are."""
        return True

    def seen(self, seeds: Sequence[int], copies: int) -> Problem:
        """Return the loss with starts and batches of these seeds."""
        _, outputs, loss, _, _ = _DATA[self.data]
        X, y = _samples(self.data)
        net = self._net(X.shape[1], outputs)
        rows = [net.initial(partial(glorot_uniform, rng=stream(seed, "start"))) for seed in seeds]
        whole_loss = TrainingLoss(net, (X, y), loss=loss, start=np.tile(np.stack(rows), (copies, 1)))
        if self.batch is None:
            return whole_loss
        return MiniBatchLoss(whole_loss, PairedBatches(seeds, copies, samples=len(X), size=self.batch))

    def _net(self, inputs: int, outputs: int) -> MLP:
        return MLP((inputs, *self.hidden, outputs), self.activation, output=_DATA[self.data][3])


@final
class PairedBatches:
    """Indices of the next mini-batch of each seed, the same for each copy: shape (copies · S, B).

    Examples
    --------
    >>> batches = PairedBatches([3, 5], 2, samples=6, size=2)
    >>> found = batches.next()
    >>> found.shape, bool((found[:2] == found[2:]).all())
    ((4, 2), True)
    """

    def __init__(self, seeds: Sequence[int], copies: int, *, samples: int, size: int) -> None:
        self.each = [Batches(samples, size, rng=stream(seed, "batches")) for seed in seeds]
        self.samples, self.size, self.copies = samples, size, copies
        self.replicas: int | None = copies * len(self.each)

    def next(self) -> NDArray[np.int64]:
        """Return the indices."""
        return np.tile(np.stack([batches.next() for batches in self.each]), (self.copies, 1))
