"""All exams, and contestants that sit them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from optimlab.lab.check import (
    batches,
    beginnings,
    conditioning,
    decay,
    escapes,
    noise,
    rotation,
    sparse,
    spikes,
    stability,
    symmetries,
    tails,
    tracking,
    units,
)
from optimlab.lab.check.candidate import RATES, Candidate
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.mark import Mark, marked
from optimlab.lab.contestants import Contestant
from optimlab.lab.sweeps.executors import completed

__all__ = ["EXAMS", "THEMES", "Seat", "examined"]

_MODULES = (
    noise, batches, stability, escapes, conditioning, rotation, decay, beginnings, units, spikes, tails, sparse,
    tracking, symmetries,
)  # fmt: skip

EXAMS: Final[Mapping[str, Exam]] = {
    each.name: each for module in _MODULES for each in vars(module).values() if isinstance(each, Exam)
}
"""Every exam by its name, theme by theme."""

THEMES: Final = tuple(dict.fromkeys(each.theme for each in EXAMS.values()))
"""The themes, in the order of the map."""


class Seat(NamedTuple):
    """An exam, which travels by its name, before a contestant; the number says where its mark stands."""

    number: int
    exam: str
    who: Candidate

    def __str__(self) -> str:
        return f"{self.exam} of {self.who.contestant.label}"


def examined(
    contestants: Iterable[Contestant],
    exams: Iterable[Exam] = (),
    *,
    seed: int = 0,
    grid: Sequence[float] = RATES,
    executor: Any = None,
    progress: Callable[..., Iterable[tuple[Seat, Mark]]] | None = None,
) -> list[Mark]:
    """Return the marks of each contestant in each exam, whoever computes them.

    Parameters
    ----------
    contestants : iterable of Contestant
        Who is asked.
    exams : iterable of Exam
        What is asked; by default all of `EXAMS`.
    seed : int
        Seed of all randomness, at least 0.
    grid : sequence of float
        Learning rates for contestants that fix none, ascending.
    executor : int, str or concurrent.futures.Executor, optional
        None: here; otherwise as for `optimlab.lab.sweeps.completed`, such as a number of processes.
    progress : callable, optional
        ``run.progress`` of a study, for a progress bar.

    Returns
    -------
    list of Mark
        One contestant after the other.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> found = examined(contestants("sgd").values(), [EXAMS["near the floor"]])
    >>> [(mark.exam, mark.verdict) for mark in found]
    [('near the floor', 'passed')]
    """
    chosen = [each.name for each in exams] or list(EXAMS)
    pairs = [(name, Candidate(one, name, seed, tuple(grid))) for one in contestants for name in chosen]
    seats = [Seat(number, *pair) for number, pair in enumerate(pairs)]
    with closing(completed(seats, _mark, executor)) as done:
        shown = done if progress is None else progress(done, "marks", total=len(seats))
        found = {seat.number: mark for seat, mark in shown}
    return [found[seat.number] for seat in seats]


def _mark(seat: Seat) -> Mark:
    return marked(EXAMS[seat.exam], seat.who)
