"""sweep: every rule over every problem at every learning rate and seed, one task for each problem and rule."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.lab.contestants import contestants
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.sweeps.fairness import best
from optimlab.lab.sweeps.grid import Grid, grids
from optimlab.lab.sweeps.problems import SweepProblem
from optimlab.lab.sweeps.reading import problems as read_problems
from optimlab.lab.sweeps.task import COLUMNS, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BorderWarning", "Plan", "sweep", "timed"]

_LR = Grid.between(1e-4, 1.0, per_decade=2)
Rows = list[dict[str, Any]]


@final
class BorderWarning(UserWarning):
    """The best learning rate lies on the edge of its grid, and the grid may not be extended further.

    Examples
    --------
    >>> issubclass(BorderWarning, UserWarning)
    True
    """


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """What is to run: problems, contestants and their grids by label, seeds, steps.

    Examples
    --------
    >>> plan = Plan.of("bowl, rosenbrock", "sgd, adam", lr=[0.1, 1.0], seeds=3, steps=10)
    >>> [(task.problem.label, task.rule, task.lr) for task in plan.tasks()][:2]
    [('bowl', 'SGD', (0.1, 1.0)), ('bowl', 'Adam', (0.1, 1.0))]
    """

    problems: dict[str, SweepProblem]
    contestants: dict[str, Any]
    grids: dict[str, Grid]
    seeds: tuple[int, ...]
    steps: int

    @classmethod
    def of(cls, problems: Any, rules: Any, *, lr: Any = _LR, seeds: Any = 5, steps: int = 1000) -> Plan:
        """Return the plan of what a user writes; see `sweep`."""
        entered = contestants(rules)
        if not entered:
            raise StudyError("rules must have at least one rule; got none")
        counted = range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
        listed = tuple(whole("each of seeds", seed, 0) for seed in counted) if isinstance(counted, Iterable) else ()
        if not listed or len(set(listed)) < len(listed):
            raise StudyError(f"seeds must be a number of seeds, at least 1, or different seeds; got {seeds!r}")
        found = read_problems(problems)
        if len(listed) > 1 and (plain := [label for label, one in found.items() if not one.drawn]):
            raise StudyError(
                f"{', '.join(plain)}: nothing is drawn, so {len(listed)} seeds are one run; give seeds=1, or "
                "let starts differ, spread=0.1"
            )
        return cls(found, entered, grids(lr, entered), listed, whole("steps", steps, 1))

    @property
    def places(self) -> dict[str, Iterable[Any]]:
        """Problems, rules and seeds in their order, by the column of the table."""
        return {"problem": self.problems, "rule": self.contestants, "seed": self.seeds}

    def tasks(self) -> list[Task]:
        """Return the tasks, a problem after the other."""
        return [self._task(problem, rule, self.grids[rule]) for problem in self.problems for rule in self.contestants]

    def extended(self, frame: pd.DataFrame) -> tuple[list[Task], list[str]]:
        """Return tasks for one rate more where a best one lies on an edge, and what is said where there may be none.

        All rules of a problem get it, so that each is tuned on as many.
        """
        tasks, said = list[Task](), list[str]()
        for problem, rows in best(frame).groupby("problem", sort=False):
            for side in ("low", "high"):
                at = rows[rows["edge"] == side]
                more = [self._more(str(problem), rule, frame, side) for rule in self.contestants] if len(at) else []
                found = [task for task in more if task is not None]
                if found:
                    tasks += found
                    break  # the other side in the next round, if there may be one more then
                said += [_said(row) for row in at.to_dict("records")]
        return tasks, said

    def _more(self, problem: str, rule: str, frame: pd.DataFrame, side: str) -> Task | None:
        """Return the task of one rate more, if there may be one."""
        rows = frame[(frame["problem"] == problem) & (frame["rule"] == rule)]
        now, first = Grid(tuple(rows["lr"].unique())), self.grids[rule]
        if len(now.rates) < 2 or len(now.rates) - len(first.rates) >= first.extensions:
            return None
        return self._task(problem, rule, Grid((now.below if side == "low" else now.above,)))

    def _task(self, problem: str, rule: str, grid: Grid) -> Task:
        return Task(self.problems[problem], self.contestants[rule], grid.rates, self.seeds, self.steps, rule)


def sweep(
    problems: Any,
    rules: Any,
    *,
    lr: Any = _LR,
    seeds: Any = 5,
    steps: int = 1000,
    store: Any = None,
    executor: Any = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run rules over problems at several learning rates and seeds; return a row for each run.

    The starts and the noise of a seed are the same for every rule and every learning rate. A run that diverges is a
    row, with ``final`` inf. Where the best learning rate of a rule, by ``settled``, is the least or the largest, the
    grid of all rules on that problem is extended by one, as often as it allows.

    Parameters
    ----------
    problems : str, SweepProblem, Surface or callable, or several of them
        Such as "rosenbrock, beale + noise 0.1, ravine(100, 10), digits(batch=32)", or objects; see `problems`.
    rules : str, Rule, or other contestants
        As ``optimlab.lab.contestants.contestants`` takes them.
    lr : Grid or sequence of float, or dict of them by label
        Learning rates, greater than 0; by default two to a decade from 1e-4 to 1.
    seeds : int, at least 1, or sequence of int
        How many seeds, 0, 1, ..., or which.
    steps : int, at least 1
        Updates of each run.
    store : str, Path or Store, optional
        Where finished tasks are kept; what is there already is not run again.
    executor : int, str or concurrent.futures.Executor, optional
        Who runs the tasks: a number of processes, "processes", "local" or "tcp://..." for Dask, or any executor.
    progress : bool
        Show a bar after two seconds, if standard error is a terminal.

    Returns
    -------
    DataFrame
        Columns problem, rule, lr, seed, steps, target, final, best, hit, settled, diverged.

    Raises
    ------
    StudyError
        If a text means no problem or no rule, or a problem cannot be sent to another process.
    ValueError, TypeError
        If an argument is outside its range.

    Warns
    -----
    BorderWarning
        If the best learning rate still lies on the edge of its grid.

    Examples
    --------
    >>> frame = sweep("rosenbrock", "sgd, adam", lr=[1e-3, 1e-2], seeds=2, steps=100)  # doctest: +SKIP
    """
    needed("pandas", "lab", "sweep")
    import pandas as pd

    plan, rows = Plan.of(problems, rules, lr=lr, seeds=seeds, steps=steps), list[dict[str, Any]]()
    tasks, said = plan.tasks(), list[str]()
    while tasks:
        for task, found in _finished(tasks, store, executor, progress=progress):
            rows += [row | {"problem": task.problem.label, "rule": task.rule} for row in found]
        frame = _ordered(pd.DataFrame(rows, columns=list(COLUMNS)), plan)
        tasks, said = plan.extended(frame)
    for text in said:
        warnings.warn(text, BorderWarning, stacklevel=2)
    return frame


def _finished(
    tasks: Sequence[Task], store: Any, executor: Any, *, progress: bool
) -> Iterator[tuple[Task, Rows]]:
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
    12.0
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
                f"{task.rule} over {task.problem.label} cannot be sent to another process ({error}); leave the executor "
                "out, or write the problem as a formula or as file.py:name"
            ) from error


def _bar(items: Iterator[Any], total: int, *, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    return iter(tqdm(items, desc="tasks", total=total, delay=2.0, leave=False, disable=None if progress else True))


def _ordered(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Sort as the plan has problems, rules, rates and seeds."""
    place = {name: {key: i for i, key in enumerate(keys)} for name, keys in plan.places.items()}
    key = lambda column: column.map(place[column.name]) if column.name in place else column  # noqa: E731
    return frame.sort_values(["problem", "rule", "lr", "seed"], key=key, kind="stable", ignore_index=True)


def _said(row: dict[str, Any]) -> str:
    """Say where a best learning rate lies on the edge."""
    end, way = ("least", "lower") if row["edge"] == "low" else ("largest", "higher")
    return (
        f"{row['rule']} on {row['problem']} is best at lr {row['lr']:g}, the {end} of its grid: a {way} one may be "
        "better; widen lr, or allow more extensions"
    )
