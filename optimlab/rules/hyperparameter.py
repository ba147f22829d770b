"""A hyperparameter is a number, one number for each replica, or a schedule: a function of k = t - 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Hyperparameter", "checked", "hyperparameter", "value"]

Hyperparameter = float | tuple[float, ...] | Callable[[Any], Any]


def hyperparameter(owner: Any, name: str, allowed: str, contains: Callable[[float], bool]) -> None:
    """Check the field ``name`` of a frozen dataclass and store it as a float, a tuple of floats or a callable."""
    given = getattr(owner, name)
    object.__setattr__(owner, name, given if callable(given) else _stored(name, given, allowed, contains))


def _stored(name: str, given: Any, allowed: str, contains: Callable[[float], bool]) -> float | tuple[float, ...]:
    numbers = _real(name, given)
    if numbers.ndim > 1:
        raise ValueError(f"{name} must be a number or one number for each replica; got shape {numbers.shape}")
    values = tuple(numbers.ravel().tolist())
    for x in values:
        if not contains(x):
            raise ValueError(f"{name} must be {allowed}; got {x!r}")
    return values[0] if numbers.ndim == 0 else values


def _real(name: str, given: Any) -> Any:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a real number, one for each replica, or a schedule; got {given!r}")
    return array.astype(np.float64)


def value(owner: Any, name: str, t: Any) -> Any:
    """Return the hyperparameter at step t: a float, or an array of shape (S,)."""
    held = getattr(owner, name)
    if callable(held):
        held = held(t - 1)
        return held if isinstance(held, float) else _real(name, held)[()]
    if isinstance(held, float):
        return held
    return np.array(held)


def checked(name: str, given: Any, allowed: str, contains: Callable[[float], bool]) -> Any:
    """Return a number or an array of shape (S,) checked against its range; a schedule as it is."""
    if callable(given):
        return given
    stored = _stored(name, given, allowed, contains)
    return stored if isinstance(stored, float) else np.array(stored)
