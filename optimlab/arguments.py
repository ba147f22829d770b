"""Checks of what an Optimizer is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.rules.algebra import Rule

__all__ = [
    "checked_average",
    "checked_hooks",
    "checked_lr",
    "checked_replicas",
    "checked_rule",
    "hyperparameters",
    "replicated",
]


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


def checked_average(average: Any) -> Rule | None:
    """Return a rule whose value can be read from its state."""
    if average is None:
        return None
    checked_rule(average, "average")
    if not hasattr(average, "read"):
        raise TypeError(f"average must be a rule with a method read(state, c), such as Ema(0.999); got {average!r}")
    return average  # type: ignore[no-any-return]


def checked_hooks(hooks: Any) -> tuple[Any, ...]:
    """Return the hooks as a tuple of objects with one of the two methods."""
    if not isinstance(hooks, Sequence):
        raise TypeError(f"hooks must be a list or tuple; got {hooks!r}; for a single hook write hooks=[hook]")
    for hook in hooks:
        if not any(callable(getattr(hook, name, None)) for name in ("before", "after")):
            raise TypeError(f"a hook must have a method before(step) or after(step); {hook!r} has neither")
        if isinstance(hook, type):
            raise TypeError(f"a hook must be an object, not a class; write {hook.__name__}(...)")
    return tuple(hooks)


def checked_replicas(replicas: Any) -> int | None:
    """Return S, or None."""
    if replicas is None:
        return None
    if isinstance(replicas, bool) or not isinstance(replicas, (int, np.integer)) or replicas < 1:
        raise ValueError(f"replicas must be a whole number of at least 1, or None; got {replicas!r}")
    return int(replicas)


def checked_lr(lr: Any) -> Any:
    """Return a learning rate that a schedule or a hook gave, which may have fallen to 0: a float or a new array."""
    if isinstance(lr, float) and 0.0 <= lr < np.inf:
        return lr
    numbers = np.array(lr, dtype=np.float64)
    if not ((numbers >= 0.0) & (numbers < np.inf)).all():
        raise ValueError(f"lr must be at least 0 and finite at every step; got {lr!r} from its schedule or a hook")
    return numbers[()] if numbers.ndim else float(numbers)


def hyperparameters(hooks: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """Return the hyperparameters of hooks that are dataclasses, as "ClipNorm.max_norm"; schedules are left out.

    A dataclass in a hook, such as the set that ``Project`` projects onto, is looked into as well.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for hook in filter(is_dataclass, hooks):
        for field in fields(hook):
            held = getattr(hook, field.name)
            if field.type == "Hyperparameter" and not callable(held):
                found[f"{type(hook).__name__}.{field.name}"] = (held,)
            elif is_dataclass(held) and not isinstance(held, type):
                found |= hyperparameters((held,))
    return found


def replicated(replicas: int | None, numbers: Mapping[str, tuple[Any, ...]]) -> None:
    """Check that each number is a scalar or, with replicas, one for each of them."""
    for name, group in numbers.items():
        for number in group:
            shape = () if isinstance(number, float) else np.shape(number)
            if shape and replicas is None:
                raise ValueError(f"{name} has a hyperparameter of shape {shape}; it must be a number without replicas=")
            if shape and shape != (replicas,):
                raise ValueError(f"{name} has a hyperparameter of shape {shape}; it must be a number or ({replicas},)")
