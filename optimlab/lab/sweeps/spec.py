"""A sweep as a file in TOML: what runs over what, how fair, and where."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.reading import nearest
from optimlab.lab.frame.workers import cores
from optimlab.lab.sweeps.fairness import CRITERIA
from optimlab.lab.sweeps.grid import Grid, matched
from optimlab.lab.sweeps.plan import Plan

__all__ = ["FAIRNESS", "Spec"]

_HERE = ("processes", "local")  # executors with a worker for each core

FAIRNESS = ("tuned", "same lr", "matched")
"""Each rule at its best learning rate, all at one, or all at one effective one."""
_GRID = {"from": "low", "to": "high", "per_decade": "per_decade", "extensions": "extensions"}
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "problems": ((str, list), "a text, or a list of texts"),
    "rules": ((str, list), "a text, or a list of texts"),
    "lr": ((list, dict), "a list of learning rates, or {from = 1e-4, to = 1.0, per_decade = 2, extensions = 3}"),
    "seeds": ((int, list), "how many, or a list of whole numbers"),
    "steps": ((int,), "a whole number"),
    "fairness": ((str,), f"one of {', '.join(FAIRNESS)}"),
    "by": ((str,), f"one of {', '.join(CRITERIA)}"),
    "store": ((str,), "the path of a file"),
    "executor": ((str, int), "a number of processes, 'processes', 'local' or 'tcp://...'"),
}


@final
@dataclass(frozen=True)
class Spec:
    """What a file says of a sweep, as plain data; what is not said is as `sweep` has it.

    Parameters
    ----------
    problems, rules, lr, seeds, steps, store, executor
        As `sweep` takes them; ``lr`` a list, or a table of ``from``, ``to``, ``per_decade`` and ``extensions``.
    fairness : {"tuned", "same lr", "matched"}
        At which learning rate a rule is judged: the one that is best for it on half of the seeds, by the other half;
        the one that is best for all rules together; or rates at which all move as fast for a constant gradient.
    by : {"settled", "hit", "final", "best"}
        What is less the better a rule is.

    Examples
    --------
    >>> spec = Spec.of({"problems": "bowl", "rules": "sgd, adam", "lr": [0.01, 0.1, 1.0], "steps": 100})
    >>> len(spec.plan.tasks()), spec.by
    (2, 'settled')
    >>> Spec.of({"problems": "bowl", "rules": "sgd", "step": 100})
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: 'step' is no key of a sweep; did you mean steps?
    """

    problems: Any
    rules: Any
    lr: Any = None
    seeds: Any = 10
    steps: int = 1000
    fairness: str = "tuned"
    by: str = "settled"
    store: str | None = None
    executor: Any = None

    @classmethod
    def read(cls, path: Path, **given: Any) -> Spec:
        """Return what a file says, with what is given in place of what it says.

        Raises
        ------
        StudyError
            If it is no TOML, or a key or its value is none of a sweep, with the name of the file.
        """
        try:
            spec = cls.of(tomllib.loads(path.read_text(encoding="utf-8")) | given)
            _ = spec.plan  # which says what its texts and numbers do not mean
        except FileNotFoundError:
            raise StudyError(f"there is no file {path}; the one of the example is studies/sweep.toml") from None
        except (StudyError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"{path}: {error}") from None
        return spec

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Spec:
        """Return what a mapping says; see `read`."""
        for key, value in given.items():
            if key not in _KINDS:
                raise StudyError(f"{key!r} is no key of a sweep; {nearest(key, _KINDS)}")
            kinds, words = _KINDS[key]
            if not isinstance(value, kinds) or isinstance(value, bool) or value == "":
                raise StudyError(f"{key} must be {words}; got {value!r}")
        for key in ("problems", "rules"):
            if not given.get(key):
                raise StudyError(f"{key} must say at least one; write {key} = ['...']")
        for key, allowed in (("fairness", FAIRNESS), ("by", CRITERIA)):
            if (word := given.get(key, allowed[0])) not in allowed:
                raise StudyError(f"{key} must be one of {', '.join(allowed)}; got {word!r}; {nearest(word, allowed)}")
        executor = given.get("executor", 1)
        known = executor in _HERE or "://" in executor if isinstance(executor, str) else executor >= 1
        if not known:
            raise StudyError(f"executor must be {_KINDS['executor'][1]}; got {executor!r}")
        return cls(**given)

    @cached_property
    def plan(self) -> Plan:
        """What is to run."""
        try:
            given = {"seeds": self.seeds, "steps": self.steps, "by": self.by}
            return Plan.of(self.problems, self.rules, **given, **({} if self.lr is None else {"lr": self._rates}))
        except (TypeError, ValueError, ImportError) as error:
            raise error if isinstance(error, StudyError) else StudyError(str(error)) from None

    @property
    def workers(self) -> int:
        """How many tasks run at a time; 1 where only a cluster knows."""
        return self.executor if isinstance(self.executor, int) else cores() if self.executor in _HERE else 1

    @property
    def _rates(self) -> Any:
        grid = Grid(tuple(self.lr)) if isinstance(self.lr, list) else _between(self.lr)
        return matched(self.rules, grid) if self.fairness == "matched" else grid


def _between(table: Mapping[str, Any]) -> Grid:
    """Return the grid of a table."""
    for key in table:
        if key not in _GRID:
            raise StudyError(f"{key!r} is no key of lr; {nearest(key, _GRID)}")
    for key in ("from", "to"):
        if key not in table:
            raise StudyError(f"lr must say from and to, {{from = 1e-4, to = 1.0}}; got no {key!r}")
    return Grid.between(**{_GRID[key]: value for key, value in table.items()})
