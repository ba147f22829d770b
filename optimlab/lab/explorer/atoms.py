"""What the page knows of atoms, named rules and surfaces: read off the Python classes, so that nothing is retyped."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

import optimlab
from optimlab.checks import FINITE, Range
from optimlab.lab.frame.expressions import rule as read
from optimlab.lab.frame.looks import look
from optimlab.lab.play.surfaces import scene
from optimlab.lab.problems import Rastrigin, Surface
from optimlab.lab.problems.surfaces.surface import Plane
from optimlab.notation.symbols import Symbol, called
from optimlab.recurrence.gain import Gain
from optimlab.rules import basic, family
from optimlab.rules.algebra import ArrayRule, Rule
from optimlab.schedules import corrections
from optimlab.schedules.schedule import product

__all__ = ["facts"]

_SURFACES = ("saddle", "monkey", "ravine", "rosenbrock", "beale", "himmelblau", "rastrigin", "cliff")
_FLOAT = np.dtype(np.float64)
_FIELD = 0.625  # of a field that must be given, and what each start is looked for
_NUMBER = re.compile(r"(?<![\w.])\d+\.?\d*(?:e[-+]?\d+)?")
_SLIDERS: dict[str, tuple[float, float, Any]] = {
    "beta": (0.0, 0.9999, "complement"), "nu": (0.0, 1.0, False), "eps": (1e-16, 1.0, True), "lr": (1e-4, 1.0, True),
    "weight": (1e-4, 1.0, True), "first": (0.0, 1.0, False), "shrink": (0.1, 0.99, False), "grow": (1.01, 2.0, False),
    "low": (1e-9, 1e-2, True), "high": (1e-2, 100.0, True), "threshold": (4.0, 10.0, False), "psi": (1e-4, 1.0, True),
}  # fmt: skip
"""Least and greatest of a parameter's slider, and whether it is logarithmic, by how the name begins."""
_ANY_SLIDER = (0.0, 10.0, False)
_REQUIRED = 0.1  # of a parameter without a default
_LABELS = {"monkey": "Monkey saddle"}
_SPELLED = (
    "AdaBelief", "AdaGrad", "AdaMax", "AdamC", "AdEMAMix", "ADOPT", "AggMo", "AMSGrad", "LaProp", "NAdam", "QHAdam",
    "QHM", "RAdam", "RMSprop", "signSGD", "SM3",
)  # fmt: skip
"""Names of rules as their authors write them; all others are words."""
_ELEMENTARY = "optimlab.recurrence.elementary"
"""Where waves and the like live, which the page has twins of."""


def facts() -> dict[str, Any]:
    """Return atoms and makers by name, the named rules as templates, and surfaces as operations.

    Examples
    --------
    >>> found = facts()
    >>> found["atoms"]["Square"]["formula"]
    {'calls': [['multiply', 0, 0]], 'outputs': [2]}
    >>> [rule["template"] for rule in found["rules"] if rule["name"] in ("momentum", "qhm")]
    ['Ema(beta)', '(1.0 - nu) * Gradient() + nu * Ema(beta)']
    """
    return {
        "atoms": {cls.__name__: _atom(cls) for cls in _public(_is_atom)},
        "makers": {make.__name__: _maker(make) for make in [*_public(_family), product]},
        "rules": [_rule(make) for make in _public(_names_rule)],
        "surfaces": [_surface(name) for name in _SURFACES],
    }


def _public(wanted: Callable[[Any], Any]) -> Iterator[Any]:
    return (thing for name in dir(optimlab) if wanted(thing := getattr(optimlab, name)))


def _is_atom(thing: Any) -> bool:
    made = isinstance(thing, type) and issubclass(thing, Rule) and not issubclass(thing, ArrayRule)
    return made and thing.__module__.startswith(("optimlab.rules.",)) and thing is not Rule


def _family(thing: Any) -> str:
    if isinstance(thing, type):
        gain = issubclass(thing, Gain) and thing is not Gain
        return "gain" if gain else "number" if thing.__module__ == corrections.__name__ else ""
    return "schedule" if getattr(thing, "__annotations__", {}).get("return") == "Schedule" else ""


def _names_rule(thing: Any) -> bool:
    return getattr(thing, "__module__", "") in (basic.__name__, family.__name__) and not isinstance(thing, type)


