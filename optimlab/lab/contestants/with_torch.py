"""Optimizers of torch over replicas: what is elementwise together, all others one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from optimlab.export.to_torch import RuleOptimizer
from optimlab.lab.contestants.contestant import Step
from optimlab.lab.contestants.kept import Kept
from optimlab.lab.frame.errors import StudyError
from optimlab.trees import tree_of
from optimlab.typing import Array, Floats, Marks

__all__ = ["begin"]

_ELEMENTWISE: Final = (
    torch.optim.ASGD, torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW,
    torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop, torch.optim.Rprop, torch.optim.SGD,
)  # fmt: skip
"""Classes that treat each number alone: replicas of one lr are one tensor, 30 times faster for 300 (measured)."""

Move = Callable[[Sequence[Floats], Marks, Any], None]
"""Steps the replicas that move, given gradients and losses."""


def begin(make: partial[Any], w: Any, lr: Floats) -> Step:
    """Return what steps the replicas of a class of torch with its arguments; see `Contestant`.

    An optimizer that has ``train()`` and ``eval()``, as schedule-free ones, is in training: w is where it asks for
    gradients, not the average that it would be judged by.
    """
    tree = tree_of(w)
    leaves = tree.leaves(w)
    kept = Kept(leaves)
    kind: Any = make.func
    alike = kind in _ELEMENTWISE or issubclass(kind, RuleOptimizer)
    with _float64():
        move: Move = _together(make, leaves, lr) if alike else _alone(make, leaves, lr)

    def step(gradients: Any, loss: Floats | None) -> None:
        given = kept.given(tree.leaves(gradients))
        with _float64():
            move(given, kept.moving, loss)
        kept.restore()

    return Step(step, lambda: ~kept.moving)


def _together(make: partial[Any], leaves: Sequence[Floats], lr: Floats) -> Move:
    """One optimizer with a group for each lr, on copies of the replicas that have it."""
    rates = np.unique(lr)
    places = [np.flatnonzero(lr == rate) for rate in rates]
    blocks = [[_parameter(leaf[rows]) for leaf in leaves] for rows in places]
    groups = [{"params": block, "lr": float(rate)} for block, rate in zip(blocks, rates, strict=True)]
    optimizer = make(groups, lr=float(rates[0]))
    table = [(p, rows, i) for rows, block in zip(places, blocks, strict=True) for i, p in enumerate(block)]

    def move(gradients: Sequence[Floats], moving: Marks, loss: Any) -> None:
        for p, rows, i in table:
            p.detach().numpy()[...] = leaves[i][rows]
            p.grad = torch.from_numpy(gradients[i][rows])
        optimizer.step()
        for p, rows, i in table:
            leaves[i][rows] = p.detach().numpy()

    return move


def _alone(make: partial[Any], leaves: Sequence[Floats], lr: Floats) -> Move:
    """An optimizer for each replica, in the memory of the weights: what it looks at as a whole is that replica."""
    shared = [torch.from_numpy(leaf) for leaf in leaves]
    params = [[leaf[s].requires_grad_() for leaf in shared] for s in range(len(lr))]
    optimizers = [make(row, lr=float(rate)) for row, rate in zip(params, lr, strict=True)]
    for optimizer in optimizers:
        getattr(optimizer, "train", bool)()
    kind: Any = make.func
    closed = inspect.signature(kind.step).parameters.get("closure")
    asked = closed is not None and closed.default is closed.empty

    def move(gradients: Sequence[Floats], moving: Marks, loss: Any) -> None:
        held = [torch.from_numpy(gradient) for gradient in gradients]
        for s in np.flatnonzero(moving).tolist():
            for p, gradient in zip(params[s], held, strict=True):
                p.grad = gradient[s]
            optimizers[s].step(*[_once(kind.__name__, loss, s)] if asked else [])

    return move


def _once(name: str, loss: Any, s: int) -> Callable[[], Any]:
    """Return the closure of a step: the gradients are there, so it can be asked once."""
    if loss is None:
        raise StudyError(f"{name} asks for the loss; call step(gradients, loss)")
    answers = iter([torch.as_tensor(loss[s], dtype=torch.float64)])

    def closure() -> Any:
        found = next(answers, None)
        if found is None:
            remedy = "LBFGS(max_iter=1) asks once" if name == "LBFGS" else "it cannot take part"
            raise StudyError(f"{name} asks for gradients at more than one point in a step, and here is one; {remedy}")
        return found

    return closure


def _parameter(x: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x)).requires_grad_()


@contextmanager
def _float64() -> Iterator[None]:
    """Make what an optimizer keeps float64: NAdam has a product in the default dtype, whatever its parameters are."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
