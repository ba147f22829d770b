"""Learning rates from the loss: the Polyak step, and MoMo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import FINITE, NOT_NEGATIVE, Hyperparameter, Range, value
from optimlab.hooks.estimates import Estimating, checked_gain, multiply, over, total
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.gains import DebiasedGain, FirstValueGain
from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Root, Square
from optimlab.settings import Checked
from optimlab.trees import ByName
from optimlab.typing import Array, Mark, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Momo", "PolyakStep", "momo", "momo_adam"]


def _usable(step: Step, owner: Any) -> Mark:
    """Whether there is a loss and it is finite; a replica whose loss is not has a gradient that is not."""
    who = type(owner).__name__
    if step.loss is None:
        raise ValueError(f"{who} needs the loss of each step; give it, as in opt.step(params, gradients, loss=loss)")
    fine = np.isfinite(step.loss)
    if step.replicas is None and not fine:
        raise FloatingPointError(
            f"loss is {step.loss} in step {step.t}, from which {who} cannot take a rate; parameters and state are as "
            "before; leave out such steps"
        )
    if not np.all(fine):
        step.scale = step.scale * np.where(fine, 1.0, np.nan)
    return fine


@final
@dataclass(eq=False)
class PolyakStep(Checked):
    """lr ← lr · min((f - f*)₊/(‖g‖² + ε), limit): the step that would reach f* on a line.

    It needs the loss f of each step. ‖g‖ is the norm of all leaves together. Where the gradient is 0 the rate is, too.

    Parameters
    ----------
    lowest : float, sequence of float, shape (S,), or schedule of such
        f*, the least loss there is; 0 where a model can fit all data.
    limit : float, greater than 0 (infinite: no limit), sequence of float, shape (S,), or schedule of such
        Largest factor.
    eps : float, at least 0, sequence of float, shape (S,), or schedule of such
        ε.

    Source
    ------
    Polyak 1987; Loizou et al. 2021, "Stochastic Polyak step-size", 2002.10542; the positive part: Garrigos et al. 2023.

    Notes
    -----
    optax's ``polyak_sgd(variant="sps+")``, whose scaling is lr = 1 here. With another scaling s optax 0.2.8 takes the
    norm of s·g where its documentation says that of g.

    Examples
    --------
    >>> from optimlab import Optimizer, PolyakStep, sgd
    >>> w, opt = np.array([1.0, 2.0]), Optimizer(sgd(), lr=1.0, hooks=[PolyakStep()])
    >>> opt.step(w, 2 * w, loss=w @ w)
    array([0.5, 1. ])
    """

    lowest: Hyperparameter = 0.0
    limit: Hyperparameter = 1.0
    eps: Hyperparameter = 0.0
    needs_loss: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {
        "lowest": FINITE,
        "limit": Range("greater than 0 (infinite: no limit)"),
        "eps": NOT_NEGATIVE,
    }

    def before(self, step: Step) -> None:
        """Multiply the learning rate."""
        if step.idle:
            return
        lowest, limit, eps = (value(self, name, step.t) for name in self.ranges)
        usable, size = _usable(step, self), step.norm(step.gradients)
        with np.errstate(all="ignore"):
            factor = over(np.maximum(np.asarray(step.loss) - lowest, 0.0), np.square(size) + eps)
        if np.any(good := usable & np.isfinite(size)):
            multiply(step, np.minimum(factor, limit), good)


def _rule(given: Any) -> Rule:
    if not isinstance(given, Rule) or given.whole or given.rates:
        raise TypeError(f"metric must be an elementwise rule of the gradient, such as Constant(1.0); got {given!r}")
    return given


@final
@dataclass(eq=False)
class Momo(Estimating):
    """w ← w - min(lr, (f̄ + Σ(d w - c) - f*)₊/Σ(d²/D)) d/D: the step to f* in a model of f made of averages.

    f̄, d and c are the means, of one gain, of the loss, of g and of g·w. D is the metric. The hook has the moments: the
    rule is ``sgd()``, and lr the largest rate. It needs the loss of each step. A leaf without a gradient has no part in
    the model of the step.

    Parameters
    ----------
    gain : Gain
        k of the means.
    metric : Rule
        D as a rule of the gradient.
    lowest : float, sequence of float, shape (S,), or schedule of such
        f*, the least loss there is.

    Source
    ------
    Schaipp et al. 2024, "MoMo: momentum models for adaptive learning rates", 2305.07583, algorithms 1 and 2.

    Notes
    -----
    ``momo`` and ``momo_adam`` are the two that have names.

    Examples
    --------
    >>> from optimlab import Optimizer, momo, sgd
    >>> w, opt = np.array([1.0, 2.0, 3.0]), Optimizer(sgd(), lr=1.0, hooks=[momo()])
    >>> opt.step(w, 2 * w, loss=w @ w), opt.lr
    (array([0.5, 1. , 1.5]), 0.25)
    """

    gain: Gain
    metric: Rule
    lowest: Hyperparameter = 0.0
    needs_loss: ClassVar[bool] = True
    kept_numbers: ClassVar[tuple[str, ...]] = ("loss",)
    ranges: ClassVar[dict[str, Range]] = {"lowest": FINITE}
    checks: ClassVar[dict[str, Callable[[Any], Any]]] = {
        "gain": partial(checked_gain, such="FirstValueGain(0.9)"),
        "metric": _rule,
    }

    @property
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How the arrays of a leaf start, by name."""
        slots = zip(self.metric.slots, self.metric.start, strict=True)
        metric = {f"metric.{slot}": partial(np.full_like, fill_value=start) for slot, start in slots}
        return {"mean": np.zeros_like, "cross": np.zeros_like, **metric}

    def usable(self, step: Step) -> Mark:
        """Return where the loss is finite."""
        return _usable(step, self)

    def adapt(self, step: Step, good: Mark) -> None:
        """Put d/D in the place of the gradients, and cap the learning rate."""
        loss = self._numbers["loss"]
        self.keep_number("loss", loss + self.gain.at(step.t) * (step.loss - loss), good)
        step.fold_scale()
        meant = step.chosen(None)
        step.gradients = tuple(
            [self._moved(step, i, t, good) if meant[i] else step.gradients[i] for i, t in enumerate(step.counts())]
        )
        gap, size = self._numbers["loss"] - value(self, "lowest", step.t), 0.0
        for name, w, u in compress(zip(step.names, step.params, step.gradients, strict=True), meant):
            mean, cross = self.arrays(name, "mean", "cross")
            gap = gap + total(mean * w - cross, step.replicas)
            size = size + total(mean * u, step.replicas)
        most = np.where(good, over(np.maximum(gap, 0.0), size), np.inf)
        step.lr = _capped(step.lr, most if most.ndim else float(most))

    def _moved(self, step: Step, i: int, t: Any, good: Mark) -> Array:
        """Take in the gradient of a leaf, at its own t, and return d/D."""
        name, g, w = step.names[i], step.gradients[i], step.params[i]
        k = step.spread(self.gain.at(t), g)
        mean, cross = self.arrays(name, "mean", "cross")
        mean, cross = mean + k * (g - mean), cross + k * (g * w - cross)
        slots = [key for key in self.starts if key.startswith("metric.")]
        c = tuple([step.spread(number, g) for number in self.metric.coefficients(t)])
        metric, new = self.metric.compose()(g, w, tuple(self.arrays(name, *slots)), c)
        self.keep(step, name, {"mean": mean, "cross": cross, **dict(zip(slots, new, strict=True))}, good)
        return np.where(step.spread(good, g), mean / metric, g)


