"""The wider family: rules that people use, each an expression. ε is outside the root, after the correction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import inf
from operator import add

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Hyperparameter, Range, hyperparameter, number, numbers, whole
from optimlab.recurrence.decay import Beta
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.basic import adam
from optimlab.rules.elementwise import Abs, Clip, Gradient, Positive, Rate, Root, Sign, Square, Weights
from optimlab.rules.feedback import Delay, RunningMax, SignedEma, StepRms, StepSize, TwoReadings
from optimlab.schedules import corrections

__all__ = [
    "adabelief", "adadelta", "adagrad", "adam_single_beta", "adamax", "adamc", "adan", "ademamix", "adopt", "aggmo",
    "amsgrad", "cautious", "cautious_decay", "grams", "grokfast", "laprop", "lion", "nadam", "optimistic", "qhadam",
    "qhm", "radam", "rmsprop_centered", "rprop", "signsgd", "signum", "simplified_ademamix", "sm3", "yogi",
]  # fmt: skip


def _moment(beta: Beta) -> Rule:
    return Square() | Ema(beta, debias=True)


def signsgd() -> Rule:
    """w ← w - lr sign(g). Source: Bernstein et al. 2018, arXiv 1802.04434. All systems agree.

    >>> signsgd()
    Sign()
    """
    return Sign()


def signum(beta: Beta = 0.9) -> Rule:
    """w ← w - lr sign(m). Source: Bernstein et al. 2018, arXiv 1802.04434. A trace in the place of m is the same.

    >>> signum()
    Ema(0.9) | Sign()
    """
    return Ema(beta) | Sign()


def lion(beta1: Beta = 0.9, beta2: Beta = 0.99) -> Rule:
    """w ← w - lr sign(β₁ m + (1-β₁) g);  m ← β₂ m + (1-β₂) g. Source: Chen et al. 2023, arXiv 2302.06675.

    All systems agree; optax adds decay by default, Keras none: ``lion() + λ * Weights()``.

    >>> lion()
    TwoReadings() | Sign()
    """
    return TwoReadings(beta1, beta2) | Sign()


def rprop(first: float = 0.01, shrink: float = 0.5, grow: float = 1.2, low: float = 1e-6, high: float = 50.0) -> Rule:
    """w ← w - lr sign(g) s, s grows where the sign of g stays and shrinks where it turns; take lr = 1.

    Source: Riedmiller & Braun 1993, with the gradient set to 0 where its sign turns, as in torch.

    >>> rprop(0.1)
    StepSize(0.1)
    """
    return StepSize(first, shrink, grow, low, high)


def qhm(beta: Beta = 0.999, nu: float = 0.7) -> Rule:
    """w ← w - lr ((1-ν) g + ν m). Source: Ma & Yarats 2019, arXiv 1810.06801.

    >>> qhm(0.9, 0.75)
    0.25 * Gradient() + 0.75 * Ema(0.9)
    """
    nu = number("nu", nu)
    return (1.0 - nu) * Gradient() + nu * Ema(beta)


def qhadam(
    beta1: Beta = 0.995, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8, *, nu1: float = 0.7, nu2: float = 1.0
) -> Rule:
    """w ← w - lr ((1-ν₁) g + ν₁ m̂) / (√((1-ν₂) g² + ν₂ v̂) + ε). Source: Ma & Yarats 2019, arXiv 1810.06801.

    >>> qhadam(nu1=1.0).slots
    ('ema', 'square_ema')
    """
    nu1, nu2 = number("nu1", nu1), number("nu2", nu2, Range("in [0, 1]"))
    mean = (1.0 - nu1) * Gradient() + nu1 * Ema(beta1, debias=True)
    return mean / ((1.0 - nu2) * Square() + nu2 * _moment(beta2) | Root(eps))


def aggmo(betas: Sequence[float] = (0.0, 0.9, 0.99)) -> Rule:
    """w ← w - lr (v₁ + ... + vₙ)/n, vᵢ ← βᵢ vᵢ + g. Source: Lucas et al. 2019, arXiv 1804.00325.

    >>> aggmo([0.0, 0.9])
    0.5 * (Trace(0.0) + Trace(0.9))
    """
    held = numbers("betas", betas, Range("in [0, 1]")).reshape(-1).tolist()
    return (1.0 / whole("the number of betas", len(held), 1)) * reduce(add, map(Trace, held))


def adagrad(eps: Hyperparameter = 1e-10, first: float = 0.0) -> Rule:
    """w ← w - lr g / (√Σg² + ε). Source: Duchi, Hazan & Singer 2011.

    torch the same; optax and Keras begin the sum at 0.1 and put ε inside the root.

    >>> adagrad()
    Gradient() / (Square() | Trace(1.0) | Root(1e-10))
    """
    return Gradient() / (Square() | Trace(1.0, first=first) | Root(eps))


def adadelta(beta: Beta = 0.9, eps: Hyperparameter = 1e-6) -> Rule:
    """w ← w - lr u, u = g √(d + ε)/√(v + ε), d the EMA of u². Source: Zeiler 2012, arXiv 1212.5701; take lr = 1.

    torch, optax and Keras the same but for their defaults.

    >>> adadelta().slots
    ('square_ema', 'steprms')
    """
    eps = hyperparameter("eps", eps, NOT_NEGATIVE)
    return Gradient() / ((Square() | Ema(beta)) + eps | Root()) | StepRms(beta, eps)


def rmsprop_centered(beta: Beta = 0.9, eps: Hyperparameter = 1e-8) -> Rule:
    """w ← w - lr g / (√(v - m²) + ε). Source: Graves 2013, arXiv 1308.0850, equations 38 to 40.

    torch the same; optax and Keras put ε inside the root. ``| Trace(μ)`` adds momentum.

    >>> rmsprop_centered().slots
    ('square_ema', 'ema')
    """
    return Gradient() / ((Square() | Ema(beta)) - (Ema(beta) | Square()) | Clip(0.0, inf) | Root(eps))


def amsgrad(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8) -> Rule:
    """w ← w - lr m̂ / (√(max v / (1-β₂ᵗ)) + ε). Source: Reddi, Kale & Kumar 2018.

    torch the same. optax takes the maximum of the corrected v̂; the paper corrects neither.

    >>> amsgrad().slots
    ('ema', 'square_ema', 'square_ema_runningmax')
    """
    return Ema(beta1, debias=True) / ((Square() | Ema(beta2) | RunningMax()) / corrections.Mass(beta2) | Root(eps))


def adamax(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: float = 1e-8) -> Rule:
    """w ← w - lr m̂ / u, u ← max(β₂ u, |g| + ε). Source: Kingma & Ba 2015, algorithm 2.

    torch and optax the same; Keras adds ε to u.

    >>> adamax()
    Ema(0.9, debias=True) / (Abs() + 1e-08 | RunningMax(0.999))
    """
    return Ema(beta1, debias=True) / (Abs() + hyperparameter("eps", eps, NOT_NEGATIVE) | RunningMax(beta2))


def nadam(beta1: float = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8, *, psi: float = 0.004) -> Rule:
    """w ← w - lr ((1-μₜ)/(1-Pₜ) g + μₜ₊₁/(1-Pₜ₊₁) m) / (√v̂ + ε), Pₜ = μ₁...μₜ, μₜ = β₁ (1 - ½ 0.96^(ψt)).

    Source: Dozat 2016. torch the same; Keras with ψ = 1; optax keeps μ at β₁.

    >>> nadam().slots
    ('ema', 'square_ema')
    """
    mu = corrections.Dozat(number("beta1", beta1, Range("in [0, 1)")), number("psi", psi, NOT_NEGATIVE))
    mean = corrections.GradientShare(mu) * Gradient() + corrections.MeanShare(mu) * Ema(beta1)
    return mean / (_moment(beta2) | Root(eps))


def radam(beta1: Beta = 0.9, beta2: float = 0.999, eps: Hyperparameter = 1e-8, *, threshold: float = 5.0) -> Rule:
    """w ← w - lr rₜ m̂ / (√v̂ + ε) where ρₜ > 5, before that w - lr m̂. Source: Liu et al. 2020, arXiv 1908.03265.

    optax the same; torch takes ε̂ before the correction.

    >>> radam().slots
    ('ema', 'square_ema')
    """
    beta2, threshold = number("beta2", beta2, Range("in [0, 1)")), number("threshold", threshold, Range("at least 4"))
    root = corrections.Rectified(beta2, threshold) * (_moment(beta2) | Root(eps))
    return Ema(beta1, debias=True) / (root + corrections.Unrectified(beta2, threshold))


def adabelief(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-16) -> Rule:
    """w ← w - lr m̂ / (√ŝ + ε), s the EMA of (g - m)². Source: Zhuang et al. 2020, arXiv 2010.07468.

    optax and the authors' code also add ε to s in each step.

    >>> adabelief().slots
    ('ema', 'square_ema')
    """
    mean = Ema(beta1)
    return mean / corrections.Mass(beta1) / (Gradient() - mean | Square() | Ema(beta2, debias=True) | Root(eps))


def yogi(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-3, *, first: float = 1e-6) -> Rule:
    """w ← w - lr m̂ / (√v̂ + ε), v ← v - (1-β₂) sign(v - g²) g². Source: Zaheer et al. 2018.

    optax the same. m and v begin at 1e-6: a gradient of zero moves w.

    >>> yogi().slots
    ('ema', 'square_signedema')
    """
    root = (Square() | SignedEma(beta2, first=first)) / corrections.Mass(beta2) | Root(eps)
    return Ema(beta1, first=first) / corrections.Mass(beta1) / root


def laprop(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8) -> Rule:
    """w ← w - lr m̂, m the EMA of g / (√v̂ + ε). Source: Ziyin, Wang & Ueda 2020, arXiv 2002.04839.

    pytorch_optimizer takes ε before the correction.

    >>> laprop()
    Gradient() / (Square() | Ema(0.999, debias=True) | Root(1e-08)) | Ema(0.9, debias=True)
    """
    return Gradient() / (_moment(beta2) | Root(eps)) | Ema(beta1, debias=True)


def adopt(beta1: Beta = 0.9, beta2: Beta = 0.9999, eps: float = 1e-6) -> Rule:
    """w ← w - lr m, m the EMA of clip(g / max(√v⁻, ε), ±(t-1)^¼): the first step is 0.

    Source: Taniguchi et al. 2024, arXiv 2411.02853. optax the same; pytorch_optimizer clips at t^¼.

    >>> adopt().slots
    ('square_ema', 'square_ema_delay', 'clip_ema')
    """
    eps = number("eps", eps, NOT_NEGATIVE)
    root = Square() | Ema(FirstValueGain(beta2)) | Delay() | Root() | Clip(eps, inf)
    return Gradient() / root | Clip(corrections.FourthRoot(-1.0), corrections.FourthRoot()) | Ema(beta1)


def ademamix(
    beta1: Beta = 0.9, beta2: Beta = 0.999, beta3: Beta = 0.9999, eps: float = 1e-8, *, alpha: Hyperparameter = 5.0
) -> Rule:
    """w ← w - lr (m̂ + α n) / (√v̂ + ε), n the slow EMA of g, from 0. Source: Pagliardini et al. 2024.

    arXiv 2409.03137. optax and pytorch_optimizer the same. α and β₃ may grow: ``HalfLife(0.9, 0.9999, steps=...)``.

    >>> ademamix().slots
    ('ema', 'ema_2', 'square_ema')
    """
    return (Ema(beta1, debias=True) + alpha * Ema(beta3)) / (_moment(beta2) | Root(eps))


def simplified_ademamix(
    beta1: Beta = 0.99, beta2: Beta = 0.95, eps: float = 1e-8, *, alpha: Hyperparameter = 0.0
) -> Rule:
    """w ← w - lr (m + α g) / (√v̂ + ε), m ← β₁ m + g. Source: Morwani et al. 2025, arXiv 2502.02431.

    optax the same. Its steps are 1/(1-β₁) times as large as Adam's.

    >>> simplified_ademamix().slots
    ('trace', 'square_ema')
    """
    return (Trace(beta1) + alpha * Gradient()) / (_moment(beta2) | Root(eps))


def adan(beta1: Beta = 0.98, beta2: float = 0.92, beta3: Beta = 0.99, eps: float = 1e-8) -> Rule:
    """w ← w - lr (m̂ + β₂ d̂) / (√n̂ + ε): d the EMA of g - g⁻ (0 at first), n that of (g + β₂ (g - g⁻))².

    Source: Xie et al. 2022, arXiv 2208.06677, algorithm 1, whose β are 1 - these. optax has 1-β₂ for β₂ here.

    >>> adan().slots
    ('ema', 'delay', 'ema_2', 'square_ema')
    """
    change = corrections.After(1, 1.0) * (Gradient() - Delay())
    mean = Ema(beta1, debias=True) + beta2 * (change | Ema(beta2, debias=True))
    return mean / (Gradient() + beta2 * change | Square() | Ema(beta3, debias=True) | Root(eps))


def grams(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8) -> Rule:
    """w ← w - lr sign(g) |m̂| / (√v̂ + ε). Source: Cao et al. 2024, arXiv 2412.17107.

    >>> grams() == Sign() * (adam() | Abs())
    True
    """
    return Sign() * (adam(beta1, beta2, eps) | Abs())


def grokfast(rule: Rule, beta: Beta = 0.98, gain: float = 2.0) -> Rule:
    """The rule of g + λ m, m the EMA of g from the first one. Source: Lee et al. 2024, arXiv 2405.20233.

    >>> grokfast(adam()).slots
    ('ema', 'ema_2', 'square_ema')
    """
    return Gradient() + gain * Ema(FirstValueGain(beta)) | rule


def cautious(rule: Rule) -> Rule:
    """u [u g > 0]: of a rule's value u what goes down the gradient. Source: Liang et al. 2024, arXiv 2411.16085.

    The authors also divide by the mask's mean: ``cautious(rule) / ...``, see ``cautious_rescaled``.

    >>> cautious(adam()).slots
    ('ema', 'square_ema')
    """
    return rule * (rule * Gradient() | Positive())


def cautious_decay(rule: Rule, weight_decay: float = 0.01) -> Rule:
    """u + λ w [u w ≥ 0]: decay where it goes the way of the rule. Source: arXiv 2510.12402.

    >>> cautious_decay(lion()).slots
    ('tworeadings',)
    """
    return rule + weight_decay * Weights() * (1.0 - (-1.0 * rule * Weights() | Positive()))


def optimistic(alpha: float = 1.0, beta: float = 1.0) -> Rule:
    """α g + β (g - g⁻), at first α g. Source: Daskalakis et al. 2018, arXiv 1711.00141.

    ``adam() | optimistic()`` is of the values of Adam.

    >>> optimistic()
    1.0 * Gradient() + After(steps=1, number=1.0) * (Gradient() - Delay())
    """
    return alpha * Gradient() + corrections.After(1, beta) * (Gradient() - Delay())


def adamc(
    lr_max: float, beta1: Beta = 0.9, beta2: Beta = 0.999, eps: float = 1e-8, *, weight_decay: float = 0.01
) -> Rule:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ (lr / lr_max) w): decay by the square of the rate. Source: Defazio 2025.

    arXiv 2506.02285.

    >>> adamc(1e-3, weight_decay=0.1) == adam() + 100.0 * Rate() * Weights()
    True
    """
    share = number("weight_decay", weight_decay) / number("lr_max", lr_max, POSITIVE)
    return adam(beta1, beta2, eps) + share * Rate() * Weights()


def adam_single_beta(beta: Beta = 0.95, eps: float = 1e-8) -> Rule:
    """w ← w - lr m̂ / (√(m̂² + B) + ε): Adam of β₁ = β₂, B the spread of g around m̂. Source: Orvieto & Gower 2025.

    arXiv 2505.21829: v̂ = m̂² + B; here B has a recurrence of its own, so that nothing cancels.

    >>> adam_single_beta().slots
    ('ema', 'ema_2')
    """
    mean = Ema(beta, debias=True)
    spread = corrections.WithinMean(beta) * (Gradient() - mean | Square()) | Ema(beta, debias=True)
    return mean / ((mean | Square()) + spread | Root(eps))


def sm3(beta: Beta = 0.9, eps: float = 1e-8) -> Rule:
    """w ← w - lr m, m the EMA of g / √(Σg² + ε): of vectors. Source: Anil et al. 2019, arXiv 1901.11150.

    optax the same on vectors; of matrices it keeps a sum for each row and column.

    >>> sm3().slots
    ('square_trace', 'ema')
    """
    return Gradient() / ((Square() | Trace(1.0)) + hyperparameter("eps", eps, NOT_NEGATIVE) | Root()) | Ema(beta)
