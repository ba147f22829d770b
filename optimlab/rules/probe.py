"""A few numbers through a rule's formula, to refuse before the first step one that cannot be run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.rules.algebra import Rule

__all__ = ["checked_rule"]


def checked_rule(rule: Any, name: str = "rule") -> Rule:
    """Return a rule whose formula does what a formula must."""
    if not isinstance(rule, Rule):
        remedy = f"; did you mean {rule.__name__}()?" if callable(rule) and hasattr(rule, "__name__") else ""
        raise TypeError(f"{name} must be a Rule such as adam(); got {rule!r}{remedy}")
    _probe(rule, name)
    return rule


def _probe(rule: Rule, name: str) -> None:
    """Run the formula on a few numbers, to refuse before the first step one that is broken, impure or not elementwise.

    The second number must come out as it does alone.
    """
    formula, c = rule.compose(), tuple(_constant(np.max(number)) for number in rule.coefficients(1))
    both, alone = (_tried(rule, name, lambda x, s: formula(x, x, s, c), numbers) for numbers in ([2.0, 1.0], [1.0]))
    for one, other in zip(both, alone, strict=True):
        if np.shape(one) not in ((), (2,)) or np.shape(other) not in ((), (1,)) or not _close(one, other):
            raise TypeError(f"{name}: a formula must be elementwise; this one makes {one!r} of two numbers")


def _close(one: Any, other: Any) -> bool:
    """Whether the last numbers agree but for rounding."""
    a, b = float(np.ravel(one)[-1]), float(np.ravel(other)[-1])
    return math.isclose(a, b, rel_tol=1e-6) or (math.isnan(a) and math.isnan(b))


def _tried(rule: Rule, name: str, formula: Callable[..., Any], numbers: list[float]) -> tuple[Any, ...]:
    """Return the formula's value and new state for a few numbers, none of which it may write to."""
    x = _constant(numbers)
    state = tuple(_constant([start] * len(numbers)) for start in rule.start)
    try:
        with np.errstate(all="ignore"):
            result = formula(x, state)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise TypeError(f"{name}: a formula must not write to what it is given; write x = 2 * x for x *= 2") from error
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], tuple)):
        raise TypeError(f"{name}: a formula must return a pair (value, tuple of states); got {type(result).__name__}")
    if len(result[1]) != len(state):
        raise TypeError(f"{name}: the formula must return {len(state)} states for {rule.slots}; got {len(result[1])}")
    return (result[0], *result[1])


def _constant(numbers: Any) -> NDArray[np.float64]:
    array = np.array(numbers, np.float64)
    array.flags.writeable = False
    return array
