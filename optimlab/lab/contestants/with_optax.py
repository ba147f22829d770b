"""Transformations of optax over replicas: one compiled step, mapped over weights and learning rates."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from optimlab.lab.contestants.contestant import Step
from optimlab.lab.contestants.kept import Kept
from optimlab.trees import tree_of
from optimlab.typing import Floats

__all__ = ["begin"]


def begin(make: partial[Any], w: Any, lr: Floats) -> Step:
    """Return what steps the replicas of a function of a learning_rate; see `Contestant`.

    A replica is computed alone, so that what looks at all its weights, as a clip of their norm, sees it alone. What
    asks for it is told the loss, where there is one.
    """
    tree = tree_of(w)
    leaves = tree.leaves(w)
    kept = Kept(leaves)

    def begun(params: Any, rate: Any) -> Any:
        return _made(make, rate).init(params)

    def moved(params: Any, gradients: Any, state: Any, rate: Any, told: Any) -> Any:
        updates, new = _made(make, rate).update(gradients, state, params, **told)
        return optax.apply_updates(params, updates), new

    with jax.enable_x64(True):
        rates = jnp.asarray(lr, jnp.float64)
        state = jax.jit(jax.vmap(begun))(jax.tree.map(jnp.asarray, w), rates)
        run = jax.jit(jax.vmap(moved))

    def step(gradients: Any, loss: Floats | None = None) -> None:
        nonlocal state
        given = tree.filled(iter(kept.given(tree.leaves(gradients))))
        told = {} if loss is None else {"value": np.asarray(loss, np.float64)}
        with jax.enable_x64(True):
            new, state = run(tree.filled(iter(leaves)), given, state, rates, told)
            for leaf, moved in zip(leaves, tree.leaves(new), strict=True):
                np.copyto(leaf, moved)
        kept.restore()

    return step


def _made(make: partial[Any], rate: Any) -> Any:
    return optax.with_extra_args_support(make(learning_rate=rate))
