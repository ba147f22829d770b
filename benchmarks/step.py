"""How fast is a step of ``optimlab.Optimizer``? One core, side by side with torch, optax, scikit-learn and plain NumPy.

    python benchmarks/step.py [--quick] [--only PART ...] [--out FILE]

What moves memory only is timed too. Beside Adam w, m and v are read and written once and g is read once, one array
after the other; a loop over all of them at once keeps more reads under way, and can beat it. Beside each rule it is one
compiled loop over the rule's arrays. A peer that is not installed is named and left out. The targets at the end are
reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from importlib.util import find_spec  # noqa: E402

import numpy as np  # noqa: E402
from contenders import (  # noqa: E402
    ADAFACTOR,
    ALONE,
    CHAIN,
    FUSED,
    LIMIT,
    MUON,
    NUMPY,
    PRODUCTS,
    T_ADAFACTOR,
    T_CHAIN,
    T_FOREACH,
    T_FUSED,
    T_MUON,
    TEXTBOOK,
    TOGETHER,
    UNCHECKED,
    Shapes,
    adam_calls,
    chain_calls,
    matrix_calls,
    replica_calls,
)  # fmt: skip

PEERS = {"numba": "numba", "torch": "torch", "optax": "optax", "sklearn": "scikit-learn"}
SMALL: dict[str, Shapes] = {
    "100 vectors of 8": ((8,),) * 100,
    "the spiral net's six arrays": ((2, 50), (50,), (50, 50), (50,), (50, 3), (3,)),
}


NUMPY_IMPORT, BARE, WITH_OPTIMIZER = "import numpy", "import optimlab", "import optimlab; optimlab.Optimizer"
WITH_MORE = "from optimlab import Optimizer, adam, ClipNorm, cosine_decay"


def import_seconds(statement: str) -> float:
    """Return the processor seconds that an import takes in a fresh process, which may keep its bytecode."""
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def imports(report: timing.Report, rounds: int, _: int) -> list[timing.Target]:
    """Time imports with bytecode present: ``import optimlab`` loads nothing, so what programs need is timed as well."""
    seconds: dict[str, list[float]] = {NUMPY_IMPORT: [], BARE: [], WITH_OPTIMIZER: [], WITH_MORE: []}
    for turn in range(-1, 2 * rounds):  # the first writes the bytecode
        for statement, times in seconds.items():
            elapsed = import_seconds(statement)
            if turn >= 0:
                times.append(elapsed)
    race = timing.Race(seconds)
    report.add("## Imports, processor time of a fresh process")
    report.add(timing.table(["", "import", f"÷ {NUMPY_IMPORT}"], race.rows([NUMPY_IMPORT])))
    return [target("import", race, (ours, NUMPY_IMPORT), 1.3) for ours in (BARE, WITH_OPTIMIZER, WITH_MORE)]


def target(claim: str, race: timing.Race, pair: tuple[str, str], limit: float, *, floor: bool = False) -> timing.Target:
    there = set(pair) <= race.seconds.keys()
    return timing.Target(f"{claim}: {pair[0]} ÷ {pair[1]}", race.ratio(*pair) if there else None, limit, floor=floor)


def _show(report: timing.Report, title: str, race: timing.Race, count: int) -> None:
    """Add a table: contender, time, ns for each parameter and the multiple of moving memory once."""
    rows = [
        [name, time, f"{1e9 * race.time(name).median / count:.2f}", multiple]
        for name, time, multiple in race.rows([LIMIT])
    ]
    report.add(f"## {title}")
    report.add(timing.table(["", "a step", "ns a parameter", f"÷ {LIMIT}"], rows))


def large(report: timing.Report, rounds: int, size: int) -> list[timing.Target]:
    """Race Adam on one large array."""
    for dtype in ("float64", "float32"):
        title = f"Adam, {size} {dtype}"
        race = timing.race(adam_calls(((size,),), dtype), rounds=rounds)
        _show(report, title, race, size)
    return [
        target(title, race, (UNCHECKED, T_FUSED), 1.1),
        target(title, race, (FUSED, T_FUSED), 1.3),
        target(title, race, (T_FOREACH, UNCHECKED), 4.0, floor=True),
        target(title, race, (T_FOREACH, FUSED), 4.0, floor=True),
        target(title, race, (TEXTBOOK, NUMPY), 2.2, floor=True),
        target(title, race, (NUMPY, T_FOREACH), 1.0),
    ]


def small(report: timing.Report, rounds: int, _: int) -> list[timing.Target]:
    """Race Adam on small arrays."""
    targets = []
    for title, shapes in SMALL.items():
        race = timing.race(adam_calls(shapes, "float32"), rounds=rounds, calls=100)
        _show(report, f"Adam, {title}, float32", race, sum(int(np.prod(s)) for s in shapes))
        targets.append(target(title, race, (NUMPY, T_FUSED), 0.5))
    return targets


def chain(report: timing.Report, rounds: int, size: int) -> list[timing.Target]:
    """Race clipping, AdamW and an average of the weights, in processor time."""
    race = timing.race(chain_calls(size), rounds=rounds, clock=time.process_time)
    report.add(f"## Clip by global norm, AdamW, EMA of the weights, {size} float32")
    report.add(timing.table(["", "a step"], race.rows([])))
    return [target("chain", race, (T_CHAIN, CHAIN), 1.5, floor=True)]


def rules(report: timing.Report, rounds: int, size: int) -> list[timing.Target]:
    """Race each elementwise rule against the traffic of its memory."""
    if not find_spec("numba"):
        return []
    import traffic

    found = list(traffic.races(size, rounds))
    head = ["rule", "moved a parameter", traffic.TRAFFIC, traffic.SWEEP, "GB/s", "÷ traffic", "÷, gradients checked"]
    report.add(f"## Rules, fused, {size} float32")
    report.add(timing.table(head, [traffic.row(size, *one) for one in found]))
    pair = traffic.SWEEP, traffic.TRAFFIC
    name, _, race = max(found, key=lambda one: one[2].ratio(*pair).median)
    return [target(f"the slowest of {len(found)} rules, {name}", race, pair, 1.3)]


def replicas(report: timing.Report, rounds: int, _: int) -> list[timing.Target]:
    """Race many runs at once against one after the other."""
    race = timing.race(replica_calls(), rounds=rounds, calls=20)
    report.add("## Replicas of a 2-D problem")
    report.add(timing.table(["", "a step"], race.rows([])))
    return [target("replicas", race, (ALONE, TOGETHER), 100.0, floor=True)]


def matrices(report: timing.Report, rounds: int, _: int) -> list[timing.Target]:
    """Race on 2048 × 2048; torch's Muon on 256 × 256, as bfloat16 in software takes minutes on more."""
    races = {
        "Adafactor, 2048 × 2048": timing.race(matrix_calls(ADAFACTOR, 2048), rounds=rounds),
        "Muon, 2048 × 2048": timing.race(matrix_calls(MUON, 2048, peer=False), rounds=3),
        "Muon, 256 × 256": timing.race(matrix_calls(MUON, 256), rounds=rounds),
    }
    for title, race in races.items():
        report.add(f"## {title} float32")
        report.add(timing.table(["", "a step"], race.rows([])))
    pairs = (ADAFACTOR, T_ADAFACTOR), (MUON, PRODUCTS), (MUON, T_MUON)
    return [target(title, race, pair, 1.5) for (title, race), pair in zip(races.items(), pairs, strict=True)]


PARTS = {
    "adam": large, "small": small, "chain": chain, "rules": rules, "matrices": matrices, "replicas": replicas,
    "imports": imports,
}  # fmt: skip


def main() -> None:
    """Run the benchmark."""
    parser = timing.options("Time a step of an optimizer against its peers, on one core.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    rounds, size = (5, 1_000_000) if arguments.quick else (15, 10_000_000)
    report = timing.Report()
    report.add("# A step of an optimizer")
    report.add(timing.header(("optimlab", "numpy", *PEERS.values())))
    missing = [name for module, name in PEERS.items() if not find_spec(module)]
    if missing:
        report.add(f"Not installed, and left out: {', '.join(missing)}.")
    targets = [one for name in arguments.only for one in PARTS[name](report, rounds, size)]
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
