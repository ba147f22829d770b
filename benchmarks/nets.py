"""How fast is a step of a net? The two nets of article 000, a thousand XOR nets at once, and the sweep of autodiff.

    python benchmarks/nets.py [--quick] [--out FILE]

Every contender of article 000 records the same three curves at each step: the loss, and the article's measure of the
gradient of the first two layers. Times are processor time on one core with one BLAS thread: other work on the machine
moves them less than the clock. Only both nets together run in two processes, by the clock. The targets at the end are
reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

from optimlab import Optimizer, sgd  # noqa: E402
from optimlab.lab.autodiff import Graph, trace  # noqa: E402
from optimlab.lab.nets import MLP, TrainingLoss  # noqa: E402
from optimlab.lab.problems import published_spiral, xor  # noqa: E402
from optimlab.typing import Array  # noqa: E402

Step = Callable[[], object]

NETS = ("sigmoid", "relu")
ARTICLE, F64, F32, BY_HAND = (
    "article-style program",
    "optimlab float64",
    "optimlab float32",
    "float32, w -= lr g by hand",
)
FLOOR64, FLOOR32 = "its matrix products and exponentials alone, float64", "the same, float32"
MANY64, MANY32 = "16 replicas float64, each", "16 replicas float32, each"
REPLICAS, LR, L2, STEPS = 16, 0.1, 1e-3, 50_000
XOR_NETS, EPOCHS, SOLVED = 1000, 30_000, 0.02
EDGES = (1_000, 10_000, 100_000, 1_000_000)


def article(net: str) -> Step:
    """Return a step of the net in plain expressions, samples along rows, in float64."""
    published = published_spiral()
    X, y = published.samples
    W1, b1, W2, b2, W3, b3 = (array.copy() for array in getattr(published, net).values())
    n, curves = len(X), []

    def act(z: Array) -> Array:
        return 1 / (1 + np.exp(-z)) if net == "sigmoid" else np.maximum(z, 0)

    def back(dh: Array, h: Array) -> Array:
        if net == "sigmoid":
            return dh * h * (1 - h)
        dh[h <= 0] = 0
        return dh

    def step() -> None:
        nonlocal W1, b1, W2, b2, W3, b3
        h1 = act(np.dot(X, W1) + b1)
        h2 = act(np.dot(h1, W2) + b2)
        e = np.exp(np.dot(h2, W3) + b3)
        p = e / np.sum(e, axis=1, keepdims=True)
        decay = 0.5 * L2 * (np.sum(W1 * W1) + np.sum(W2 * W2) + np.sum(W3 * W3))
        loss = np.sum(-np.log(p[range(n), y])) / n + decay
        p[range(n), y] -= 1
        p /= n
        d2 = back(np.dot(p, W3.T), h2)
        dW2 = np.dot(h1.T, d2)
        d1 = back(np.dot(d2, W2.T), h1)
        dW1 = np.dot(X.T, d1)
        curves.append((loss, np.sum(np.abs(dW1)) / sum(dW1.shape), np.sum(np.abs(dW2)) / sum(dW2.shape)))
        W1 -= LR * (dW1 + L2 * W1)
        b1 -= LR * np.sum(d1, axis=0)
        W2 -= LR * (dW2 + L2 * W2)
        b2 -= LR * np.sum(d2, axis=0)
        W3 -= LR * (np.dot(h2.T, p) + L2 * W3)
        b3 -= LR * np.sum(p, axis=0)

    step.curves = curves  # type: ignore[attr-defined]
    return step


def ours(name: str, dtype: str, *, replicas: int | None = None, by_hand: bool = False) -> Step:
    """Return a step of one net, or of many, with the curves of the article."""
    published = published_spiral()
    net = MLP((2, 50, 50, 3), name)
    flat = net.flat(getattr(published, name)).astype(dtype)
    w = flat if replicas is None else np.tile(flat, (replicas, 1))
    problem = TrainingLoss(net, (published.samples.X.astype(dtype), published.samples.y), l2=L2)
    optimizer, gradient, size = Optimizer(sgd(), LR, replicas=replicas), np.empty_like(w), np.empty_like(w)
    ends = np.cumsum([0] + [n for rows, columns in net.blocks for n in ((rows - 1) * columns, columns)])[:-1]
    curves = []

    def record() -> None:
        loss = problem.value_and_gradient(w, gradient)[0]
        sums = np.add.reduceat(np.abs(problem.data_gradient, out=size), ends, axis=-1)
        curves.append((loss, sums[..., 0] / 52, sums[..., 2] / 100))

    def step() -> None:
        record()
        optimizer.step(w, gradient)

    def hand_step() -> None:
        record()
        np.multiply(gradient, size.dtype.type(LR), out=size)
        np.subtract(w, size, out=w)

    chosen = hand_step if by_hand else step
    chosen.curves = curves  # type: ignore[attr-defined]
    return chosen


def floor(name: str, dtype: str) -> Step:
    """Return the matrix products of a step and, for sigmoid, its exponentials: what both programs must do."""
    ones = partial(np.ones, dtype=dtype)
    z, N = ones((50, 300)), 300
    calls = [partial(np.tanh if dtype == "float32" else np.exp, z, out=ones(z.shape))] * (2 if name == "sigmoid" else 0)
    for rows, columns in MLP((2, 50, 50, 3)).blocks:
        W, h = ones((rows, columns)), ones((rows, N))
        calls.append(partial(np.matmul, W.T, h, out=ones((columns, N))))
        calls.append(partial(np.matmul, h, ones((N, columns)), out=ones(W.shape)))
        if rows > 3:
            calls.append(partial(np.matmul, W[:-1], ones((columns, N)), out=ones((rows - 1, N))))

    def step() -> None:
        for call in calls:
            call()

    return step


def same_curves(name: str, steps: int = 100) -> float:
    """Return the largest relative difference between the curves of the article's program and ours."""
    pair = (article(name), ours(name, "float64"))
    for _ in range(steps):
        for step in pair:
            step()
    a, b = (np.array(step.curves) for step in pair)  # type: ignore[attr-defined]
    return float(np.max(np.abs(a / b - 1)))


