"""Layers: what backpropagation looks like layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optimlab.lab.nets.network import MLP
from optimlab.lab.nets.passes import Backpropagation, Pass
from optimlab.typing import Array

__all__ = ["Layers", "layer_report", "update_ratio"]

FLAT = 0.05  # share of the steepest slope below which a unit counts as saturated


@dataclass(frozen=True, eq=False)
class Layers:
    """Norms and slopes of the layers 1, ..., L on the last axis, shape (L,) or (S, L).

    ``delta`` is ‖δₗ‖, δₗ = dL/dzₗ over all units and samples: how strong the error signal is that reaches the layer;
    ``gradient`` is ‖dL/dWₗ‖, Frobenius, ``gradient_per_entry`` the mean of abs(dL/dWₗ) over the *product* of the shape,
    ``weight`` ‖Wₗ‖; ``slope`` is the mean of f'(zₗ) over units and samples, ``saturated`` the share of it below 1/20 of
    the steepest. Gradients are those of the data, without weight decay: at a stationary point they equal -λ Wₗ and say
    nothing about learning.

    Examples
    --------
    >>> from optimlab.lab.nets import MLP, TrainingLoss
    >>> net = MLP((1, 2, 1), "sigmoid")
    >>> problem = TrainingLoss(net, ([[1.0]], [[1.0]]), loss="squared")
    >>> report = problem.layers(net.initial(np.ones))
    >>> report.slope.round(3), report.saturated
    (array([0.197, 1.   ]), array([0., 0.]))
    """

    delta: Array
    gradient: Array
    gradient_per_entry: Array
    weight: Array
    slope: Array
    saturated: Array


def layer_report(work: Backpropagation, w: Array) -> Layers:
    """Run one pass and report its layers."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = [_of_pass(work.net, each) for _, _, each in work.run(w)]
        delta, slope, saturated = (np.concatenate(parts, axis=0) for parts in zip(*found, strict=True))
        dW = _weights(work.net, work.gradient)
        per_entry = np.stack([np.abs(part).mean(axis=(-2, -1)) for part in dW], axis=-1)
        return Layers(delta, _norms(dW), per_entry, _norms(_weights(work.net, w)), slope, saturated)


def update_ratio(net: MLP, before: Array | Mapping[str, Array], after: Array | Mapping[str, Array]) -> Array:
    """‖ΔWₗ‖ / ‖Wₗ‖, shape (L,) or (S, L): how far one or more updates move each layer, relative to its weights.

    Examples
    --------
    >>> update_ratio(MLP((2, 2, 1)), np.ones(9), np.full(9, 1.5))
    array([0.5, 0.5])
    """
    old, new = (net.flat(w) if isinstance(w, Mapping) else w for w in (before, after))
    net.lead(old), net.lead(new)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratio: Array = _norms(_weights(net, new - old)) / _norms(_weights(net, old))
    return ratio


def _weights(net: MLP, flat: Array) -> list[Array]:
    return [block[..., :-1, :] for block in net.stacked(flat)]


def _norms(arrays: list[Array]) -> Array:
    return np.stack([np.linalg.norm(array, axis=(-2, -1)) for array in arrays], axis=-1)


def _of_pass(net: MLP, each: Pass) -> tuple[Array, Array, Array]:
    """Return norm of δ, mean slope and share of saturated units, each of shape (..., L)."""
    slopes = [f.slope(z) for f, z in zip(net.activations, each.z, strict=True)]
    flat = [slope < FLAT * f.steepest for slope, f in zip(slopes, net.activations, strict=True)]
    means = [np.stack([part.mean(axis=(-2, -1)) for part in parts], axis=-1) for parts in (slopes, flat)]
    return _norms(each.delta), means[0], means[1]
