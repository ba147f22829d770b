"""An exam: one question to an optimizer, with a threshold from a closed form."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.trials import Trials

__all__ = ["Exam", "exam"]


@final
@dataclass(frozen=True)
class Exam:
    """One question, put to a candidate.

    Parameters
    ----------
    theme, name : str
        Where it stands in the map.
    question, failure : str
        What is asked, in one sentence ("Whether ..."); and what it means not to pass.
    formula, source : str
        The threshold in signs and words, and where it comes from.
    ask : callable
        Takes a `Candidate`, returns `Trials`; raises `RefusedError` where the question has no meaning for it.
    share : float
        The share of trials that must pass, in (0, 1).
    trait : bool
        Whether it is a property, yes or no, of which neither is better.

    Examples
    --------
    See `exam`, which makes one of a function.

    >>> from optimlab.lab.check import EXAMS
    >>> EXAMS["near the floor"].theme
    'noise floors'
    """

    theme: str
    name: str
    question: str
    failure: str
    formula: str
    source: str
    ask: Callable[[Candidate], Trials]
    share: float = 0.5
    trait: bool = False


def exam(
    theme: str, *, formula: str, source: str, share: float = 0.5, trait: bool = False
) -> Callable[[Callable[[Candidate], Trials]], Exam]:
    """Decorate the function that asks: its name is the exam's, its docstring question and meaning of a failure.

    Examples
    --------
    >>> import numpy as np
    >>> @exam("first steps", formula="lr", source="w ← w - lr g")
    ... def one_step(who):
    ...     '''Whether the first step is lr times the gradient.
    ...
    ...     If not, it is not gradient descent.
    ...     '''
    ...     w = who.end(lambda w: np.ones_like(w), np.zeros((1, 1)), 0.5, 1)
    ...     return Trials(-w[:, 0], 0.5, 0.5, 0.5)
    >>> one_step.name, one_step.question
    ('one step', 'Whether the first step is lr times the gradient.')
    """

    def made(ask: Callable[[Candidate], Trials]) -> Exam:
        question, _, failure = (" ".join(part.split()) for part in (inspect.getdoc(ask) or "").partition("\n\n"))
        name = ask.__name__.replace("_", " ")
        return Exam(theme, name, question, failure, formula, source, ask, share, trait)

    return made
