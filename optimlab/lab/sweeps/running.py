"""A plan is run: what the store has is taken from there, the rest goes to an executor, and grids grow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed
from optimlab.lab.sweeps.executors import completed
from optimlab.lab.sweeps.plan import BorderWarning, Plan
from optimlab.lab.sweeps.provenance import measured
from optimlab.lab.sweeps.store import Store
from optimlab.lab.sweeps.task import COLUMNS, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of"]


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

    rows: list[dict[str, Any]] = []
    tasks, said = plan.tasks(), list[str]()
    with _opened(store) as kept:
        while tasks:
            for task, found in _finished(tasks, kept, executor, progress=progress):
                rows += [row | {"problem": task.problem.label, "rule": task.rule} for row in found]
            frame = _ordered(pd.DataFrame(rows, columns=list(COLUMNS)), plan)
            tasks, said = plan.extended(frame)
    for text in said:
        warnings.warn(text, BorderWarning, stacklevel=3)
    return frame


def _opened(store: Any) -> AbstractContextManager[Store | None]:
    """Return the store, which is closed in the end if it is opened here."""
    return nullcontext(store) if store is None or isinstance(store, Store) else Store(store)


def _finished(
    tasks: Sequence[Task], store: Store | None, executor: Any, *, progress: bool
) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    """Give each task its rows: from the store those that are there, the others as they come."""
    keys = [] if store is None else [task.key for task in tasks]
    kept = {} if store is None else store.rows(keys)
    yield from ((task, kept[key]) for task, key in zip(tasks, keys, strict=False) if key in kept)
    waiting = [task for task, key in zip_longest(tasks, keys) if key not in kept]
    for task, done in _bar(completed(waiting, measured, executor), len(waiting), progress=progress):
        if store is not None:
            store.put(task, done.rows, done.seconds, where=done.circumstances)
        yield task, done.rows


def _bar(items: Iterator[Any], total: int, *, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    return iter(tqdm(items, desc="tasks", total=total, delay=2.0, leave=False, disable=None if progress else True))


def _ordered(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Sort as the plan has problems, rules, rates and seeds."""
    place = {name: {key: i for i, key in enumerate(keys)} for name, keys in plan.places.items()}
    key = lambda column: column.map(place[column.name]) if column.name in place else column  # noqa: E731
    return frame.sort_values(["problem", "rule", "lr", "seed"], key=key, kind="stable", ignore_index=True)
