"""What does theory say of this optimizer? Problems with a threshold from a closed form, and a map of who attains it.

Contestants are rules, and optimizers of other systems, with commas between: "adam(), 0.5*momentum,
torch:torch.optim.AdamW(lr=1e-3), optax:optax.lion". Where the text fixes no learning rate, the best of a grid is taken,
in trials apart from those that are judged; the grid is the same for all. A mark is "passed" or "failed" where the
Wilson interval of the share of passed trials, of 99 %, lies on one side of the share that must pass, otherwise
"undecided"; a trait is "yes" or "no", and neither is better.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from optimlab.checks import POSITIVE
from optimlab.lab.check.battery import EXAMS, THEMES, examined
from optimlab.lab.check.candidate import RATES
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.map import answer, frame, panel, summary
from optimlab.lab.contestants import contestants
from optimlab.lab.frame.command import study
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.knobs import Knob
from optimlab.lab.frame.reading import nearest
from optimlab.lab.frame.run import Run

__all__ = ["command"]

_KNOBS = (
    Knob("lr", RATES, "learning rates to choose from, for contestants that fix none", POSITIVE),
    Knob("only", ("all",), "themes, or names of problems"),
    Knob("jobs", os.cpu_count() or 1, "processes side by side", quick=1),
)


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab check`` and return its exit status.

    Examples
    --------
    >>> command(["sgd", "--only", "nose floors"])
    2
    """
    return study(_main, _KNOBS, options=_options, argv=argv)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.prog = "optimlab check"
    parser.add_argument("contestants", help='such as "adam(), lion(), torch:torch.optim.AdamW(lr=1e-3)"')


def _main(run: Run) -> None:
    o = run.options
    found = list(contestants(o.contestants).values())
    exams = _chosen(o.only)
    marks = examined(found, exams, seed=run.seed, grid=tuple(sorted(o.lr)), jobs=o.jobs, progress=run.progress)
    run.answer(answer(marks), summary(marks))
    run.table(frame(marks), "marks")
    run.draw(panel(marks), size=(2.6 + 0.9 * len(found), 1.6 + 0.24 * len(exams)))


def _chosen(words: Sequence[str]) -> list[Exam]:
    """Return the exams that are called for, by themes or names."""
    known = {"all", *THEMES, *EXAMS}
    if unknown := [word for word in words if word not in known]:
        raise StudyError(f"--only must be a theme or a problem; {unknown[0]!r} is none; {nearest(unknown[0], known)}")
    return [each for each in EXAMS.values() if {"all", each.theme, each.name} & set(words)]
