"""What a sweep will cost: each task is run for a few steps, timed, and its memory measured."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from optimlab.extras import needed
from optimlab.lab.sweeps.task import Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["forecast"]

_FEW, _MORE = 2, 22  # steps of the pilots
_MB = 1e6


def forecast(tasks: Iterable[Task]) -> pd.DataFrame:
    """Return for each task its runs, the seconds that it will take in one process, and its memory in MB.

    Seconds go from two pilots, of 2 and 22 steps, to all steps along a straight line; further rates of grids that grow
    are not counted. Memory is what the pilot holds at most beside the program itself; it does not grow with the steps.

    Examples
    --------
    >>> from optimlab.lab.sweeps import Plan
    >>> forecast(Plan.of("bowl", "sgd, adam", lr=[0.1], seeds=3, steps=10).tasks())[["problem", "rule", "runs"]]
      problem  rule  runs
    0    bowl   SGD     3
    1    bowl  Adam     3
    """
    needed("pandas", "lab", "forecast")
    import pandas as pd

    rows = []
    for task in tasks:
        memory = _memory(task)
        few, more = (_seconds(replace(task, steps=steps)) for steps in (_FEW, _MORE))
        step = max(0.0, more - few) / (_MORE - _FEW)
        facts = {"problem": task.problem.label, "rule": task.rule, "runs": len(task.lr) * len(task.seeds)}
        rows.append(facts | {"seconds": few + step * max(0, task.steps - _FEW), "MB": memory / _MB})
    return pd.DataFrame(rows, columns=["problem", "rule", "runs", "seconds", "MB"])


def _seconds(task: Task) -> float:
    begin = time.perf_counter()
    task.run()
    return time.perf_counter() - begin


def _memory(task: Task) -> int:
    """Return the largest number of bytes that a few steps hold; it also warms up what is loaded once."""
    tracemalloc.start()
    replace(task, steps=_FEW).run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
