"""A program that kills runs of `ema_file` at random moments and lets the next go on: children of one thread."""

KILLS = """
import os
import random
import signal
import time
from pathlib import Path

import numpy.ma  # once, not in each child; pyarrow has threads, which no child may inherit
from optimlab import ema_file
from optimlab.series import bulk

bulk.SAVED, bulk._SHARE = -1.0, 0.0  # a record after each chunk
os.fsync = lambda handle: None  # what a process has written outlives it; a machine that stops is another matter
given = {"column": [1, 2], "times": 0, "weights": 3, "halflife": 9.0, "chunk": 10}
chance = random.Random(0)


def run(out):
    child = os.fork()
    if not child:
        ema_file("ticks.npy", out, **given)
        os._exit(0)
    return child


def seconds(out):
    begun = time.perf_counter()
    os.waitpid(run(out), 0)
    return time.perf_counter() - begun


for kind, least in {"npy": 10, "csv": 8, "parquet": 3}.items():
    usual, kills, out = seconds(f"whole.{kind}"), 0, Path(f"smooth.{kind}")
    while kills < least:
        out.unlink(missing_ok=True)
        while not out.exists():
            child = run(out)
            time.sleep(chance.uniform(0.0, 1.2 * usual))
            os.kill(child, signal.SIGKILL)
            kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        assert out.read_bytes() == Path(f"whole.{kind}").read_bytes()
    print(kind, kills)
"""
