"""Weight decay: what becomes of weights that no gradient holds, and of a minimum that is not at 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import sgd_variance
from optimlab.typing import Floats

__all__ = [
    "decay_alike_for_all_gradients", "decay_in_proportion", "decays", "equilibrium_of_decay_and_noise",
    "unbiased_minimum",
]  # fmt: skip

_THEME = "weight decay"
_DECOUPLED = "Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization"
_ROUNDING = 1e-12
_SIZE = 128


def _without_gradient(who: Candidate, starts: Any, count: int) -> Floats:
    """Return wₜ/w₀ after steps in which all gradients are 0."""
    w = np.array(starts, dtype=np.float64)[:, np.newaxis]
    return np.asarray(who.end(np.zeros_like, w.copy(), who.rate, count) / w)[:, 0]


def _kept(who: Candidate) -> Floats:
    """Return w₁/w₀ without a gradient at each of the rates; refuse what keeps all."""
    kept: Floats = who.end(np.zeros_like, np.ones((len(who.rates), 1)), who.rates, 1)[:, 0]
    if (np.abs(kept - 1.0) <= _ROUNDING).all():
        raise RefusedError("it does not decay weights")
    return kept


@exam(_THEME, trait=True, formula="w_t/w_0 < 1; with decoupled decay (1 - lr λ)ᵗ", source=_DECOUPLED)
def decays(who: Candidate) -> Trials:
    """Whether weights shrink where all gradients are 0.

    If not: there is no decay.
    """
    left = _without_gradient(who, [1.0], 20)
    return Trials(left, high=1.0 - _ROUNDING, lr=who.rate)


@exam(_THEME, formula="w_t/w_0 = (w_1/w_0)ᵗ for every w_0", source=_DECOUPLED)
def decay_in_proportion(who: Candidate) -> Trials:
    """Whether weights without a gradient shrink in proportion to themselves: the same share in every step.

    A failure: the decay goes through the optimizer's scale, so that small weights and large ones lose the same. Only
    optimizers that decay weights are asked.
    """
    _kept(who)
    first, left = _without_gradient(who, [1.0, 8.0], 1), _without_gradient(who, [1.0, 8.0], 20)
    return Trials(np.array([np.abs(left - first[0] ** 20).max()]), high=_ROUNDING, lr=who.rate)


@exam(_THEME, formula="|w_T - w_0 (1 - lr λ)ᵀ| ≤ 2 lr, gradients ±g in turn, T = 200", source=_DECOUPLED)
def decay_alike_for_all_gradients(who: Candidate) -> Trials:
    """Whether weights shrink as without a gradient where gradients of size 1, or of 1/64, cancel in pairs.

    A failure: the decay is divided by the size of the gradient, and weights of large gradients are spared. Only
    optimizers that decay weights are asked.
    """
    _kept(who)
    start, steps = 4.0, 200
    sizes = np.array([1.0, -1.0, 1.0 / 64.0, -1.0 / 64.0])[:, np.newaxis]
    signs = iter(np.resize([1.0, -1.0], steps))
    end = who.end(lambda w: sizes * next(signs), np.full((4, 1), start), who.rate, steps)
    means = end.reshape(2, 2).mean(axis=1)  # over both orders, of which each leaves a rest of one step
    expected = start * _without_gradient(who, [start], 1)[0] ** steps
    return Trials(np.array([np.abs(means - expected).max()]), high=2.0 * who.rate, lr=who.rate)


@exam(
    _THEME,
    trait=True,
    formula="|mean of w - w*| ≤ 4 standard errors; SGD with decay ends at h w*/(h + λ)",
    source=_DECOUPLED,
)
def unbiased_minimum(who: Candidate) -> Trials:
    """Whether it settles around a minimum at 8, and not on the side of 0, where gradients are noisy.

    If not: it finds the minimum of another loss, as with a decay or a prior.
    """
    lr, at, steps = who.rate, 8.0, 400
    h = 0.25 / lr

    def score(rates: Floats, rng: np.random.Generator) -> Floats:
        w = np.full((len(rates), _SIZE), at)
        noisy = lambda w: h * (w - at) + rng.standard_normal(w.shape)  # noqa: E731
        mean = sum((now / steps for now in who.steps(noisy, w, rates, steps)), start=np.zeros(1)) - at
        return np.asarray(np.abs(mean.mean(axis=1)) / (mean.std(axis=1) / np.sqrt(_SIZE)))

    return who.judged(score, high=4.0, lr=lr)


@exam(
    _THEME, formula="E w² = lr / (λ (2 - lr λ)) within a factor of 2",
    source="a random walk of unit steps that decays; Kosson et al. 2024, Rotational equilibrium",
)  # fmt: skip
def equilibrium_of_decay_and_noise(who: Candidate) -> Trials:
    """Whether decay holds weights that see noise alone at the size that unit steps would have.

    A failure: its steps in noise are larger or smaller than of unit size, and its decay means another thing. Only
    optimizers that decay weights are asked.
    """
    kept, steps = _kept(who), 600
    forgets = (kept > 0.0) & (kept**steps <= 1.0 / np.e)  # else the start would stay as it is, whatever the steps
    if not forgets.any():
        raise RefusedError(f"its decay takes more than {steps} steps to show")
    lr, left = float(who.rates[forgets][0]), float(kept[forgets][0])
    expected = float(sgd_variance(lr, (1.0 - left) / lr))

    def score(rates: Floats, rng: np.random.Generator) -> Floats:
        w = np.sqrt(expected) * rng.standard_normal((len(rates), _SIZE))
        end = who.end(lambda w: rng.standard_normal(w.shape), w, rates, steps)
        return np.asarray((end * end).mean(axis=1))

    return who.judged(score, low=expected / 2.0, high=expected * 2.0, lr=lr)
