"""optax's transforms and wrappers by its names: hooks and rules, and what puts a hook before an optimizer.

Of ``optax.chain(clip_by_global_norm(1.0), adam(1e-3))`` the call here is the same. A transform that is a rule goes in
front of a rule: ``Optimizer(centralize() | adam(1e-3).rule, 1e-3)``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Hyperparameter, Range, value
from optimlab.conventions.optax.atoms import UnitNorm
from optimlab.conventions.optax.parts import Mask, decayed, momentum
from optimlab.conventions.spelling import spelled
from optimlab.hooks.accumulate import Accumulate
from optimlab.hooks.clip import ClipNorm, ClipValue
from optimlab.hooks.lookahead import Lookahead
from optimlab.hooks.skip import SkipLarge, SkipNonFinite
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Clip, Gradient, Weights
from optimlab.rules.whole import Axis, Centralize, Norm, clip_rms
from optimlab.settings import Checked
from optimlab.trees import mapped, rebuilt, tree_of

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = [
    "GradientNoise", "MultiSteps", "adaptive_grad_clip", "add_decayed_weights", "add_noise",
    "apply_if_finite", "centralize", "chain", "clip", "clip_by_block_rms", "clip_by_global_norm", "ema",
    "incremental_update", "lookahead", "per_example_global_norm_clip", "skip_large_updates",
    "skip_not_finite", "trace",
]  # fmt: skip


def chain(*transforms: Any) -> Optimizer:
    """Return the optimizer that comes last, with the hooks that come before it in front of its own.

    Examples
    --------
    >>> from optimlab.conventions import optax
    >>> optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))
    Optimizer(Gradient(), 0.1, hooks=(ClipNorm(max_norm=1.0),))
    """
    *hooks, last = transforms or (None,)
    if not isinstance(last, Optimizer):
        raise TypeError(f"the last of transforms must be an optimizer such as sgd(0.1); got {last!r}")
    for hook in hooks:
        if isinstance(hook, (Rule, Optimizer)):
            remedy = "a rule goes in front of a rule, Optimizer(rule | sgd(0.1).rule, 0.1)"
            raise TypeError(f"transforms before the last must be hooks; got {hook!r}; {remedy}")
    made = copy(last)
    made.hooks = [*hooks, *made.hooks]
    return made


@spelled("optax")
def clip(max_delta: float) -> ClipValue:
    """g ← min(max(g, -max_delta), max_delta): ``ClipValue``, which leaves infinite numbers for the check."""
    return ClipValue(max_delta)


@spelled("optax")
def clip_by_global_norm(max_norm: float) -> ClipNorm:
    """g ← g · min(1, max_norm/‖g‖) of all leaves together: ``ClipNorm``; optax makes NaN of an infinite gradient."""
    return ClipNorm(max_norm)


@spelled("optax")
def clip_by_block_rms(threshold: float) -> Rule:
    """x / max(1, RMS(x)/threshold), each leaf by itself: ``clip_rms``."""
    return clip_rms(threshold)


@spelled("optax")
def adaptive_grad_clip(clipping: float, eps: float = 1e-3, axis: Axis = None) -> Rule:
    """x / max(1, ‖x‖/(λ max(‖w‖, ε))) for each unit: ``agc`` with optax's units; by default see ``UnitNorm``.

    Source: Brock et al. 2021, arXiv 2102.06171; optax 0.2.8, ``adaptive_grad_clip``.
    """
    norm = UnitNorm() if axis is None else Norm(axis)
    return Gradient() / (norm / (clipping * (Weights() | norm | Clip(eps, inf))) | Clip(1.0, inf))


def centralize() -> Rule:
    """x - mean over all axes but the first: ``Centralize``; a vector as it is."""
    return Centralize()


@spelled("optax")
def add_decayed_weights(weight_decay: Hyperparameter = 0.0, mask: Mask = None) -> Rule:
    """x + λ w, of the leaves that the mask means: before a rule L2, after it decoupled.

    Examples
    --------
    >>> add_decayed_weights(0.1, mask={"weight": True, "bias": False})
    Gradient() + 0.1 * Weights(only='weight')
    """
    return decayed(Gradient(), weight_decay, mask)


@spelled("optax")
def trace(decay: float, nesterov: bool = False) -> Rule:
    """v ← β v + x; with Nesterov x + β v: ``Trace``."""
    return momentum(decay, nesterov=nesterov)


@spelled("optax")
def ema(decay: float, debias: bool = True) -> Rule:
    """m ← β m + (1-β) x, by default corrected: ``Ema``, as a rule or as the ``average=`` of an optimizer."""
    return Ema(decay, debias=debias)


@spelled("optax")
def incremental_update(new_tensors: Any, old_tensors: Any, step_size: float) -> Any:
    """old + step_size (new - old), of each array in containers: a step of an EMA by hand.

    Examples
    --------
    >>> incremental_update({"w": np.ones(2)}, {"w": np.zeros(2)}, 0.25)
    {'w': array([0.25, 0.25])}
    """
    olds = iter(tree_of(new_tensors).leaves(old_tensors))
    return mapped(lambda new: (old := next(olds)) + step_size * (new - old), new_tensors)


@spelled("optax")
def per_example_global_norm_clip(grads: Any, l2_norm_clip: float) -> tuple[Any, int]:
    """Σᵢ gᵢ min(1, clip/‖gᵢ‖) over the first axis of all arrays, and how many were clipped.

    Examples
    --------
    >>> total, clipped = per_example_global_norm_clip(np.array([[0, 0, 0], [0, 3, 4], [4, 0, 3], [3, 4, 0.0]]), 1.25)
    >>> total, clipped
    (array([1.75, 1.75, 1.75]), 3)
    """
    leaves = tree_of(grads).leaves(grads)
    squares = sum([np.square(g, dtype=np.float64).reshape(len(g), -1).sum(axis=1) for g in leaves])
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.nan_to_num(np.minimum(l2_norm_clip / np.sqrt(squares), 1.0), nan=1.0)
    sums = [np.tensordot(factors.astype(g.dtype), g, axes=1) for g in leaves]
    return rebuilt(grads, sums), int((factors < 1.0).sum())


@final
@dataclass(eq=False)
class GradientNoise(Checked):
    """g ← g + √(η/tᵞ) n, n standard normal: noise that fades; the same in every run of a seed.

    Parameters
    ----------
    eta : float, at least 0, sequence of float, shape (S,), or schedule of such
        η: variance in the first step.
    gamma : float, at least 0, sequence of float, shape (S,), or schedule of such
        γ.
    seed : int
        Seed; the noise of step t is that of (seed, t), so that a run goes on after a checkpoint as if it had not ended.

    Source
    ------
    Neelakantan et al. 2015, "Adding gradient noise improves learning for very deep networks", arXiv 1511.06807.

    Examples
    --------
    >>> w, opt = np.zeros(2), Optimizer(Gradient(), lr=1.0, hooks=[GradientNoise(0.0)])
    >>> opt.step(w, np.ones(2))
    array([-1., -1.])
    """

    eta: Hyperparameter = 0.01
    gamma: Hyperparameter = 0.55
    seed: int = 0
    whole_leaves: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"eta": NOT_NEGATIVE, "gamma": NOT_NEGATIVE}

    def before(self, step: Step) -> None:
        """Put noisy gradients in the place of the gradients."""
        if step.idle:
            return
        eta, gamma = (value(self, name, step.t) for name in self.ranges)
        size, rng = np.sqrt(eta / np.power(step.t, gamma)), np.random.default_rng((self.seed, int(np.max(step.t))))
        step.gradients = tuple(
            [g + step.spread(size, g) * rng.standard_normal(g.shape).astype(g.dtype) for g in step.fold_scale()]
        )


@spelled("optax")
def add_noise(eta: float, gamma: float, key: int | None = None) -> GradientNoise:
    """g ← g + √(η/tᵞ) n: optax draws n with JAX, this with NumPy, so that only their sizes agree."""
    return GradientNoise(eta, gamma, 0 if key is None else key)


@spelled("optax")
def apply_if_finite(inner: Optimizer, max_consecutive_errors: int) -> Optimizer:
    """Skip steps whose gradients are not finite: ``SkipNonFinite`` before the optimizer's own hooks.

    After so many in a row optax hands the next one to the weights; here the optimizer refuses it, FloatingPointError.
    """
    return chain(SkipNonFinite(max_consecutive_errors), inner)


def skip_not_finite() -> SkipNonFinite:
    """Skip every step whose gradients are not finite: for ``MultiSteps``, or a hook by itself."""
    return SkipNonFinite(inf)


@spelled("optax")
def skip_large_updates(max_squared_norm: float) -> SkipLarge:
    """Skip steps with ‖g‖² ≥ max_squared_norm, or not finite: for ``MultiSteps``, or a hook by itself."""
    return SkipLarge(float(np.nextafter(sqrt(max_squared_norm), 0.0)))


@spelled("optax")
def MultiSteps(
    opt: Optimizer,
    every_k_schedule: int | Callable[[Any], Any],
    use_grad_mean: bool = True,
    should_skip_update_fn: Any = None,
) -> Optimizer:
    """One step with the mean of k gradients, or their sum: ``Accumulate`` before the optimizer's own hooks.

    ``should_skip_update_fn`` is a hook, such as ``skip_not_finite()``: what it skips is not collected.
    """
    skips = [] if should_skip_update_fn is None else [should_skip_update_fn]
    return chain(*skips, Accumulate(every_k_schedule, "mean" if use_grad_mean else "sum"), opt)


@spelled("optax")
def lookahead(fast_optimizer: Optimizer, sync_period: int, slow_step_size: float) -> Optimizer:
    """Every k updates slow ← slow + α (w - slow), w ← slow: ``Lookahead``; the slow weights are ``averaged``."""
    return chain(Lookahead(sync_period, slow_step_size), fast_optimizer)
