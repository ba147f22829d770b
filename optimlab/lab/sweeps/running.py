"""A plan is run: what the store has is taken from there, the rest goes to an executor, and grids grow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed
from optimlab.lab.sweeps.executors import Workers, completed, workers
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
    with _opened(store) as kept, workers(executor) as crew:
        while tasks:
            for task, found in _finished(tasks, kept, crew, progress=progress):
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
    tasks: Sequence[Task], store: Store | None, crew: Workers, *, progress: bool
) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    """Give each task its rows: those that are not in the store as they come, then what is there."""
    left = {} if store is None else {task: task.key for task in tasks}
    here = set() if store is None else store.have(left.values())
    fresh = (task for task in tasks if store is None or not store.have([left[task]]))  # another process may store, too
    arriving = completed(fresh, measured, crew)
    for task, done in _bar(arriving, len(tasks) - len(here), progress=progress):
        if store is not None:
            store.put(task, done.rows, done.seconds, where=done.circumstances)
            del left[task]
        yield task, done.rows
    yield from ((task, store.rows([key])[key]) for task, key in left.items() if store is not None)


def _bar(items: Iterator[Any], total: int, *, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    return iter(tqdm(items, desc="tasks", total=total, delay=2.0, leave=False, disable=None if progress else True))


def _ordered(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Sort as the plan has problems, rules, rates and seeds."""
    place = {name: {key: i for i, key in enumerate(keys)} for name, keys in plan.places.items()}
    key = lambda column: column.map(place[column.name]) if column.name in place else column  # noqa: E731
    return frame.sort_values(["problem", "rule", "lr", "seed"], key=key, kind="stable", ignore_index=True)
