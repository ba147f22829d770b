"""All exams, and contestants that sit them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

from optimlab.lab.check import noise
from optimlab.lab.check.candidate import RATES, Candidate
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.mark import Mark, marked
from optimlab.lab.contestants import Contestant

__all__ = ["EXAMS", "THEMES", "examined"]

_MODULES = (noise,)

EXAMS: Final[Mapping[str, Exam]] = {
    each.name: each for module in _MODULES for each in vars(module).values() if isinstance(each, Exam)
}
"""Every exam by its name, theme by theme."""

THEMES: Final = tuple(dict.fromkeys(each.theme for each in EXAMS.values()))
"""The themes, in the order of the map."""


def _silent(marks: Iterable[Mark], description: str, total: int) -> Iterable[Mark]:
    return marks


def examined(
    contestants: Iterable[Contestant],
    exams: Iterable[Exam] = (),
    *,
    seed: int = 0,
    grid: Sequence[float] = RATES,
    jobs: int = 1,
    progress: Callable[..., Iterable[Mark]] = _silent,
) -> list[Mark]:
    """Return the marks of each contestant in each exam, by default in all of them; ``jobs`` processes side by side.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> found = examined(contestants("sgd").values(), [EXAMS["near the floor"]])
    >>> [(mark.exam, mark.verdict) for mark in found]
    [('near the floor', 'passed')]
    """
    chosen = [each.name for each in exams] or list(EXAMS)
    pairs = [(name, Candidate(one, name, seed, tuple(grid))) for one in contestants for name in chosen]
    with _workers(min(jobs, len(pairs))) as several:
        return list(progress(several(_mark, pairs), "marks", total=len(pairs)))


def _mark(pair: tuple[str, Candidate]) -> Mark:
    """Put an exam, which travels by its name, to a candidate."""
    name, who = pair
    return marked(EXAMS[name], who)


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., Iterable[Mark]]]:
    """Give the map of so many processes, which are fresh: a fork would copy the locks of threads."""
    if jobs < 2:
        yield map
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield pool.map
