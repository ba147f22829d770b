"""Rules as an algebra: ``|`` feeds one rule into the next, ``+ - * /`` work elementwise, numbers are constants."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cached_property
from itertools import accumulate, chain, count
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import FINITE, Hyperparameter, Range, check_fields, value
from optimlab.notation.symbols import Symbol
from optimlab.rules.graph import SIGNS, Graph
from optimlab.typing import Array, Count, Number

__all__ = ["ArrayRule", "Arrays", "Coefficients", "Constant", "Expression", "Formula", "Rule", "distinct"]

Arrays = tuple[Array, ...]
Coefficients = tuple[Number, ...]
Formula = Callable[[Array, Array, Arrays, Arrays], tuple[Array, Arrays]]
Displacement = Callable[[Array, Array, Array, Arrays, Arrays], tuple[Array, Arrays]]


def _joined(sign: str) -> tuple[Callable[[Any, Any], Rule], Callable[[Any, Any], Rule]]:
    """Return the operator of this sign with a rule on the left, and on the right."""

    def left(self: Rule, other: Any) -> Rule:
        return Expression(sign, (self, _lifted(other)))

    def right(self: Rule, other: Any) -> Rule:
        return Expression(sign, (_lifted(other), self))

    return left, right


@dataclass(frozen=True, repr=False)
class Rule:
    """(y, state) ← formula(x, w, state, c): what becomes of one number x of the gradient, elementwise.

    A rule of your own is a frozen dataclass with a ``formula`` and, as it needs them, ``slots`` and ``coefficients``.
    In place of ``coefficients`` there may be ``ranges``: the fields that are hyperparameters, each with its ``Range``.
    They are checked, may be schedules or one number for each replica, and are the coefficients c in this order. A class
    with a formula is final: vary it by composition.

    A formula is made of arithmetic, NumPy ufuncs and ``np.where``. It is traced once; the engines run, compile or print
    the operations. A plain number in it is one of the parameters' dtype. What differs from one element to the next is
    chosen with ``np.where``, not with ``if``. Nothing is changed in place, and no element sees another. A formula that
    cannot be traced runs in NumPy, operation by operation.

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

    ranges: ClassVar[dict[str, Range]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in cls.__bases__:
            formulas = issubclass(base, Rule) and (base.formula, base.compose) != (Rule.formula, Rule.compose)
            if formulas and not (issubclass(base, ArrayRule) and base.of is ArrayRule.of):
                raise TypeError(
                    f"{cls.__name__} must derive from Rule: {base.__name__} is final; vary it by composition, "
                    f"such as {base.__name__}(...) | other, or write a Rule with a formula of its own"
                )

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the numbers that are kept for each parameter."""
        return ()

    @property
    def start(self) -> tuple[float, ...]:
        """What the slots hold before the first step."""
        return (0.0,) * len(self.slots)

    @property
    def numbers(self) -> int:
        """How many coefficients there are."""
        return len(self.coefficients(1))

    @property
    def rates(self) -> tuple[int, ...]:
        """Which of the coefficients are the learning rate of the step."""
        return ()

    @property
    def whole(self) -> bool:
        """Whether the rule looks at a whole leaf at once."""
        return False

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the value for a signal of this shape, in a leaf of that."""
        return shape

    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the slots for a leaf of this shape."""
        return (shape,) * len(self.slots)

    def coefficients(self, t: Count) -> Coefficients:
        """Return the numbers in the formula at step t = 1, 2, ..., in float64.

        With replicas a number may be an array of shape (S,), and so may t.
        """
        fixed = self._fixed
        return tuple([value(self, name, t) for name in self.ranges]) if fixed is None else fixed

    @cached_property
    def _fixed(self) -> Coefficients | None:
        """The coefficients if they are plain numbers, the same at each step."""
        held = [getattr(self, name) for name in self.ranges]
        return tuple(held) if all(isinstance(x, float) for x in held) else None

    def formula(self, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        """Return the rule's value and its new state for signal x and parameter w: pure and elementwise."""
        raise NotImplementedError("a rule needs a formula(x, w, state, c); see help(Rule)")

    def compose(self) -> Formula:
        """Return the formula of the whole expression."""
        return self.formula

    def displacement(self) -> Displacement:
        """Return the formula of η y for a learning rate η: of ``a / Rate()``, also in a sum or product, it is a."""
        formula = self.compose()

        def displaced(lr: Array, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
            y, new = formula(x, w, state, c)
            return lr * y, new

        return displaced

    def symbols(self) -> tuple[Any, ...]:
        """Return how the coefficients are written as mathematics."""
        from optimlab.notation.latex import sampled, written

        computed = type(self).coefficients is not Rule.coefficients
        return sampled(self) if computed else tuple([written(getattr(self, name)) for name in self.ranges])

    def latex(self) -> str:
        r"""Return the update as mathematics: the state's equations, then that of the weights.

        They hold one after the other, with t = 1, 2, ... and k = t - 1; m' is what m was before the step.

        Raises
        ------
        TypeError
            If the formula cannot be traced.

        Examples
        --------
        >>> from optimlab import adam
        >>> print(adam().latex())
        m &\leftarrow m + \frac{0.1}{1 - 0.9^t}\,\left(g - m\right) \\
        v &\leftarrow v + \frac{0.001}{1 - 0.999^t}\,\left(g^2 - v\right) \\
        w &\leftarrow w - \eta\,\frac{m}{\sqrt{v} + 10^{-8}}
        """
        from optimlab.notation.latex import latex

        return latex(self)

    def source(self, target: str, *, dtype: str = "float64", steps: int = 1000) -> str:
        """Return a program that stands alone and takes the same steps to the last bit, or the mathematics.

        Parameters
        ----------
        target : "js", "c", "torch", "jax" or "latex"
            The language; the text says how its functions ``start`` and ``step`` are called.
        dtype, steps : "float64" or "float32", int
            Of the arrays; and for how many steps schedules and functions of one's own are written out.

        Raises
        ------
        TypeError
            If it looks at whole leaves, or does what has other bits elsewhere, such as ``np.exp``; with the remedy.

        Examples
        --------
        >>> [line.strip() for line in Constant(2.0).source("c").splitlines() if "eta *" in line]
        ['b0 = eta * c0;']
        """
        from optimlab.export.source import source

        return source(self, target, dtype=dtype, steps=steps)

    def on(self, names: tuple[str, ...]) -> tuple[Rule, ...]:
        """Return the rule for each leaf of these names: itself, where no ``Weights(only=...)`` makes a difference.

        Parameters
        ----------
        names : tuple of str
            Names of all leaves.

        Returns
        -------
        tuple of Rule
            One for each name; equal ones are the same object. All have the same slots.

        Raises
        ------
        ValueError
            If a pattern names no leaf.
        """
        found = {field.name: _on(getattr(self, field.name), names) for field in fields(self)}
        changed = {name: row for name, row in found.items() if any(x is not getattr(self, name) for x in row)}
        if not changed:
            return (self,) * len(names)
        rows = list(zip(*changed.values(), strict=True))
        keys = [tuple([tuple(map(id, x)) if isinstance(x, tuple) else id(x) for x in row]) for row in rows]
        unique = dict(zip(keys, rows, strict=True))
        made = {key: replace(self, **dict(zip(changed, row, strict=True))) for key, row in unique.items()}
        return tuple([made[key] for key in keys])

    def __or__(self, other: Rule) -> Rule:
        return Expression("|", (*_parts(self), *_parts(other))) if isinstance(other, Rule) else NotImplemented

    __add__, __radd__ = _joined("+")
    __sub__, __rsub__ = _joined("-")
    __mul__, __rmul__ = _joined("*")
    __truediv__, __rtruediv__ = _joined("/")

    def __neg__(self) -> Rule:
        return -1.0 * self

    __array_ufunc__ = None  # so that np.float64(2) * rule comes here

    @property
    def precedence(self) -> int:
        """How close the expression binds: ``|`` 0, ``+ -`` 1, ``* /`` 2, a call 3."""
        return 3

    def __getstate__(self) -> dict[str, Any]:
        """What has been computed from the fields is no part of a copy, or of a hash of its bytes."""
        held, kind = vars(self).items(), type(self)
        return {name: x for name, x in held if not isinstance(getattr(kind, name, None), cached_property)}

    def __repr__(self) -> str:
        """Return the shortest call that rebuilds the rule."""
        return f"{type(self).__name__}({', '.join(_given(self))})"


def _given(rule: Rule) -> list[str]:
    """Return the arguments that do not hold their default."""
    held = [(i, field, getattr(rule, field.name)) for i, field in enumerate(fields(rule))]
    return [
        f"{field.name}={x!r}" if i or field.kw_only else repr(x)
        for i, field, x in held
        if field.default is MISSING or x != field.default
    ]


def _parts(rule: Rule) -> tuple[Rule, ...]:
    return rule.parts if isinstance(rule, Expression) and rule.sign == "|" else (rule,)


def _lifted(other: Any) -> Rule:
    return other if isinstance(other, Rule) else Constant(other)


def _on(held: Any, names: tuple[str, ...]) -> Sequence[Any]:
    """Return what a field holds for each leaf."""
    if isinstance(held, Rule):
        return held.on(names)
    if not isinstance(held, tuple) or not any(isinstance(part, Rule) for part in held):
        return (held,) * len(names)
    rows = list(zip(*[_on(part, names) for part in held], strict=True))
    return [held if all(map(operator.is_, row, held)) else row for row in rows]


def _wrapped(rule: Rule, least: int) -> str:
    return repr(rule) if rule.precedence >= least else f"({rule!r})"


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Number the second, third, ... of equal names."""
    found: list[str] = []
    for name in names:
        numbered = (f"{re.sub(r'_[0-9]+$', '', name)}_{i}" for i in count(2))
        found.append(next(choice for choice in chain([name], numbered) if choice not in found))
    return tuple(found)


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
    ranges: ClassVar[dict[str, Range]] = {"number": FINITE}

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        return ()

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return c[0], state


class ArrayRule(Rule):
    """y = of(x, w, c): a rule without memory that looks at a whole leaf, such as its mean or its singular values.

    One of your own is a frozen dataclass with a method ``of``, and with ``shape`` if y has another shape than x.
    What needs memory is fed into an ``Ema`` or a ``Trace``, whose state has the shape of what it is fed. With replicas
    each is a leaf of its own. NumPy runs an expression with such a rule, whatever the engine. x and w are contiguous,
    so that their order in memory changes no bit.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> from optimlab import Optimizer
    >>> @dataclass(frozen=True)
    ... class Unit(ArrayRule):
    ...     @staticmethod
    ...     def of(x, w, c):
    ...         return x / np.linalg.norm(x)
    >>> Optimizer(Unit(), lr=1.0).step(np.zeros(2), np.array([3.0, -4.0]))
    array([-0.6,  0.8])
    """

    @property
    def whole(self) -> bool:
        return True

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        """Return the value for a signal x in a leaf w."""
        raise NotImplementedError("an ArrayRule needs of(x, w, c); see help(ArrayRule)")

    def formula(self, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        if isinstance(x, Symbol):
            return Symbol(x.dtype, function=type(self), operands=(x, *map(x.symbol, c), *self._words(x.dtype))), state
        return self.of(np.asarray(x, order="C"), np.asarray(w, order="C"), c), state

    def _words(self, dtype: np.dtype[Any]) -> list[Symbol]:
        """Return the fields that are no numbers as they are written in mathematics, where they hold no default."""
        held = [(getattr(self, x.name), x.default) for x in fields(self) if x.name not in self.ranges]
        return [Symbol(dtype, repr(given)) for given, default in held if given != default]


@dataclass(frozen=True, repr=False)
class Expression(Rule):
    """``a | b``: b of a; ``a + b``, ``a - b``, ``a * b``, ``a / b`` of two rules that see the same signal.

    ``|`` is associative: ``(a | b) | c == a | (b | c)``. Parts that are equal and see the same signal are one: in
    ``Ema(0.9) + (Gradient() - Ema(0.9) | Square())`` there is one mean, with one slot.
    """

    sign: str
    parts: tuple[Rule, ...]

    @cached_property
    def graph(self) -> Graph:
        """The values that the expression is made of."""
        return Graph(self)

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """The slots' names, in a pipe each after the rules on the way to it: ``square_ema``."""
        return distinct([slot for node in self.graph.nodes for slot in node.slots])

    @property
    def start(self) -> tuple[float, ...]:
        return sum([rule.start for rule in self.graph.rules], ())

    @property
    def whole(self) -> bool:
        return any(rule.whole for rule in self.graph.rules)

    @property
    def rates(self) -> tuple[int, ...]:
        firsts = accumulate([rule.numbers for rule in self.graph.rules], initial=0)
        return tuple([first + i for first, rule in zip(firsts, self.graph.rules, strict=False) for i in rule.rates])

    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self.graph.shapes(shape)

    @property
    def numbers(self) -> int:
        return sum([rule.numbers for rule in self.graph.rules])

    def coefficients(self, t: Count) -> Coefficients:
        numbers: Coefficients = ()
        for held in self._flat:
            numbers += held if type(held) is tuple else held(t)
        return numbers

    @cached_property
    def _flat(self) -> list[Any]:
        """The coefficients of the rules in it, or what finds them at a step."""
        rules = self.graph.rules
        fixed = [(x.coefficients, x._fixed if type(x).coefficients is Rule.coefficients else None) for x in rules]
        return [found if held is None else held for found, held in fixed if held != ()]

    def symbols(self) -> tuple[Any, ...]:
        return sum([rule.symbols() for rule in self.graph.rules], ())

    def formula(self, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return self.graph.run(x, w, state, c)

    def displacement(self) -> Displacement:
        if not self.rates:
            return super().displacement()
        return lambda lr, x, w, state, c: self.graph.run(x, w, state, c, lr)

    @property
    def precedence(self) -> int:
        return SIGNS[self.sign][0]

    def __repr__(self) -> str:
        plain = self.sign != "|" and not all(isinstance(part, Constant) for part in self.parts)
        sides = [
            repr(part.number) if plain and isinstance(part, Constant) else _wrapped(part, self.precedence + (i > 0))
            for i, part in enumerate(self.parts)
        ]
        return f" {self.sign} ".join(sides)
