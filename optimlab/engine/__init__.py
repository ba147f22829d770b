"""Engines: what runs a rule's formula over memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol

from optimlab.checks import choice
from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Numbers
from optimlab.engine.tiles import TileEngine
from optimlab.rules.algebra import Rule

if TYPE_CHECKING:
    from optimlab.engine.fused import FusedEngine

__all__ = ["AutoEngine", "Engine", "choose"]

COMPILED = 65536
"""Numbers from which "auto" compiles: below, a step in NumPy takes at most 0.2 ms, and compiling takes seconds."""


class Engine(Protocol):
    """What does one step on a segment."""

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do it."""


def choose(name: str, rule: Rule | None, average: Rule | None) -> Engine:
    """Return the engine of this name for a rule and an average, or for one of them alone."""
    return _ENGINES[choice("engine", name, tuple(_ENGINES))](rule, average)


def _fused(rule: Rule | None, average: Rule | None) -> FusedEngine:
    if find_spec("numba") is None:
        raise ImportError('engine="fused" needs numba; install it with: pip install "optimlab[fast]"')
    from optimlab.engine.fused import FusedEngine

    return FusedEngine(rule, average)


class AutoEngine:
    """The fused engine for large segments where numba can compile the formula, else the NumPy engine."""

    def __init__(self, rule: Rule | None, average: Rule | None) -> None:
        self.rule = rule
        self.average = average
        self.tiles = TileEngine(rule, average)
        self.fused: FusedEngine | None = None
        self.compiles = find_spec("numba") is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.average)

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        large = segment.weights.size >= COMPILED and self.compiles
        fused = self._compiled(segment) if large else None
        (fused or self.tiles).sweep(segment, numbers)

    def _compiled(self, segment: Segment) -> FusedEngine | None:
        """Return the fused engine with this segment's kernel, or say once why there is none."""
        try:
            fused = self.fused or _fused(self.rule, self.average)
            fused.compile(segment.weights.dtype, segment.axis)
        except Exception as error:  # whatever numba or a formula does; the NumPy engine runs it
            self.compiles, self.fused = False, None
            message = f"numba cannot compile {self.rule or self.average!r}, so the NumPy engine runs it: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=8)
        else:
            self.fused = fused
        return self.fused


_ENGINES: Final[dict[str, Callable[[Rule | None, Rule | None], Engine]]] = {
    "auto": AutoEngine,
    "numpy": TileEngine,
    "fused": _fused,
}
