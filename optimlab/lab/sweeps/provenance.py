"""What is known of a finished task besides its rows: how long it took, and where and with what it was run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from optimlab.lab.frame.circumstances import circumstances

__all__ = ["Finished", "Job", "measured"]


class Job(Protocol):
    """What can be run once and kept: the rows depend on `config` alone, of which `key` is the hash."""

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of `config`."""

    @property
    def config(self) -> dict[str, Any]:
        """All that the rows depend on, as plain data."""

    def run(self) -> list[dict[str, Any]]:
        """Return the rows."""


class Finished(NamedTuple):
    """A task's rows, the seconds it took, and the circumstances of the process that ran it."""

    rows: list[dict[str, Any]]
    seconds: float
    circumstances: Mapping[str, object]


def measured(task: Job) -> Finished:
    """Run a task, and measure it where it runs.

    Examples
    --------
    >>> class Nothing:
    ...     key, config = "0", {}
    ...     def run(self):
    ...         return []
    >>> measured(Nothing()).rows
    []
    """
    begin = time.perf_counter()
    rows = task.run()
    return Finished(rows, time.perf_counter() - begin, circumstances())
