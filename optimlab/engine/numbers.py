"""The numbers of one step, and how they meet the memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.typing import Array, Marks, Number

__all__ = ["Numbers"]


@dataclass(slots=True)
class Numbers:
    """The numbers of one step: in float64 scalars or arrays of shape (S,); as the tiles need them arrays of a dtype.

    Attributes
    ----------
    scale, lr
        Factor of the gradient, learning rate.
    rule, average : tuple
        Coefficients.
    frozen : ndarray of bool, shape (S,), or None
        Replicas that do not move.
    """

    scale: Number
    lr: Number
    rule: tuple[Number, ...]
    average: tuple[Number, ...]
    frozen: Marks | None = None

    def groups(self) -> dict[str, tuple[Number, ...]]:
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

    def views(self, bank: Array) -> Numbers:
        """Return a bank's numbers as 0-d arrays: NumPy multiplies by them in 0.33 µs, by a Python float in 0.60."""
        rows = iter([bank[i, ...] for i in range(len(bank))])
        return self._each(lambda _: next(rows))

    def cast(self, dtype: Any, axis: int | None) -> Numbers:
        """Return the numbers in a dtype, shaped to meet replicas along an axis."""
        if axis is None:
            return self.views(self.bank(dtype, None))
        return self._each(lambda number: _turned(np.asarray(number, dtype), axis), lambda marks: _turned(marks, axis))

    def part(self, where: slice) -> Numbers:
        """Return the numbers of these replicas."""

        def one(number: Any) -> Any:
            return number[where] if number.ndim else number

        return self._each(one, one)

    def _each(self, of: Callable[[Any], Any], of_marks: Callable[[Any], Any] | None = None) -> Numbers:
        frozen = self.frozen if self.frozen is None or of_marks is None else of_marks(self.frozen)
        scale, lr = of(self.scale), of(self.lr)
        return Numbers(scale, lr, tuple(map(of, self.rule)), tuple(map(of, self.average)), frozen)


def _turned(number: Array, axis: int) -> Array:
    return number[:, None] if axis == 0 and number.ndim else number
