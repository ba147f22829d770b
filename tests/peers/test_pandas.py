"""pandas' own tests of its exponentially weighted windows hold for the project, but for what is listed here.

A case *applies* if it asks the window for numbers that pandas would compute, and so the project for them. The rest
never comes to arithmetic: what ``ewm()`` itself refuses (two decays, times that are no datetimes or too few, ...), what
pandas refuses to compute (``var`` with times, ``sum`` without adjusting, an unknown engine), methods that windows do
not have, the rolling windows in the same files, and what pandas marks as expected to fail.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.1.1"
APPLY, PASS = 1476, 1358  # pandas 3.1.1 with numba; more where more kinds of time zones are installed

# The convention that differs: the cases, as regular expressions.
DIFFERENT = {
    "a column of dtype object is refused, numbers or None in it or nothing at all; pandas turns it into float64": [
        r"test_ewm\.py::test_ew_min_periods\[.*",
        r"test_ewm\.py::test_numeric_only_(frame|series)\[(sum|mean|var|std)-False(-object)?\]",
        r"test_ewm\.py::test_numeric_only_corr_cov_(frame\[False|series\[False-object)-.*",
        r"test_moments_consistency_ewm\.py::test_(ewm|moments)_consistency_(mean|var|std|var_debiasing_factors)\[all_data8-.*",
        r"test_pairwise\.py::TestPairwise::test_pairwise_with_other\[pairwise_frames\d-<lambda>[45]\]",
        r"test_pairwise\.py::TestPairwise::test_no_pairwise_with_other\[pairwise_frames[03-8]-<lambda>[45]\]",
    ],
    "a stream starts debiased; pandas' adjust=False starts at the first value": [
        r"test_online\.py::TestEWM::test_online_vs_non_online_mean\[(True|False)-(True|False)-False-.*",
    ],
    "times must not decrease; pandas lets an earlier time grow the weights before it": [
        r"test_numba\.py::TestEWM::test_cython_vs_numba_times\[.*-None\]",
    ],
}


def listed(case: str) -> bool:
    """Whether the case is in the table."""
    return any(re.fullmatch(pattern, case) for patterns in DIFFERENT.values() for pattern in patterns)


@pytest.mark.slow
@pytest.mark.skipif(pd.__version__ != VERSION, reason=f"the table is of pandas {VERSION}; here is {pd.__version__}")
def test_the_cases_of_pandas_that_apply_pass_or_are_listed(tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="pandas' streams and compiled loops need numba")
    pytest.importorskip("pandas.tests.window.test_ewm", reason="pandas is installed without its tests")
    record = tmp_path / "cases.json"
    run = subprocess.run(
        [sys.executable, "-m", "tests.peers.run", record], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert record.exists(), run.stdout + run.stderr
    faults: dict[str, str] = json.loads(record.read_text())

    assert {case: fault for case, fault in faults.items() if fault and not listed(case)} == {}
    assert [case for case, fault in faults.items() if not fault and listed(case)] == []
    for pattern in (pattern for patterns in DIFFERENT.values() for pattern in patterns):
        assert any(re.fullmatch(pattern, case) for case in faults), f"no case is {pattern}"
    assert len(faults) >= APPLY
    assert list(faults.values()).count("") >= PASS
