"""What every command of the laboratory has in common: how it ends, what it prints, what it reads."""

import argparse
import codecs
import io
import os
import shutil
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TextIO

from optimlab.extras import needed
from optimlab.lab.frame.errors import StudyError

__all__ = [
    "FAILED", "INTERRUPTED", "STANDS", "TERMINATED", "UNUSABLE", "columns", "guarded", "painted", "printable", "seed",
    "tell",
]  # fmt: skip

_SIGNS = {
    "“": '"',
    "”": '"',
    "±": "+-",
    "–": "-",
    "−": "-",
    "√": "sqrt ",
    "≤": "<=",
    "≥": ">=",
    "×": "x",
    "←": "<-",
    "→": "->",
}
_PACKAGES = ("matplotlib", "pandas", "scipy", "tqdm")
_RED = "\x1b[31m{}\x1b[39m"
STANDS, FAILED, UNUSABLE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def guarded(work: Callable[[], int]) -> int:
    """Do the work of a command and return its exit status, also where the work is stopped or cannot be done.

    That is 2 on a `StudyError`, an `OSError` or a package that is `needed`, printed without a traceback, and 130 after
    Ctrl-C. On SIGTERM a SystemExit of status 143 is raised, after the work has tidied up. Any other exception is a
    defect and passes through.

    Examples
    --------
    >>> guarded(lambda: 0)
    0
    """
    _never_fail_to_print()
    try:
        with _stoppable():
            _check_packages()
            return work()
    except KeyboardInterrupt:
        _complain("interrupted: only the results of a complete run replace earlier ones")
        return INTERRUPTED
    except (StudyError, OSError, ImportError) as error:
        if isinstance(error, ImportError) and not isinstance(error.__cause__, ModuleNotFoundError):
            raise  # not what `needed` says
        _complain(f"error: {_reason(error)}")
        return UNUSABLE


def printable(text: str) -> str:
    r"""Write what a terminal would obey instead of showing as its escape.

    Examples
    --------
    >>> print(printable("\N{ESCAPE}[31mred"))
    \x1b[31mred
    """
    return "".join(c.encode("unicode_escape").decode() if _obeyed(c) else c for c in text)


def tell(text: str, stream: TextIO | None = None) -> None:
    r"""Print lines above a progress bar if there is one; where nobody reads any more (``| head``), print nothing.

    Examples
    --------
    >>> tell("two\nlines", sys.stdout)
    two
    lines
    """
    stream = sys.stdout if stream is None else stream
    try:
        if sys.modules.get("tqdm"):
            from tqdm import tqdm

            tqdm.write(text, file=stream)
        else:
            print(text, file=stream)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # also for what Python flushes at its end


def columns(stream: TextIO) -> int | None:
    """Return the width of a terminal; None for a file or a pipe, in which nothing is cut."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def painted(text: str, stream: TextIO) -> str:
    """Return the text in red, where NO_COLOR does not forbid it and `stream` is a terminal or FORCE_COLOR is set.

    Examples
    --------
    >>> painted("FAILED", io.StringIO())
    'FAILED'
    """
    if os.environ.get("NO_COLOR"):
        return text
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return _RED.format(text) if os.environ.get("FORCE_COLOR") or terminal else text


def _obeyed(c: str) -> bool:
    return c != "\n" and unicodedata.category(c).startswith("C")


def seed(text: str) -> int:
    """Read the option ``--seed``.

    Examples
    --------
    >>> seed("12")
    12
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"seed must be an integer >= 0; got {text!r}")
    return int(text)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that no temporary file stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    earlier = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _never_fail_to_print() -> None:
    """Spell what the terminal's encoding lacks (a β on an ASCII terminal) instead of dying of it."""
    codecs.register_error("optimlab.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="optimlab.spelled")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Return what is printed in place of letters that cannot be: the names of Greek ones, signs for signs, else a ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    names = ((c, unicodedata.name(c, "").split()) for c in error.object[error.start : error.end])
    spelled = (_SIGNS.get(c, name[-1].lower() if name[:1] == ["GREEK"] else "?") for c, name in names)
    return "".join(spelled), error.end


def _check_packages() -> None:
    """Say at once which package of the extra is missing, not after an hour of work."""
    for package in _PACKAGES:
        if find_spec(package) is None:
            needed(package, "lab", "a study")


def _complain(message: str) -> None:
    tell(printable(message), sys.stderr)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        text = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        return " ".join(text.split())
    return str(error)
