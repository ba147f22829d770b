"""The numbers of one step, and how they meet the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.typing import Array, Marks, Number

__all__ = ["Numbers"]


@dataclass(slots=True)
class Numbers:
    """The numbers of one step in float64: scalars, or arrays of shape (S,).

    Attributes
    ----------
    scale, lr
        Factor of the gradient, learning rate.
    rule, average : tuple, or of the rule None
        Coefficients. Without those of the rule the average alone is swept.
    frozen : ndarray of bool, shape (S,), or None
        Replicas that do not move.
    """

    scale: Number
    lr: Number
    rule: tuple[Number, ...] | None
    average: tuple[Number, ...]
    frozen: Marks | None = None

    def groups(self) -> dict[str, tuple[Number, ...]]:
        """Return the numbers by what they belong to."""
        return {"lr": (self.lr,), "step.scale": (self.scale,), "rule": self.rule or (), "average": self.average}

    def row(self) -> tuple[Number, ...]:
        """Return the numbers in the order in which programs take them."""
        return self.average if self.rule is None else (self.scale, self.lr, *self.rule, *self.average)

    def bank(self, dtype: Any, replicas: int | None) -> Array:
        """Return all numbers in a dtype, each rounded once: shape (numbers,), with replicas (numbers, S)."""
        numbers = self.row()
        if replicas is None:
            return np.array(numbers, dtype)
        bank = np.empty((len(numbers), replicas), dtype)
        for row, number in zip(bank, numbers, strict=True):
            row[...] = number
        return bank

    def along(self, weights: Array, axis: int | None) -> Array:
        """Return the bank in the weights' dtype, its rows shaped to meet replicas along an axis of the weights."""
        bank = self.bank(weights.dtype, None if axis is None else weights.shape[axis])
        return bank.reshape(*bank.shape, *(1,) * (weights.ndim - 1)) if axis == 0 else bank
