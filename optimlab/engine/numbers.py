"""The numbers of one step, and how they meet the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cast", "Numbers", "scalars"]

Array = NDArray[Any]


@dataclass(slots=True)
class Numbers:
    """The numbers of one step in float64: scalars, or arrays of shape (S,).

    Attributes
    ----------
    scale, lr
        Factor of the gradient, learning rate.
    rule, average : tuple
        Coefficients.
    frozen : ndarray of bool, shape (S,), or None
        Replicas that do not move.
    """

    scale: Any
    lr: Any
    rule: tuple[Any, ...]
    average: tuple[Any, ...]
    frozen: Array | None = None

    def groups(self) -> dict[str, tuple[Any, ...]]:
        """Return the numbers by what they belong to."""
        return {"lr": (self.lr,), "step.scale": (self.scale,), "rule": self.rule, "average": self.average}

    def bank(self, dtype: Any, replicas: int | None) -> Array:
        """Return all numbers in a dtype, each rounded once: shape (numbers,), with replicas (numbers, S)."""
        numbers = (self.scale, self.lr, *self.rule, *self.average)
        if replicas is None:
            return np.array(numbers, dtype)
        bank = np.empty((len(numbers), replicas), dtype)
        for row, number in zip(bank, numbers, strict=True):
            row[...] = number
        return bank

    def cast(self, dtype: Any, axis: int | None) -> Cast:
        """Return the numbers in a dtype, shaped to meet replicas along an axis."""
        numbers = (self.scale, self.lr, *self.rule, *self.average)
        if axis is None:
            parts = scalars(np.array(numbers, dtype))
        else:
            parts = tuple([_turned(np.asarray(number, dtype), axis) for number in numbers])
        live = None if self.frozen is None else _turned(~self.frozen, axis)
        return Cast(parts[0], parts[1], parts[2 : 2 + len(self.rule)], parts[2 + len(self.rule) :], live)


def scalars(bank: Array) -> tuple[Array, ...]:
    """Return the numbers as 0-d views: NumPy multiplies by them in 0.33 µs, by a Python float in 0.60."""
    return tuple([bank[i, ...] for i in range(len(bank))])


def _turned(number: Array, axis: int | None) -> Array:
    return number[:, None] if axis == 0 and number.ndim else number


@dataclass(slots=True)
class Cast:
    """The numbers of one step as the tiles need them; ``live`` are the replicas that move, None if all do."""

    scale: Array
    lr: Array
    rule: tuple[Array, ...]
    average: tuple[Array, ...]
    live: Array | None

    def part(self, where: slice) -> Cast:
        """Return the numbers of these replicas."""

        def one(number: Any) -> Any:
            return number if number is None or not number.ndim else number[where]

        rule, average = tuple(map(one, self.rule)), tuple(map(one, self.average))
        return Cast(one(self.scale), one(self.lr), rule, average, one(self.live))
