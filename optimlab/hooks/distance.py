"""Learning rates from how far the weights have come: DoG, DoWG and Prodigy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Hyperparameter, Range, value
from optimlab.finite import norm
from optimlab.hooks.estimates import Estimating, multiply, over, total
from optimlab.recurrence.decay import bias_correction
from optimlab.typing import Array, Mark, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["DistanceOverGradients", "DistanceOverWeightedGradients", "Prodigy"]


@dataclass(eq=False)
class _Distance(Estimating):
    """A hook that keeps the first weights, and the largest distance from them."""

    kept_numbers: ClassVar[tuple[str, ...]] = ("distance", "total")

    @property
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How the arrays of a leaf start, by name."""
        return {"first": np.copy}

    @property
    def distance(self) -> Number:
        """The distance as it is estimated: a float, with replicas an array of shape (S,); before the first step 0."""
        held = self._numbers["distance"]
        return held.copy() if held.ndim else float(held)

    def _farthest(self, step: Step, least: Any) -> Any:
        """The largest distance so far from the first weights, all leaves together."""
        pairs = zip(step.params, self._kept["first"].arrays.values(), strict=True)
        away = norm([w - first for w, first in pairs], step.replicas)
        return np.maximum(np.maximum(self._numbers["distance"], least), away)


@final
@dataclass(eq=False)
class DistanceOverGradients(_Distance):
    """lr ← lr · r/√(Σ‖g‖² + ε), r = max(α (1 + ‖w₁‖), ‖w - w₁‖ so far): DoG, which needs no rate (lr = 1).

    Parameters
    ----------
    first : float, greater than 0, sequence of float, shape (S,), or schedule of such
        α; 10⁻⁶, with batch normalisation 10⁻⁴.
    eps : float, at least 0, sequence of float, shape (S,), or schedule of such
        ε.

    Attributes
    ----------
    distance : float or ndarray, shape (S,)
        r.

    Source
    ------
    Ivgi, Hinder & Carmon 2023, "DoG is SGD's best friend", 2302.12022, equation 2; they evaluate an average of the
    weights.

    Notes
    -----
    optax's ``dog(init_step=("heuristic", α))``.

    Examples
    --------
    >>> from optimlab import DistanceOverGradients, Optimizer, sgd
    >>> w, opt = np.array([3.0, 4.0]), Optimizer(sgd(), lr=1.0, hooks=[DistanceOverGradients(0.5, eps=0.0)])
    >>> opt.step(w, 2 * w), opt.hooks[0].distance
    (array([1.2, 1.6]), 3.0)
    """

    first: Hyperparameter = 1e-6
    eps: Hyperparameter = 1e-8
    ranges: ClassVar[dict[str, Range]] = {"first": POSITIVE, "eps": NOT_NEGATIVE}

    def adapt(self, step: Step, good: Mark) -> None:
        """Multiply the learning rate."""
        first, eps = (value(self, name, step.t) for name in self.ranges)
        here = compress(self._kept["first"].arrays.values(), step.chosen(None))
        start = norm(tuple(here), step.replicas)
        self.keep_number("distance", self._farthest(step, first * (1.0 + start)), good)
        self.keep_number("total", self._numbers["total"] + np.square(step.norm(step.gradients)), good)
        multiply(step, over(self._numbers["distance"], np.sqrt(self._numbers["total"] + eps)), good)


@final
@dataclass(eq=False)
class DistanceOverWeightedGradients(_Distance):
    """lr ← lr · r²/(√(Σ r²‖g‖²) + ε), r = max(first, ‖w - w₁‖ so far): DoWG, which needs no rate (lr = 1).

    Parameters
    ----------
    first : float, greater than 0, sequence of float, shape (S,), or schedule of such
        Least distance.
    eps : float, at least 0, sequence of float, shape (S,), or schedule of such
        ε.

    Attributes
    ----------
    distance : float or ndarray, shape (S,)
        r.

    Source
    ------
    Khaled, Mishchenko & Jin 2023, "DoWG unleashed", 2305.16284, algorithm 1.

    Notes
    -----
    optax's ``dowg(init_estim_sq_dist=first²)``.

    Examples
    --------
    >>> from optimlab import DistanceOverWeightedGradients, Optimizer, sgd
    >>> w, opt = np.array([3.0, 4.0]), Optimizer(sgd(), lr=1.0, hooks=[DistanceOverWeightedGradients(2.0, eps=0.0)])
    >>> opt.step(w, 2 * w)
    array([1.8, 2.4])
    """

    first: Hyperparameter = 1e-2
    eps: Hyperparameter = 1e-4
    ranges: ClassVar[dict[str, Range]] = {"first": POSITIVE, "eps": NOT_NEGATIVE}

    def adapt(self, step: Step, good: Mark) -> None:
        """Multiply the learning rate."""
        first, eps = (value(self, name, step.t) for name in self.ranges)
        self.keep_number("distance", self._farthest(step, first), good)
        square = np.square(self._numbers["distance"])
        self.keep_number("total", self._numbers["total"] + square * np.square(step.norm(step.gradients)), good)
        multiply(step, over(square, np.sqrt(self._numbers["total"]) + eps), good)


