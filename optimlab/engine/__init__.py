"""Engines: what runs a rule's formula over memory."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from optimlab.checks import choice
from optimlab.engine.numbers import Numbers
from optimlab.engine.segment import Segment
from optimlab.engine.tiles import TileEngine
from optimlab.rules.algebra import Rule

if TYPE_CHECKING:
    from optimlab.engine.fused import FusedEngine

__all__ = ["AutoEngine", "Engine", "choose"]

COMPILED = 65536
"""Numbers from which "auto" compiles: below, a step in NumPy takes at most 0.2 ms, and compiling takes seconds."""


class Engine(Protocol):
    """What does one step on a segment."""

    def prepare(self, segment: Segment) -> bool:
        """Trace and compile what a step needs; whether it is made of calls that cannot raise."""

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do it."""


def choose(name: str, rule: Rule | None, average: Rule | None) -> Engine:
    """Return the engine of this name for a rule and an average, or for one of them alone."""
    return _ENGINES[choice("engine", name, tuple(_ENGINES))](rule, average)


def _fused(rule: Rule | None, average: Rule | None) -> FusedEngine:
    if not _installed():
        raise ImportError('engine="fused" needs numba; install it with: pip install "optimlab[fast]"')
    from optimlab.engine.fused import FusedEngine

    return FusedEngine(rule, average)


def _installed() -> bool:
    """Whether there is a numba."""
    from importlib.util import find_spec  # 1 ms, for which an import need not wait

    return find_spec("numba") is not None


@cache
def _usable() -> bool:
    """Whether numba is there and can be imported; if it cannot, say so once."""
    if not _installed():
        return False
    try:
        import optimlab.engine.fused  # noqa: F401
    except Exception as error:  # a numba for another NumPy, a broken llvmlite: whatever it raises
        _warn(f"numba is installed but cannot be used, so the NumPy engine runs all rules: {error!r}")
        return False
    return True


def _warn(message: str) -> None:
    """Warn, at the line of the caller's that is not in this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("optimlab."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level)


class AutoEngine:
    """The fused engine for large segments where numba can compile the formula, else the NumPy engine."""

    def __init__(self, rule: Rule | None, average: Rule | None) -> None:
        self.rule = rule
        self.average = average
        self.tiles = TileEngine(rule, average)
        self.fused: FusedEngine | None = None
        self.compiles = True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.average)

    def prepare(self, segment: Segment) -> bool:
        """Compile for large segments, or trace."""
        return self._for(segment).prepare(segment)

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        self._for(segment).sweep(segment, numbers)

    def _for(self, segment: Segment) -> Engine:
        large = segment.weights.size >= COMPILED and self.compiles and _usable()
        return (large and self._compiled(segment)) or self.tiles

    def _compiled(self, segment: Segment) -> FusedEngine | None:
        """Return the fused engine with this segment's kernel, or say once why there is none."""
        try:
            fused = self.fused or _fused(self.rule, self.average)
            fused.compile(segment.weights.dtype, segment.axis)
        except Exception as error:  # whatever numba or a formula does; the NumPy engine runs it
            self.compiles, self.fused = False, None
            _warn(f"numba cannot compile {self.rule or self.average!r}, so the NumPy engine runs it: {error}")
        else:
            self.fused = fused
        return self.fused


_ENGINES: Final[dict[str, Callable[[Rule | None, Rule | None], Engine]]] = {
    "auto": AutoEngine,
    "numpy": TileEngine,
    "fused": _fused,
}