def repeated(step: Step, count: int) -> Step:
    """Return a call of so many steps."""

    def call() -> None:
        for _ in range(count):
            step()

    return call


def step_race(name: str, rounds: int, steps: int) -> timing.Race:
    """Time a step of each contender; of many replicas, the share of one."""
    alone = {
        ARTICLE: article(name),
        F64: ours(name, "float64"),
        F32: ours(name, "float32"),
        BY_HAND: ours(name, "float32", by_hand=True),
        FLOOR64: floor(name, "float64"),
        FLOOR32: floor(name, "float32"),
    }
    many = {MANY64: ours(name, "float64", replicas=REPLICAS), MANY32: ours(name, "float32", replicas=REPLICAS)}
    calls = {key: repeated(step, steps) for key, step in alone.items()}
    calls |= {key: repeated(step, max(1, steps // REPLICAS)) for key, step in many.items()}
    race = timing.race(calls, rounds=rounds, clock=time.process_time)
    share = {key: steps if key in alone else REPLICAS * max(1, steps // REPLICAS) for key in calls}
    return timing.Race({key: [t / share[key] for t in times] for key, times in race.seconds.items()})


def both_nets(steps: int) -> tuple[float, float]:
    """Train both nets in two processes at once; return seconds by the clock, and of processor time together."""
    code = "import nets, sys; nets.train(sys.argv[1], int(sys.argv[2]))"
    cores = set(range(os.cpu_count() or 1))
    folder = os.path.dirname(os.path.abspath(__file__))
    start, before = time.perf_counter(), os.times()
    with tqdm(total=2 * steps, desc="both nets", unit="step", leave=False, disable=None) as bar:
        commands = [[sys.executable, "-c", code, name, str(steps)] for name in NETS]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) for command in commands]
        if hasattr(os, "sched_setaffinity"):
            for process, core in zip(running, sorted(cores)[-2:] * 2, strict=False):
                os.sched_setaffinity(process.pid, {core})
        for process in running:
            for line in process.stdout or ():
                bar.update(int(line))
            if process.wait():
                raise RuntimeError(f"a training ended with status {process.returncode}")
    return time.perf_counter() - start, os.times().children_user - before.children_user


def train(name: str, steps: int) -> None:
    """Train a net in this process, and print how many steps are done, thousand by thousand."""
    step = ours(name, "float64")
    for begin in range(0, steps, 1000):
        count = min(1000, steps - begin)
        repeated(step, count)()
        print(count, flush=True)


def net_targets(name: str, race: timing.Race) -> Iterator[timing.Target]:
    for claim, pair, limit in (
        ("float64", (ARTICLE, F64), 1.6),
        ("float32", (ARTICLE, F32), 3.0),
        ("float64, 16 replicas", (F64, MANY64), 1.2),
        ("float32, 16 replicas", (F32, MANY32), 1.2),
    ):
        yield timing.Target(f"{name}, {claim}: {pair[0]} ÷ {pair[1]}", race.ratio(*pair), limit, floor=True)


def spiral_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report the nets of article 000."""
    targets: list[timing.Target] = []
    for name in NETS:
        report.add(f"## A step of the {name} net, 2-50-50-3, 300 samples")
        race = step_race(name, *((15, 16) if quick else (60, 64)))
        report.add(timing.table(["", "a step", f"÷ {ARTICLE}"], race.rows([ARTICLE])))
        report.add(f"Largest relative difference of the recorded curves over 100 steps: {same_curves(name):.1e}.")
        targets += net_targets(name, race)
    steps = STEPS // 10 if quick else STEPS
    seconds, worked = both_nets(steps)
    report.add(f"Both nets, {steps} steps each: {seconds:.1f} s by the clock, {worked:.1f} s of processor time.")
    targets.append(
        timing.Target(
            f"both nets, {steps} steps each, two processes", timing.Spread.of([seconds]), 15 * steps / STEPS, "s"
        )
    )
    return targets


def xor_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report nets that learn the exclusive or, trained as replicas: cost Σ (y - t)², which is 8 times the loss."""
    epochs = EPOCHS // 10 if quick else EPOCHS
    problem = TrainingLoss(MLP((2, 2, 1), "sigmoid", output="sigmoid"), xor(), loss="squared")
    w = np.random.default_rng(0).standard_normal((XOR_NETS, 9))
    optimizer = Optimizer(sgd(), 8 * LR, replicas=XOR_NETS)
    start = time.process_time()
    for _ in tqdm(range(epochs), desc="XOR", unit="epoch", delay=2.0, leave=False, disable=None):
        optimizer.step(w, problem.value_and_gradient(w)[1])
    seconds = timing.Spread.of([time.process_time() - start])
    solved = np.count_nonzero(8 * problem.value(w) < SOLVED)
    report.add(f"## {XOR_NETS} XOR nets, {epochs} epochs")
    report.add(f"{seconds.median:.1f} s of processor time; {solved} nets solve it.")
    return [timing.Target(f"{XOR_NETS} XOR nets, {epochs} epochs", seconds, 6 * epochs / EPOCHS, "s")]


def chain(edges: int) -> Graph:
    """Return the graph of w * 0.999 * 0.999 * ..., as deep as it has edges."""

    def product(w: Any) -> Any:
        for _ in range(edges):
            w = w * 0.999
        return w

    return trace(product, 1.0)


def sweep_section(report: timing.Report, quick: bool) -> Sequence[timing.Target]:
    """Report the reverse sweep over deep graphs: the exponent p in time ∝ edges^p, fitted to each round."""
    edges = EDGES[:-1] if quick else EDGES
    race = timing.race({str(n): chain(n).gradient for n in edges}, rounds=5, clock=time.process_time)
    report.add("## Reverse sweep of autodiff over a chain of products")
    spreads = {n: race.time(str(n)) for n in edges}
    each = [timing.Spread(s.median / n, s.low / n, s.high / n) for n, s in spreads.items()]
    rows = [
        [str(n), timing.duration(s), timing.duration(one)] for (n, s), one in zip(spreads.items(), each, strict=True)
    ]
    report.add(timing.table(["edges", "a sweep", "an edge"], rows))
    times = np.array([race.seconds[str(n)] for n in edges])
    exponents = np.polyfit(np.log(edges), np.log(times), 1)[0]
    return [timing.Target(f"sweep of {edges[0]} to {edges[-1]} edges: exponent", timing.Spread.of(exponents), 1.1, "")]


def main() -> None:
    """Run the benchmark: a section returns its targets."""
    arguments = timing.options("Time the nets against programs as articles write them.").parse_args()
    report = timing.Report()
    report.add("# Nets")
    report.add(timing.header(("optimlab", "numpy")))
    targets = [target for section in SECTIONS for target in section(report, arguments.quick)]
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


SECTIONS = (spiral_section, xor_section, sweep_section)
"""What is reported, in order: each takes the report and whether to be quick, adds to the report and returns targets."""


if __name__ == "__main__":
    main()
