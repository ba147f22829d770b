"""Unit tests for optimizers: problems whose theory says what is possible, and a map of who attains it.

``python -m optimlab check "adam(), lion()"`` runs all of them.
"""

from optimlab.lab.check.battery import EXAMS, THEMES, examined
from optimlab.lab.check.candidate import RATES, Candidate, RefusedError
from optimlab.lab.check.exam import Exam, exam
from optimlab.lab.check.mark import Mark, marked
from optimlab.lab.check.trials import Trials

__all__ = [
    "EXAMS",
    "RATES",
    "THEMES",
    "Candidate",
    "Exam",
    "Mark",
    "RefusedError",
    "Trials",
    "exam",
    "examined",
    "marked",
]
