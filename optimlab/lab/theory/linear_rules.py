"""Linear rules on the noisy quadratic: mean and variance at each step, under any schedule, and in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from optimlab import bias_correction
from optimlab.checkpoint.hyperparameters import described
from optimlab.checks import FINITE, Range, check_fields, numbers
from optimlab.extras import needed
from optimlab.lab.theory.domain import DECAYS, Finite, NotNegative, Positive, formula
from optimlab.lab.theory.modes import Mode
from optimlab.rules.algebra import Rule
from optimlab.rules.basic import heavy_ball, momentum, nesterov, sgd
from optimlab.typing import Floats

__all__ = ["LinearRule", "Moments", "linear_rule", "stationary_covariance", "transient"]

_ROUNDING = 1e-13  # of eigenvalues: nearer to 1 the equation is singular


@dataclass(frozen=True, eq=False)
class LinearRule:
    """v ← β v + g, w ← w - lr (a v + b g), w̄ ← γ w̄ + (1-γ) w: momentum of any form, and an average of its iterates.

    SGD is ``LinearRule()``, the heavy ball ``LinearRule(β)``, the EMA form ``LinearRule(β, trace=1-β)``, Nesterov's
    ``LinearRule(β, trace=β, gradient=1)``, quasi-hyperbolic momentum ``trace=ν(1-β), gradient=1-ν``.
    ``trace`` and ``gradient`` are a and b, ``average`` is γ; 0 does not average.

    Source
    ------
    Ma & Yarats 2019, "Quasi-hyperbolic momentum and Adam", section 3, up to factors.

    Examples
    --------
    >>> transition, input_ = LinearRule(0.9).matrices(lr=0.1, curvature=2.0)
    >>> transition  # of (w, v, w̄)
    array([[ 0.8 , -0.09,  0.  ],
           [ 2.  ,  0.9 ,  0.  ],
           [ 0.8 , -0.09,  0.  ]])
    >>> LinearRule([0.0, 0.9]).limit, LinearRule(0.9, trace=0.9, gradient=1.0).mode(0.19).radius.round(6)
    (array([2. , 3.8]), np.float64(0.853815))
    >>> LinearRule([0.0, 0.9]).gain.round(12)
    array([ 1., 10.])
    """

    beta: Any = 0.0
    trace: Any = 1.0
    gradient: Any = 0.0
    average: Any = 0.0
    ranges: ClassVar[dict[str, Range]] = {"beta": DECAYS, "trace": FINITE, "gradient": FINITE, "average": DECAYS}

    def __post_init__(self) -> None:
        check_fields(self, numbers)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape to which the parameters broadcast."""
        return np.broadcast_shapes(self.beta.shape, self.trace.shape, self.gradient.shape, self.average.shape)

    @property
    def limit(self) -> Any:
        """2 (1+β) / (a + b (1+β)): the rule is stable for 0 < lr h < this, where a root of its mode reaches -1.

        It is 2 (1+β) of the heavy ball, 1/(1-β) times that of the EMA form, and 2 (1+β)/(1+2β) of Nesterov's momentum
        (Polyak 1964, theorem 9; Cohen et al. 2021 and 2022, on the edge of stability).
        """
        return 2.0 * (1.0 + self.beta) / (self.trace + self.gradient * (1.0 + self.beta))

    @property
    def gain(self) -> Any:
        """a/(1-β) + b: how far a step goes in the end for a constant gradient of 1; lr times it is that of SGD."""
        return self.trace / (1.0 - self.beta) + self.gradient

    @formula
    def mode(self, lr_h: Finite) -> Mode:
        """wₜ₊₁ = [1 + β - lr h (a+b)] wₜ - β (1 - lr h b) wₜ₋₁ from w₁ = [1 - lr h (a+b)] w₀; lr h is < 0 at a saddle.

        Two steps of the rule, from which v is eliminated. w is the point where the gradient is taken, as in torch; the
        sequence x of Nesterov's papers is xₜ₊₁ = (1 - lr h) wₜ, a step behind and nearer.
        """
        whole = (self.trace + self.gradient) * lr_h
        return Mode(1.0 + self.beta - whole, self.beta * (1.0 - self.gradient * lr_h), 1.0 - whole)

    @formula
    def matrices(self, lr: Finite, curvature: Finite) -> tuple[Floats, Floats]:
        """A and b of s ← A s + b e, s = (w, v, w̄), where the gradient is h w + e: shapes (..., 3, 3) and (..., 3)."""
        both = lr * (self.trace + self.gradient)
        ww, wv, we = 1.0 - both * curvature, -lr * self.trace * self.beta, -both
        share = 1.0 - self.average
        rows = [(ww, wv, 0.0, we), (curvature, self.beta, 0.0, 1.0), (share * ww, share * wv, self.average, share * we)]
        flat = np.broadcast_arrays(*(entry for row in rows for entry in row))
        whole = np.stack(flat, axis=-1).reshape(*flat[0].shape, 3, 4)
        return whole[..., :3], whole[..., 3]


class Moments(NamedTuple):
    """Mean and variance of the iterates w and of their average w̄, shapes (K+1, ...): after 0, 1, ..., K updates.

    Examples
    --------
    >>> moments = transient(LinearRule(), [1.0, 0.5], 1.0)
    >>> moments.mean, moments.variance
    (array([1., 0., 0.]), array([0. , 1. , 0.5]))
    """

    mean: Floats
    variance: Floats
    average_mean: Floats
    average_variance: Floats

    @property
    @formula
    def square(self) -> Floats:
        """E w²; the expected loss is h/2 times it."""
        return self.mean**2 + self.variance

    @property
    @formula
    def average_square(self) -> Floats:
        """E w̄²."""
        return self.average_mean**2 + self.average_variance


