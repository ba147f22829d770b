"""A rule as mathematics: its formula is run on symbols, and what it calls is written with the brackets it needs."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import fields
from functools import reduce
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from optimlab.notation.symbols import Symbol
from optimlab.recurrence import gains, growing
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.schedules import corrections

__all__ = ["Written", "decimal", "gain_of_t", "latex", "letters", "sampled", "written"]

_CHOICE, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
"""How close an expression binds."""

_FORMS: Final[dict[Any, tuple[str, tuple[int, ...], int]]] = {
    np.add: ("{} + {}", (_SUM, _PRODUCT), _SUM),
    np.subtract: ("{} - {}", (_SUM, _PRODUCT), _SUM),
    np.negative: ("-{}", (_PRODUCT,), _SUM),
    np.divide: (r"\frac{{{}}}{{{}}}", (_CHOICE, _CHOICE), _POWER),
    np.reciprocal: (r"\frac{{1}}{{{}}}", (_CHOICE,), _POWER),
    np.square: ("{}^2", (_ATOM,), _POWER),
    np.sqrt: (r"\sqrt{{{}}}", (_CHOICE,), _POWER),
    np.absolute: (r"\left|{}\right|", (_CHOICE,), _ATOM),
    np.maximum: (r"\max\left({}, {}\right)", (_CHOICE, _CHOICE), _ATOM),
    np.minimum: (r"\min\left({}, {}\right)", (_CHOICE, _CHOICE), _ATOM),
    np.less: ("{} < {}", (_SUM, _SUM), _CHOICE),
    np.less_equal: (r"{} \le {}", (_SUM, _SUM), _CHOICE),
    np.greater: ("{} > {}", (_SUM, _SUM), _CHOICE),
    np.greater_equal: (r"{} \ge {}", (_SUM, _SUM), _CHOICE),
    np.equal: ("{} = {}", (_SUM, _SUM), _CHOICE),
    np.not_equal: (r"{} \ne {}", (_SUM, _SUM), _CHOICE),
    np.bitwise_and: (r"{} \land {}", (_SUM, _SUM), _CHOICE),
    np.bitwise_or: (r"{} \lor {}", (_SUM, _SUM), _CHOICE),
    np.invert: (r"\lnot {}", (_ATOM,), _CHOICE),
    np.where: (
        r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}", (_CHOICE,) * 3, _CHOICE,
    ),
}  # fmt: skip
"""How a call is written, how close its operands must bind, and how close it binds itself."""

_FLOAT = np.dtype(np.float64)


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
    """Return a hyperparameter as a number or symbol: a number, a row of numbers, schedules by their names."""
    if isinstance(held, tuple):
        return Symbol(_FLOAT, rf"\left({', '.join([decimal(x).text for x in held])}\right)")
    match held:
        case corrections.Mass(beta):
            return 1.0 - _power_of_t(beta)
        case corrections.EpsHat(eps, beta):
            return eps / np.sqrt(1.0 - _power_of_t(beta))
        case corrections.FourthRoot(factor):
            return factor * np.power(Symbol(_FLOAT, k), 0.25)
    if not callable(held):
        return held
    text, inner = getattr(held, "__name__", repr(held)), ""
    while text != inner:  # arguments are left out, those of arguments first
        text, inner = re.sub(r"\([^()]*\)", "", text), text
    names = [re.match(r"\w*", part)[0] or "s" for part in text.split(" * ")]  # type: ignore[index]
    return reduce(operator.mul, [Symbol(_FLOAT, f"{_upright(name)}({k})") for name in names])


def _upright(name: str) -> str:
    return rf"\mathrm{{{name}}}".replace("_", r"\_")


def gain_of_t(gain: Gain) -> Symbol:
    """Return k as a function of t; βᵗ of a schedule is the product of its values so far."""
    t = Symbol(_FLOAT, "t")
    match gain:
        case growing.UniformGain() | gains.DebiasedGain(Decay(alpha=0.0)):
            k = 1.0 / t
        case growing.PowerGain(gamma):
            k = 1.0 - np.power(1.0 - 1.0 / t, 1.0 + written(gamma))
        case growing.ShareGain(share):
            k = np.where(t == 1.0, 1.0, 1.0 - np.power(2.0, -1.0 / (written(share) * t)))
        case gains.DebiasedGain(beta):
            k = _alpha(beta) / (1.0 - _power_of_t(beta))
        case gains.FirstValueGain(beta):
            k = np.where(t == 1.0, 1.0, _alpha(beta))
        case gains.WarmUpGain(beta):
            k = np.where(t == 1.0, 1.0, np.maximum(_alpha(beta), 9.0 / (9.0 + t)))
        case gains.ConstantGain(beta):
            k = _alpha(beta)
        case growing.TailGain(start):
            k = 1.0 / np.maximum(1.0, t - written(start))
        case growing.InversePowerGain(power):
            least, lag, rate = written(gain.least), written(gain.lag), written(gain.rate)
            falling = np.minimum(1.0, 1.0 / np.power(lag + rate * t, written(power)))
            k = np.where(t == 1.0, 1.0, np.maximum(least, falling))
        case _:
            k = Symbol(_FLOAT, rf"{_upright(type(gain).__name__)}(t)")
    return t.symbol(k)


def _alpha(beta: Any) -> Any:
    return beta.alpha if isinstance(beta, Decay) else 1.0 - written(beta)


def _power_of_t(beta: Any) -> Any:
    if callable(beta):
        return Symbol(_FLOAT, rf"\prod_{{j=0}}^{{k}} {_Page().text(written(beta, 'j')).inside(_POWER)}")
    return np.power(beta.beta if isinstance(beta, Decay) else written(beta), Symbol(_FLOAT, "t"))


class Written(Protocol):
    """What has a formula."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of its state."""

    def coefficients(self, t: Any) -> tuple[Any, ...]:
        """Return its numbers."""

    def symbols(self) -> tuple[Any, ...]:
        """Return how they are written."""

    def displacement(self) -> Callable[..., Any]:
        """Return the formula of what is subtracted from the weights."""


