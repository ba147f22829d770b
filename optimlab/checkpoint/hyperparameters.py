"""A rule as a form without its numbers, and its numbers by name: what a checkpoint says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any, NamedTuple

from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.rules.algebra import Constant, Expression, Rule, distinct
from optimlab.rules.elementwise import Weights

__all__ = ["Description", "described", "written"]

_Found = tuple[str, list[tuple[str, Any]]]


class Description(NamedTuple):
    """What two rules are compared by, as text.

    Parameters
    ----------
    text : str
        The call that rebuilds the rule, for errors.
    form : str
        The classes, fields and signs, with _ for each number.
    numbers : dict of str
        The numbers and schedules, by name.
    """

    text: str
    form: str
    numbers: dict[str, str]


def described(rule: Any, role: str = "") -> Description:
    """Return a rule, or a dict of rules by the leaves' names, as form and numbers.

    A number has the name of its field: beta, and the second beta is beta_2. What ``Weights()`` is multiplied by is
    weight_decay.

    Parameters
    ----------
    rule : Rule, None, or dict of such
        The rule.
    role : str
        What stands before each name.

    Examples
    --------
    >>> from optimlab import adamw
    >>> described(0.1 * Weights(), "average.")
    Description(text='0.1 * Weights()', form="Expression(sign='*', parts=(Constant(number=_), Weights(only=None)))", \
numbers={'average.weight_decay': '0.1'})
    >>> described(adamw()).numbers
    {'beta': '0.9', 'first': '0.0', 'beta_2': '0.999', 'first_2': '0.0', 'eps': '1e-08', 'weight_decay': '0.01'}
    """
    form, found = _walked(rule, "")
    names = distinct([role + name for name, _ in found])
    return Description(_plain(rule), form, dict(zip(names, [written(x) for _, x in found], strict=True)))


def written(value: Any) -> str:
    """Return a hyperparameter as text: equal numbers are equal texts, and where a function lies does not count.

    Examples
    --------
    >>> written(1), written((0.5, 2)), written(abs)
    ('1.0', '(0.5, 2.0)', '<built-in function abs>')
    """
    if isinstance(value, Real):
        return repr(float(value))
    numbers = isinstance(value, (tuple, list)) and all(isinstance(x, Real) for x in value)
    return repr(tuple(map(float, value))) if numbers else _plain(value)


def _plain(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _walked(held: Any, name: str) -> _Found:
    """Return the form of what a field holds, and the numbers in it."""
    if isinstance(held, (Rule, Gain)):
        decays = isinstance(held, Expression) and held.sign == "*" and {*map(type, held.parts)} == {Constant, Weights}
        names = [field.name for field in fields(held)]
        words = ["weight_decay" if decays or _is_decay(held, name) else field for field in names]
        form, found = _joined([_walked(getattr(held, field), word) for field, word in zip(names, words, strict=True)])
        inner = ", ".join(f"{field}={part}" for field, part in zip(names, form, strict=True))
        return f"{type(held).__name__}({inner})", found
    if isinstance(held, Mapping):
        form, found = _joined([_walked(part, "") for part in held.values()], [f"{key}: " for key in held])
        return f"{{{', '.join(f'{key!r}: {part}' for key, part in zip(held, form, strict=True))}}}", found
    if _is_number(held):
        return "_", [(name, held)]
    if isinstance(held, tuple):
        form, found = _joined([_walked(part, name) for part in held])
        return f"({', '.join(form)})", found
    return _plain(held), []


def _is_decay(held: Any, name: str) -> bool:
    return isinstance(held, Constant) and name == "weight_decay"


def _joined(parts: list[_Found], prefixes: list[str] | None = None) -> tuple[list[str], list[tuple[str, Any]]]:
    """Return the forms, and all numbers in one list."""
    before = prefixes or [""] * len(parts)
    found = [(prefix + name, x) for prefix, (_, held) in zip(before, parts, strict=True) for name, x in held]
    return [form for form, _ in parts], found


def _is_number(held: Any) -> bool:
    """Whether a field holds a number, one for each replica, or a schedule."""
    if isinstance(held, tuple):
        return bool(held) and all(map(_is_number, held))
    return (isinstance(held, Real) and not isinstance(held, bool)) or isinstance(held, Decay) or callable(held)
