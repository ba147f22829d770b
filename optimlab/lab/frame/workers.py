"""Workers: the long runs of a study side by side, one process a core, behind one progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from optimlab.lab.frame.run import Run

__all__ = ["cores", "one_thread_each", "side_by_side", "tick"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_PAUSE = 0.1  # seconds between two looks at how far the workers are
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_ticks: Any = None


def tick() -> None:
    """Move the progress bar of `side_by_side` on by one; anywhere else, do nothing.

    Examples
    --------
    >>> tick()
    """
    if _ticks is not None:
        with _ticks.get_lock():
            _ticks.value += 1


def side_by_side(
    run: Run, function: Callable[[Job], Result], jobs: Sequence[Job], *, ticks: int, description: str
) -> list[Result]:
    """Return ``[function(job) for job in jobs]``, computed in as many processes as there are cores.

    The function must be importable, and calls `tick` as often as it says. Long jobs should come first. In a worker BLAS
    has one thread: with small matrices more of them only get into each other's way.

    An exception of a job is raised. The progress bar of `run` counts what the description says, `ticks` of them.

    Examples
    --------
    >>> import math, tempfile
    >>> from pathlib import Path
    >>> run = Run("demo", Path(tempfile.mkdtemp()))
    >>> side_by_side(run, math.factorial, [3, 4], ticks=0, description="factorials")
    [6, 24]
    """
    context = get_context("spawn")  # fork would copy the locks of BLAS threads
    counter = context.Value("q", 0)
    with one_thread_each(), context.Pool(min(cores(), len(jobs)), _begin, (counter,)) as pool:
        waiting = [pool.apply_async(function, (job,)) for job in jobs]
        for _ in run.progress(_arrivals(waiting, counter), description, total=ticks):
            pass
        return [each.get() for each in waiting]


def _begin(counter: Any) -> None:
    global _ticks
    _ticks = counter


def _arrivals(waiting: Sequence[Any], counter: Any) -> Iterator[None]:
    """Yield once for each tick, until all jobs are done or one has failed."""
    seen, left = 0, list(waiting)
    while left:
        left[0].wait(_PAUSE)
        now = counter.value
        yield from (None for _ in range(seen, now))
        seen = now
        for each in left:
            if each.ready():
                each.get()  # raises what the job has raised
        left = [each for each in left if not each.ready()]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start now load BLAS with one thread."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
