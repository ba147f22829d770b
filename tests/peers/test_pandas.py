"""pandas' own tests of its exponentially weighted windows hold for the project, but for what is listed here.

A case *applies* if pandas itself runs it (what it skips or expects to fail is none) and it makes an exponentially
weighted window. Most of them *ask* for numbers, and so the project. The rest never comes to arithmetic: what ``ewm()``
refuses (two decays, times that are no datetimes or too few), what pandas refuses to compute (``var`` with times,
``sum`` without adjusting, an unknown engine), methods that windows do not have. Streams with times are among the cases
that ask: pandas expects those to fail, and with the project they pass.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Count(NamedTuple):
    """How many cases apply, ask and pass; more where pyarrow, or more kinds of time zones, are installed."""

    apply: int
    ask: int
    passed: int


COUNTS = {"3.1": Count(apply=1586, ask=1500, passed=1582), "2.3": Count(apply=1528, ask=1454, passed=1524)}

# The convention that differs: the cases, as regular expressions.
DIFFERENT = {
    "times must not decrease; pandas lets an earlier time grow the weights before it": [
        r"test_numba\.py::TestEWM::test_cython_vs_numba_times\[.*-None\]",
    ],
}


def listed(case: str) -> bool:
    """Whether the case is in the table."""
    return any(re.fullmatch(pattern, case) for patterns in DIFFERENT.values() for pattern in patterns)


def wrong(cases: dict[str, str]) -> dict[str, str]:
    """Return what contradicts the table: cases that fail and are not listed, or are listed and pass, or are missing."""
    failing = {case: fault for case, fault in cases.items() if fault and not listed(case)}
    passing = {case: "is listed and passes" for case, fault in cases.items() if not fault and listed(case)}
    patterns = [pattern for patterns in DIFFERENT.values() for pattern in patterns]
    gone = {p: "is no case" for p in patterns if not any(re.fullmatch(p, case) for case in cases)}
    return failing | passing | gone


def test_what_contradicts_the_table_is_found() -> None:
    known = "test_numba.py::TestEWM::test_cython_vs_numba_times[False-None]"
    assert wrong({known: "E  ValueError", "test_ewm.py::a": ""}) == {}
    assert list(wrong({known: "", "test_ewm.py::a": ""})) == [known]
    assert list(wrong({known: "E  ValueError", "test_ewm.py::a": "E  AssertionError"})) == ["test_ewm.py::a"]
    assert list(wrong({"test_ewm.py::a": ""})) == [r"test_numba\.py::TestEWM::test_cython_vs_numba_times\[.*-None\]"]


@pytest.mark.slow
def test_the_cases_of_pandas_that_apply_pass_or_are_listed(tmp_path: Path) -> None:
    version = ".".join(pd.__version__.split(".")[:2])
    if version not in COUNTS:
        pytest.skip(f"the cases of pandas {', '.join(COUNTS)} are counted; here is {pd.__version__}")
    pytest.importorskip("numba", reason="pandas' streams and compiled loops need numba")
    pytest.importorskip("pandas.tests.window.test_ewm", reason="pandas is installed without its tests")
    record = tmp_path / "cases.json"
    run = subprocess.run(
        [sys.executable, "-m", "tests.peers.run", record], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert record.exists(), run.stdout + run.stderr
    cases: dict[str, dict[str, str]] = json.loads(record.read_text())
    everything = cases["asked"] | cases["made"]

    assert wrong(everything) == {}
    assert len(everything) >= COUNTS[version].apply
    assert len(cases["asked"]) >= COUNTS[version].ask
    assert list(everything.values()).count("") >= COUNTS[version].passed
