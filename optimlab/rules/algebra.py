"""Rules as an algebra: ``|`` feeds one rule into the next, ``+ - * /`` work elementwise, numbers are constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Final

import numpy as np

from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.rules.latex import Page, decimal

__all__ = ["Constant", "Difference", "Pipe", "Product", "Quotient", "Rule", "Sum", "as_it_is"]

State = tuple[Any, ...]
Coefficients = tuple[Any, ...]
Formula = Callable[[Any, Any, State, Coefficients], tuple[Any, State]]
Lift = Callable[[Any], Any]


def as_it_is(function: Any) -> Any:
    """Return the function: how the NumPy engine lifts a formula."""
    return function


@dataclass(frozen=True, repr=False)
class Rule:
    """(y, state) ← formula(x, w, state, c): what becomes of one number x of the gradient, elementwise.

    A rule of your own is a frozen dataclass with a ``formula`` and, as it needs them, ``coefficients`` and ``slots``.
    The formula is a static method of arithmetic and NumPy ufuncs, so that it runs on arrays and compiles for single
    numbers alike. Every number in it comes from ``coefficients``: a literal such as ``2.0`` is a float64 to the
    compiler and would turn float32 into float64. What differs from one element to the next is chosen with
    ``np.where``, not with ``if``. Nothing is changed in place, and no element sees another.

    The engines give the same bits for ``+ - * /``, ``abs``, ``np.sqrt``, ``np.sign``, ``np.maximum``, ``np.minimum``
    and ``np.where``. Of ``np.exp``, ``np.log``, ``np.tanh`` and powers NumPy and the compiler have implementations of
    their own, which may differ in the last bit.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from optimlab import Ema, Rule
    >>> @dataclass(frozen=True)
    ... class Softsign(Rule):
    ...     scale: float = 1.0
    ...     def coefficients(self, t):
    ...         return (self.scale,)
    ...     @staticmethod
    ...     def formula(x, w, state, c):
    ...         return x / (c[0] + abs(x)), state
    >>> Ema(0.9) | Softsign()
    Ema(0.9) | Softsign(scale=1.0)
    >>> Softsign().formula(3.0, 0.0, (), (1.0,))
    (0.75, ())
    """

    precedence: ClassVar[int] = 4

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the numbers that are kept for each parameter."""
        return ()

    @property
    def start(self) -> tuple[float, ...]:
        """What the slots hold before the first step."""
        return (0.0,) * len(self.slots)

    def coefficients(self, t: Any) -> Coefficients:
        """Return the numbers in the formula at step t = 1, 2, ..., in float64.

        With replicas a number may be an array of shape (S,), and so may t.
        """
        return ()

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        """Return the rule's value and its new state for signal x and parameter w: pure and elementwise."""
        raise NotImplementedError("a rule needs a formula(x, w, state, c), a static method; see help(Rule)")

    def compose(self, lift: Lift = as_it_is) -> Formula:
        """Return the formula, every function in it passed through ``lift`` (an identity or a compiler)."""
        formula: Formula = lift(self.formula)
        return formula

    def on(self, names: tuple[str, ...]) -> tuple[Rule, ...]:
        """Return the rule of each leaf, for the leaves' names: this one for all if nothing in it asks for them."""
        return (self,) * len(names)

    @property
    def structure(self) -> Any:
        """What the composed formula depends on: equal structures share traced and compiled code."""
        return self.formula, len(self.slots), len(self.coefficients(1))

    def tex(self, x: str, page: Page) -> str:
        """Return the rule's value as LaTeX for the signal x; equations of the state go to the page."""
        return rf"\mathrm{{{type(self).__name__}}}({x})"

    def latex(self) -> str:
        r"""Return the update as mathematics: the state's equations, then that of the weights.

        Examples
        --------
        >>> from optimlab import momentum
        >>> print(momentum(0.9).latex())
        m &\leftarrow 0.9\,m + 0.1\,g \\
        w &\leftarrow w - \eta\,m
        """
        page = Page()
        step = self.tex("g", page)
        if self.precedence in (0, 1):
            step = rf"\left({step}\right)"
        return " \\\\\n".join([*page.lines, rf"w &\leftarrow w - \eta\,{step}"])

    def __or__(self, other: Rule) -> Rule:
        return Pipe((*_parts(self), *_parts(other))) if isinstance(other, Rule) else NotImplemented

    def __add__(self, other: Any) -> Rule:
        return Sum(self, _lifted(other))

    def __radd__(self, other: Any) -> Rule:
        return Sum(_lifted(other), self)

    def __sub__(self, other: Any) -> Rule:
        return Difference(self, _lifted(other))

    def __rsub__(self, other: Any) -> Rule:
        return Difference(_lifted(other), self)

    def __mul__(self, other: Any) -> Rule:
        return Product(self, _lifted(other))

    def __rmul__(self, other: Any) -> Rule:
        return Product(_lifted(other), self)

    def __truediv__(self, other: Any) -> Rule:
        return Quotient(self, _lifted(other))

    def __rtruediv__(self, other: Any) -> Rule:
        return Quotient(_lifted(other), self)

    def __neg__(self) -> Rule:
        return Product(Constant(-1.0), self)

    __array_ufunc__ = None  # so that np.float64(2) * rule comes here

    def __repr__(self) -> str:
        """Return the shortest call that rebuilds the rule."""
        words = [f"{f.name}={v!r}" if i else repr(v) for i, f, v in _given(self)]
        return f"{type(self).__name__}({', '.join(words)})"


