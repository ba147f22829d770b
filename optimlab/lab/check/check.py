"""What does theory say of this optimizer? Problems with a threshold from a closed form, and a map of who attains it.

Contestants are rules, and optimizers of other systems, with commas between: "adam(), 0.5*momentum,
torch:torch.optim.AdamW(lr=1e-3), optax:optax.lion". Where the text fixes no learning rate, the best of a grid is taken,
in trials apart from those that are judged; the grid is the same for all. A rate that is fixed is compared with what is
possible at no larger one. A mark is "passed" or "failed" where the Wilson interval of the share of passed trials, of
99 %, lies on one side of the share that must pass, otherwise "undecided"; each interval stands for itself, and nothing
is corrected for how many marks there are. A trait is "yes" or "no", and neither is
better.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from optimlab.checks import POSITIVE
from optimlab.lab.check.battery import EXAMS, THEMES, examined
from optimlab.lab.check.candidate import RATES
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.map import answer, frame, panel, summary
from optimlab.lab.check.mark import Mark
from optimlab.lab.check.report import report
from optimlab.lab.contestants import contestants
from optimlab.lab.frame.command import study
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.knobs import Knob
from optimlab.lab.frame.reading import nearest
from optimlab.lab.frame.run import Run
from optimlab.lab.sweeps.executors import Workers, workers

__all__ = ["command"]

_KNOBS = (
    Knob("lr", RATES, "learning rates to choose from, for contestants that fix none", POSITIVE),
    Knob("only", "all", "themes and names of problems, with commas between; first: one of each theme", quick="first"),
)
_TALL = 36  # rows, from which on the map stands in two parts beside each other


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
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, dest="executor", metavar="N", help="processes (default: one for each core)")
    where.add_argument("--cluster", dest="executor", metavar="ADDRESS", help="Dask: 'local', or 'tcp://...'")


def _main(run: Run) -> None:
    o = run.options
    found, exams = list(contestants(o.contestants).values()), _chosen(o.only)
    with _crew(o.executor) as crew:
        marks = examined(found, exams, seed=run.seed, grid=sorted(o.lr), executor=crew, progress=run.progress)
    run.answer(answer(marks), summary(marks))
    run.table(frame(marks), "marks")
    parts = _parts(marks, [each.name for each in exams])
    rows = max(len({mark.exam for mark in part}) for part in parts)
    run.draw(*map(panel, parts), size=(4.6 + 0.55 * len(found), 2.2 + 0.26 * rows))
    run.page(report(marks), "map")


@contextmanager
def _crew(given: int | str | None) -> Iterator[Workers]:
    """Begin the workers that the command line asks for; one process alone is this one."""
    with ExitStack() as stack:
        try:
            crew = stack.enter_context(workers("processes" if given is None else None if given == 1 else given))
        except ValueError as error:
            raise StudyError(f"--jobs, --cluster: {error}") from error
        yield crew


def _chosen(text: str) -> list[Exam]:
    """Return the exams that are called for, by themes or names."""
    words = [word.strip() for word in text.split(",")]
    known = {"all", "first", *THEMES, *EXAMS}
    if unknown := [word for word in words if word not in known]:
        raise StudyError(f"--only must be a theme or a problem; {unknown[0]!r} is none; {nearest(unknown[0], known)}")
    first = {each.theme: each for each in reversed([*EXAMS.values()])} if "first" in words else {}
    return [e for e in EXAMS.values() if {"all", e.theme, e.name} & set(words) or first.get(e.theme) is e]


def _parts(marks: list[Mark], names: Sequence[str]) -> list[list[Mark]]:
    """Part a tall map between two themes, near its middle."""
    if len(names) <= _TALL:
        return [marks]
    themes = [EXAMS[name].theme for name in names]
    starts = [k for k in range(1, len(names)) if themes[k] != themes[k - 1]] or [len(names) // 2]
    cut = min(starts, key=lambda k: abs(2 * k - len(names)))
    return [[mark for mark in marks if (mark.exam in names[:cut]) == upper] for upper in (True, False)]
