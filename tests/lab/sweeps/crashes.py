"""Sweeps that are killed, that run at once, that have no room and no rights: done here, each in a child of its own.

    python tests/lab/sweeps/crashes.py FOLDER KILLS

prints as JSON what happened. The children are forks, which are cheap and allowed: this process has one thread.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps.executors import completed
from optimlab.lab.sweeps.provenance import measured
from optimlab.lab.sweeps.store import Store

TELL = None


@dataclass(frozen=True)
class Walk:
    """A task of about a millisecond."""

    number: int

    @property
    def key(self):
        return f"walk {self.number:02}"

    @property
    def config(self):
        return {"number": self.number}

    def run(self):
        tell("begun", self)
        steps = np.random.default_rng(self.number).standard_normal((300, 3))
        for _ in range(20):
            steps = np.sin(steps) * 1.5
        ends = [*steps[:2].ravel().tolist(), -0.0, float("inf"), float("nan")]
        return [{"number": self.number, "place": place, "end": end} for place, end in enumerate(ends)]


WALKS = [Walk(number) for number in range(16)]
KEYS = [walk.key for walk in WALKS]


def tell(what, task):
    """Write a line into the pipe to the parent, which a kill cannot cut."""
    if TELL is not None:
        os.write(TELL, f"{what},{task.key}\n".encode())


def sweep(path, workers):
    """Finish the walks in a store."""
    with Store(path) as store, pool(workers) as executor:
        missing = (walk for walk in WALKS if not store.have([walk.key]))
        with closing(completed(missing, measured, executor)) as found:
            for task, (rows, seconds, where) in found:
                store.put(task, rows, seconds, where=where)
                tell("put", task)
    tell("all", WALKS[0])


def pool(workers):
    if workers == 1:
        return contextlib.nullcontext()
    return ProcessPoolExecutor(workers, get_context("fork"))


@dataclass
class Child:
    """A fork that does some work, in a group of its own, and the pipe from it."""

    work: Callable[[], None]

    def __post_init__(self):
        global TELL
        assert len(os.listdir("/proc/self/task")) == 1
        self.pipe, TELL = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.setpgid(0, 0)
            os.close(self.pipe)
            try:
                self.work()
                os._exit(0)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(self.pid, self.pid)
        os.close(TELL)
        TELL = None

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self):
        """Wait for the end; return what was told, and the status."""
        with open(self.pipe) as pipe:
            lines = [line.strip().split(",") for line in pipe]
        return lines, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
