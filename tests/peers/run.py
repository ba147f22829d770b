"""Run pandas' own tests of exponentially weighted windows, as installed, on the project's functions.

``python -m tests.peers.run`` at the root of the repository; with a path, what came out is written there as JSON.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.peers import adapter

TESTS = Path(pd.__file__).parent / "tests"
FILES = [
    "window/test_ewm.py",
    "window/moments/test_moments_consistency_ewm.py",
    "window/test_groupby.py",
    "window/test_pairwise.py",
    "window/test_dtypes.py",
    "window/test_online.py",
    "window/test_numba.py",
    "window/test_rolling.py",
]
SETTINGS = ["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist", "--durations=0", "--durations-min=5"]
LOOPS_ALONE = ["-k", "not table_method"]  # two compiled loops of pandas side by side: slow, and never a question to us


class Recorder:
    """Chooses the cases; notes of each that asked the project for numbers, or failed, why it failed ("": it passed)."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what says ewm, in its file's name or its source, and is not expected to fail with pandas itself."""
        items[:] = [item for item in items if says_ewm(item) and not item.get_closest_marker("xfail")]

    def pytest_runtest_setup(self) -> None:
        """Nothing has been asked in this case."""
        adapter.asked.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome."""
        if report.failed or (report.when == "call" and adapter.asked):
            path, case = report.nodeid.split("::", 1)
            self.faults[f"{Path(path).name}::{case}"] = "" if report.passed else report.longreprtext.splitlines()[-1]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many cases asked the project, and how many of them passed."""
        passed = list(self.faults.values()).count("")
        terminalreporter.write_line(f"{len(self.faults)} cases apply, {passed} pass")


def says_ewm(item: pytest.Item) -> bool:
    """Whether the case is about exponentially weighted windows."""
    return "ewm" in item.path.name or "ewm" in inspect.getsource(item.function)


def main(record: str | None = None) -> int:
    """Run the cases; return pytest's exit code."""
    adapter.install()
    recorder = Recorder()
    arguments = ["-c", os.fspath(TESTS.parent / "pyproject.toml"), *SETTINGS, *LOOPS_ALONE]
    code = pytest.main([*arguments, *(os.fspath(TESTS / name) for name in FILES)], [recorder])
    if record:
        Path(record).write_text(json.dumps(recorder.faults))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
