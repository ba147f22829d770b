"""The studies that come with the package: found in a checkout and in an installed wheel, and run by name."""

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from optimlab.lab.folders import shipped
from optimlab.lab.frame.terminal import guarded

__all__ = ["Study", "listing", "markdown", "run", "studies"]

_GATHERING = "articles.py"  # which runs all the others


class Study(NamedTuple):
    """What the docstring of a study says: its question, the answer, and how long it takes."""

    question: str
    answer: str
    time: str


def studies() -> dict[str, Study]:
    """Return what each study says of itself, by the study's name.

    Examples
    --------
    >>> list(studies())[:2]
    ['adam_counterexample', 'articles']
    """
    return {path.stem: _said(path) for path in sorted(_folder().glob("*.py"))}


def _said(script: Path) -> Study:
    paragraphs = [
        " ".join(text.split()) for text in (ast.get_docstring(ast.parse(script.read_bytes())) or "").split("\n\n")
    ]
    time = re.search(r"Takes (.+?) \(--quick", paragraphs[-1])
    return Study(paragraphs[0], paragraphs[1] if len(paragraphs) > 1 else "", time[1] if time else "")


def listing(width: int | None) -> str:
    """Return the studies one below the other, wrapped to a width."""
    blocks = []
    for name, study in studies().items():
        lines = [f"{study.question}{f' ({study.time})' if study.time else ''}", study.answer]
        wrapped = [textwrap.fill(line, max(20, width - 4)) if width else line for line in lines if line]
        blocks.append("\n".join([name, textwrap.indent("\n".join(wrapped), "    ")]))
    return "\n".join(blocks)


def markdown() -> str:
    """Return the studies as a table in Markdown, as the README has it."""
    cells = [(said.question, f"`{name}.py`", said.answer, said.time) for name, said in studies().items()]
    rows = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in cells]
    return "\n".join(f"| {row} |" for row in ["question | study | answer | time", "--- | --- | --- | ---", *rows])


def run(name: str, arguments: Sequence[str] = ()) -> int:
    """Run a study as ``python studies/<name>.py <arguments>`` does.

    Its exit status is returned; 2 if a package of the extra ``lab`` is not installed.

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
