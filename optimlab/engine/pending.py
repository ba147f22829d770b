"""What a run asks of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from optimlab.engine.layout import Layout
from optimlab.typing import Array, Count, Marks

__all__ = ["Pending"]


class Pending(Protocol):
    """A checkpoint, which may have to wait for the parameters."""

    writes: bool
    """Whether the saved parameters are written into those that were given."""

    @property
    def t(self) -> Count:
        """Number of updates."""

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the leaves."""

    @property
    def held(self) -> Any:
        """What is saved of them."""

    def memory(self, block: str) -> Iterator[tuple[str, str, Array]]:
        """Yield leaf, slot and what is saved of it, as ``Layout.memory`` does."""

    def check(self, layout: Layout) -> Any:
        """Refuse other leaves; return what is in memory."""

    def load_hooks(self) -> None:
        """Give each hook its state, or all of them what they had."""

    def write(self, layout: Layout, held: Any) -> None:
        """Write clocks, state and average into what ``check`` has returned, and the parameters if they are written."""

    def fill(self, layout: Layout) -> None:
        """Write into the layout of the parameters that were saved, or refuse others."""
