"""The README's programs run as they stand, and its table is that of the studies."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from optimlab.lab.frame import studies

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
TABLE = re.compile(r"(?<=^<!-- studies: )(.*? -->\n).*?(?=^<!-- /studies -->$)", re.M | re.S)


def test_there_are_programs():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_program_runs(number, capsys):
    for peer in re.findall(r"^import (torch|dask\.array)\b", BLOCKS[number], re.M):
        pytest.importorskip(peer)
    namespace = {}
    exec(BLOCKS[number], namespace)
    said = re.search(r"test accuracy [^#]*# test accuracy ([0-9.]+)", BLOCKS[number])
    if said:
        assert capsys.readouterr().out == f"test accuracy {said.group(1)}\n"


@pytest.mark.slow
def test_commands_of_studies_run(tmp_path):
    commands = re.findall(r"^python (studies/.* --quick .*)$", README.read_text(encoding="utf-8"), re.M)
    assert commands
    for command in commands:
        program = [sys.executable, *shlex.split(command), "--out", str(tmp_path)]
        done = subprocess.run(program, cwd=README.parent, capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


def current(text):
    """The text with the table that the studies give."""
    return TABLE.sub(lambda found: f"{found[1]}{studies.markdown()}\n", text)


def test_the_table_of_studies_is_current():
    text = README.read_text(encoding="utf-8")
    assert len(TABLE.findall(text)) == 1
    assert current(text) == text, "python tests/test_readme.py brings it up to date"


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")