def _given(rule: Rule) -> list[tuple[int, Any, Any]]:
    """Return position, field and value of the fields that do not hold their default."""
    held = [(i, f, getattr(rule, f.name)) for i, f in enumerate(fields(rule))]
    return [(i, f, v) for i, f, v in held if f.default is MISSING or v != f.default]


def _parts(rule: Rule) -> tuple[Rule, ...]:
    return rule.parts if isinstance(rule, Pipe) else (rule,)


def _lifted(other: Any) -> Rule:
    return other if isinstance(other, Rule) else Constant(other)


def _wrapped(rule: Rule, least: int) -> str:
    return repr(rule) if rule.precedence >= least else f"({rule!r})"


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Number the second, third, ... of equal names."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)


@dataclass(frozen=True, repr=False)
class Constant(Rule):
    """y = c: a number in the algebra, as in ``0.01 * Weights()``; it may be a schedule.

    Parameters
    ----------
    number : float, sequence of float, shape (S,), or schedule
        The number; one for each replica; or a function of k = t - 1.

    Examples
    --------
    >>> from optimlab import Gradient
    >>> 2 * Gradient() == Constant(2.0) * Gradient()
    True
    """

    number: Hyperparameter

    def __post_init__(self) -> None:
        hyperparameter(self, "number", "a finite number", lambda x: -np.inf < x < np.inf)

    def coefficients(self, t: Any) -> Coefficients:
        return (value(self, "number", t),)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        return c[0], state

    def tex(self, x: str, page: Page) -> str:
        return decimal(self.number)


@dataclass(frozen=True, repr=False)
class Pipe(Rule):
    """``a | b``: b of a. ``|`` is associative: ``(a | b) | c == a | (b | c)``."""

    parts: tuple[Rule, ...]
    precedence: ClassVar[int] = 0

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots' names, each after the rules on the way to it: ``square_ema``."""
        names = []
        way = ""
        for part in self.parts:
            names += [way + slot for slot in part.slots]
            way += "" if part.precedence < Rule.precedence else f"{type(part).__name__.lower()}_"
        return _distinct(names)

    @property
    def start(self) -> tuple[float, ...]:
        return sum((part.start for part in self.parts), ())

    def coefficients(self, t: Any) -> Coefficients:
        numbers: Coefficients = ()
        for part in self.parts:
            numbers += part.coefficients(t)
        return numbers

    def compose(self, lift: Lift = as_it_is) -> Formula:
        first, *rest = self.parts
        formula, slots, numbers = first.compose(lift), len(first.slots), len(first.coefficients(1))
        for part in rest:
            formula = lift(_piped(formula, part.compose(lift), slots, numbers))
            slots, numbers = slots + len(part.slots), numbers + len(part.coefficients(1))
        return formula

    def formula(  # type: ignore[override]
        self, x: Any, w: Any, state: State, c: Coefficients
    ) -> tuple[Any, State]:
        return self.compose()(x, w, state, c)

    @property
    def structure(self) -> Any:
        return (Pipe, *(part.structure for part in self.parts))

    def tex(self, x: str, page: Page) -> str:
        for part in self.parts:
            x = part.tex(x, page)
        return x

    def __repr__(self) -> str:
        return " | ".join(_wrapped(part, 1) for part in self.parts)


