"""Clipping of gradients: by the norm of all, by the norm of each array, by value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, value
from optimlab.finite import LARGE, rows
from optimlab.hooks.memory import Buffers
from optimlab.settings import Checked
from optimlab.typing import Array, Mark, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["ClipEach", "ClipNorm", "ClipValue"]

_LIMIT = Range("at least 0 (infinite: no limit)")


def _factor(norm: Number, limit: Number) -> Number:
    """limit/norm where the norm is over the limit, 1 elsewhere; a norm that is not finite is no reason to scale."""
    if isinstance(norm, float) and isinstance(limit, float):
        return limit / norm if limit < norm < math.inf else 1.0
    with np.errstate(all="ignore"):
        return np.where((norm > limit) & (norm < np.inf), limit / norm, 1.0)


@final
@dataclass(eq=False)
class ClipNorm(Checked):
    """g ← g · min(1, max_norm/‖g‖), ‖g‖ the norm of all leaves together.

    The gradients are read once: a finite norm is also the optimizer's proof that they are finite, and the factor goes
    into ``step.scale``, which the sweep applies. A norm exactly at the limit changes nothing. If a gradient is not
    finite nothing is scaled, so that the optimizer's check, or ``SkipNonFinite``, meets it as it is.

    Parameters
    ----------
    max_norm : float, at least 0, sequence of float, shape (S,), or schedule of such
        The limit.

    Attributes
    ----------
    norm : float or ndarray, shape (S,)
        Norm before clipping in the latest step; NaN before the first.

    Source
    ------
    Pascanu, Mikolov & Bengio 2013, algorithm 1.

    Notes
    -----
    The same as optax's ``clip_by_global_norm``. torch's ``clip_grad_norm_`` divides by ‖g‖ + 10⁻⁶, so that it
    shrinks a gradient exactly at the limit too. optax and torch make NaN of an infinite gradient.

    Examples
    --------
    >>> from optimlab import ClipNorm, Optimizer, sgd
    >>> clip = ClipNorm(1.0)
    >>> w = [np.zeros(2), np.zeros(1)]
    >>> _ = Optimizer(sgd(), lr=13.0, hooks=[clip]).step(w, [np.array([3.0, 4.0]), np.array([12.0])])
    >>> [x.round(12).tolist() for x in w], clip.norm
    ([[-3.0, -4.0], [-12.0]], 13.0)
    """

    max_norm: Hyperparameter
    norm: Number = field(default=np.nan, init=False, repr=False)
    _shares: tuple[Mark, ...] = field(default=(), init=False, repr=False)
    ranges: ClassVar[dict[str, Range]] = {"max_norm": _LIMIT}

    def before(self, step: Step) -> None:
        """Put the factor on the gradients' scale."""
        if step.idle:
            return
        limit = value(self, "max_norm", step.t)
        self.norm = step.norm(step.gradients)
        if np.all(self.norm < LARGE):
            step.checked = step.gradients
        factor = _factor(self.norm, limit)
        self._shares = (factor < 1.0,) * len(step.names)
        step.scale = step.scale * factor

    def shares(self) -> tuple[Mark, ...]:
        """Return, for each leaf, which share of its numbers the latest step clipped: 0 or 1, with replicas (S,)."""
        return self._shares


@final
@dataclass(eq=False)
class ClipEach(Checked):
    """gᵢ ← gᵢ · min(1, max_norm/‖gᵢ‖) for each leaf i by itself.

    Arrays over the limit are replaced by scaled copies. A norm exactly at the limit, or not finite, changes nothing.

    Parameters
    ----------
    max_norm : float, at least 0, sequence of float, shape (S,), or schedule of such
        The limit.

    Notes
    -----
    optax: ``per_example_clip_by_global_norm`` is ``ClipNorm`` over replicas; ``clip_by_block_rms`` limits ‖gᵢ‖/√nᵢ.
    keras: ``clipnorm``.

    Examples
    --------
    >>> from optimlab import ClipEach, Optimizer, sgd
    >>> w = [np.zeros(2), np.zeros(1)]
    >>> _ = Optimizer(sgd(), lr=1.0, hooks=[ClipEach(5.0)]).step(w, [np.array([3.0, 4.0]), np.array([12.0])])
    >>> w
    [array([-3., -4.]), array([-5.])]
    """

    max_norm: Hyperparameter
    _shares: tuple[Mark, ...] = field(default=(), init=False, repr=False)
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)
    ranges: ClassVar[dict[str, Range]] = {"max_norm": _LIMIT}

    def before(self, step: Step) -> None:
        """Replace the gradients that are over the limit."""
        if step.idle:
            return
        limit, room = value(self, "max_norm", step.t), self._buffers.like(step.gradients, step.names)
        factors = [_factor(step.norm([g]), limit) for g in step.gradients]
        step.gradients = tuple(
            g if np.all(factor == 1.0) else np.multiply(g, step.spread(factor, g), out=out)
            for g, factor, out in zip(step.gradients, factors, room, strict=True)
        )
        self._shares = tuple(factor < 1.0 for factor in factors)

    def shares(self) -> tuple[Mark, ...]:
        """Return, for each leaf, which share of its numbers the latest step clipped: 0 or 1, with replicas (S,)."""
        return self._shares


@final
@dataclass(eq=False)
class ClipValue(Checked):
    """g ← min(max(g, -limit), limit), each number by itself.

    Infinite numbers stay infinite, so that the optimizer's check, or ``SkipNonFinite``, meets them.

    Parameters
    ----------
    limit : float, at least 0, sequence of float, shape (S,), or schedule of such
        The largest magnitude.

    Notes
    -----
    As the first hook it is ``Clip(-limit, limit) | rule``. torch: ``clip_grad_value_``; optax: ``clip``; keras:
    ``clipvalue``. These make a finite number of an infinite one.

    Examples
    --------
    >>> from optimlab import ClipValue, Optimizer, sgd
    >>> w = np.zeros(3)
    >>> _ = Optimizer(sgd(), lr=1.0, hooks=[ClipValue(1.0)]).step(w, np.array([-500.0, 0.5, 3.0]))
    >>> w
    array([ 1. , -0.5, -1. ])
    """

    limit: Hyperparameter
    _pairs: tuple[tuple[Array, Array], ...] = field(default=(), init=False, repr=False)
    _replicas: int | None = field(default=None, init=False, repr=False)
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)
    ranges: ClassVar[dict[str, Range]] = {"limit": _LIMIT}

    def before(self, step: Step) -> None:
        """Replace the gradients by clipped ones; the factor that earlier hooks have put on them stays outside."""
        if step.idle:
            return
        with np.errstate(all="ignore"):
            limit = np.fmin(np.asarray(value(self, "limit", step.t)) / np.abs(step.scale), np.inf)  # 0/0: no limit
        clipped = self._buffers.like(step.gradients, step.names)
        for g, out in zip(step.gradients, clipped, strict=True):
            most = step.spread(limit, g)
            np.clip(g, -most, most, out=out)
            np.copyto(out, g, where=np.isinf(g))
        self._pairs, self._replicas = tuple(zip(step.gradients, clipped, strict=True)), step.replicas
        step.gradients = clipped

    def shares(self) -> tuple[Number, ...]:
        """Return, for each leaf, which share of its numbers the latest step clipped, with replicas (S,)."""
        shares = (rows(g != out, self._replicas).mean(axis=1) for g, out in self._pairs)
        return tuple(shares) if self._replicas is not None else tuple(float(share[0]) for share in shares)