def _field(parameter: inspect.Parameter, ranges: dict[str, Range]) -> dict[str, Any]:
    """Return what a call's argument is: its name, default, range, whether it needs its name."""
    found: dict[str, Any] = {"name": parameter.name}
    if parameter.default is not parameter.empty and parameter.default is not MISSING:
        found["value"] = parameter.default
    allowed = ranges.get(parameter.name, FINITE if parameter.annotation == "float" else None)
    if allowed is not None:
        found["range"] = _range(allowed)
    return found | {
        key: True
        for key, held in (
            ("keyword", parameter.kind is parameter.KEYWORD_ONLY),
            ("many", parameter.kind is parameter.VAR_POSITIONAL),
            ("whole", parameter.name in ("steps", "up", "down", "at")),
        )
        if held
    }


def _range(allowed: Range) -> dict[str, Any]:
    names = ("low", "above", "high", "below", "finite")
    held = {name: x for name, x in zip(names, allowed._limits, strict=True) if x is True or type(x) is float}
    held |= {"whole": True} if allowed.whole else {}
    return {"words": allowed.words} | {name: x for name, x in held.items() if math.isfinite(x)}


def _parameters(make: Callable[..., Any]) -> list[inspect.Parameter]:
    return [*inspect.signature(make).parameters.values()]


class _Told(float):
    """A number that tells how a coefficient comes from it."""

    told: dict[str, Any]

    @classmethod
    def of(cls, value: float, **told: Any) -> _Told:
        """Return a number with what is told of it."""
        found = cls(value)
        found.told = told
        return found

    def __rsub__(self, other: float) -> float:
        return _Told.of(other - float(self), **self.told, **{"from": other})

    def at(self, t: Any) -> _Told:
        """Be a gain."""
        return self


def _atom(cls: type[Rule]) -> dict[str, Any]:
    """Return fields, slots, start, coefficients and formula of a class of rules."""
    parameters = [p for p in _parameters(cls) if p.name != "only"]
    given = {p.name: _FIELD for p in parameters if p.default is p.empty or p.name == "first"}
    rule = cls(**given)
    start = ["first" if x == _FIELD else x for x in rule.start]
    coefficients = _coefficients(rule)
    names = [Symbol(_FLOAT) for _ in range(2 + len(rule.slots) + len(coefficients))]
    state, c = names[2 : 2 + len(rule.slots)], names[2 + len(rule.slots) :]
    formula: Callable[..., Any] = rule.formula  # which takes symbols as it takes arrays
    y, new = formula(*names[:2], tuple(state), tuple(c))
    return {
        "fields": [_field(p, cls.ranges) for p in parameters],
        "slots": rule.slots,
        "start": start,
        "coefficients": coefficients,
        "rates": rule.rates,
        "formula": _operations(names, [y, *new]),
    }


def _coefficients(rule: Rule) -> list[dict[str, Any]]:
    """Return how each coefficient follows from a field, from what the rule computes of numbers that tell."""
    told, again = _telling(rule, _FIELD), _telling(rule, _FIELD / 2.0)
    if told != again:
        raise ValueError(f"a coefficient must be a field, a number less a field, or a number; got {rule!r}")
    return told


def _telling(rule: Rule, value: float) -> list[dict[str, Any]]:
    for name in [*rule.ranges, *(["gain"] if hasattr(rule, "gain") else [])]:
        object.__setattr__(rule, name, _Told.of(value, field=name))
    return [x.told if isinstance(x, _Told) else {"number": float(x)} for x in rule.coefficients(1)]


def _operations(given: Sequence[Symbol], results: Sequence[Any]) -> dict[str, Any]:
    """Return the calls that lead from given values to results: NumPy's names and places; a number is in a list."""
    results = [given[0].symbol(result) for result in results]
    places = {id(x): i for i, x in enumerate(given)}
    calls = []
    for i, call in enumerate(called(results)):
        calls.append([getattr(call.function, "__name__", ""), *(_place(x, places) for x in call.operands)])
        places[id(call)] = len(given) + i
    return {"calls": calls, "outputs": [_place(x, places) for x in results]}


def _place(x: Symbol, places: dict[int, int]) -> Any:
    return places.get(id(x), [x.value])


def _maker(make: Callable[..., Any]) -> dict[str, Any]:
    """Return what makes a number that depends on the step; of one that only calls another its call."""
    parameters = _parameters(make)
    found = {"family": _family(make), "fields": [_field(p, getattr(make, "ranges", {})) for p in parameters]}
    if make in (optimlab.linear, optimlab.step_decay):
        values = _values(parameters, 0)
        found["template"] = _template(repr(make(**values)), values)
    return found


@dataclass(frozen=True, repr=False)
class _Hole(Rule):
    """A rule that a rule is made of."""

    def __repr__(self) -> str:
        return "rule"


