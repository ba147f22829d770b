"""The mark of an exam: passed, failed or undecided, with the interval that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.frame.intervals import wilson_interval

__all__ = ["CONFIDENCE", "FAILED", "PASSED", "UNASKED", "UNDECIDED", "Mark", "marked"]

PASSED, FAILED, UNDECIDED, UNASKED = "passed", "failed", "undecided", "not asked"
CONFIDENCE: Final = 0.99
"""How often the interval of a share covers the true one."""


@final
@dataclass(frozen=True, kw_only=True)
class Mark:
    """What became of an exam.

    Parameters
    ----------
    theme, exam, contestant : str
        Who was asked what.
    verdict : {"passed", "failed", "undecided", "not asked"}
        Whether the interval of the share of passed trials is at or above the share that must pass, below it, or both.
    trials : int
        How many; 1: without chance, compared exactly.
    share, low, high : float
        The share of trials that passed, and its Wilson interval.
    measured, least, most : float
        The median of what was measured, and what is allowed.
    margin : float
        log₁₀ of the factor between them, negative outside.
    lr : float
        The learning rate.
    note : str
        Why it could not be asked, or that the rate is at the edge of the grid.

    Examples
    --------
    >>> Mark(theme="steps", exam="one step", contestant="LBFGS", verdict=UNASKED, note="it needs a closure").share
    nan
    """

    theme: str
    exam: str
    contestant: str
    verdict: str
    trials: int = 0
    share: float = np.nan
    low: float = np.nan
    high: float = np.nan
    measured: float = np.nan
    least: float = np.nan
    most: float = np.nan
    margin: float = np.nan
    lr: float = np.nan
    note: str = ""


def marked(exam: Exam, who: Candidate) -> Mark:
    """Put an exam to a candidate.

    Examples
    --------
    >>> from optimlab.lab.check import EXAMS
    >>> from optimlab.lab.contestants import contestants
    >>> exam = EXAMS["near the floor"]
    >>> marked(exam, Candidate(contestants("sgd")["SGD"], exam.name)).verdict
    'passed'
    """
    words: Any = {"theme": exam.theme, "exam": exam.name, "contestant": who.contestant.label}
    try:
        with np.errstate(all="ignore"):  # what stands still or diverges measures NaN, which never passes
            found = exam.ask(who)
    except RefusedError as error:
        return Mark(**words, verdict=UNASKED, note=str(error))
    share, low, high = _interval(found)
    verdict = PASSED if low >= exam.share else FAILED if high < exam.share else UNDECIDED
    return Mark(
        **words, verdict=verdict, trials=len(found.measured), share=share, low=low, high=high, measured=found.middle,
        least=found.low, most=found.high, margin=found.margin, lr=found.lr, note=_note(who, found.lr),
    )  # fmt: skip


def _interval(found: Trials) -> tuple[float, float, float]:
    """Return share and interval; of one trial, which is without chance, the share alone."""
    if len(found.measured) == 1:
        return (float(found.passed[0]),) * 3
    share, low, high = wilson_interval(found.passed, CONFIDENCE)
    return float(share), float(low), float(high)


def _note(who: Candidate, lr: float) -> str:
    edges = (who.rates[0], who.rates[-1]) if len(who.rates) > 1 else ()
    return "the best rate is at the edge of the grid" if lr in edges else ""
