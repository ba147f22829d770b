"""A plan is run: what the store has is taken from there, the rest goes to an executor, and grids grow."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.sweeps.plan import BorderWarning, Plan
from optimlab.lab.sweeps.task import COLUMNS, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of", "timed"]

Rows = list[dict[str, Any]]


def frame_of(plan: Plan, *, store: Any = None, executor: Any = None, progress: bool = True) -> pd.DataFrame:
    """Run a plan, with further rates where its grids grow, and return the table; see `sweep`.

    Examples
    --------
    >>> plan = Plan.of("bowl", "sgd", lr=[0.25], seeds=1, steps=20)
    >>> frame_of(plan)[["rule", "lr", "settled"]]
      rule    lr  settled
    0  SGD  0.25     11.0
    """
    needed("pandas", "lab", "sweep")
    import pandas as pd

    rows: Rows = []
    tasks, said = plan.tasks(), list[str]()
    while tasks:
        for task, found in _finished(tasks, store, executor, progress=progress):
            rows += [row | {"problem": task.problem.label, "rule": task.rule} for row in found]
        frame = _ordered(pd.DataFrame(rows, columns=list(COLUMNS)), plan)
        tasks, said = plan.extended(frame)
    for text in said:
        warnings.warn(text, BorderWarning, stacklevel=3)
    return frame


def _finished(tasks: Sequence[Task], store: Any, executor: Any, *, progress: bool) -> Iterator[tuple[Task, Rows]]:
    """Give each task its rows: from the store those that are there, the others as they come."""
    kept = {} if store is None else store.rows([task.key for task in tasks])
    if store is not None:
        yield from ((task, kept[task.key]) for task in tasks if task.key in kept)
    waiting = [task for task in tasks if store is None or task.key not in kept]
    if executor is not None:
        _sendable(waiting)
    done = ((task, timed(task)) for task in waiting)
    for task, (rows, seconds) in _bar(done, len(waiting), progress=progress):
        if store is not None:
            store.put(task, rows, seconds)
        yield task, rows


def timed(task: Task) -> tuple[Rows, float]:
    """Run a task, and say how many seconds it took.

    Examples
    --------
    >>> plan = Plan.of("bowl", "sgd", lr=[0.25], seeds=1, steps=20)
    >>> timed(plan.tasks()[0])[0][0]["settled"]
    11.0
    """
    begin = time.perf_counter()
    rows = task.run()
    return rows, time.perf_counter() - begin


def _sendable(tasks: Sequence[Task]) -> None:
    """Say which problem or rule cannot be sent to another process."""
    for task in tasks:
        try:
            pickle.dumps(task)
        except Exception as error:  # pickle raises what it likes
            raise StudyError(
                f"{task.rule} over {task.problem.label} cannot be sent to another process ({error}); leave the "
                "executor out, or write the problem as a formula or as file.py:name"
            ) from error


def _bar(items: Iterator[Any], total: int, *, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    return iter(tqdm(items, desc="tasks", total=total, delay=2.0, leave=False, disable=None if progress else True))


def _ordered(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Sort as the plan has problems, rules, rates and seeds."""
    place = {name: {key: i for i, key in enumerate(keys)} for name, keys in plan.places.items()}
    key = lambda column: column.map(place[column.name]) if column.name in place else column  # noqa: E731
    return frame.sort_values(["problem", "rule", "lr", "seed"], key=key, kind="stable", ignore_index=True)