@formula
def transient(
    rule: LinearRule, rates: NotNegative, curvature: Positive, *, noise: NotNegative = 1.0, start: Finite = 1.0
) -> Moments:
    """E s ← A E s, P ← A P Aᵀ + noise b bᵀ: mean and variance after each update, exact for any learning rates.

    ``rates``, of shape (K, ...), has the learning rate of each update, such as ``schedule(np.arange(K))``; the shape of
    one meets that of the other arguments. v starts at 0, w at ``start``, and the average is debiased, as
    ``Ema(γ, debias=True)``. Where the rule diverges moments are inf or NaN.

    Source
    ------
    The recursion of a linear system's covariance; Zhang et al. 2019 do the same for their rules.

    Examples
    --------
    >>> transient(LinearRule(average=0.5), np.full(2, 0.5), 1.0, noise=0.0).average_mean.round(6)
    array([1.      , 0.5     , 0.333333])
    """
    if rates.ndim == 0:
        raise ValueError(f"rates must have one learning rate for each update; got the number {float(rates)!r}")
    shape = np.broadcast_shapes(rates.shape[1:], curvature.shape, noise.shape, start.shape, rule.shape)
    mean, covariance = np.zeros((*shape, 3)), np.zeros((*shape, 3, 3))
    mean[..., 0] = start
    found = np.zeros((len(rates) + 1, 4, *shape))
    found[0, 0] = found[0, 2] = start
    with np.errstate(over="ignore", invalid="ignore"):
        for k, lr in enumerate(rates, 1):
            A, b = rule.matrices(lr, curvature)
            mean = (A @ mean[..., np.newaxis])[..., 0]
            covariance = A @ covariance @ np.swapaxes(A, -1, -2) + _outer(b, noise)
            seen = bias_correction(rule.average, k)
            found[k, 0], found[k, 1] = mean[..., 0], covariance[..., 0, 0]
            found[k, 2], found[k, 3] = mean[..., 2] / seen, covariance[..., 2, 2] / seen**2
    return Moments(*(found[:, i] for i in range(4)))


@formula
def stationary_covariance(rule: LinearRule, lr: Positive, curvature: Positive, *, noise: NotNegative = 1.0) -> Floats:
    """P = A P Aᵀ + noise b bᵀ, shape (..., 3, 3): the stationary covariance of (w, v, w̄), by the Lyapunov equation.

    E w² is ``P[..., 0, 0]``, E w̄² is ``P[..., 2, 2]``; all is inf where the rule is not stable.

    Source
    ------
    Zhang et al. 2019; SciPy's ``solve_discrete_lyapunov``.

    Examples
    --------
    >>> P = stationary_covariance(LinearRule(0.9, average=0.9), 0.1, 1.0)
    >>> P[[0, 2], [0, 2]].round(5)
    array([0.51351, 0.08834])
    """
    needed("scipy", "lab", "stationary_covariance")
    from scipy.linalg import solve_discrete_lyapunov

    within_units = np.minimum(lr * curvature, np.finfo(np.float64).max)
    A, b = rule.matrices(within_units, 1.0)  # in units of the curvature, in which no number is far from 1
    inputs = _outer(b, noise / curvature**2)
    within = np.isfinite(A).all(axis=(-2, -1), keepdims=True)
    A = np.broadcast_to(np.where(within, A, 2.0 * np.eye(3)), inputs.shape)  # beyond float64 nothing is stable
    stable = np.abs(np.linalg.eigvals(A)).max(axis=-1) < 1.0 - _ROUNDING
    found = np.full(inputs.shape, np.inf)
    for i in map(tuple, np.argwhere(stable)):
        found[i] = solve_discrete_lyapunov(A[i], inputs[i])
    one = np.ones(inputs.shape[:-2])
    return found * _outer(np.stack([one, curvature * one, one], axis=-1), one)


def _outer(b: Floats, noise: Floats) -> Floats:
    """Noise b bᵀ."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a rule that diverges
        outer: Floats = noise[..., np.newaxis, np.newaxis] * b[..., :, np.newaxis] * b[..., np.newaxis, :]
    return outer


def linear_rule(rule: Rule) -> LinearRule | None:
    """Return SGD, the heavy ball, the EMA form or Nesterov's momentum as a `LinearRule`; None for any other rule.

    Parameters
    ----------
    rule : Rule
        The rule; a scheduled β has no closed form.

    Examples
    --------
    >>> from optimlab import adam, nesterov
    >>> found = linear_rule(nesterov(0.5))
    >>> float(found.beta), float(found.trace), float(found.gradient), linear_rule(adam())
    (0.5, 0.5, 1.0, None)
    """
    given = described(rule)
    try:
        betas = [float(given.numbers[name]) for name in ("beta", "number") if name in given.numbers]
    except ValueError:
        return None
    beta = betas[0] if betas else 0.0
    forms = {
        described(sgd()).form: LinearRule(),
        described(heavy_ball()).form: LinearRule(beta),
        described(momentum()).form: LinearRule(beta, trace=1.0 - beta),
        described(nesterov()).form: LinearRule(beta, trace=beta, gradient=1.0),
    }
    first = given.numbers.get("first", "0.0")
    return forms.get(given.form) if len(set(betas)) < 2 and first == "0.0" else None
