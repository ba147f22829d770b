"""The atoms of the algebra, and the optimizers of the lecture: each is one expression in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimlab.ema.decay import Decay
from optimlab.rules.algebra import Coefficients, Formula, Lift, Rule, State, as_it_is
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.rules.latex import Page, decimal

__all__ = [
    "Abs", "Clip", "Ema", "Gradient", "Root", "Scale", "Sign", "Square", "Trace", "Weights",
    "adam", "adamw", "heavy_ball", "momentum", "nesterov", "rmsprop", "sgd",
]  # fmt: skip

Beta = Hyperparameter | Decay


class Gradient(Rule):
    """y = x: the signal itself, at the head of an expression the gradient.

    Examples
    --------
    >>> from optimlab.rules import Gradient
    >>> rule = Gradient()
    >>> float(rule.formula(3.0, 0.0, (), rule.coefficients(1))[0])
    3.0
    """

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return x, state

    def tex(self, x: str, page: Page) -> str:
        return x


class Weights(Rule):
    """y = w: the parameters before the step, as in the decoupled decay ``adam() + 0.01 * Weights()``.

    Examples
    --------
    >>> from optimlab.rules import Weights
    >>> rule = Weights()
    >>> float(rule.formula(3.0, 5.0, (), rule.coefficients(1))[0])
    5.0
    """

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return w, state

    def tex(self, x: str, page: Page) -> str:
        return "w"


class Square(Rule):
    """y = x².

    Examples
    --------
    >>> from optimlab.rules import Square
    >>> rule = Square()
    >>> float(rule.formula(-3.0, 0.0, (), rule.coefficients(1))[0])
    9.0
    """

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return x * x, state

    def tex(self, x: str, page: Page) -> str:
        return f"{x}^2" if len(x) == 1 else rf"\left({x}\right)^2"


class Abs(Rule):
    """y = |x|.

    Examples
    --------
    >>> from optimlab.rules import Abs
    >>> rule = Abs()
    >>> float(rule.formula(-3.0, 0.0, (), rule.coefficients(1))[0])
    3.0
    """

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return np.abs(x), state

    def tex(self, x: str, page: Page) -> str:
        return rf"\left|{x}\right|"


class Sign(Rule):
    """y = -1, 0 or 1; NaN of NaN.

    Examples
    --------
    >>> from optimlab.rules import Sign
    >>> rule = Sign()
    >>> float(rule.formula(-3.0, 0.0, (), rule.coefficients(1))[0])
    -1.0
    """

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return np.sign(x), state

    def tex(self, x: str, page: Page) -> str:
        return rf"\mathrm{{sign}}({x})"


@dataclass(frozen=True, repr=False)
class Root(Rule):
    """y = √x + ε, with ε outside the root; ``a + eps | Root()`` puts it inside.

    Parameters
    ----------
    eps : float, at least 0, sequence of float, shape (S,), or schedule
        ε.

    Examples
    --------
    >>> from optimlab.rules import Root
    >>> rule = Root()
    >>> float(rule.formula(9.0, 0.0, (), rule.coefficients(1))[0])
    3.0
    """

    eps: Hyperparameter = 0.0

    def __post_init__(self) -> None:
        hyperparameter(self, "eps", "at least 0 and finite", lambda x: 0.0 <= x < np.inf)

    def coefficients(self, t: Any) -> Coefficients:
        return (value(self, "eps", t),)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return np.sqrt(x) + c[0], state

    def tex(self, x: str, page: Page) -> str:
        return rf"\sqrt{{{x}}}" + ("" if self.eps == 0.0 else f" + {decimal(self.eps)}")


@dataclass(frozen=True, repr=False)
class Clip(Rule):
    """y = min(max(x, low), high); NaN of NaN.

    Parameters
    ----------
    low, high : float, sequence of float, shape (S,), or schedule
        The limits; either may be infinite.

    Examples
    --------
    >>> from optimlab.rules import Clip
    >>> rule = Clip()
    >>> float(rule.formula(3.0, 0.0, (), rule.coefficients(1))[0])
    1.0
    """

    low: Hyperparameter = -1.0
    high: Hyperparameter = 1.0

    def __post_init__(self) -> None:
        hyperparameter(self, "low", "a number", lambda x: x == x)
        hyperparameter(self, "high", "a number", lambda x: x == x)
        if not (callable(self.low) or callable(self.high) or np.all(np.less_equal(self.low, self.high))):
            raise ValueError(f"low must be at most high; got low={self.low!r}, high={self.high!r}")

    def coefficients(self, t: Any) -> Coefficients:
        return value(self, "low", t), value(self, "high", t)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return np.minimum(np.maximum(x, c[0]), c[1]), state

    def tex(self, x: str, page: Page) -> str:
        return rf"\mathrm{{clip}}\left({x}, {decimal(self.low)}, {decimal(self.high)}\right)"


@dataclass(frozen=True, repr=False)
class Scale(Rule):
    """y = s(k) x with k = t - 1: a factor that follows a schedule.

    Parameters
    ----------
    schedule : schedule, float or sequence of float, shape (S,)
        s.

    Examples
    --------
    >>> from optimlab.rules import Scale
    >>> rule = Scale(0.5)
    >>> float(rule.formula(3.0, 0.0, (), rule.coefficients(1))[0])
    1.5
    """

    schedule: Hyperparameter

    def __post_init__(self) -> None:
        hyperparameter(self, "schedule", "a finite number", lambda x: -np.inf < x < np.inf)

    def coefficients(self, t: Any) -> Coefficients:
        return (value(self, "schedule", t),)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return c[0] * x, state

    def tex(self, x: str, page: Page) -> str:
        return rf"{decimal(self.schedule)}\,{x}"


@dataclass(frozen=True, repr=False)
class Trace(Rule):
    """v ← β v + x: the accumulating form of momentum. β = 1 is a plain sum (Adagrad's).

    Parameters
    ----------
    beta : float, in [0, 1], sequence of float, shape (S,), or schedule
        β.
    first : float
        v before the first step.

    Examples
    --------
    >>> from optimlab.rules import Trace
    >>> rule = Trace(0.75)
    >>> float(rule.formula(1.0, 0.0, (2.0,), rule.coefficients(1))[0])
    2.5
    """

    beta: Hyperparameter
    first: float = 0.0

    def __post_init__(self) -> None:
        hyperparameter(self, "beta", "in [0, 1]", lambda x: 0.0 <= x <= 1.0)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("trace",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    def coefficients(self, t: Any) -> Coefficients:
        return (value(self, "beta", t),)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        v = c[0] * state[0] + x
        return v, (v,)

    def tex(self, x: str, page: Page) -> str:
        v = page.letter("v")
        page.line(v, rf"{decimal(self.beta)}\,{v} + {x}")
        return v


def _raw(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
    m = c[0] * state[0] + c[1] * x
    return m, (m,)


def _debiased(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
    m = c[0] * state[0] + c[1] * x
    return m * c[2], (m,)


@dataclass(frozen=True, repr=False)
class Ema(Rule):
    """m ← β m + (1-β) x, with ``debias`` divided by 1 - βᵗ: the exponential moving average.

    Adam's moments, momentum, and the average of the weights are this rule.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β. With a schedule the correction is 1 - β₁β₂...βₜ.
    debias : bool
        Return m / (1 - βᵗ); the state keeps m.
    first : float
        m before the first step; with ``debias`` it must be 0.

    Source
    ------
    Kingma & Ba 2015, "Adam", algorithm 1 and section 3.

    Examples
    --------
    >>> Ema(0.9, debias=True).coefficients(1)
    (0.9, 0.09999999999999998, 10.000000000000002)
    """

    beta: Beta
    debias: bool = False
    first: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Decay):
            hyperparameter(self, "beta", "in [0, 1)", lambda x: 0.0 <= x < 1.0)
        elif self.beta.alpha == 0.0:
            raise ValueError("beta must be in [0, 1); got an infinite memory; for a plain mean give k ↦ k / (k+1)")
        if self.debias and self.first != 0.0:
            raise ValueError(f"first must be 0 with debias=True, which corrects a start at 0; got {self.first!r}")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    def coefficients(self, t: Any) -> Coefficients:
        if callable(self.beta):
            return self._scheduled_coefficients(t)
        beta, alpha, log_beta = self._decays
        return (beta, alpha, _correction(t * log_beta)) if self.debias else (beta, alpha)

    def _scheduled_coefficients(self, t: Any) -> Coefficients:
        beta, alpha = self._scheduled(t)
        return (beta, alpha, _correction(self._log_weights(t))) if self.debias else (beta, alpha)

    def compose(self, lift: Lift = as_it_is) -> Formula:
        formula: Formula = lift(_debiased if self.debias else _raw)
        return formula

    def formula(  # type: ignore[override]
        self, x: Any, w: Any, state: State, c: Coefficients
    ) -> tuple[Any, State]:
        return self.compose()(x, w, state, c)

    def read(self, state: State, c: Coefficients) -> Any:
        """Return the value again, from the state and the coefficients of the latest step."""
        return state[0] * c[2] if self.debias else state[0]

    @property
    def structure(self) -> Any:
        return (Ema, self.debias)

    @cached_property
    def _decays(self) -> tuple[Any, Any, Any]:
        """β, 1-β and ln β; one of each for each replica if β is a tuple."""
        if isinstance(self.beta, tuple):
            decays = [Decay(beta) for beta in self.beta]
            return tuple(np.array(column) for column in zip(*map(_numbers, decays), strict=True))  # type: ignore[return-value]
        return _numbers(self.beta if isinstance(self.beta, Decay) else Decay(self.beta))  # type: ignore[arg-type]

    def _scheduled(self, t: Any) -> tuple[Any, Any]:
        beta = value(self, "beta", t)
        if not np.all((beta >= 0.0) & (beta < 1.0)):
            raise ValueError(f"beta must be in [0, 1); got {beta!r} from its schedule at k = {t - 1!r}")
        return beta, 1.0 - beta

    def _log_weights(self, t: Any) -> Any:
        """ln(β₁β₂...βₜ), summed in the order of the steps."""
        if np.ndim(t) == 0:
            return self._log_weight(int(t))
        sums = [np.broadcast_to(self._log_weight(int(u)), np.shape(t)) for u in t]
        return np.array([sums[i][i] for i in range(len(sums))])

    def _log_weight(self, t: int) -> Any:
        sums = self._sums
        if t not in sums:
            before = max((u for u in sums if u < t), default=0)
            total = sums[before]
            for u in range(before + 1, t + 1):
                with np.errstate(divide="ignore"):
                    total = total + np.log(self._scheduled(u)[0])
            sums[t] = total
            _forget(sums)
        return sums[t]

    @cached_property
    def _sums(self) -> dict[int, Any]:
        return {0: 0.0}

    def tex(self, x: str, page: Page) -> str:
        m = page.letter("v" if x.endswith("^2") else "m")
        beta = decimal(self.beta.beta if isinstance(self.beta, Decay) else self.beta)
        alpha = decimal(1.0 - self.beta) if isinstance(self.beta, float) else rf"(1 - {beta})"
        page.line(m, rf"{beta}\,{m} + {alpha}\,{x}")
        return rf"\frac{{{m}}}{{1 - {beta}^t}}" if self.debias else m


def _correction(log_weight: Any) -> Any:
    """1 / (1 - βᵗ) from ln βᵗ."""
    weight = -np.expm1(log_weight)
    return 1.0 / weight if weight.ndim else 1.0 / float(weight)


def _numbers(decay: Decay) -> tuple[float, float, float]:
    return decay.beta, decay.alpha, decay.log_beta


def _forget(sums: dict[int, Any]) -> None:
    """Keep 0 and the latest few: a run asks for one step after the other."""
    for u in sorted(sums)[1:-64]:
        del sums[u]


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
    beta : float, in [0, 1)
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


def heavy_ball(beta: Hyperparameter = 0.9) -> Rule:
    """v ← β v + g;  w ← w - lr v: momentum that accumulates.

    torch (dampening 0) and optax the same. Keras and scikit-learn keep lr inside the buffer, v ← β v - lr g, which
    differs while lr changes.

    Parameters
    ----------
    beta : float, in [0, 1]
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


def nesterov(beta: Hyperparameter = 0.9) -> Rule:
    """v ← β v + g;  w ← w - lr (g + β v): momentum that looks one step ahead.

    torch and optax the same; Keras and scikit-learn keep lr inside the buffer. PennyLane and climin evaluate the
    gradient at the point ahead instead.

    Parameters
    ----------
    beta : float, in [0, 1]
        β.

    Source
    ------
    Nesterov 1983; Sutskever et al. 2013, in the form of Bengio et al. 2013.

    Examples
    --------
    >>> nesterov(0.9)
    Gradient() + 0.9 * Trace(0.9)
    """
    return Gradient() + beta * Trace(beta)


def rmsprop(beta: Beta = 0.9, eps: Hyperparameter = 1e-8) -> Rule:
    """v ← β v + (1-β) g²;  w ← w - lr g / (√v + ε).

    torch the same with β = 0.99. optax and Keras put ε inside the root, √(v + ε); autograd starts v at 1.

    Parameters
    ----------
    beta : float, in [0, 1)
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
    beta1, beta2 : float, in [0, 1)
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
    beta1, beta2 : float, in [0, 1)
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