def sampled(rule: Written) -> tuple[Any, ...]:
    """Return how coefficients are written that a rule computes: numbers that stay the same, names of the others."""
    rows = [rule.coefficients(1)]
    if not any(callable(getattr(rule, field.name)) for field in fields(rule)):  # type: ignore[arg-type]
        rows += [rule.coefficients(2), rule.coefficients(1000)]
    return tuple([_fixed(type(rule).__name__, i, values) for i, values in enumerate(zip(*rows, strict=True), start=1)])


def _fixed(name: str, i: int, values: tuple[Any, ...]) -> Any:
    """Return coefficient i if it is the same at three steps, else a name for it."""
    first = values[0]
    if len(values) == 3 and all(np.array_equal(first, x) for x in values):
        return written(tuple(first.tolist()) if np.ndim(first) else float(first))
    return Symbol(_FLOAT, f"{_upright(name)}_{{{i}}}(t)")


def latex(rule: Written) -> str:
    """Return the state's equations, then that of the weights."""
    names = letters(rule.slots)
    g, w, eta, *state = [Symbol(_FLOAT, name) for name in ("g", "w", r"\eta", *names)]
    numbers = tuple([g.symbol(number) for number in rule.symbols()])
    step, new = rule.displacement()(eta, g, w, tuple(state), numbers)
    page = _Page()
    lines = []
    for old, letter, given in zip(state, names, new, strict=True):
        if given is not old:
            value = g.symbol(given)
            lines.append(rf"{letter} &\leftarrow {page.text(value.number()).text}")
            page.homes[id(old)] = letter + "'"
            if value.function is not None:
                page.homes.setdefault(id(value), letter)
    lines.append(rf"w &\leftarrow {page.text(w - step).text}")
    before = [rf"{name} &\leftarrow {name[:-1]}" for name in sorted(page.wanted)]
    return " \\\\\n".join([*before, *lines])


_SHORT: Final = {"trace": "v", "signedema": "v", "tworeadings": "m", "runningmax": "u", "steprms": "d", "stepsize": "s"}


def letters(slots: tuple[str, ...]) -> list[str]:
    """Return a letter for each slot: m, v of a trace or the mean of a square, else its name."""
    taken = ["g", "w", "t", "k", "j"]
    for slot in slots:
        name = re.sub(r"_\d+$", "", slot)
        last = name.rpartition("_")[2]
        short = _SHORT.get(last, last) if last != "ema" else "v" if "square" in name else "m"
        letter = short if len(short) == 1 else _upright(short)
        count = sum(other.partition("_")[0] == letter for other in taken) + 1
        taken.append(letter if count == 1 else f"{letter}_{{{count}}}")
    return taken[5:]


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
        if x.function is np.multiply and x.operands[0] is x.operands[1]:
            return _written(np.square, [self.text(x.operands[0])])
        return _written(x.function, [self.text(operand) for operand in x.operands])


def _written(function: Any, operands: list[_Text]) -> _Text:
    """Return a call as mathematics."""
    a, b = operands[0], operands[-1]
    if function is np.multiply:
        return _product(a, b)
    if function is np.power:
        return _Text(f"{a.inside(_ATOM)}^{b.text if len(b.text) == 1 else f'{{{b.text}}}'}", _POWER)
    bounded = function not in (np.minimum, np.maximum) or not b.text.endswith(r"\infty")
    if function is np.positive or (function is np.add and b.text == "0") or not bounded:
        return a
    if function not in _FORMS:
        return _Text(rf"{_upright(function.__name__)}\left({', '.join([x.text for x in operands])}\right)")
    form, least, binds = _FORMS[function]
    return _Text(form.format(*[x.inside(needed) for x, needed in zip(operands, least, strict=True)]), binds)


def _product(a: _Text, b: _Text) -> _Text:
    if b.text.startswith(r"\frac{1}{") and b.binds == _POWER:
        return _written(np.divide, [a, _Text(b.text[9:-1])])
    minus = a.binds == _SUM and re.fullmatch(r"-[\d.]+", a.text) is not None
    left, right = a.text if minus else a.inside(_PRODUCT), b.inside(_PRODUCT)
    return _Text(left + (r" \cdot " if right[0].isdigit() else r"\,") + right, _SUM if minus else _PRODUCT)
