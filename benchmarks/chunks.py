"""What do chunks cost, and what does a second worker gain? The EMA of Dask arrays beside that of arrays in memory.

    python benchmarks/chunks.py [--quick] [--out FILE]

Contenders take turns. Every library is kept to one thread; the workers are processes with one thread, each kept to one
core. Data are generated on the workers and results are summed there, so that hardly anything travels: what is measured
is arithmetic and scheduling, not a network. The targets at the end are reported, never enforced.
"""

from __future__ import annotations

import os

import timing

os.environ.update(dict.fromkeys(timing.THREADS, "1"))  # not to one core: there are workers

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from optimlab import ema

Call = Callable[[], Any]
HALFLIFE = 1000.0
WORKERS = {1: "one worker", 2: "two workers"}


def pin(dask_worker: Any) -> None:
    """Keep this worker to a core of its own."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[dask_worker.name % len(cores)]})


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """Give a client of some worker processes."""
    made: Any = LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL, memory_limit=0
    )
    with made, Client(made, set_as_default=False) as client:
        client.run(pin)
        yield client


def chunks_of(n: int, rows: int) -> tuple[Any, Any]:
    """Return the sums of n generated chunks, and of their averages."""
    x = da.random.default_rng(0).random(n * rows, chunks=rows)
    return x.sum(), ema(x, halflife=HALFLIFE).sum()


def overhead(client: Client, n: int, rounds: int) -> timing.Race:
    """Time tiny chunks, summed alone and averaged before: the time of this process, on a cluster the clock's."""
    lazy = dict(zip(("sum alone", "ema, sum"), chunks_of(n, 10), strict=True))
    here: dict[str, Call] = {
        f"{kind}: {name}": lambda each=each, kind=kind: each.compute(scheduler=kind, num_workers=2)
        for kind in ("sync", "threads")
        for name, each in lazy.items()
    }
    there: dict[str, Call] = {
        f"{WORKERS[2]}: {name}": lambda each=each: client.compute(each).result() for name, each in lazy.items()
    }
    seconds = (
        timing.race(here, rounds=rounds, clock=time.process_time).seconds | timing.race(there, rounds=rounds).seconds
    )
    return timing.Race({name: [s / n for s in times] for name, times in seconds.items()})


def added(race: timing.Race, scheduler: str) -> timing.Spread:
    """Return the microseconds that the average of a chunk adds to its sum."""
    pairs = zip(race.seconds[f"{scheduler}: ema, sum"], race.seconds[f"{scheduler}: sum alone"], strict=True)
    return timing.Spread.of([1e6 * (with_it - without) for with_it, without in pairs])


def workers_race(clients: dict[int, Client], n: int, rows: int, rounds: int) -> timing.Race:
    """Time one worker against two."""
    lazy = chunks_of(n, rows)[1]
    return timing.race(
        {WORKERS[k]: lambda client=client: client.compute(lazy).result() for k, client in clients.items()},
        rounds=rounds,
    )


def memory_race(n: int, rows: int, rounds: int) -> timing.Race:
    """Time an array in memory against the same one in chunks of threads."""
    x = np.random.default_rng(0).random(n * rows)
    lazy = ema(da.from_array(x, chunks=rows, name=False), halflife=HALFLIFE)
    return timing.race(
        {
            "in memory": lambda: ema(x, halflife=HALFLIFE),
            "Dask, one thread": lambda: lazy.compute(scheduler="sync"),
            "Dask, two threads": lambda: lazy.compute(scheduler="threads", num_workers=2),
        },
        rounds=rounds,
    )


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time the EMA of chunked arrays.").parse_args()
    rounds, tiny, n, rows = (3, 100, 8, 10**6) if arguments.quick else (5, 300, 24, 2 * 10**6)
    report = timing.Report()
    report.add("# Chunks")
    report.add(timing.header(("optimlab", "numpy", "numba", "dask", "distributed")))
    with ExitStack() as stack:
        clients = {k: stack.enter_context(cluster(k)) for k in WORKERS}
        small = overhead(clients[2], tiny, rounds)
        report.add(f"## {tiny} chunks of 10 values: time a chunk")
        report.add(timing.table(["", "a chunk"], small.rows([])))
        report.add(
            "What an average adds to a chunk: "
            + ", ".join(f"{name} {timing.ratio(added(small, name))} µs" for name in ("sync", "threads", WORKERS[2]))
        )
        large = workers_race(clients, n, rows, rounds)
    report.add(f"## {n} chunks of {rows} float64, generated, averaged and summed on the workers")
    report.add(timing.table(["", "a run", f"÷ {WORKERS[2]}"], large.rows([WORKERS[2]])))
    memory = memory_race(n // 4, rows, rounds)
    report.add(f"## {n // 4} chunks of {rows} float64, in memory before and after")
    report.add(timing.table(["", "a run", "÷ in memory"], memory.rows(["in memory"])))
    report.add("## Targets")
    gain = large.ratio(WORKERS[1], WORKERS[2])
    report.add(timing.target_table([timing.Target("a second worker, time of one ÷ of two", gain, 1.6, floor=True)]))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
