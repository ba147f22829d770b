"""Engines: what runs a rule's formula over memory."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import NDArray

from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Numbers
from optimlab.engine.tiles import TileEngine
from optimlab.rules.algebra import Rule

__all__ = ["AutoEngine", "Engine", "choose"]

COMPILED = 65536
"""Numbers from which "auto" compiles: below, a step in NumPy takes at most 0.2 ms, and compiling takes seconds."""


class Engine(Protocol):
    """What does one step on a segment."""

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do it."""

    def finite(self, x: NDArray[Any]) -> bool:
        """Return whether all numbers of a flat array are finite."""


def choose(name: str, rule: Rule, average: Rule | None) -> Engine:
    """Return the engine of this name for a rule and an average."""
    if name == "numpy":
        return TileEngine(rule, average)
    if name == "auto":
        return AutoEngine(rule, average)
    if name == "fused":
        engine: Engine = _fused(rule, average)
        return engine
    raise ValueError(f'engine must be "auto", "numpy" or "fused"; got {name!r}')


def _fused(rule: Rule, average: Rule | None) -> Any:
    if find_spec("numba") is None:
        raise ImportError('engine="fused" needs numba; install it with: pip install "optimlab[fast]"')
    from optimlab.engine.fused import FusedEngine

    return FusedEngine(rule, average)


class AutoEngine:
    """The fused engine for large segments where numba can compile the formula, else the NumPy engine."""

    def __init__(self, rule: Rule, average: Rule | None) -> None:
        self.rule = rule
        self.average = average
        self.tiles = TileEngine(rule, average)
        self.fused: Any = None
        self.compiles = find_spec("numba") is not None

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        if segment.weights.size >= COMPILED and self.compiles and self._compiled(segment):
            self.fused.sweep(segment, numbers)
        else:
            self.tiles.sweep(segment, numbers)

    def finite(self, x: NDArray[Any]) -> bool:
        """Return whether all numbers are finite."""
        engine = self.tiles if self.fused is None else self.fused
        return bool(engine.finite(x))

    def _compiled(self, segment: Segment) -> bool:
        if self.fused is None:
            self.fused = _fused(self.rule, self.average)
        try:
            self.fused.compile(segment.weights.dtype, segment.axis)
        except Exception as error:
            self.compiles = False
            why = " ".join(str(error).split())[:500]
            message = f"numba cannot compile {self.rule!r}, so the NumPy engine runs it: {why}"
            warnings.warn(message, RuntimeWarning, stacklevel=6)
        return self.compiles
