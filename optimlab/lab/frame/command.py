"""The frame of a study: its command line, its exit status, and what it prints at the end."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from optimlab.lab.frame.circumstances import circumstances
from optimlab.lab.frame.claims import claims_text
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.figures import FORMATS, has_display, style
from optimlab.lab.frame.output import reserved
from optimlab.lab.frame.run import Run
from optimlab.lab.frame.terminal import FAILED, STANDS, guarded, seed

__all__ = ["study"]

_EPILOGUE = """exit status: 0 all claims stand, 1 a claim failed, 2 bad usage, input or folder,
130 interrupted. Complete runs leave <out>/<study>/run.json; claims are in claims.csv beside it."""


def study(
    main: Callable[[Run], None],
    *,
    options: Callable[[argparse.ArgumentParser], object] | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Run a study from its command line and return the exit status.

    The study is named after the file that defines `main`; that file's docstring is the text of ``--help``.
    Figures, tables, ``claims.csv`` and, last of all, ``run.json`` go to ``<out>/<study>/``.

    Parameters
    ----------
    main : callable
        The study: takes a `Run`, returns nothing.
    options : callable, optional
        Adds the study's own options to the argparse parser; they arrive in ``run.options``.
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0 if all claims stand; 1 if one failed; 2 on a `StudyError` or `OSError`, printed as one line;
        130 after Ctrl-C. Any other exception is a defect and passes through.

    Raises
    ------
    SystemExit
        On ``--help`` (status 0), bad usage (status 2) and SIGTERM (status 143).

    Examples
    --------
    >>> import tempfile
    >>> def main(run):
    ...     run.claim("sum", "one and one is two", expected=2, measured=1 + 1, verdict="reproduced")
    >>> status = study(main, argv=["--quick", "--out", tempfile.mkdtemp()])  # doctest: +ELLIPSIS
    <BLANKLINE>
            claim  verdict     expected  measured [low, high]  statement
    ok      sum    reproduced         2  2                     one and one is two
    ...
    >>> status
    0
    """
    arguments = _parser(main, options).parse_args(argv)
    command = [sys.argv[0], *(sys.argv[1:] if argv is None else argv)]
    return guarded(lambda: _perform(main, arguments, command))


def _perform(main: Callable[[Run], None], arguments: argparse.Namespace, command: list[str]) -> int:
    started, clock = datetime.now(UTC), time.perf_counter()
    run = _run(main, arguments)
    with style(), _backend(arguments.show), reserved(run.folder):
        main(run)
        run.write_claims()
        facts: dict[str, object] = {"study": run.name, "command": command, "seed": run.seed, "quick": run.quick}
        facts |= {"started": started.isoformat(timespec="seconds"), "seconds": round(time.perf_counter() - clock, 3)}
        run.write_record(facts | circumstances())
        run.say(_summary(run, time.perf_counter() - clock))
        if run.show:
            _show_figures()
    return FAILED if run.failed else STANDS


def _parser(
    main: Callable[[Run], None], options: Callable[[argparse.ArgumentParser], object] | None
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=main.__globals__.get("__doc__"),
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if options is not None:
        options(parser)
    common = parser.add_argument_group("options of every study")
    common.add_argument("--quick", action="store_true", help="a short run with fewer samples")
    common.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all randomness (default: 0)")
    common.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="write to DIR/<study>/ (default: results)"
    )
    common.add_argument("--format", choices=FORMATS, default="png", help="format of the figures (default: png)")
    common.add_argument("--show", action="store_true", help="open the figures in windows at the end")
    return parser


def _run(main: Callable[[Run], None], arguments: argparse.Namespace) -> Run:
    name = Path(main.__globals__["__file__"]).stem
    return Run(
        name,
        arguments.out / name,
        seed=arguments.seed,
        quick=arguments.quick,
        format=arguments.format,
        show=arguments.show,
        options=arguments,
    )


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


def _summary(run: Run, seconds: float) -> str:
    """Return what stands at the end of a run: the claims, the files, the time."""
    width = shutil.get_terminal_size((100, 24)).columns
    claims = ["", claims_text(run.claims, width)] if run.claims else []
    return "\n".join([*claims, "", "files:", *(f"  {path}" for path in run.files), f"time: {seconds:.1f} s"])
