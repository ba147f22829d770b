"""A rule as mathematics: its formula is run on symbols, and what it calls is written with the brackets it needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np

from optimlab.rules.algebra import Rule
from optimlab.rules.symbols import Symbol

__all__ = ["decimal", "latex", "letters", "power_of_t", "symbols", "written"]

_CHOICE, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
_FLOAT = np.dtype(np.float64)
_GREATEST: Final = {np.maximum: r"\max", np.minimum: r"\min"}
_BETWEEN: Final = {
    np.less: "<", np.less_equal: r"\le", np.greater: ">", np.greater_equal: r"\ge", np.equal: "=", np.not_equal: r"\ne",
    np.bitwise_and: r"\land", np.bitwise_or: r"\lor", np.logical_and: r"\land", np.logical_or: r"\lor",
}  # fmt: skip


class _Text(NamedTuple):
    """A piece of mathematics, and how close it binds."""

    text: str
    binds: int = _ATOM

    def inside(self, least: int) -> str:
        """Return the text for a place that needs something so close."""
        return self.text if self.binds >= least else rf"\left({self.text}\right)"


def decimal(number: float) -> _Text:
    """Return a number as LaTeX: 0.9, 10^{-8}."""
    if np.isinf(number):
        return _Text(r"\infty") if number > 0 else _Text(r"-\infty", _SUM)
    digits, _, power = f"{number:.12g}".partition("e")
    if not power:
        return _Text(digits, _SUM if number < 0 else _ATOM)
    exponent = f"10^{{{int(power)}}}"
    if digits == "1":
        return _Text(exponent, _POWER)
    return _Text(rf"{digits} \cdot {exponent}", _SUM if number < 0 else _PRODUCT)


def written(held: Any, k: str = "k") -> Any:
    """Return a hyperparameter as a number or symbol: a number, a row of numbers, a schedule by its name."""
    if isinstance(held, tuple):
        return Symbol(_FLOAT, rf"\left({', '.join([decimal(x).text for x in held])}\right)")
    if not callable(held):
        return held
    name = re.match(r"\w*", getattr(held, "__name__", repr(held)))[0] or "s"  # type: ignore[index]
    return Symbol(_FLOAT, f"{_upright(name)}({k})")


def _upright(name: str) -> str:
    return rf"\mathrm{{{name}}}".replace("_", r"\_")


def power_of_t(beta: Any) -> Symbol:
    """Return βᵗ, of a schedule the product of its values so far."""
    if callable(beta):
        return Symbol(_FLOAT, rf"\prod_{{j=0}}^{{k}} {written(beta, 'j').value}")
    power: Symbol = np.power(written(beta), Symbol(_FLOAT, "t"))
    return power


def symbols(rule: Rule) -> tuple[Any, ...]:
    """Return how the coefficients of a rule are written, if it does not say so itself."""
    if type(rule).coefficients is Rule.coefficients:
        return tuple([written(getattr(rule, name)) for name in rule.ranges])
    rows = [rule.coefficients(1)]
    if not any(callable(getattr(rule, field.name)) for field in fields(rule)):
        rows += [rule.coefficients(2), rule.coefficients(1000)]
    return tuple([_fixed(type(rule).__name__, i, values) for i, values in enumerate(zip(*rows, strict=True), start=1)])


def _fixed(name: str, i: int, values: tuple[Any, ...]) -> Any:
    """Return coefficient i if it is the same at three steps, else a name for it."""
    first = values[0]
    if len(values) == 3 and all(np.array_equal(first, x) for x in values):
        return written(tuple(first.tolist()) if np.ndim(first) else float(first))
    return Symbol(_FLOAT, f"{_upright(name)}_{{{i}}}(t)")


def latex(rule: Rule) -> str:
    """Return the state's equations, then that of the weights."""
    names = letters(rule.slots)
    g, w, eta, *state = [Symbol(_FLOAT, name) for name in ("g", "w", r"\eta", *names)]
    formula: Callable[..., Any] = rule.compose()
    y, new = formula(g, w, tuple(state), tuple([g.symbol(number) for number in rule.symbols()]))
    page = _Page()
    lines = []
    for old, letter, given in zip(state, names, new, strict=True):
        if given is not old:
            value = g.symbol(given)
            lines.append(rf"{letter} &\leftarrow {page.text(value.number()).text}")
            page.homes[id(old)] = letter + "'"
            if value.function is not None:
                page.homes.setdefault(id(value), letter)
    lines.append(rf"w &\leftarrow {page.text(w - eta * y).text}")
    before = [rf"{name} &\leftarrow {name[:-1]}" for name in sorted(page.wanted)]
    return " \\\\\n".join([*before, *lines])


