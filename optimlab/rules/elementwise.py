"""Atoms without memory: the signal, the weights, and functions of one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import ANY, NOT_NEGATIVE, Hyperparameter, Range
from optimlab.notation.symbols import Symbol
from optimlab.rules.algebra import Arrays, Coefficients, Rule
from optimlab.trees import chosen, patterns
from optimlab.typing import Array, Count

__all__ = ["Abs", "Clip", "Gradient", "Positive", "Rate", "Root", "Sign", "Square", "Weights"]


class Gradient(Rule):
    """y = x: the signal itself, at the head of an expression the gradient.

    >>> Gradient().formula(3.0, 0.0, (), ())
    (3.0, ())
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return x, state


@dataclass(frozen=True, repr=False)
class Weights(Rule):
    """y = w: the parameters before the step, as in the decoupled decay ``adam() + 0.01 * Weights()``.

    Parameters
    ----------
    only : str or sequence of str, optional
        Names of leaves, with ``*`` for any letters: of all others y = 0. ``adam() + 0.01 * Weights(only="*weight")``
        leaves the biases alone; ``only=()`` is 0 everywhere.

    Examples
    --------
    >>> Weights().formula(3.0, 5.0, (), ())
    (5.0, ())
    >>> (0.01 * Weights(only="*weight")).on(("bias", "weight"))
    (0.01 * Weights(only=()), 0.01 * Weights())
    """

    only: str | Sequence[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.only != ():
            found = patterns(self.only)
            object.__setattr__(self, "only", found[0] if found is not None and len(found) == 1 else found)

    def coefficients(self, t: Count) -> Coefficients:
        return (0.0,) if self.only == () else ()

    def formula(self, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return (w if self.only != () else c[0] if isinstance(w, Symbol) else np.full_like(w, c[0])), state

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        return leaf

    def on(self, names: tuple[str, ...]) -> tuple[Rule, ...]:
        if not self.only:
            return (self,) * len(names)
        there, elsewhere = Weights(), Weights(only=())
        return tuple([there if mark else elsewhere for mark in chosen(names, patterns(self.only))])


class Rate(Rule):
    """y = η: the learning rate of the step.

    ``(Rate() * Gradient() | Trace(0.9)) / Rate()`` keeps the learning rate inside the buffer, as Keras does: steps
    that were taken at another rate go on at that rate. ``a / Rate()``, also as a part of a sum or a product, moves the
    weights by a, to the last bit, and so also where the rate is 0.

    >>> import numpy as np
    >>> from optimlab import Optimizer, Trace
    >>> inside, w = (Rate() * Gradient() | Trace(1.0)) / Rate(), np.zeros(1)
    >>> opt = Optimizer(inside, lr=lambda k: 1.0 if k == 0 else 0.25)
    >>> [float(opt.step(w, np.ones(1))[0]) for _ in range(3)]
    [-1.0, -2.25, -3.75]
    """

    def coefficients(self, t: Count) -> Coefficients:
        return (1.0,)

    @property
    def rates(self) -> tuple[int, ...]:
        return (0,)

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        return ()

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return c[0], state

    def symbols(self) -> tuple[Any, ...]:
        return (Symbol(np.dtype(np.float64), r"\eta"),)


class Square(Rule):
    """y = x².

    >>> Square().formula(-3.0, 0.0, (), ())
    (9.0, ())
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return x * x, state


class Abs(Rule):
    """y = |x|.

    >>> Abs().formula(-3.0, 0.0, (), ())
    (3.0, ())
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return abs(x), state


class Sign(Rule):
    """y = -1, 0 or 1; NaN of NaN.

    >>> float(Sign().formula(-3.0, 0.0, (), ())[0])
    -1.0
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return np.sign(x), state


class Positive(Rule):
    """y = 1 where x > 0, else 0; NaN of NaN.

    >>> float(Positive().formula(-3.0, 0.0, (), ())[0])
    0.0
    """

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return np.sign(np.maximum(x, 0.0)), state


@dataclass(frozen=True, repr=False)
class Root(Rule):
    """y = √x + ε, with ε outside the root; ``a + eps | Root()`` puts it inside.

    Parameters
    ----------
    eps : float, at least 0, sequence of float, shape (S,), or schedule
        ε.

    Examples
    --------
    >>> float(Root().formula(9.0, 0.0, (), (0.5,))[0])
    3.5
    """

    eps: Hyperparameter = 0.0
    ranges: ClassVar[dict[str, Range]] = {"eps": NOT_NEGATIVE}

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return np.sqrt(x) + c[0], state


@dataclass(frozen=True, repr=False)
class Clip(Rule):
    """y = min(max(x, low), high); NaN of NaN.

    Parameters
    ----------
    low, high : float, sequence of float, shape (S,), or schedule
        The limits; either may be infinite.

    Examples
    --------
    >>> float(Clip().formula(3.0, 0.0, (), (-1.0, 1.0))[0])
    1.0
    """

    low: Hyperparameter = -1.0
    high: Hyperparameter = 1.0
    ranges: ClassVar[dict[str, Range]] = {"low": ANY, "high": ANY}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (callable(self.low) or callable(self.high) or np.all(np.less_equal(self.low, self.high))):
            raise ValueError(f"low must be at most high; got low={self.low!r}, high={self.high!r}")

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return np.minimum(np.maximum(x, c[0]), c[1]), state
