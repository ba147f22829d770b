"""Jobs side by side: their order, their errors, their ticks."""

import math
import operator
import os

import pytest

from optimlab.lab.frame import Run, side_by_side, tick


def run_of(tmp_path):
    return Run("demo", tmp_path)


def test_results_come_in_the_order_of_the_jobs(tmp_path):
    assert side_by_side(run_of(tmp_path), math.sqrt, [9.0, 4.0, 1.0], ticks=0, description="roots") == [3.0, 2.0, 1.0]


def test_an_error_of_a_job_is_raised(tmp_path):
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        side_by_side(run_of(tmp_path), math.sqrt, [4.0, -1.0], ticks=0, description="roots")


def test_workers_have_one_thread_and_this_process_keeps_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    jobs = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    assert side_by_side(run_of(tmp_path), os.getenv, jobs, ticks=0, description="names") == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_ticks_arrive(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(Run, "progress", lambda self, items, description, total: seen.extend(items) or seen)
    side_by_side(run_of(tmp_path), operator.call, [tick, tick, tick], ticks=3, description="ticks")
    assert len(seen) == 3
