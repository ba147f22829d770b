"""What all benchmarks share: contenders race side by side in one run, and the report is a Markdown text.

Times on a shared machine drift, ratios of neighbours hardly do: the contenders take turns (A B C A B C ...), and
what counts is the median of the ratios within each round. Nothing here imports NumPy, so that a benchmark can pin its
threads first::

    import timing

    timing.pin_threads()

    import numpy as np  # noqa: E402
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

from tqdm import tqdm

__all__ = [
    "Race", "Report", "Spread", "Target", "duration", "extra_memory", "header", "options", "pin_threads", "race",
    "ratio", "table", "target_table",
]  # fmt: skip

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip

Call = Callable[[], object]


def pin_threads() -> None:
    """Keep this process and every library in it on one thread and, where the system allows it, on one core.

    Raises
    ------
    RuntimeError
        If NumPy is loaded already: its BLAS has read the number of threads.
    """
    if "numpy" in sys.modules:
        raise RuntimeError("pin_threads must be called before numpy is imported; import timing and call it first")
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def options(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--quick`` and ``--out FILE``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the report to FILE")
    return parser


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """Return the spread of the numbers."""
        return cls(median(numbers), min(numbers), max(numbers))


@dataclass(frozen=True)
class Race:
    """The times of a race.

    Attributes
    ----------
    seconds : dict of str to list of float
        For each contender, the seconds a call took in round 0, 1, 2, ...
    """

    seconds: dict[str, list[float]]

    def time(self, name: str) -> Spread:
        """Return the seconds a call of this contender takes."""
        return Spread.of(self.seconds[name])

    def ratio(self, name: str, reference: str) -> Spread:
        """Return the time of a contender over that of the reference, taken round by round."""
        return Spread.of([a / b for a, b in zip(self.seconds[name], self.seconds[reference], strict=True)])

    def rows(self, references: Sequence[str]) -> list[list[str]]:
        """Return a row for each contender: its name, its time, its ratio to each of the references."""
        return [
            [name, duration(self.time(name)), *(self._cell(name, reference) for reference in references)]
            for name in self.seconds
        ]

    def _cell(self, name: str, reference: str) -> str:
        if reference not in self.seconds:
            return ""
        return "1" if name == reference else ratio(self.ratio(name, reference))


def race(
    contenders: Mapping[str, Call], *, rounds: int, calls: int = 1, clock: Callable[[], float] = time.perf_counter
) -> Race:
    """Time the contenders in turn, ``rounds`` times, after one round that does not count.

    Parameters
    ----------
    contenders : mapping of str to callable
        What to time, by name.
    rounds : int, at least 1
        Times each of them is timed.
    calls : int, at least 1
        Calls in one timing: many for calls of microseconds.
    clock : callable
        Seconds.

    Returns
    -------
    Race
        Seconds a call.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    with _collector_off():
        for turn in tqdm(range(-1, rounds), desc="race", unit="round", delay=2.0, leave=False, disable=None):
            for name, call in contenders.items():
                elapsed = _timed(call, calls, clock)
                if turn >= 0:
                    seconds[name].append(elapsed / calls)
    return Race(seconds)


def _timed(call: Call, calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        call()
    return clock() - start


@contextmanager
def _collector_off() -> Iterator[None]:
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def extra_memory(call: Call) -> int:
    """Return the bytes that a call holds at its peak beyond those held before it, its result included.

    Only what Python and NumPy allocate is seen: not the memory of a library with an allocator of its own.
    """
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        peak = tracemalloc.get_traced_memory()[1]
        del result
    finally:
        tracemalloc.stop()
    return peak - before


@dataclass(frozen=True)
class Target:
    """Something to reach, and what the run measured.

    Attributes
    ----------
    claim : str
        What is compared.
    measured : Spread or None
        None: not measured in this run.
    limit : float
        What the median may be at most, or must be at least.
    unit : str
        Unit of both.
    floor : bool
        Whether the limit is the least, rather than the most.
    """

    claim: str
    measured: Spread | None
    limit: float
    unit: str = "×"
    floor: bool = False

    @property
    def verdict(self) -> str:
        """Return "met", "missed" or "not measured"."""
        if self.measured is None:
            return "not measured"
        met = self.measured.median >= self.limit if self.floor else self.measured.median <= self.limit
        return "met" if met else "**missed**"

    def row(self) -> list[str]:
        """Return claim, limit, measured value and verdict as cells of a table."""
        measured = "" if self.measured is None else f"{ratio(self.measured)} {self.unit}"
        return [self.claim, f"{'≥' if self.floor else '≤'} {self.limit:g} {self.unit}", measured, self.verdict]


def target_table(targets: Sequence[Target]) -> str:
    """Return the targets as a Markdown table."""
    return table(["target", "wanted", "measured", ""], [target.row() for target in targets])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, the others to the right."""
    widths = [max(3, *map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(_padded(row, widths))} |" for row in [head, rule, *rows])


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def duration(seconds: Spread) -> str:
    """Return a time with its spread in the unit that suits it: ``1.53 ms (1.50-1.71)``."""
    factor, unit = next(((f, u) for f, u in _UNITS if seconds.median * f >= 1.0), _UNITS[-1])
    median, low, high = (_digits(factor * x) for x in (seconds.median, seconds.low, seconds.high))
    return f"{median} {unit} ({low}-{high})"


_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))


def ratio(spread: Spread) -> str:
    """Return a ratio with its spread: ``3.21 (3.10-3.35)``."""
    median, low, high = map(_digits, (spread.median, spread.low, spread.high))
    return median if low == high else f"{median} ({low}-{high})"


def _digits(x: float) -> str:
    """Return two or three digits, without an exponent."""
    decimals = next((n for n, least in enumerate((100.0, 10.0, 0.1)) if abs(x) >= least), 3)
    return f"{x:.{decimals}f}"


def header(packages: Sequence[str]) -> str:
    """Return one line: processor, cores, load, date, Python and the versions of the packages."""
    from optimlab.lab.frame.circumstances import cpu_model, version  # which loads NumPy

    load = f", load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {version(name) or '(not installed)'}" for name in packages)
    return (
        f"{cpu_model()}, {os.cpu_count()} cores (1 used){load}; {date.today().isoformat()}; "
        f"Python {platform.python_version()}, {versions}"
    )


@dataclass(frozen=True)
class Report:
    """A Markdown text that is printed as it grows."""

    parts: list[str] = field(default_factory=list)

    def add(self, part: str) -> None:
        """Print a paragraph, heading or table and keep it."""
        self.parts.append(part)
        print(part, end="\n\n", flush=True)

    def write(self, path: Path | None) -> None:
        """Write everything so far to the file, if there is one."""
        if path is not None:
            path.write_text("\n\n".join(self.parts) + "\n", encoding="utf-8")
