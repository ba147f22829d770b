"""A rule in the frameworks that train: a class of torch, a transformation of optax."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checks import whole
from optimlab.engine.probe import checked_rule
from optimlab.extras import needed
from optimlab.rules.algebra import Rule

if TYPE_CHECKING:
    from optax import GradientTransformation

    from optimlab.export.to_torch import RuleOptimizer

__all__ = ["optax", "torch"]


def torch(rule: Rule) -> type[RuleOptimizer]:
    """w ← w - lr · rule(g) as a class of torch: a ``torch.optim.Optimizer`` with the bits of ``Optimizer``.

    Its constructor takes ``(params, lr)``; groups may have learning rates of their own. Closures, ``state_dict``,
    hooks, torch's schedulers, ``GradScaler``, pickle and deepcopy work as with torch's own. Parameters are float32 or
    float64 with a state of the same dtype, or float16 or bfloat16 with a state and arithmetic in float32, rounded once
    a step; on any device. One without a gradient waits, with a t of its own. As in torch, what is not finite is not
    refused. Clipping, averages of weights and accumulation are torch's; ``-1.0 * Gradient() | rule`` maximises.

    Parameters
    ----------
    rule : Rule
        What is elementwise. A schedule in it is a function of the parameter's own t - 1. ``Weights(only=...)`` goes by
        the names that ``model.named_parameters()`` gives.

    Returns
    -------
    type
        The class, the same for equal rules; it needs optimlab wherever it is used.

    Raises
    ------
    ImportError
        If torch is not installed.
    TypeError, ValueError
        If the rule looks at whole leaves, cannot be traced, or has one number for each replica.

    Examples
    --------
    >>> import torch
    >>> from optimlab import adam, export
    >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> opt = export.torch(adam())([w], lr=0.1)
    >>> for _ in range(2):
    ...     opt.zero_grad()
    ...     (w**2).sum().backward()
    ...     opt.step()
    >>> w
    tensor([ 0.8004, -1.8002], requires_grad=True)
    """
    needed("torch", "torch", "export.torch")
    from optimlab.export.to_torch import class_of

    return class_of(_elementwise(rule))


def optax(
    rule: Rule, learning_rate: float | Callable[[Any], Any] | Any, *, steps: int = 10_000
) -> GradientTransformation:
    """- lr · rule(g) as a transformation of optax: it jits, vmaps, shards and chains as optax's own.

    Run eagerly it has the bits of ``Optimizer``, where the rule calls no function that JAX rounds otherwise, such as
    ``np.exp``; compiled, XLA contracts and reorders within a few units of the last
    place. Parameters are float32 or float64, or of fewer bits with a state, arithmetic and updates in float32, which
    ``optax.apply_updates`` rounds once.

    Parameters
    ----------
    rule : Rule
        What is elementwise. ``Weights(only=...)`` goes by the names of the leaves, ``layers.0.bias``.
    learning_rate : float, 0-d Array, or schedule
        Learning rate; a schedule, optax's or ours, is a function of the updates so far. It can be set by
        ``optax.inject_hyperparams(export.optax, static_args="steps")(rule, learning_rate=0.1)``, which itself calls a
        schedule that it is given: give it optax's.
    steps : int, at least 1
        How many steps a run has at most: in compiled code, our schedules and the coefficients that have no formula in
        + - × ÷ √ are tables of this length, and NaN beyond it.

    Returns
    -------
    optax.GradientTransformation
        ``init`` and ``update``, which needs the parameters if the rule reads the weights.

    Raises
    ------
    ImportError
        If optax is not installed.
    TypeError, ValueError
        If the rule looks at whole leaves, cannot be traced, or has one number for each replica.

    Examples
    --------
    >>> import jax, optax
    >>> from optimlab import adam, export
    >>> tx = optax.chain(optax.clip_by_global_norm(1.0), export.optax(adam(), 0.1))
    >>> w = jax.numpy.array([1.0, -2.0])
    >>> state = tx.init(w)
    >>> for _ in range(2):
    ...     updates, state = tx.update(2 * w, state, w)
    ...     w = optax.apply_updates(w, updates)
    >>> [round(float(x), 4) for x in w]
    [0.8001, -1.8]
    """
    needed("optax", "optax", "export.optax")
    from optimlab.export.to_optax import transformation_of

    return transformation_of(_elementwise(rule), learning_rate, whole("steps", steps, 1))


def _elementwise(rule: Rule) -> Rule:
    """Return a rule that can be exported, or say why it cannot."""
    checked_rule(rule)
    if rule.whole:
        remedy = "an Optimizer trains it, in NumPy; what is elementwise in it can be exported"
        raise TypeError(f"{rule!r} looks at whole leaves, and only elementwise rules can be exported; {remedy}")
    if any(np.ndim(number) for number in rule.coefficients(1)):
        raise ValueError(f"{rule!r} has one number for each replica; export it with plain numbers, once for each run")
    return rule
