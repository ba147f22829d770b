"""Sweeps that are killed 200 times, that share a store, that run out of disk: nothing that was finished is lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="forks, as Linux has")]
KILLS, WORKERS = 200, ("1", "2")


def stores(happened):
    return [(workers, runs) for workers in WORKERS for runs in happened["kills"][workers]["stores"]]


def many_kills_and_some_of_them_in_the_midst(happened):
    found = [run for _, runs in stores(happened) for run in runs]
    assert sum(run["status"] == -signal.SIGKILL for run in found) >= KILLS
    assert {run["status"] for run in found} == {0, -signal.SIGKILL}
    assert any(run["put"] and not run["all"] for run in found)
    assert not any(run["error"] for run in found)


def resumed_bits_are_those_of_the_uninterrupted_at_any_number_of_workers(happened):
    whole = [happened["kills"][workers]["whole"]["all"] for workers in WORKERS]
    assert len(whole[0]) == 1
    assert [runs[-1]["all"] for _, runs in stores(happened)] == [whole[0]] * len(stores(happened))
    assert whole[1] == whole[0]


def what_was_put_is_there_and_not_run_again(happened):
    for _, runs in stores(happened):
        kept, unsure = set(), 0  # put, and kills since that may have come between a task and its line
        for run in runs:
            for there in map(set, run["there"]):
                assert kept <= there
                assert len(there - kept) <= unsure
                kept, unsure = there, 0
                assert not there & set(run["begun"])
            kept, unsure = kept | set(run["put"]), unsure + 1


def a_kill_loses_the_running_task_at_most(happened):
    for workers, runs in stores(happened):
        if workers == "1":
            assert all(len(run["begun"]) - len(run["put"]) in (0, 1) for run in runs)


def two_at_once_and_no_task_is_there_twice(happened):
    whole, both = happened["kills"]["1"]["whole"], happened["both"]
    assert [(child["status"], child["all"]) for child in both["children"]] == [(0, whole["all"])] * 2
    assert sorted(both["kept"]) == sorted(whole["put"])


def a_full_disk_is_told_and_the_rest_goes_on_next_time(happened):
    full, after = happened["room"]
    assert "the disk is full or has failed; what was finished before is kept" in full["error"][0]
    assert full["put"]
    assert set(after["there"][0]) == set(full["put"])
    assert after["all"] == happened["kills"]["1"]["whole"]["all"]
    assert not set(after["begun"]) & set(full["put"])


def a_file_without_rights_is_told(happened):
    (said,) = happened["rights"]["error"]
    assert "it cannot be written; copy it to where you may write, and give the copy" in said
    assert not happened["rights"]["begun"]


CHECKS = [
    many_kills_and_some_of_them_in_the_midst,
    resumed_bits_are_those_of_the_uninterrupted_at_any_number_of_workers,
    what_was_put_is_there_and_not_run_again,
    a_kill_loses_the_running_task_at_most,
    two_at_once_and_no_task_is_there_twice,
    a_full_disk_is_told_and_the_rest_goes_on_next_time,
    a_file_without_rights_is_told,
]


def test_crashes(tmp_path):
    """All of it in one program, once: its tests must not be spread over processes."""
    command = [sys.executable, str(Path(__file__).with_name("crashes.py")), str(tmp_path), str(KILLS)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    for check in CHECKS:
        check(json.loads(done.stdout))
