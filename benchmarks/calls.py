"""What does it cost to call ``optimlab.Optimizer``? New arrays at each step, views, rows of a table, ``minimize``.

    python benchmarks/calls.py [--quick] [--out FILE]

Small arrays, so that it is the calls that are timed; all contenders of a table in turn, on one core. The targets at the
end are reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

from collections.abc import Callable, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from itertools import cycle  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from optimlab import ClipNorm, Ema, Optimizer, adam, minimize, momentum, sgd  # noqa: E402
from optimlab.typing import Array  # noqa: E402

Call = Callable[[], Any]
SIX = ((2, 50), (50,), (50, 50), (50,), (50, 3), (3,))
TWENTY = ((30,), (30, 30)) * 10
WORDS, SIZE, BATCH = 50_000, 100, 64
SAME, FRESH, REBOUND = "the same arrays", "new gradients at each step", "new views of the parameters, new gradients"
BARE, FIXED = "np.subtract.at", 40e-6
LR = 1e-3


def arrays(shapes: Sequence[tuple[int, ...]], seed: int) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype("float32") for shape in shapes]


def steps(shapes: Sequence[tuple[int, ...]]) -> dict[str, Call]:
    """Return a step of Adam with the arrays of the step before, and with others."""
    made = [(arrays(shapes, 0), Optimizer(adam(), LR, engine="numpy")) for _ in range(3)]
    gradients, pool = arrays(shapes, 1), cycle([arrays(shapes, seed) for seed in range(2, 34)])
    (same, one), (fresh, two), (bound, three) = made
    return {
        SAME: lambda: one.step(same, gradients),
        FRESH: lambda: two.step(fresh, next(pool)),
        REBOUND: lambda: three.step([w[...] for w in bound], next(pool)),
    }


def hooked(shapes: Sequence[tuple[int, ...]]) -> dict[str, Call]:
    """Return what a plain step, and one with more to do, take."""
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "with ClipNorm": {"hooks": [ClipNorm(1.0)]},
        "with an average": {"average": Ema(0.999)},
        "two groups": {"lr": {"0": LR, "*": 2 * LR}},
    }
    gradients = arrays(shapes, 1)
    made = [Optimizer(adam(), **{"lr": LR, "engine": "numpy", **given}) for given in options.values()]
    return {name: partial(opt.step, arrays(shapes, 0), gradients) for name, opt in zip(options, made, strict=True)}


def rows() -> dict[str, Call]:
    """Return a step of 64 rows of a table of 50 000 words, and the plainest one, by hand."""
    rng = np.random.default_rng(0)
    batches = [(rng.integers(0, WORDS, BATCH), arrays(((BATCH, SIZE),), seed)[0]) for seed in range(32)]
    calls: dict[str, Call] = {}

    def bare(table: Array, pool: Any) -> None:
        index, gradient = next(pool)
        np.subtract.at(table, index, gradient)

    def ours(opt: Optimizer, others: str, table: Array, pool: Any) -> None:
        index, gradient = next(pool)
        opt.step_rows(table, index, gradient, others=others)

    calls[BARE] = partial(bare, *arrays(((WORDS, SIZE),), 0), cycle(batches))
    for name, rule in {"sgd": sgd(), "momentum": momentum(), "adam": adam()}.items():
        for others in ("wait", "decay"):
            opt = Optimizer(rule, LR)
            calls[f"{name}, {others}"] = partial(ours, opt, others, *arrays(((WORDS, SIZE),), 0), cycle(batches))
    return calls


def loops(count: int = 200) -> dict[str, Call]:
    """Return 200 steps on ten numbers: in a loop by hand, and by ``minimize``."""
    x0 = np.ones(10)

    def by_hand() -> None:
        x, opt = x0.copy(), Optimizer(adam(), LR)
        for _ in range(count):
            opt.step(x, 2 * x)

    ours = partial(minimize, lambda x: 2 * x, x0, adam(), lr=LR, steps=count, progress=False)
    return {"a loop with Optimizer.step": by_hand, "minimize": ours}


def row_targets(race: timing.Race) -> list[timing.Target]:
    """Return what a step of rows takes beyond 40 µs, in multiples of the bare one."""
    found = []
    for name in race.seconds:
        if name != BARE:
            pairs = zip(race.seconds[name], race.seconds[BARE], strict=True)
            spread = timing.Spread.of([max(a - FIXED, 0.0) / b for a, b in pairs])
            found.append(timing.Target(f"rows: ({name} - 40 µs) ÷ {BARE}", spread, 3.0))
    return found


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time the calls of an optimizer.").parse_args()
    rounds, calls = (5, 20) if arguments.quick else (25, 200)
    report = timing.Report()
    report.add("# Calls of an optimizer")
    report.add(timing.header(("optimlab", "numpy")))
    targets = []
    for title, shapes in (("six small arrays", SIX), ("20 leaves", TWENTY)):
        race = timing.race(steps(shapes), rounds=rounds, calls=calls)
        report.add(f"## Adam on {title}")
        report.add(timing.table(["", "a step", f"÷ {SAME}"], race.rows([SAME])))
        targets.append(timing.Target(f"{title}: {FRESH} ÷ {SAME}", race.ratio(FRESH, SAME), 1.3))
    micro = timing.Spread.of([1e6 * seconds for seconds in race.seconds[REBOUND]])
    targets.append(timing.Target(f"20 leaves: {REBOUND}", micro, 150.0, unit="µs"))
    for title, made, first in (
        ("Adam on six small arrays, with more to do", hooked(SIX), "plain"),
        (f"{BATCH} rows of a table of {WORDS} × {SIZE} float32", rows(), BARE),
    ):
        race = timing.race(made, rounds=rounds, calls=calls)
        report.add(f"## {title}")
        report.add(timing.table(["", "a step", f"÷ {first}"], race.rows([first])))
    targets += row_targets(race)
    race = timing.race(loops(), rounds=rounds, calls=1)
    report.add("## 200 steps on ten numbers")
    report.add(timing.table(["", "all", "÷ loop"], race.rows(["a loop with Optimizer.step"])))
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
