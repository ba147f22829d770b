"""How a rule is written as mathematics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Page", "decimal"]


@dataclass
class Page:
    """The equations of the state so far, and the letters that are taken."""

    lines: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def letter(self, wanted: str) -> str:
        """Return the letter, with a number if it is taken."""
        count = self.taken.count(wanted) + 1
        self.taken.append(wanted)
        return wanted if count == 1 else f"{wanted}_{{{count}}}"

    def line(self, left: str, right: str) -> None:
        """Add an equation."""
        self.lines.append(rf"{left} &\leftarrow {right}")


def decimal(number: Any) -> str:
    """Return a number as LaTeX: 0.9, 10^{-8}, a row of numbers, or k ↦ the name of a schedule."""
    if callable(number):
        return rf"\mathrm{{{getattr(number, '__name__', type(number).__name__)}}}(k)".replace("_", r"\_")
    if isinstance(number, tuple):
        return rf"({', '.join(map(decimal, number))})"
    digits, _, power = f"{number:.6g}".partition("e")
    if not power:
        return digits
    return rf"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"
