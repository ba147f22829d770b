"""The optimizers of the lecture: each is one expression in the algebra."""

from __future__ import annotations

from optimlab.checks import Hyperparameter
from optimlab.recurrence.decay import Beta, Decay
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Root, Square, Weights

__all__ = ["adam", "adamw", "heavy_ball", "momentum", "nesterov", "rmsprop", "sgd"]


def sgd() -> Rule:
    """w ← w - lr g: gradient descent.

    Source
    ------
    Robbins & Monro 1951. All systems agree.

    Examples
    --------
    >>> sgd()
    Gradient()
    """
    return Gradient()


def momentum(beta: Beta = 0.9) -> Rule:
    """m ← β m + (1-β) g;  w ← w - lr m: the gradient's EMA.

    Its steps are (1-β) times those of the accumulating form ``heavy_ball``, which torch, optax and Keras call
    momentum: multiply lr by 1/(1-β) to compare.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β.

    Source
    ------
    Kingma & Ba 2015 (first moment, without the correction); autograd's ``sgd`` has this form.

    Examples
    --------
    >>> momentum(0.9)
    Ema(0.9)
    """
    return Ema(beta)


def heavy_ball(beta: Beta = 0.9) -> Rule:
    """v ← β v + g;  w ← w - lr v: momentum that accumulates.

    torch (dampening 0) and optax the same. Keras and scikit-learn keep lr inside the buffer, v ← β v - lr g, which
    differs while lr changes.

    Parameters
    ----------
    beta : float, in [0, 1], Decay, sequence of float, shape (S,), or schedule
        β.

    Source
    ------
    Polyak 1964; Sutskever et al. 2013, equations 1 and 2.

    Examples
    --------
    >>> heavy_ball(0.9)
    Trace(0.9)
    """
    return Trace(beta)


def nesterov(beta: Beta = 0.9) -> Rule:
    """v ← β v + g;  w ← w - lr (g + β v): momentum that looks one step ahead.

    torch and optax the same; Keras and scikit-learn keep lr inside the buffer. PennyLane and climin evaluate the
    gradient at the point ahead instead.

    Parameters
    ----------
    beta : float, in [0, 1], Decay, sequence of float, shape (S,), or schedule
        β.

    Source
    ------
    Nesterov 1983; Sutskever et al. 2013, in the form of Bengio et al. 2013.

    Examples
    --------
    >>> nesterov(0.9)
    Gradient() + 0.9 * Trace(0.9)
    """
    beta = beta.beta if isinstance(beta, Decay) else beta
    return Gradient() + beta * Trace(beta)


def rmsprop(beta: Beta = 0.9, eps: Hyperparameter = 1e-8) -> Rule:
    """v ← β v + (1-β) g²;  w ← w - lr g / (√v + ε).

    torch the same with β = 0.99. optax and Keras put ε inside the root, √(v + ε); autograd starts v at 1.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β.
    eps : float, at least 0
        ε.

    Source
    ------
    Tieleman & Hinton 2012, lecture 6.5.

    Examples
    --------
    >>> rmsprop()
    Gradient() / (Square() | Ema(0.9) | Root(1e-08))
    """
    return Gradient() / (Square() | Ema(beta) | Root(eps))


def adam(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8) -> Rule:
    """w ← w - lr m̂ / (√v̂ + ε), m̂ and v̂ the debiased EMAs of g and g².

    torch and optax the same. Keras and scikit-learn take ε̂ = ε without the correction of v, as if ε were
    1/√(1-β₂ᵗ) times as large: 31.6 times in the first step.

    Parameters
    ----------
    beta1, beta2 : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β of the mean and of the mean square.
    eps : float, at least 0
        ε.

    Source
    ------
    Kingma & Ba 2015, algorithm 1.

    Examples
    --------
    >>> adam()
    Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08))
    """
    return Ema(beta1, debias=True) / (Square() | Ema(beta2, debias=True) | Root(eps))


def adamw(
    beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8, *, weight_decay: Hyperparameter = 0.01
) -> Rule:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w): Adam with decoupled weight decay.

    torch and optax the same (optax's λ is 1e-4 by default, Keras's 0.004). The paper's decay follows the schedule's
    factor but not lr itself.

    Parameters
    ----------
    beta1, beta2 : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β of the mean and of the mean square.
    eps : float, at least 0
        ε.
    weight_decay : float
        λ.

    Source
    ------
    Loshchilov & Hutter 2019, algorithm 2.

    Examples
    --------
    >>> adamw(weight_decay=0.1) == adam() + 0.1 * Weights()
    True
    """
    return adam(beta1, beta2, eps) + weight_decay * Weights()
