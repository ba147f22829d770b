"""The frame of a study: its command line, its exit status, and what it prints at the end."""

import argparse
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from optimlab.lab.frame.circumstances import circumstances
from optimlab.lab.frame.claims import claims_text, count_text, quotes
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.figures import FORMATS, has_display, style
from optimlab.lab.frame.gallery import write_gallery
from optimlab.lab.frame.knobs import Knob, add_knobs, given, turned, values
from optimlab.lab.frame.output import reserved, staging
from optimlab.lab.frame.run import Run, texts
from optimlab.lab.frame.terminal import FAILED, STANDS, columns, guarded, printable, seed, tell

__all__ = ["aligned", "parser", "study"]

_WIDTH = 100  # of the answer in a file
_EPILOGUE = """exit status: 0 all claims stand, 1 a claim failed, 2 bad usage, input or folder,
130 interrupted. A complete run replaces what is in <out>/<study>/; run.json there describes it."""


def study(
    main: Callable[[Run], None],
    knobs: Sequence[Knob] = (),
    *,
    options: Callable[[argparse.ArgumentParser], object] | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Run a study from its command line and return the exit status.

    The study is named after the file that defines `main`; that file's docstring is the text of ``--help``, its first
    line the question. Figures, tables, ``claims.csv`` and ``run.json`` go to ``<out>/<study>/``, and replace those of
    an earlier run once all of them are whole.

    Parameters
    ----------
    main : callable
        The study: takes a `Run`, returns nothing.
    knobs : sequence of Knob
        What can be turned; the values arrive in ``run.options``.
    options : callable, optional
        Adds options of another kind to the argparse parser.
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0 if all claims stand; 1 if one failed; 2 on a `StudyError` or `OSError`, printed without a traceback;
        130 after Ctrl-C. Any other exception is a defect and passes through.

    Raises
    ------
    SystemExit
        On ``--help`` (status 0), bad usage (status 2) and SIGTERM (status 143).

    Examples
    --------
    >>> import tempfile
    >>> def main(run):
    ...     n = run.options.terms
    ...     found = sum(0.5**k for k in range(1, n + 1))
    ...     run.answer(f"After {n} terms the halves add up to {found:.4g}.")
    ...     run.claim("sum", f"sum of {n} halves", expected=1 - 0.5**n, measured=found)
    >>> knobs = [Knob("terms", 10, "how many terms")]
    >>> study(main, knobs, argv=["--terms", "4", "--out", tempfile.mkdtemp()])  # doctest: +ELLIPSIS
    After 4 terms the halves add up to 0.9375.
    <BLANKLINE>
    claims: 1 claim: it stands (--claims lists them)
    ...
    0
    """
    arguments = parser(main, knobs, options=options).parse_args(argv)
    command = [sys.argv[0], *(sys.argv[1:] if argv is None else argv)]
    return guarded(lambda: _perform(main, knobs, arguments, command))


def _perform(
    main: Callable[[Run], None], knobs: Sequence[Knob], arguments: argparse.Namespace, command: list[str]
) -> int:
    started, clock = datetime.now(UTC), time.perf_counter()
    script = Path(main.__globals__["__file__"])
    folder = arguments.out / script.stem
    away, touched = turned(knobs, arguments), given(knobs, arguments)
    vars(arguments).update(values(knobs, arguments))
    with style(), _backend(arguments.show), reserved(folder):
        with staging(folder) as fresh:
            known = quotes(script.parent)
            run = Run(script.stem, fresh, arguments.seed, arguments.quick, arguments, away, touched, known)
            _run(main, run)
            question = (main.__globals__.get("__doc__") or "").split("\n")[0]
            facts: dict[str, object] = {"study": run.name, "question": question, "command": command}
            facts |= {"seed": run.seed, "quick": run.quick, "started": started.isoformat()}
            run.write_record(facts | {"seconds": round(time.perf_counter() - clock, 3)} | circumstances())
        with suppress(StudyError, OSError):  # of a folder that holds more than this run; the run itself is whole
            write_gallery(arguments.out)
        tell(_summary(run, folder, time.perf_counter() - clock))
        if arguments.show:
            _show_figures()
    return FAILED if run.failed else STANDS


def _run(main: Callable[[Run], None], run: Run) -> None:
    """Run the study; what a formula refuses, or what diverges, once knobs are turned is no defect."""
    silence = np.errstate(over="ignore", invalid="ignore") if run.touched else nullcontext()
    try:
        with silence:
            main(run)
    except ValueError as error:
        if not run.touched or isinstance(error, StudyError):
            raise
        raise StudyError(f"{', '.join(f'--{name}' for name in run.touched)}: {error}") from error
    wanted = run.options.panel
    if wanted is not None and not 1 <= wanted <= run.panels:
        raise StudyError(f"--panel must be in 1..{run.panels}, the panels of this study; got {wanted}")
    if run.claims:
        run.write_claims()


def parser(
    main: Callable[[Run], None],
    knobs: Sequence[Knob] = (),
    *,
    options: Callable[[argparse.ArgumentParser], object] | None = None,
) -> argparse.ArgumentParser:
    """Return what reads the command line of a study; see `study`.

    Examples
    --------
    >>> parser(lambda run: None).parse_args(["--quick"]).quick
    True
    """
    reads = argparse.ArgumentParser(
        description=main.__globals__.get("__doc__"),
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_knobs(reads, knobs)
    if options is not None:
        options(reads)
    common = reads.add_argument_group("options of every study")
    common.add_argument("--quick", action="store_true", help="a short run with fewer samples")
    common.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all randomness (default: 0)")
    common.add_argument("--claims", action="store_true", help="list all claims")
    common.add_argument("--panel", type=int, metavar="N", help="draw panel N of the figures alone, too")
    common.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="write to DIR/<study>/ (default: results)"
    )
    common.add_argument("--format", choices=FORMATS, default="png", help="format of the figures (default: png)")
    common.add_argument("--show", action="store_true", help="open the figures in windows at the end")
    return reads


@contextmanager
def _backend(show: bool) -> Iterator[None]:
    """Draw into memory, which needs no display, and leave the user's backend as it was; or see that there is one."""
    import matplotlib

    if show:
        if not has_display():
            raise StudyError(
                "--show needs a display and a window toolkit for matplotlib; leave it out to write files only"
            )
        yield
        return
    before = matplotlib.get_backend(auto_select=False) or matplotlib.rcParamsOrig["backend"]
    matplotlib.use("agg")
    try:
        yield
    finally:
        import matplotlib.pyplot as plt

        with suppress(ImportError):  # one that was named, but cannot be loaded here
            plt.switch_backend(before)


def _show_figures() -> None:
    import matplotlib.pyplot as plt

    plt.show()


def _summary(run: Run, folder: Path, seconds: float) -> str:
    """Return what stands at the end of a run: the answer, a small table, the claims, the files, the time."""
    parts = []
    if run.answer_text:
        parts += [textwrap.fill(printable(run.answer_text), columns(sys.stdout) or _WIDTH), ""]
    if run.answer_table is not None:
        parts += [aligned(list(run.answer_table.columns), texts(run.answer_table), columns(sys.stdout)), ""]
    listed = run.claims if run.options.claims else run.failed
    if listed:
        parts += [claims_text(listed, sys.stdout, run.quotes), ""]
    figures = [str(folder / path.name) for path in run.files if path.suffix.lstrip(".") in (*FORMATS, "html")]
    if figures:
        parts.append(f"figure: {', '.join(figures)}")
    if run.claims or run.left_out:
        parts.append(f"claims: {_claims_line(run)}")
    tables = [path.name for path in run.files if path.suffix == ".csv"]
    if tables:
        parts.append(f"tables: {', '.join(tables)} in {folder}")
    return "\n".join([*parts, f"time:   {seconds:.1f} s; all studies that ran: {folder.parent / 'index.html'}"])


def _claims_line(run: Run) -> str:
    left = f"; {run.left_out} left out, which need the defaults or a larger sample" if run.left_out else ""
    return f"{count_text(run.claims)}{left}{'' if run.options.claims or not run.claims else ' (--claims lists them)'}"


def aligned(head: Sequence[object], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return a small table in columns: the first to the left, the others to the right.

    Columns that a width has no room for follow below, beside the first one again.

    Examples
    --------
    >>> print(aligned(["rule", "steps"], [["SGD", "931"], ["Adam", "77"]]))
      rule  steps
      SGD     931
      Adam     77
    """
    lines = [[printable(str(cell)) for cell in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    blocks = [[0]]
    for k in range(1, len(widths)):
        if width and len(blocks[-1]) > 1 and sum(2 + widths[i] for i in [*blocks[-1], k]) > width:
            blocks.append([0])
        blocks[-1].append(k)
    return "\n\n".join(_block(lines, widths, block) for block in blocks)


def _block(lines: Sequence[Sequence[str]], widths: Sequence[int], columns: Sequence[int]) -> str:
    first, *others = columns
    shown = ([line[first].ljust(widths[first]), *(line[k].rjust(widths[k]) for k in others)] for line in lines)
    return "\n".join("  " + "  ".join(cells) for cells in shown)
