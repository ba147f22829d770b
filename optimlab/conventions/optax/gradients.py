"""optax's rules of the gradient and its squares, by optax's names, defaults and parameters.

A learning rate inside a buffer, as in ``rmsprop`` and ``lars``, is seen as ``(Rate() * step | Trace(...)) / Rate()``:
steps that were taken at another rate go on at that rate.
"""

from __future__ import annotations

from optimlab.checks import Hyperparameter, choice
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, inside, root
from optimlab.conventions.optax.parts import momentum as trace
from optimlab.conventions.optax.transforms import add_noise
from optimlab.conventions.spelling import spelled
from optimlab.hooks.adaptive import PolyakStep
from optimlab.optimizer import Optimizer
from optimlab.rules import family
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Sign, Square
from optimlab.schedules.corrections import Mass

__all__ = [
    "adadelta",
    "adagrad",
    "noisy_sgd",
    "optimistic_gradient_descent",
    "polyak_sgd",
    "rmsprop",
    "rprop",
    "sgd",
    "sign_sgd",
    "signum",
    "sm3",
]


@spelled("optax")
def sgd(learning_rate: LearningRate, momentum: float | None = None, nesterov: bool = False) -> Optimizer:
    """v ← μ v + g;  w ← w - lr v, with Nesterov w - lr (g + μ v).

    ``optimlab.heavy_ball`` and ``optimlab.nesterov``: the learning rate is outside the buffer, as in torch.

    Source: optax 0.2.8, ``alias.sgd``.

    Examples
    --------
    >>> sgd(0.1, momentum=0.9, nesterov=True).rule
    Gradient() + 0.9 * Trace(0.9)
    """
    return Optimizer(trace(momentum, nesterov=nesterov), learning_rate)


@spelled("optax")
def noisy_sgd(learning_rate: LearningRate, eta: float = 0.01, gamma: float = 0.55, key: int | None = None) -> Optimizer:
    """w ← w - lr (g + √(η/tᵞ) n), n standard normal: ``sgd`` with the hook ``GradientNoise``.

    optax draws n with JAX, this with NumPy: with η = 0 they are the same. Its ``seed`` is an old name of ``key``.

    Source: Neelakantan et al. 2015, arXiv 1511.06807; optax 0.2.8, ``alias.noisy_sgd``.
    """
    return Optimizer(Gradient(), learning_rate, hooks=[add_noise(eta, gamma, key)])


@spelled("optax")
def sign_sgd(learning_rate: LearningRate) -> Optimizer:
    """w ← w - lr sign(g): ``optimlab.signsgd``.

    Source: Bernstein et al. 2018, arXiv 1802.04434; optax 0.2.8, ``alias.sign_sgd``.
    """
    return Optimizer(Sign(), learning_rate)


@spelled("optax")
def signum(learning_rate: LearningRate, beta: float = 0.9) -> Optimizer:
    """w ← w - lr sign(m): ``optimlab.signum``.

    Source: Bernstein et al. 2018, arXiv 1802.04434; optax 0.2.8, ``alias.signum``.
    """
    return Optimizer(family.signum(beta), learning_rate)


@spelled("optax")
def optimistic_gradient_descent(learning_rate: LearningRate, alpha: float = 1.0, beta: float = 1.0) -> Optimizer:
    """w ← w - lr (α g + β (g - g⁻)), no g⁻ at first: ``optimlab.optimistic``.

    Source: Mokhtari, Ozdaglar & Pattathil 2020, arXiv 1901.08511; optax 0.2.8, ``scale_by_optimistic_gradient``.
    """
    return Optimizer(family.optimistic(alpha, beta), learning_rate)


@spelled("optax")
def adagrad(learning_rate: LearningRate, initial_accumulator_value: float = 0.1, eps: float = 1e-7) -> Optimizer:
    """w ← w - lr g / √(Σg² + ε), the sum from 0.1.

    ``optimlab.adagrad``, as torch, begins at 0, and has ε outside the root.

    Source: Duchi, Hazan & Singer 2011; optax 0.2.8, ``scale_by_rss``.

    Examples
    --------
    >>> adagrad(0.1).rule
    Gradient() / ((Square() | Trace(1.0, first=0.1)) + 1e-07 | Root())
    """
    total = Square() | Trace(1.0, first=initial_accumulator_value)
    return Optimizer(Gradient() / root(total, 0.0, eps), learning_rate)