def letters(slots: tuple[str, ...]) -> list[str]:
    """Return a letter for each slot: m, v of a trace or the mean of a square, else its name."""
    taken = ["g", "w", "t", "k"]
    for slot in slots:
        name = re.sub(r"_\d+$", "", slot)
        last = name.rpartition("_")[2]
        short = {"ema": "v" if name.endswith("square_ema") else "m", "trace": "v"}.get(last, last)
        letter = short if len(short) == 1 else _upright(short)
        count = sum(other.partition("_")[0] == letter for other in taken) + 1
        taken.append(letter if count == 1 else f"{letter}_{{{count}}}")
    return taken[4:]


class _Page:
    """What has been written so far: where each value is."""

    def __init__(self) -> None:
        self.homes: dict[int, str] = {}
        self.wanted: set[str] = set()

    def text(self, x: Symbol) -> _Text:
        """Return a value as mathematics."""
        home = self.homes.get(id(x))
        if home is not None:
            if home.endswith("'"):
                self.wanted.add(home)
            return _Text(home)
        if x.function is None:
            return decimal(x.value) if isinstance(x.value, float) else _Text(str(x.value))
        a, b = x.operands[0], x.operands[-1]
        if x.function is np.multiply and a is b:
            return _raised(self.text(a), "2")
        form = _FORMS.get(x.function)
        operands = [self.text(operand) for operand in x.operands]
        return _applied(x.function, operands) if form is None else form(*operands)


def _sum(a: _Text, b: _Text) -> _Text:
    return a if b.text == "0" else _Text(f"{a.inside(_SUM)} + {b.inside(_PRODUCT)}", _SUM)


def _product(a: _Text, b: _Text) -> _Text:
    if b.text.startswith(r"\frac{1}{") and b.binds == _POWER:
        return _fraction(a, _Text(b.text[9:-1]))
    minus = a.text.startswith("-") and a.binds == _SUM and re.fullmatch(r"-[\d.]+", a.text) is not None
    left, right = a.text if minus else a.inside(_PRODUCT), b.inside(_PRODUCT)
    dot = r" \cdot " if right[0].isdigit() else r"\,"
    return _Text(f"{left}{dot}{right}", _SUM if minus else _PRODUCT)


def _fraction(a: _Text, b: _Text) -> _Text:
    return _Text(rf"\frac{{{a.text}}}{{{b.text}}}", _POWER)


def _raised(a: _Text, exponent: str) -> _Text:
    return _Text(f"{a.inside(_ATOM)}^{exponent if len(exponent) == 1 else f'{{{exponent}}}'}", _POWER)


def _cases(condition: _Text, a: _Text, b: _Text) -> _Text:
    rows = rf"{a.text} & \text{{if }} {condition.text} \\ {b.text} & \text{{otherwise}}"
    return _Text(rf"\begin{{cases}} {rows} \end{{cases}}", _CHOICE)


def _applied(function: Any, operands: list[_Text]) -> _Text:
    if function in _BETWEEN:
        return _Text(f" {_BETWEEN[function]} ".join([x.inside(_SUM) for x in operands]), _CHOICE)
    name = _GREATEST.get(function, _upright(function.__name__))
    return _Text(rf"{name}\left({', '.join([x.text for x in operands])}\right)")


_FORMS: Final[dict[Any, Callable[..., _Text]]] = {
    np.add: _sum,
    np.subtract: lambda a, b: _Text(f"{a.inside(_SUM)} - {b.inside(_PRODUCT)}", _SUM),
    np.multiply: _product,
    np.divide: _fraction,
    np.negative: lambda a: _Text(f"-{a.inside(_PRODUCT)}", _SUM),
    np.positive: lambda a: a,
    np.reciprocal: lambda a: _fraction(_Text("1"), a),
    np.square: lambda a: _raised(a, "2"),
    np.power: lambda a, b: _raised(a, b.text),
    np.sqrt: lambda a: _Text(rf"\sqrt{{{a.text}}}", _POWER),
    np.absolute: lambda a: _Text(rf"\left|{a.text}\right|"),
    np.invert: lambda a: _Text(rf"\lnot {a.inside(_ATOM)}", _CHOICE),
    np.logical_not: lambda a: _Text(rf"\lnot {a.inside(_ATOM)}", _CHOICE),
    np.where: _cases,
}