def _capped(lr: Number | ByName[Number], most: Number) -> Number | ByName[Number]:
    """min(lr, most), of each rate by name."""
    if isinstance(lr, ByName):
        return ByName(lr.patterns, tuple([_capped(part, most) for part in lr.parts]))  # type: ignore[misc]
    return min(lr, most) if isinstance(lr, float) and isinstance(most, float) else np.minimum(lr, most)


def momo(beta: Hyperparameter = 0.9, *, lowest: Hyperparameter = 0.0) -> Momo:
    """w ← w - min(lr, (f̄ + Σ(d w - c) - f*)₊/‖d‖²) d: MoMo for the gradient's EMA, which starts at the first.

    optax's ``momo``, but for its weight decay and its estimate of f*.

    Parameters
    ----------
    beta : float, in [0, 1), sequence of float, shape (S,), or schedule
        β of the means.
    lowest : float, sequence of float, shape (S,), or schedule
        f*.

    Source
    ------
    Schaipp et al. 2024, 2305.07583, algorithm 1.

    Examples
    --------
    >>> from optimlab import momo
    >>> momo(0.8)
    Momo(gain=FirstValueGain(beta=0.8), metric=Constant(1.0), lowest=0.0)
    """
    return Momo(FirstValueGain(beta), Constant(1.0), lowest)


def momo_adam(
    beta1: Hyperparameter = 0.9,
    beta2: Hyperparameter = 0.999,
    eps: Hyperparameter = 1e-8,
    *,
    lowest: Hyperparameter = 0.0,
) -> Momo:
    """w ← w - min(lr, (f̄ + Σ(d w - c) - f*)₊/Σ(d²/D)) d/D,  D = √v̂ + ε: MoMo for Adam.

    optax's ``momo_adam``, but for its weight decay and its estimate of f*; there all means start at 0, and the
    corrections of their bias cancel.

    Parameters
    ----------
    beta1, beta2 : float, in [0, 1), sequence of float, shape (S,), or schedule
        β of the means and of the mean square.
    eps : float, at least 0
        ε.
    lowest : float, sequence of float, shape (S,), or schedule
        f*.

    Source
    ------
    Schaipp et al. 2024, 2305.07583, algorithm 2.

    Examples
    --------
    >>> from optimlab import Optimizer, momo_adam, sgd
    >>> w, opt = np.array([1.0, 2.0]), Optimizer(sgd(), lr=0.5, hooks=[momo_adam()])
    >>> opt.step(w, 2 * w, loss=w @ w).round(6)
    array([0.5, 1.5])
    """
    return Momo(DebiasedGain(beta1), Square() | Ema(beta2, debias=True) | Root(eps), lowest)
