"""The README's programs run as they stand."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)


def test_there_are_programs():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_program_runs(number, capsys):
    namespace = {}
    exec(BLOCKS[number], namespace)
    said = re.search(r"test accuracy [^#]*# test accuracy ([0-9.]+)", BLOCKS[number])
    if said:
        assert capsys.readouterr().out == f"test accuracy {said.group(1)}\n"
