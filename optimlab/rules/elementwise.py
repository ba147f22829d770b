"""Atoms without memory: the signal, the weights, and functions of one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.rules.algebra import Coefficients, Rule, State
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.rules.latex import Page, decimal

__all__ = ["Abs", "Clip", "Gradient", "Root", "Scale", "Sign", "Square", "Weights"]


class Gradient(Rule):
    """y = x: the signal itself, at the head of an expression the gradient.

    Examples
    --------
    >>> from optimlab import Gradient
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
    >>> from optimlab import Weights
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
    >>> from optimlab import Square
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
    >>> from optimlab import Abs
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
    >>> from optimlab import Sign
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
    >>> from optimlab import Root
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
    >>> from optimlab import Clip
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
    >>> from optimlab import Scale
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
