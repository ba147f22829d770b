"""Run pandas' own tests of exponentially weighted windows, as installed, on the project's functions.

``python -m tests.peers.run`` at the root of the repository; with a path, what came out is written there as JSON: why
each case failed ("": it passed), under "asked" for those that asked the project for numbers, under "made" for the rest
of those that made an exponentially weighted window.
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
    "generic/test_duplicate_labels.py",
]
SETTINGS = [
    "-q",
    "--tb=short",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-o",
    "xfail_strict=false",
    "-o",
    "addopts=",
]
LOOPS_ALONE = ["-k", "not table_method"]  # two compiled loops of pandas side by side: slow, and never a question to us


class Recorder:
    """Chooses the cases and notes their outcomes; what is skipped, or fails as pandas expects, is no case."""

    def __init__(self) -> None:
        self.faults: dict[str, dict[str, str]] = {"asked": {}, "made": {}}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what says ewm, in its file's name or its source."""
        items[:] = [item for item in items if "ewm" in item.path.name or "ewm" in inspect.getsource(item.function)]

    def pytest_runtest_setup(self) -> None:
        """Nothing has been asked in this case."""
        adapter.asked.clear()
        adapter.made.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome."""
        if not adapter.made or not (report.failed or (report.when == "call" and report.passed)):
            return
        path, case = report.nodeid.split("::", 1)
        fault = "" if report.passed else report.longreprtext.splitlines()[-1]
        self.faults["asked" if adapter.asked else "made"][f"{Path(path).name}::{case}"] = fault

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many cases there were, and how many of them passed."""
        for kind, faults in self.faults.items():
            terminalreporter.write_line(f"{kind}: {len(faults)} cases, {list(faults.values()).count('')} pass")


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
