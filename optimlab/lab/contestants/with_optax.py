"""Transformations of optax over replicas: one compiled step, mapped over weights and learning rates."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
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
    try:  # so that the same transformation is compiled once for each shape
        begun, moved = _cached(make.func, tuple(sorted(make.keywords.items())))
    except TypeError:  # an argument that cannot be hashed
        begun, moved = _compiled(make)
    with jax.enable_x64(True):
        rates = jnp.array(lr, jnp.float64)
        state = begun(jax.tree.map(jnp.array, w), rates)

    def step(gradients: Any, loss: Floats | None) -> None:
        nonlocal state
        given = tree.filled(iter(kept.given(tree.leaves(gradients))))
        told = {} if loss is None else {"value": np.asarray(loss, np.float64)}
        with jax.enable_x64(True):
            new, state = moved(tree.filled(iter(leaves)), given, state, rates, told)
            for leaf, found in zip(leaves, tree.leaves(new), strict=True):
                np.copyto(leaf, found)
        kept.restore()

    return Step(step, lambda: ~kept.moving)


def _compiled(make: Callable[..., Any]) -> tuple[Any, Any]:
    """Return the first state of replicas, and a step of them."""

    def made(rate: Any) -> Any:
        return optax.with_extra_args_support(make(learning_rate=rate))

    def begun(params: Any, rate: Any) -> Any:
        return made(rate).init(params)

    def moved(params: Any, gradients: Any, state: Any, rate: Any, told: Any) -> Any:
        updates, new = made(rate).update(gradients, state, params, **told)
        return optax.apply_updates(params, updates), new

    return jax.jit(jax.vmap(begun)), jax.jit(jax.vmap(moved))


@lru_cache
def _cached(make: Callable[..., Any], words: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    return _compiled(partial(make, **dict(words)))
