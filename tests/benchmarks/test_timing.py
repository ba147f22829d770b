"""The machinery of the benchmarks, with a clock that says what it is told. No real time is asserted."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "timing.py"


def _load() -> ModuleType:
    """Load the script under a name of its own; dataclasses look their module up in sys.modules."""
    spec = importlib.util.spec_from_file_location("benchmarks_timing", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


timing = _load()


class Clock:
    """A clock that only work moves, and what worked, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self.worked: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, *seconds: float):
        """Return a call that takes these seconds in turn, the last ones for ever."""
        left = list(seconds)

        def call() -> None:
            self.worked.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return call


def test_contenders_take_turns_and_the_first_round_does_not_count():
    clock = Clock()
    race = timing.race({"a": clock.work("a", 99, 1, 2, 3), "b": clock.work("b", 99, 4)}, rounds=3, clock=clock)
    assert clock.worked == ["a", "b"] * 4
    assert race.seconds == {"a": [1, 2, 3], "b": [4, 4, 4]}


def test_a_timing_of_many_calls_says_the_time_of_one():
    clock = Clock()
    race = timing.race({"a": clock.work("a", 0.5)}, rounds=2, calls=10, clock=clock)
    assert len(clock.worked) == 30
    assert race.seconds == {"a": [0.5, 0.5]}


def test_ratios_are_taken_round_by_round():
    # A machine that is slower each round: the median of the ratios is 2 although the times double and double.
    race = timing.Race({"a": [2.0, 4.0, 8.0, 17.0, 30.0], "b": [1.0, 2.0, 4.0, 8.0, 16.0]})
    assert race.ratio("a", "b") == timing.Spread(2.0, 30 / 16, 17 / 8)
    assert race.time("a") == timing.Spread(8.0, 2.0, 30.0)


def test_rows_name_time_and_ratios():
    race = timing.Race({"a": [0.002, 0.004, 0.003], "b": [0.001, 0.001, 0.001]})
    assert race.rows(["b", "absent"]) == [
        ["a", "3.00 ms (2.00-4.00)", "3.00 (2.00-4.00)", ""],
        ["b", "1.00 ms (1.00-1.00)", "1", ""],
    ]


def test_the_collector_comes_back_after_a_crash():
    def crash() -> None:
        assert not gc.isenabled()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        timing.race({"a": crash}, rounds=1)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((2.0, 1.5, 30.0), "2.00 s (1.50-30.0)"),
        ((0.1234, 0.1, 0.2), "123 ms (100-200)"),
        ((14.26e-6, 13e-6, 20e-6), "14.3 µs (13.0-20.0)"),
        ((2e-10, 1e-10, 3e-10), "0.20 ns (0.10-0.30)"),
    ],
)
def test_durations_have_three_digits_and_a_unit(seconds, text):
    assert timing.duration(timing.Spread(*seconds)) == text


def test_table_text():
    assert timing.table(["name", "time"], [["a", "1 ms"], ["longer", "10 ms"]]) == (
        "| name   |  time |\n"  #
        "| ------ | ----: |\n"
        "| a      |  1 ms |\n"
        "| longer | 10 ms |"
    )
    assert timing.table(["a", "b"], []) == "| a   |   b |\n| --- | --: |"


def test_targets_say_whether_they_were_met():
    spread = timing.Spread(2.4, 2.0, 9.0)
    rows = [
        timing.Target("copy", spread, 2.5).row(),
        timing.Target("copy", spread, 2.3).row(),
        timing.Target("peer", spread, 2.4, floor=True).row(),
        timing.Target("peer", spread, 2.5, floor=True).row(),
        timing.Target("peer", None, 2.5, "µs").row(),
    ]
    assert rows == [
        ["copy", "≤ 2.5 ×", "2.40 (2.00-9.00) ×", "met"],
        ["copy", "≤ 2.3 ×", "2.40 (2.00-9.00) ×", "**missed**"],
        ["peer", "≥ 2.4 ×", "2.40 (2.00-9.00) ×", "met"],
        ["peer", "≥ 2.5 ×", "2.40 (2.00-9.00) ×", "**missed**"],
        ["peer", "≤ 2.5 µs", "", "not measured"],
    ]
    assert timing.target_table([timing.Target("copy", spread, 2.5)]).splitlines()[2].endswith("× | met |")


def test_extra_memory_counts_result_and_temporaries():
    n = 100_000
    held = timing.extra_memory(lambda: np.ones(n))
    assert 8 * n <= held < 8 * n + 100_000
    assert 16 * n <= timing.extra_memory(lambda: np.cumsum(np.ones(n))) < 16 * n + 100_000


def test_threads_are_not_pinned_too_late():
    before = dict(os.environ)
    with pytest.raises(RuntimeError, match="before numpy is imported"):
        timing.pin_threads()
    assert dict(os.environ) == before


def test_header_names_versions_and_what_is_missing():
    text = timing.header(["numpy", "surely-not-a-package"])
    assert f"numpy {np.__version__}" in text
    assert "surely-not-a-package (not installed)" in text
    assert "\n" not in text


def test_report_is_printed_and_written(tmp_path, capsys):
    report = timing.Report()
    report.add("# Title")
    report.add("µ")
    report.write(None)
    report.write(tmp_path / "report.md")
    assert capsys.readouterr().out == "# Title\n\nµ\n\n"
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "# Title\n\nµ\n"


def test_options():
    arguments = timing.options("x").parse_args(["--quick", "--out", "a.md"])
    assert arguments.quick
    assert arguments.out == Path("a.md")