@final
@dataclass(eq=False)
class Prodigy(_Distance):
    """w ← w - lr d u m/(√v + d' ε),  d' = max(d, c r/‖s‖₁): Adam's step with an estimated distance d for a rate.

    m and v are the EMAs of d g and (d g)²,  u = √(1-β₂ᵗ)/(1-β₁ᵗ),  r ← √β₂ r + d² u lr ⟨g, w₁ - w⟩ and
    s ← √β₂ s + d² u lr g; d' is the next d. lr is 1, or a schedule from there. The hook has the moments: the rule is
    ``sgd()``, with decoupled decay ``sgd() + λ * Weights()``.

    Parameters
    ----------
    beta1, beta2 : float, in [0, 1), sequence of float, shape (S,), or schedule of such
        β of the mean and of the mean square.
    eps : float, at least 0, sequence of float, shape (S,), or schedule of such
        ε.
    first : float, greater than 0, sequence of float, shape (S,), or schedule of such
        The first d.
    growth : float, greater than 0, sequence of float, shape (S,), or schedule of such
        c: factor on the estimate of d.

    Attributes
    ----------
    distance : float or ndarray, shape (S,)
        d.

    Source
    ------
    Mishchenko & Defazio 2023, "Prodigy", 2306.06101, algorithm 4, with the correction of bias of the released code.

    Notes
    -----
    optax's ``prodigy``; Prodigy's own code with ``use_bias_correction=True``. The default there is without.

    Examples
    --------
    >>> from optimlab import Optimizer, Prodigy, sgd
    >>> w, opt = np.array([3.0, 4.0]), Optimizer(sgd(), lr=1.0, hooks=[Prodigy()])
    >>> for _ in range(200):
    ...     _ = opt.step(w, 2 * w)
    >>> bool(abs(w).max() < 0.1), opt.hooks[0].distance > 1
    (True, True)
    """

    beta1: Hyperparameter = 0.9
    beta2: Hyperparameter = 0.999
    eps: Hyperparameter = 1e-8
    first: Hyperparameter = 1e-6
    growth: Hyperparameter = 1.0
    ranges: ClassVar[dict[str, Range]] = {
        "beta1": Range("in [0, 1)"),
        "beta2": Range("in [0, 1)"),
        "eps": NOT_NEGATIVE,
        "first": POSITIVE,
        "growth": POSITIVE,
    }

    @property
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How the arrays of a leaf start, by name."""
        return {"first": np.copy, **dict.fromkeys(("mean", "square", "sum"), np.zeros_like)}

    def adapt(self, step: Step, good: Mark) -> None:
        """Estimate the distance; put the moments in the place of the gradients, and the rate that goes with them."""
        step.fold_scale()
        d = np.maximum(self._numbers["distance"], value(self, "first", step.t))
        unit = self._unit(step, step.t)
        self._estimate(step, d, unit, good)
        marks = zip(step.counts(), step.chosen(None), strict=True)
        step.gradients = tuple([self._moved(step, i, t, d, good & meant) for i, (t, meant) in enumerate(marks)])
        multiply(step, d * unit, good)

    def _unit(self, step: Step, t: Any) -> Any:
        """√(1-β₂ᵗ)/(1-β₁ᵗ)."""
        beta1, beta2 = value(self, "beta1", step.t), value(self, "beta2", step.t)
        return np.sqrt(bias_correction(beta2, t)) / bias_correction(beta1, t)

    def _estimate(self, step: Step, d: Any, unit: Any, good: Mark) -> None:
        """Take in the gradients of all leaves, and let d grow."""
        beta, growth = np.sqrt(value(self, "beta2", step.t)), value(self, "growth", step.t)
        gain, size = beta * self._numbers["total"], 0.0
        leaves = zip(step.names, step.gradients, step.params, step.chosen(None), strict=True)
        for i, (name, g, w, meant) in enumerate(leaves):
            share = d * d * unit * step.rate(i)
            start, old = self.arrays(name, "first", "sum")
            self.keep(step, name, {"sum": step.spread(beta, g) * old + step.spread(share, g) * g}, good & meant)
            gain = gain + share * total(g * (start - w), step.replicas)
            size = size + total(np.abs(*self.arrays(name, "sum")), step.replicas)
        self.keep_number("total", gain, good)
        self.keep_number("distance", np.maximum(d, growth * over(gain, size)), good)

    def _moved(self, step: Step, i: int, t: Any, d: Any, moves: Mark) -> Array:
        """Return what a leaf, at its own t, is moved by in the place of its gradient."""
        name, g = step.names[i], step.gradients[i]
        alpha1, alpha2 = (step.spread(1.0 - value(self, beta, step.t), g) for beta in ("beta1", "beta2"))
        mean, square = self.arrays(name, "mean", "square")
        seen = step.spread(d, g) * g
        mean, square = mean + alpha1 * (seen - mean), square + alpha2 * (seen * seen - square)
        self.keep(step, name, {"mean": mean, "square": square}, moves)
        eps = step.spread(self._numbers["distance"] * value(self, "eps", step.t), g)
        late = step.spread(self._unit(step, np.maximum(t, 1)) / self._unit(step, step.t), g)  # 1 if it came with all
        return np.where(step.spread(moves, g), late * mean / (np.sqrt(square) + eps), g)
