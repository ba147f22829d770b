"""What do chunks cost, and what does a second worker gain? The EMA of Dask arrays beside that of arrays in memory.

    python benchmarks/chunks.py [--quick] [--out FILE]

Contenders take turns. Every library is kept to one thread; the workers are processes with one thread, each kept to one
core. Data are generated on the workers and results are summed there, so that hardly anything travels: what is measured
is arithmetic and scheduling, not a network. What a second worker gains has three parts, raced side by side: the graph
(tasks that wait instead of working, which take no core), the machine (chunks that are averaged each on its own, which
wait for nothing: workers share caches and memory, and their cores with the scheduler), and both. The targets at the
end are reported, never enforced.
"""

from __future__ import annotations

import os

import timing

os.environ.update(dict.fromkeys(timing.THREADS, "1"))  # not to one core: there are workers

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph
from dask.task_spec import TaskRef
from distributed import Client, LocalCluster

from optimlab import ema
from optimlab.series.prefix import stripe

Call = Callable[[], Any]
HALFLIFE = 1000.0
WORKERS = {1: "one worker", 2: "two workers"}
WAIT = 0.02  # seconds of a task that waits, as long as one of a million values or two works


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


@final
class Waiting:
    """A recipe whose tasks wait."""

    def nothing(self) -> float:
        """Return what is before all chunks."""
        return 0.0

    def summary(self, piece: Any, before: int) -> float:
        """Return nothing, later."""
        time.sleep(WAIT)
        return 0.0

    def merge(self, one: float, two: float) -> float:
        """Return nothing."""
        return one + two

    def results(self, piece: Any, carry: float) -> tuple[Any, float]:
        """Return the chunk, later."""
        time.sleep(WAIT)
        return piece, carry


def block() -> Any:
    """Return a chunk, later."""
    time.sleep(WAIT)
    return np.zeros(1)


def read(chunk: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a chunk, and what makes one of its results."""
    return chunk, np.asarray


def waiting(n: int) -> Any:
    """Return the sum of n chunks in the graph of an average, of tasks that wait."""
    x = da.map_blocks(block, chunks=((1,) * n,), dtype=float, meta=np.empty(0))
    graph = stripe("waiting", Waiting(), read, {(i,): [TaskRef((x.name, i))] for i in range(n)}, [0] * n)
    layers = HighLevelGraph.from_collections("waiting", graph, dependencies=[x])
    return da.Array(layers, "waiting", chunks=x.chunks, meta=np.empty(0)).sum()


def workers_races(clients: dict[int, Client], n: int, rows: int, rounds: int) -> dict[str, tuple[timing.Race, ...]]:
    """Time one worker against two, by the clock, and by the CPU time of the workers."""
    x = da.random.default_rng(0).random(n * rows, chunks=rows)
    work = {
        "the graph alone": waiting(n),
        "each chunk alone": x.map_blocks(ema, halflife=HALFLIFE, dtype=x.dtype).sum(),
        "averaged": chunks_of(n, rows)[1],
    }

    def cpu() -> float:
        return sum(seconds for client in clients.values() for seconds in client.run(time.process_time).values())

    def race(lazy: Any, clock: Callable[[], float], rounds: int = rounds) -> timing.Race:
        calls: dict[str, Call] = {
            WORKERS[k]: lambda client=client: client.compute(lazy).result() for k, client in clients.items()
        }
        return timing.race(calls, rounds=rounds, clock=clock)

    return {name: (race(lazy, time.perf_counter), race(lazy, cpu, 2)) for name, lazy in work.items()}


def compared(race: timing.Race) -> list[str]:
    """Return the times of one worker and of two, and their ratio."""
    return [
        *(timing.duration(race.time(name)) for name in WORKERS.values()),
        timing.ratio(race.ratio(WORKERS[1], WORKERS[2])),
    ]


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
    rounds, tiny, n, rows = (3, 100, 8, 10**6) if arguments.quick else (5, 300, 16, 8 * 10**6)
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
        large = workers_races(clients, n, rows, rounds)
    report.add(f"## {n} chunks of {rows} float64, generated, averaged and summed on the workers")
    for i, kind in enumerate(("the clock", "CPU of the workers")):
        body = [[name, *compared(races[i])] for name, races in large.items()]
        report.add(timing.table([kind, *WORKERS.values(), "one ÷ two"], body))
    memory = memory_race(n // 4, rows, rounds)
    report.add(f"## {n // 4} chunks of {rows} float64, in memory before and after")
    report.add(timing.table(["", "a run", "÷ in memory"], memory.rows(["in memory"])))
    report.add("## Targets")
    targets = [
        timing.Target(
            f"a second worker, time of one ÷ of two: {name}", by_clock.ratio(*WORKERS.values()), 1.6, floor=True
        )
        for name, (by_clock, _) in large.items()
    ]
    report.add(timing.target_table(targets))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
