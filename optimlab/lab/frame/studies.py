"""The studies that come with the package: found in a checkout and in an installed wheel, and run by name."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from optimlab.lab.folders import shipped
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.terminal import guarded

__all__ = ["names", "run"]

_GATHERING = "claims"  # which runs all the others


def names() -> list[str]:
    """Return the names of the studies.

    Raises
    ------
    FileNotFoundError
        If the folder of the studies is not there.

    Examples
    --------
    >>> "ema_beta" in names(), "claims" in names()
    (True, False)
    """
    return sorted({path.stem for path in _folder().glob("*.py")} - {_GATHERING})


def run(name: str, arguments: Sequence[str] = ()) -> int:
    """Run a study as ``python studies/<name>.py <arguments>`` does, in this process.

    Parameters
    ----------
    name : str
        One of `names`, or "claims", which runs them all and gathers what they claim.
    arguments : sequence of str
        Its command line, as for ``--help``.

    Returns
    -------
    int
        Its exit status; 2 if there is no such study.

    Examples
    --------
    >>> run("ema_beta", ["--help"])  # doctest: +ELLIPSIS
    usage: ema_beta.py ...
    0
    """
    return guarded(lambda: _run(name, arguments))


def _run(name: str, arguments: Sequence[str]) -> int:
    if name not in (known := [*names(), _GATHERING]):
        raise StudyError(f"the study must be one of {', '.join(known)}; got {name!r}")
    earlier, sys.argv = sys.argv, [str(_folder() / f"{name}.py"), *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.argv = earlier
    return 0


def _folder() -> Path:
    return shipped("studies", f"{_GATHERING}.py")