def _rule(make: Callable[..., Rule]) -> dict[str, Any]:
    """Return a named rule as an expression in its parameters."""
    parameters = [p for p in _parameters(make) if not isinstance(p.default, tuple)]
    values = _values(parameters, 0)
    template = _template(repr(make(**values)), values)
    _check(
        make, template, _values(parameters, 1) | {p.name: basic.adam() for p in parameters if p.annotation == "Rule"}
    )
    label = look(make(**{p.name: values[p.name] for p in parameters if p.default is p.empty})).name
    if "(" in label:
        spelled = {name.lower(): name for name in _SPELLED}
        label = " ".join(spelled.get(word, word) for word in make.__name__.split("_"))
    return {
        "name": make.__name__, "label": label, "template": template, "parameters": [_slider(p) for p in parameters],
        "lr": 1.0 if make in (family.adadelta, family.rprop) else 0.01,
    }  # fmt: skip


def _values(parameters: Sequence[inspect.Parameter], turn: int) -> dict[str, Any]:
    """Return values near the defaults that are like no other number, and a hole for a rule."""
    return {
        p.name: _Hole() if p.annotation == "Rule" else _default(p) * (1.0 - 0.0137 * (i + 1) - 0.0011 * turn)
        for i, p in enumerate(parameters)
    }


def _default(parameter: inspect.Parameter) -> float:
    return _REQUIRED if parameter.default is parameter.empty else float(parameter.default) or _FIELD


def _template(text: str, values: dict[str, Any]) -> str:
    """Return an expression with the parameters' names in the place of their values."""
    numbers = {name: x for name, x in values.items() if isinstance(x, float)}
    words = {repr(1.0 - x): f"(1.0 - {name})" for name, x in numbers.items()}
    words |= {repr(x / y): f"({a} / {b})" for a, x in numbers.items() for b, y in numbers.items() if a != b}
    words |= {repr(x): name for name, x in numbers.items()}
    return _NUMBER.sub(lambda found: words.get(found[0], found[0]), text)


def _check(make: Callable[..., Rule], template: str, values: dict[str, Any]) -> None:
    """Refuse a template that is not the rule for other values."""
    names = re.compile(rf"\b({'|'.join(values) or '$'})\b(?! *=)")
    text = names.sub(lambda found: f"({values[found[0]]!r})", template)
    if read(text) != make(**values):
        raise ValueError(f"{make.__name__} must be an expression in its parameters; got {template}")


def _slider(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return what a rule's parameter is, and the range of its slider."""
    found: dict[str, Any] = {"name": parameter.name}
    if parameter.kind is parameter.KEYWORD_ONLY:
        found["keyword"] = True
    if parameter.annotation == "Rule":
        return found | {"value": "adam"}
    name = parameter.name
    low, high, log = next((x for start, x in _SLIDERS.items() if name.startswith(start)), _ANY_SLIDER)
    value = _REQUIRED if parameter.default is parameter.empty else float(parameter.default)
    return found | {"value": value, "low": low, "high": high, "log": log}


def _surface(name: str) -> dict[str, Any]:
    """Return a surface: where to start and to look, its critical points, value and gradient as operations."""
    _, surface, start, box = scene(name)
    x, y = w = [Symbol(_FLOAT), Symbol(_FLOAT)]
    if isinstance(surface, Plane):
        value, gradient = _traced(surface._f, x, y), _traced(surface._slopes, x, y)
    else:
        points = np.empty(2, object)
        points[0], points[1] = w
        value, gradient = _traced(surface._value, points), _traced(surface._gradient, points)
    found = {"name": name, "label": _LABELS.get(name, name.capitalize()), "start": start, "box": box}
    return found | _points(surface) | {"value": _operations(w, [value]), "gradient": _operations(w, list(gradient))}


def _traced(method: Any, *given: Any) -> Any:
    """Return what a method makes of symbols, with stand-ins that take symbols for functions that take numbers."""
    function = method.__func__
    known = function.__globals__
    waves = {name: partial(_wave, x) for name, x in known.items() if getattr(x, "__module__", "") == _ELEMENTARY}
    return FunctionType(function.__code__, known | waves)(method.__self__, *given)


def _wave(function: Callable[..., Any], x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return np.frompyfunc(partial(_wave, function), 1, 1)(x)
    return Symbol(_FLOAT, function=function, operands=(x,))


def _points(surface: Surface) -> dict[str, Any]:
    """Return the critical points as rows of place, value and curvatures; of a sum over coordinates those of one."""
    separable = isinstance(surface, Rastrigin)
    points = (Rastrigin(1) if separable else surface).points
    return {"line" if separable else "points": [[*point.at, point.value, *point.curvatures] for point in points]}
