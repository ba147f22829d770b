"""One task of a sweep: one problem and one contestant, all learning rates and seeds at once, as replicas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optimlab import __version__
from optimlab.descent.problem import Function
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.sweeps.problems import SweepProblem
from optimlab.typing import Array, Floats, Marks

__all__ = ["COLUMNS", "Task", "runs"]

COLUMNS = ("problem", "rule", "lr", "seed", "steps", "target", "final", "best", "hit", "settled", "diverged")
"""Columns of a sweep's table."""
_FORM = 1  # of the rows; another number makes other keys


@final
@dataclass(frozen=True, eq=False)
class Task:
    """What is run, stored and sent to workers as a whole.

    Parameters
    ----------
    problem : SweepProblem
        What is run over.
    contestant : Contestant
        Who runs.
    lr : tuple of float
        Learning rates.
    seeds : tuple of int
        Seeds.
    steps : int
        Updates of each run.
    rule : str
        What the contestant is called in the table.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> from optimlab.lab.sweeps import OnSurface
    >>> task = Task(OnSurface("bowl"), contestants("sgd")["SGD"], (0.1, 0.25), (0,), 100)
    >>> [(row["rule"], row["lr"], row["hit"]) for row in task.run()]
    [('SGD', 0.1, 32.0), ('SGD', 0.25, 11.0)]
    """

    problem: SweepProblem
    contestant: Any
    lr: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: int
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.rule or self.contestant.label} over {self.problem.label}"

    @property
    def config(self) -> dict[str, Any]:
        """All that the rows depend on, as plain data; what things are called is no part of it."""
        if "<" in self.contestant.key:
            raise StudyError(
                f"a store cannot tell {self.rule or self.contestant.label} from another by {self.contestant.key}; make "
                "a function in it a frozen dataclass with __call__, or run it without a store"
            )
        facts = {"form": _FORM, "optimlab": __version__, "problem": self.problem.config, "rule": self.contestant.key}
        return facts | {"lr": list(self.lr), "seeds": list(self.seeds), "steps": self.steps}

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of `config`."""
        text = json.dumps(self.config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def run(self) -> list[dict[str, Any]]:
        """Return a row for each learning rate and seed; a run that diverges is one, too, with inf."""
        found = runs(self.problem, self.contestant, self.lr, seeds=self.seeds, steps=self.steps)
        places = [(lr, seed) for lr in self.lr for seed in self.seeds]
        names = {"problem": self.problem.label, "rule": self.rule or self.contestant.label}
        sizes = {"steps": self.steps, "target": self.problem.goal}
        columns = {name: column.tolist() for name, column in found.items()}
        each = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        return [names | {"lr": lr, "seed": seed} | sizes | row for (lr, seed), row in zip(places, each, strict=True)]


def runs(
    problem: SweepProblem, contestant: Any, lr: Sequence[float], *, seeds: Sequence[int], steps: int
) -> dict[str, Array]:
    """Run all learning rates and seeds at once: ``final``, ``best``, ``hit``, ``settled``, ``diverged``, shape (L·S,).

    ``hit`` is the first step with a value at or below the target, ``settled`` the first from which on it stays so up to
    the last one, inf where there is none. ``diverged`` is a run that met a number that is not finite; its ``final`` is
    inf.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> from optimlab.lab.sweeps import OnSurface
    >>> found = runs(OnSurface("bowl"), contestants("sgd")["SGD"], [0.25, 2.0], seeds=[0], steps=900)
    >>> found["settled"], found["diverged"]
    (array([11., inf]), array([False,  True]))
    """
    seen = Function(problem.seen(tuple(seeds), len(lr)))
    w, marks = seen.start, _Marks(problem.goal, len(lr) * len(seeds))
    step = contestant.begin(w, np.repeat(np.asarray(lr, np.float64), len(seeds)))
    with np.errstate(all="ignore"):
        for k in range(steps + 1):
            due = k % problem.every == 0 or k == steps
            value, gradient = _looked(seen, w, due=due, moves=k < steps)
            if due:
                marks.see(k, value)
                if marks.gone.all():
                    break
            if k < steps:
                step(gradient, loss=value)
    return marks.found(step.diverged)


def _looked(seen: Function, w: Any, *, due: bool, moves: bool) -> tuple[Any, Any]:
    """Return value and gradient, None for what is not needed."""
    if seen.together is not None:
        return seen.together(w)  # type: ignore[no-any-return]
    ask: Callable[[Any, bool], Any] = lambda f, needed: f(w) if needed else None  # noqa: E731
    return ask(seen.value, due), ask(seen.gradient, moves)


class _Marks:
    """What is kept of the values of S runs."""

    def __init__(self, goal: float, count: int) -> None:
        self.goal = goal
        self.value, self.best = np.full(count, np.nan), np.full(count, np.inf)
        self.hit, self.settled = np.full(count, np.inf), np.full(count, np.inf)
        self.gone = np.zeros(count, bool)

    def see(self, k: int, value: Floats) -> None:
        """Take the values at step k."""
        self.gone |= ~np.isfinite(value)
        value = np.where(self.gone, np.inf, value)  # also -inf, of what has no minimum, is no success
        below = value <= self.goal
        here = np.where(below, k, np.inf)
        np.minimum(self.hit, here, out=self.hit)
        self.settled = np.where(below, np.minimum(self.settled, k), np.inf)
        np.minimum(self.best, value, out=self.best)
        self.value = value

    def found(self, frozen: Marks) -> dict[str, Array]:
        """Return the columns, once the last values were seen."""
        gone = self.gone | frozen
        final, settled = (np.where(gone, np.inf, column) for column in (self.value, self.settled))
        return {"final": final, "best": self.best, "hit": self.hit, "settled": settled, "diverged": gone}
