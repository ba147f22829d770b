"""What a sweep has to run: tasks, and further ones where a grid grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from optimlab.checks import choice, whole
from optimlab.lab.contestants import contestants
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.sweeps.fairness import CRITERIA, rated
from optimlab.lab.sweeps.grid import Grid, grids
from optimlab.lab.sweeps.problems import SweepProblem
from optimlab.lab.sweeps.reading import problems as read_problems
from optimlab.lab.sweeps.task import Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT", "BorderWarning", "Plan"]

DEFAULT = Grid.between(1e-4, 1.0, per_decade=2)
"""The learning rates where none are given."""


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
    """What is to run: problems, contestants and their grids by label, seeds, steps, and by what a grid grows.

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
    by: str = "settled"

    @classmethod
    def of(
        cls, problems: Any, rules: Any, *, lr: Any = DEFAULT, seeds: Any = 5, steps: int = 1000, by: str = "settled"
    ) -> Plan:
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
        return cls(found, entered, grids(lr, entered), listed, whole("steps", steps, 1), choice("by", by, CRITERIA))

    @property
    def places(self) -> dict[str, Iterable[Any]]:
        """Problems, rules and seeds in their order, by the column of the table."""
        return {"problem": self.problems, "rule": self.contestants, "seed": self.seeds}

    def turned(self, seed: int, *, quick: bool) -> Plan:
        """Return a twin with seeds greater by a number; a quick one has four at most, and a tenth of the steps."""
        seeds = tuple(seed + own for own in self.seeds)
        return replace(self, seeds=seeds[:4], steps=-(-self.steps // 10)) if quick else replace(self, seeds=seeds)

    def tasks(self) -> list[Task]:
        """Return the tasks, a problem after the other."""
        return [self._task(problem, rule, self.grids[rule]) for problem in self.problems for rule in self.contestants]

    def extended(self, frame: pd.DataFrame) -> tuple[list[Task], list[str]]:
        """Return tasks for one rate more where a best one lies on an edge, and what is said where there may be none.

        All rules of a problem get it, so that each is tuned on as many.
        """
        tasks, said = list[Task](), list[str]()
        for problem, rows in rated(frame, self.by).groupby("problem", sort=False):
            for side in ("low", "high"):
                at = rows[rows["edge"] == side]
                more = [self._more(str(problem), rule, frame, side) for rule in self.contestants] if len(at) else []
                found = [task for task in more if task is not None]
                if found:
                    tasks += found
                    break  # the other side in the next round, if there may be one more then
                said += [_said(row) for row in at.itertuples()]
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


def _said(row: Any) -> str:
    """Say where a best learning rate lies on the edge."""
    end, way = ("least", "lower") if row.edge == "low" else ("largest", "higher")
    return (
        f"{row.rule} on {row.problem} is best at lr {row.lr:g}, the {end} of its grid: a {way} one may be better; "
        "widen lr, or allow more extensions"
    )