@spelled("optax")
def adadelta(
    learning_rate: LearningRate | None = None,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: Hyperparameter = 0.0,
    weight_decay_mask: Mask = None,
) -> Optimizer:
    """w ← w - lr u, u = x √(d + ε)/√(v + ε), d the EMA of u², x = g + λ w: ``optimlab.adadelta``.

    The decay goes through the rule. The learning rate must be given: without one, its default, optax's climbs.

    Source: Zeiler 2012, arXiv 1212.5701; optax 0.2.8, ``scale_by_adadelta``.
    """
    if learning_rate is None:
        raise ValueError(
            "learning_rate must be greater than 0, or a schedule; got None, without which optax's adadelta climbs; "
            "give learning_rate=1.0, Zeiler's"
        )
    signal = decayed(Gradient(), weight_decay, weight_decay_mask)
    return Optimizer(signal | family.adadelta(rho, eps), learning_rate)


@spelled("optax")
def polyak_sgd(
    max_learning_rate: float = 1.0,
    scaling: LearningRate = 1.0,
    f_min: float = 0.0,
    eps: float = 0.0,
    variant: str = "sps",
) -> Optimizer:
    """w ← w - scaling · min((f - f*)/(‖g‖² + ε), limit) g: ``PolyakStep``; ``step`` needs the loss f.

    A loss below f* makes no step, which is optax's variant "sps+"; with its "sps" it climbs. With a scaling s optax
    0.2.8 divides by the norm of s g, where its documentation says that of g.

    Source: Loizou et al. 2021, arXiv 2002.10542; optax 0.2.8, ``scale_by_polyak``.
    """
    choice("variant", variant, ("sps", "sps+"))
    return Optimizer(Gradient(), scaling, hooks=[PolyakStep(f_min, max_learning_rate, eps)])


@spelled("optax")
def rmsprop(
    learning_rate: LearningRate,
    decay: float = 0.9,
    eps: float = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: float | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Optimizer:
    """w ← w - lr g / √(v + ε), centred √(v - m² + ε); with momentum b ← μ b + lr g/√…, w ← w - b.

    ``optimlab.rmsprop`` has ε outside the root (``eps_in_sqrt=False``). The learning rate is inside the buffer.

    Source: Tieleman & Hinton 2012; Graves 2013, arXiv 1308.0850; optax 0.2.8, ``scale_by_rms``, ``scale_by_stddev``.

    Examples
    --------
    >>> rmsprop(0.1, momentum=0.9).rule
    (Rate() * (Gradient() / ((Square() | Ema(0.9)) + 1e-08 | Root())) | Trace(0.9)) / Rate()
    >>> rmsprop(0.1, eps_in_sqrt=False, bias_correction=True).rule
    Gradient() / ((Square() | Ema(0.9)) / Mass(beta=0.9) | Root(1e-08))
    """

    def corrected(average: Rule) -> Rule:
        return average / Mass(decay) if bias_correction else average

    square = corrected(Square() | Ema(decay, first=initial_scale))
    spread = square - (corrected(Ema(decay)) | Square()) if centered else square
    step = Gradient() / (root(spread, 0.0, eps) if eps_in_sqrt else root(spread, eps))
    return Optimizer(inside(step, trace(momentum, nesterov=nesterov)), learning_rate)


@spelled("optax")
def rprop(
    learning_rate: float,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step_size: float = 1e-6,
    max_step_size: float = 50.0,
) -> Optimizer:
    """w ← w - sign(g) s, s from ``learning_rate`` on times η₊ where the sign of g stays and η₋ where it turns.

    ``optimlab.rprop``, as torch. What optax 0.2.8 means and keeps as ``prev_updates`` is the same; what it emits is
    that of the step before.

    Source: Riedmiller & Braun 1993; optax 0.2.8, ``scale_by_rprop``.
    """
    return Optimizer(family.rprop(learning_rate, eta_minus, eta_plus, min_step_size, max_step_size), 1.0)


@spelled("optax")
def sm3(learning_rate: LearningRate, momentum: float = 0.9) -> Optimizer:
    """w ← w - lr m, m the EMA of g / √(Σg² + ε): ``optimlab.sm3``.

    The same as optax of vectors; of matrices optax keeps one sum for each row and column, here each number has its own.

    Source: Anil et al. 2019, arXiv 1901.11150; optax 0.2.8, ``scale_by_sm3``.
    """
    return Optimizer(family.sm3(momentum), learning_rate)
