"""Executors: each task once, as it comes; errors name the task and lose nothing; workers end with what began them."""

import math
import multiprocessing
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count, islice

import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps.executors import completed


def test_here_tasks_are_taken_one_by_one():
    tasks = map(float, count())
    with closing(completed(tasks, math.sqrt)) as found:
        assert list(islice(found, 3)) == [(0.0, 0.0), (1.0, 1.0), (2.0, math.sqrt(2.0))]
    assert next(tasks) == 3.0


def test_no_task_is_no_result():
    assert list(completed([], math.sqrt)) == list(completed([], math.sqrt, 1)) == []


def test_an_executor_is_used_bounded_and_left_open():
    tasks = map(float, count())
    with ThreadPoolExecutor(2) as executor:
        with closing(completed(tasks, math.sqrt, executor)) as found:
            assert all(root == math.sqrt(x) for x, root in islice(found, 50))
        assert next(tasks) <= 2000.0
        assert executor.submit(math.sqrt, 4.0).result() == 2.0


@pytest.mark.parametrize("threads", [None, 3])
def test_an_error_names_its_task_and_what_is_on_its_way_is_finished(threads):
    begun = []

    def root(x):
        begun.append(x)
        return math.sqrt(x)

    seen, tasks = [], [1.0, 2.0, -3.0, *map(float, range(10_000))]
    with ThreadPoolExecutor(threads) as executor, pytest.raises(ValueError, match=r"domain|nonnegative") as caught:
        seen += (x for x, _ in completed(tasks, root, executor if threads else None))
    assert caught.value.__notes__ == ["in the task -3.0"]
    assert sorted([*seen, -3.0]) == sorted(begun)
    assert len(begun) < len(tasks)


def test_processes_have_one_thread_each_and_this_one_keeps_its_environment(monkeypatch):
    children = set(multiprocessing.active_children())  # of other tests
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    tasks = [partial(os.getenv, name) for name in names] + [partial(os.getpid)] * 9
    found = [result for _, result in completed(tasks, operator.call, 1)]
    assert found[:2] == ["1", "1"]
    assert os.getpid() not in found
    assert len(set(found[2:])) == 1
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ
    assert set(multiprocessing.active_children()) <= children


def test_a_worker_that_dies_is_told_with_its_task_and_what_was_finished_is_kept():
    tasks, seen = [partial(abs, -1), partial(os._exit, 3), partial(abs, -2)], []
    with pytest.raises(
        StudyError, match=r"a worker has died.*: functools.partial\(<built-in function _exit>, 3\); what"
    ):
        seen += (result for _, result in completed(tasks, operator.call, 1))
    assert seen == [1]
    assert [result for _, result in completed(tasks[2:], operator.call)] == [2]


def test_a_task_that_cannot_travel_is_named_and_the_others_are_finished():
    local = lambda: 5  # noqa: E731
    seen = []
    with pytest.raises(StudyError, match=r"the task <function .*lambda.* cannot be sent to another process") as caught:
        seen += (result for _, result in completed([partial(abs, -1), local], operator.call, 1))
    assert "at the top of a module" in str(caught.value)
    assert "or run it here" in str(caught.value)
    assert seen == [1]
    assert list(completed([local], operator.call)) == [(local, 5)]
    assert [result for _, result in completed([partial(abs, -5)], operator.call, 1)] == [5]


@pytest.mark.parametrize("executor", [0, -2, "proc", "", "10.0.0.1:8786"])
def test_a_wrong_executor_is_a_wrong_value(executor):
    with pytest.raises(ValueError, match=r"executor must be .*; got"):
        next(completed([1.0], math.sqrt, executor))


@pytest.mark.parametrize("executor", [True, 2.0, object(), ["processes"], len])
def test_no_executor_is_a_wrong_kind(executor):
    with pytest.raises(TypeError, match=r"executor must be .*; got"):
        next(completed([1.0], math.sqrt, executor))


@pytest.mark.slow
def test_ctrl_c_stops_the_workers():
    children = set(multiprocessing.active_children())  # of other tests
    press = partial(signal.pthread_kill, threading.main_thread().ident, signal.SIGINT)
    found = completed([partial(abs, -1), *[partial(time.sleep, 600)] * 3], operator.call, 2)
    assert next(found)[1] == 1
    threading.Timer(0.1, press).start()
    with pytest.raises(KeyboardInterrupt):
        next(found)
    assert set(multiprocessing.active_children()) <= children


ORPHANS = """
import operator, os, signal, time
from functools import partial
from optimlab.lab.sweeps.executors import completed
for _, pid in completed([partial(os.getpid), partial(time.sleep, 600)], operator.call, 1):
    print(pid != os.getpid(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_workers_end_with_a_process_that_is_killed():
    done = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "True\n")  # which comes once no worker holds the pipe
