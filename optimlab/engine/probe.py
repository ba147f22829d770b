"""Whether a formula does what a formula must: it is run on a few numbers before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from optimlab.notation.symbols import Symbol
from optimlab.recurrence.gain import Gain
from optimlab.rules.algebra import Rule
from optimlab.typing import Floats

__all__ = ["checked_rule"]

_REMEDIES: Final = {  # by what NumPy says
    "read-only": "not write to what it is given; write x = 2 * x for x *= 2",
    "truth value": "be elementwise, without if, and, or; write np.where(x > 0, a, b) for a if x > 0 else b",
}
_ORDERS: Final = ((2.0, 1.0, -3.0), (-3.0, 1.0, 2.0), (1.0, 2.0, -3.0))
"""Each of three numbers is least or greatest, first or last in one of them."""


def checked_rule(rule: Any, name: str = "rule") -> Rule:
    """Return a rule whose formula is pure and elementwise."""
    if not isinstance(rule, Rule):
        raise TypeError(f"{name} must be a Rule such as adam(); got {rule!r}{_remedy(rule, name)}")
    if rule.whole:
        return rule
    x, *more = [Symbol(np.dtype(np.float64)) for _ in range(1 + len(rule.slots) + rule.numbers)]
    state, c = tuple(more[: len(rule.slots)]), tuple(more[len(rule.slots) :])
    formula: Callable[..., Any] = rule.compose()
    try:
        result = formula(x, x, state, c)
    except Exception:  # what is not made of calls alone may be anything
        _probe(rule, name)
    else:
        _values(rule, name, result)
    return rule


def _remedy(given: Any, name: str) -> str:
    """Return what to write in the place of what is no rule, but belongs to one."""
    if isinstance(given, Gain) or (name.startswith("average") and isinstance(given, float)):
        return f"; did you mean Ema({given!r})?"
    if callable(given) and hasattr(given, "__name__"):
        return f"; did you mean {given.__name__}()?"
    if isinstance(getattr(given, "rule", None), Rule):
        return "; give the rule of this Optimizer, opt.rule"
    if hasattr(given, "before") or hasattr(given, "after"):
        return "; it is a hook: write Optimizer(sgd(), 0.1, hooks=[...])"
    return ""


def _probe(rule: Rule, name: str) -> None:
    """Run the formula on a few numbers, each of which must come out of a row as it does alone."""
    alone = {x: _tried(rule, name, [x]) for x in _ORDERS[0]}
    for row in _ORDERS:
        for k, found in enumerate(_tried(rule, name, row)):
            if not _close(found, [alone[x][k] for x in row]):
                raise TypeError(f"{name}: a formula must be elementwise; this one makes {found!r} of {row}")


def _close(found: Any, expected: Sequence[Any]) -> bool:
    """Whether the numbers agree but for rounding."""
    if np.shape(found) not in ((), (3,)) or any(np.shape(x) not in ((), (1,)) for x in expected):
        return False
    return np.allclose(found, np.ravel(expected), rtol=1e-6, atol=0.0, equal_nan=True)


def _tried(rule: Rule, name: str, row: Sequence[float]) -> tuple[Any, ...]:
    """Return the formula's value and new state for a few numbers, none of which it may write to."""
    x, c = _constant(row), tuple([_constant(np.max(number)) for number in rule.coefficients(1)])
    state = tuple([_constant(start + abs(x)) for start in rule.start])
    try:
        with np.errstate(all="ignore"):
            return _values(rule, name, rule.compose()(x, x, state, c))
    except ValueError as error:
        remedy = next((said for words, said in _REMEDIES.items() if words in str(error)), "")
        if not remedy:
            raise
        raise TypeError(f"{name}: a formula must {remedy}") from error


def _values(rule: Rule, name: str, result: Any) -> tuple[Any, ...]:
    """Return the value and the new state of a formula's result."""
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], tuple)):
        raise TypeError(f"{name}: a formula must return a pair (value, tuple of states); got {type(result).__name__}")
    if len(result[1]) != len(rule.slots):
        found = f"{len(rule.slots)} states for {rule.slots}; got {len(result[1])}"
        raise TypeError(f"{name}: the formula must return {found}")
    return (result[0], *result[1])


def _constant(numbers: Any) -> Floats:
    array = np.array(numbers, np.float64)
    array.flags.writeable = False
    return array
