"""Checks of what an Optimizer is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from optimlab.rules.algebra import Rule
from optimlab.rules.probe import checked_rule

__all__ = [
    "checked_average",
    "checked_hooks",
    "checked_lr",
    "checked_replicas",
    "checked_rule",
    "hyperparameters",
    "replicated",
]


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