def _piped(first: Formula, second: Formula, slots: int, numbers: int) -> Formula:
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        y, old = first(x, w, state[:slots], c[:numbers])
        z, new = second(y, w, state[slots:], c[numbers:])
        return z, old + new

    return formula


@dataclass(frozen=True, repr=False)
class _Pair(Rule):
    """Two rules that see the same signal, and what is made of their values."""

    left: Rule
    right: Rule
    sign: ClassVar[str]

    @property
    def slots(self) -> tuple[str, ...]:
        return _distinct([*self.left.slots, *self.right.slots])

    @property
    def start(self) -> tuple[float, ...]:
        return self.left.start + self.right.start

    def coefficients(self, t: Any) -> Coefficients:
        return self.left.coefficients(t) + self.right.coefficients(t)

    def compose(self, lift: Lift = as_it_is) -> Formula:
        slots, numbers = len(self.left.slots), len(self.left.coefficients(1))
        paired = _PAIRED[type(self)]
        formula: Formula = lift(paired(self.left.compose(lift), self.right.compose(lift), slots, numbers))
        return formula

    def formula(  # type: ignore[override]
        self, x: Any, w: Any, state: State, c: Coefficients
    ) -> tuple[Any, State]:
        return self.compose()(x, w, state, c)

    @property
    def structure(self) -> Any:
        return (type(self), self.left.structure, self.right.structure)

    def tex(self, x: str, page: Page) -> str:
        sides = [_bracketed(side, x, page, least) for side, least in self._sides()]
        return rf"{sides[0]} {self.sign} {sides[1]}"

    def _sides(self) -> tuple[tuple[Rule, int], tuple[Rule, int]]:
        """Return both sides with the least precedence that needs no brackets."""
        return (self.left, self.precedence), (self.right, self.precedence + 1)

    def __repr__(self) -> str:
        numbers = isinstance(self.left, Constant) and isinstance(self.right, Constant)
        sides = [
            repr(side.number) if isinstance(side, Constant) and not numbers else _wrapped(side, least)
            for side, least in self._sides()
        ]
        return f" {self.sign} ".join(sides)


def _bracketed(rule: Rule, x: str, page: Page, least: int) -> str:
    text = rule.tex(x, page)
    return text if rule.precedence >= least or rule.precedence == 0 else rf"\left({text}\right)"


class Sum(_Pair):
    """``a + b``."""

    precedence: ClassVar[int] = 1
    sign: ClassVar[str] = "+"


class Difference(_Pair):
    """``a - b``."""

    precedence: ClassVar[int] = 1
    sign: ClassVar[str] = "-"


class Product(_Pair):
    """``a * b``; a number times a rule scales it."""

    precedence: ClassVar[int] = 2
    sign: ClassVar[str] = "*"

    def tex(self, x: str, page: Page) -> str:
        return r"\,".join(_bracketed(side, x, page, 2) for side in (self.left, self.right))


class Quotient(_Pair):
    """``a / b``."""

    precedence: ClassVar[int] = 2
    sign: ClassVar[str] = "/"

    def tex(self, x: str, page: Page) -> str:
        return rf"\frac{{{self.left.tex(x, page)}}}{{{self.right.tex(x, page)}}}"


def _sum(left: Formula, right: Formula, slots: int, numbers: int) -> Formula:
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        a, first = left(x, w, state[:slots], c[:numbers])
        b, second = right(x, w, state[slots:], c[numbers:])
        return a + b, first + second

    return formula


def _difference(left: Formula, right: Formula, slots: int, numbers: int) -> Formula:
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        a, first = left(x, w, state[:slots], c[:numbers])
        b, second = right(x, w, state[slots:], c[numbers:])
        return a - b, first + second

    return formula


def _product(left: Formula, right: Formula, slots: int, numbers: int) -> Formula:
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        a, first = left(x, w, state[:slots], c[:numbers])
        b, second = right(x, w, state[slots:], c[numbers:])
        return a * b, first + second

    return formula


def _quotient(left: Formula, right: Formula, slots: int, numbers: int) -> Formula:
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        a, first = left(x, w, state[:slots], c[:numbers])
        b, second = right(x, w, state[slots:], c[numbers:])
        return a / b, first + second

    return formula


_PAIRED: Final = {Sum: _sum, Difference: _difference, Product: _product, Quotient: _quotient}
