"""What replicas gain over a loop over runs, and what a sweep's bookkeeping costs.

    python benchmarks/sweep.py [--quick] [--out FILE]

A thousand runs on a surface, a hundred small nets, each as replicas and one by one: processor time, on one core with
one BLAS thread. Then a sweep with a store, whose tasks take about a second each, by the clock. The targets at the end
are reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable, Mapping, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from optimlab import Optimizer, adam, descend  # noqa: E402
from optimlab.lab.contestants import contestants  # noqa: E402
from optimlab.lab.nets import MLP, TrainingLoss  # noqa: E402
from optimlab.lab.problems import Rosenbrock, Samples, spiral, xor  # noqa: E402
from optimlab.lab.sweeps import OnSurface, sweep  # noqa: E402
from optimlab.lab.sweeps.grid import Grid  # noqa: E402
from optimlab.lab.sweeps.store import Store  # noqa: E402
from optimlab.lab.sweeps.task import runs  # noqa: E402

Step = Callable[[], object]

STEPS, RUNS, NETS = 500, 1000, 100
LOOP, ONE, MANY = "a loop: descend, run by run", "a loop: a task of one run", f"{RUNS} runs as replicas, each"
TENTH = Samples(spiral(0).X[::10], spiral(0).y[::10])
"""Every tenth point of the spiral: 30 samples, as a mini-batch has."""
SIZES = {
    "2-2-1, XOR, 4 samples": ((2, 2, 1), xor()),
    "2-8-3, 30 samples": ((2, 8, 3), TENTH),
    "2-16-3, 30 samples": ((2, 16, 3), TENTH),
    "2-16-3, 300 samples": ((2, 16, 3), spiral(0)),
    "2-16-16-3, 300 samples": ((2, 16, 16, 3), spiral(0)),
}
SMALL = list(SIZES)[:3]
"""Nets for which five times is wanted."""


def shared(race: timing.Race, shares: Mapping[str, int]) -> timing.Race:
    """Return the times of a race as shares of its calls."""
    return timing.Race({key: [t / shares[key] for t in times] for key, times in race.seconds.items()})


def surface_race(rounds: int, steps: int = STEPS) -> timing.Race:
    """Time a step of one run of Adam on Rosenbrock's surface: alone, and as one of many replicas."""
    problem, contestant = OnSurface("rosenbrock"), contestants("adam")["Adam"]
    rates = np.geomspace(1e-4, 1e-2, 20)
    start = np.array(Rosenbrock().start, np.float64)
    calls: dict[str, Step] = {
        LOOP: lambda: descend(Rosenbrock(), Optimizer(adam(), 1e-3), steps, start=start, progress=False),
        ONE: lambda: runs(problem, contestant, rates[:1], seeds=[0], steps=steps),
        MANY: lambda: runs(problem, contestant, rates, seeds=range(RUNS // len(rates)), steps=steps),
    }
    race = timing.race(calls, rounds=rounds, clock=time.process_time)
    return shared(race, {LOOP: steps, ONE: steps, MANY: steps * RUNS})


def surface_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report runs on a surface."""
    race = surface_race(5 if quick else 15)
    report.add(f"## A step of one run: Adam on Rosenbrock's surface, {RUNS} runs")
    report.add(timing.table(["", "a step of one run", f"÷ {MANY}"], race.rows([MANY])))
    return [timing.Target(f"{key} ÷ {MANY}", race.ratio(key, MANY), 20, floor=True) for key in (LOOP, ONE)]


def net_step(name: str, replicas: int | None) -> Step:
    """Return a step of Adam on a net, or on many at once."""
    sizes, data = SIZES[name]
    net = MLP(sizes, "tanh", output="sigmoid" if sizes[-1] == 1 else "linear")
    loss = TrainingLoss(net, data, loss="squared" if sizes[-1] == 1 else "softmax")
    shape = (net.parameters,) if replicas is None else (replicas, net.parameters)
    w = 0.5 * np.random.default_rng(0).standard_normal(shape)
    optimizer, gradient = Optimizer(adam(), 1e-3, replicas=replicas), np.empty_like(w)
    return lambda: optimizer.step(w, loss.value_and_gradient(w, gradient)[1])


def net_floor(name: str, replicas: int | None) -> Step:
    """Return the matrix products of a step and its tanh: what every program must do."""
    (sizes, data), lead = SIZES[name], () if replicas is None else (replicas,)
    N, ones, calls = len(data.X), lambda *shape: np.ones((*lead, *shape)), []
    for i, (rows, columns) in enumerate(MLP(sizes).blocks):
        W, h, z = ones(rows, columns), ones(rows, N), ones(columns, N)
        calls += [
            partial(np.matmul, W.mT, h, out=ones(columns, N)),
            partial(np.matmul, h, z.mT, out=ones(*W.shape[-2:])),
        ]
        if i:
            calls.append(partial(np.matmul, W[..., :-1, :], z, out=ones(rows - 1, N)))
        if columns != sizes[-1]:
            calls.append(partial(np.tanh, z, out=ones(columns, N)))
    return lambda: [call() for call in calls]


def net_race(name: str, rounds: int, steps: int) -> timing.Race:
    """Time a step of a net: alone, as one of many replicas, and what it must do at least, each way."""
    calls, shares = {}, {}
    for kind, make in (("step", net_step), ("floor", net_floor)):
        for way, replicas in (("alone", None), ("replicas", NETS)):
            step, count = make(name, replicas), steps if replicas is None else max(1, steps // 10)
            calls[f"{kind} {way}"] = partial(repeated, step, count)
            shares[f"{kind} {way}"] = count * (replicas or 1)
    return shared(timing.race(calls, rounds=rounds, clock=time.process_time), shares)


def repeated(step: Step, count: int) -> None:
    """Do so many steps."""
    for _ in range(count):
        step()


def nets_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report small nets: what replicas gain, and what they could at most, if nothing but the arithmetic took time."""
    rows, targets = [], []
    for name in SIZES:
        race = net_race(name, *((3, 20) if quick else (15, 100)))
        gain, most = race.ratio("step alone", "step replicas"), race.ratio("step alone", "floor replicas")
        times = [timing.duration(race.time(key)) for key in race.seconds]
        rows.append([name, *times, timing.ratio(gain), timing.ratio(most)])
        if name in SMALL:
            targets.append(timing.Target(f"{name}: one by one ÷ {NETS} replicas", gain, 5, floor=True))
    head = [
        "net",
        "a step alone",
        f"of {NETS} replicas, each",
        "arithmetic alone",
        "of replicas, each",
        "gain",
        "at most",
    ]
    report.add(f"## A step of Adam on small nets, {NETS} of them")
    report.add(timing.table(head, rows))
    return targets


def stored(folder: Path, rules: str, seconds: float) -> tuple[float, Any]:
    """Sweep with tasks of so many seconds on a new store; return the seconds that all took, and the store's table."""
    sweep("bowl", "sgd", lr=[0.1], seeds=1, steps=1, progress=False)  # imports what is imported late
    rates, seeds = np.geomspace(1e-4, 1e-2, 20), RUNS // 20
    begin = time.process_time()
    runs(OnSurface("rosenbrock"), contestants("adam")["Adam"], rates, seeds=range(seeds), steps=STEPS)
    steps = int(STEPS * seconds / (time.process_time() - begin))
    grid = Grid(tuple(rates.tolist()), extensions=0)
    with Store(folder / "sweep.db") as store, warnings.catch_warnings(action="ignore"):  # the best is on the edge
        begin = time.perf_counter()
        sweep("rosenbrock", rules, lr=grid, seeds=seeds, steps=steps, store=store, progress=False)
        return time.perf_counter() - begin, store.tasks()


def store_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report what a sweep does besides its tasks."""
    rules = "adam, sgd" if quick else "adam, sgd, momentum, rmsprop, nesterov, adamw, lion, adagrad"
    with tempfile.TemporaryDirectory() as folder:
        whole, tasks = stored(Path(folder), rules, 1.0)
    busy = float(tasks["seconds"].sum())
    spread = timing.duration(timing.Spread.of(tasks["seconds"].tolist()))
    report.add(f"## A sweep with a store: {len(tasks)} tasks of {RUNS} runs")
    report.add(f"A task takes {spread}, all {busy:.2f} s, the whole sweep {whole:.2f} s by the clock.")
    rest = timing.Spread.of([100 * (whole - busy) / busy])
    return [timing.Target("plan, store, table: share of the tasks' time", rest, 5, "%")]


def main() -> None:
    """Run the benchmark: a section returns its targets."""
    arguments = timing.options("Time replicas against a loop over runs, and a sweep's bookkeeping.").parse_args()
    report = timing.Report()
    report.add("# Sweeps")
    report.add(timing.header(("optimlab", "numpy", "pandas")))
    targets = [target for section in SECTIONS for target in section(report, arguments.quick)]
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


SECTIONS = (surface_section, nets_section, store_section)
"""What is reported, in order: each takes the report and whether to be quick, adds to the report and returns targets."""


if __name__ == "__main__":
    main()
