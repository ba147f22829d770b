"""The studies that come with the package: found in a checkout and in an installed wheel, and run by name."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from optimlab.lab.folders import shipped
from optimlab.lab.frame.terminal import guarded

__all__ = ["questions", "run"]

_GATHERING = "claims.py"  # which runs all the others


def questions() -> dict[str, str]:
    """Return the first line of each study by the study's name.

    Raises
    ------
    FileNotFoundError
        If the folder of the studies is not there.

    Examples
    --------
    >>> list(questions())[:2]
    ['adam_counterexample', 'autodiff_xor']
    """
    return {path.stem: _first_line(path) for path in sorted(_folder().glob("*.py"))}


def _first_line(script: Path) -> str:
    return (ast.get_docstring(ast.parse(script.read_bytes())) or "").split("\n")[0]


def run(name: str, arguments: Sequence[str] = ()) -> int:
    """Run a study as ``python studies/<name>.py <arguments>`` does.

    Parameters
    ----------
    name : str
        One of `questions`.
    arguments : sequence of str
        Its command line.

    Returns
    -------
    int
        Its exit status; 2 if a package of the extra ``lab`` is not installed.

    Examples
    --------
    >>> run("ema_beta", ["--seed", "one"])
    2
    """
    command = [sys.executable, str(_folder() / f"{name}.py"), *arguments]
    return guarded(lambda: _status(command))


def _status(command: Sequence[str]) -> int:
    with subprocess.Popen(command) as process:
        try:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:  # the study has it too, and tidies up
                    continue
        finally:
            process.terminate()  # no signal is sent to a process that has ended


def _folder() -> Path:
    return shipped("studies", _GATHERING)
