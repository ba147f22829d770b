"""How fast is a step of ``optimlab.Optimizer``? One core, side by side with torch, optax, scikit-learn and plain NumPy.

    python benchmarks/step.py [--quick] [--out FILE]

What moves memory only is timed too: w, m and v are read and written once and g is read once, one array after the
other. A loop over all of them at once keeps more reads under way, and can beat it. A peer that is not installed is
named and left out. The targets at the end are reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from typing import Any  # noqa: E402

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np  # noqa: E402

from optimlab import ClipNorm, Ema, Optimizer, adafactor, adam, adamw, muon  # noqa: E402
from optimlab.typing import Array  # noqa: E402

Call = Callable[[], Any]
Shapes = Sequence[tuple[int, ...]]

FUSED, UNCHECKED, NUMPY = "optimlab fused", "optimlab fused, check_finite=False", "optimlab NumPy"
LIMIT, TEXTBOOK, SKLEARN, OPTAX = "memory once", "textbook NumPy", "scikit-learn", "optax jit"
T_FUSED, T_FOREACH, T_LOOP = "torch fused", "torch foreach", "torch for-loop"
PEERS = {"numba": "numba", "torch": "torch", "optax": "optax", "sklearn": "scikit-learn"}
SPIRAL = ((2, 50), (50,), (50, 50), (50,), (50, 3), (3,))
VECTORS = ((8,),) * 100
LR = 1e-3


def arrays(shapes: Shapes, seed: int, dtype: str = "float32") -> list[Array]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(dtype) for shape in shapes]


def ours(shapes: Shapes, engine: str, dtype: str, **options: Any) -> Call:
    params, gradients = arrays(shapes, 0, dtype), arrays(shapes, 1, dtype)
    optimizer = Optimizer(options.pop("rule", adam()), LR, engine=engine, **options)
    return lambda: optimizer.step(params, gradients)


def textbook(shapes: Shapes, dtype: str) -> Call:
    """Return the formulas as a lecture writes them, a loop over the arrays."""
    params, gradients = arrays(shapes, 0, dtype), arrays(shapes, 1, dtype)
    m, v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    t = 0

    def step() -> None:
        nonlocal t
        t += 1
        for i, g in enumerate(gradients):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            params[i] -= LR * (m[i] / (1 - 0.9**t)) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)

    return step


def memory_limit(shapes: Shapes, dtype: str, written: int = 3) -> Call:
    """Return what reads the gradient and reads and writes the other arrays: x ← -x."""
    blocks = [arrays(shapes, k, dtype) for k in range(written + 1)]
    out = [np.empty(min(b.size, 8192), dtype) for b in blocks[0]]

    def move() -> None:
        for block in blocks[1:]:
            for x in block:
                np.negative(x, out=x)
        for x, y in zip(blocks[0], out, strict=True):
            for i in range(0, x.size, 8192):
                part = x.reshape(-1)[i : i + 8192]
                np.copyto(y[: part.size], part)

    return move


def torch_steps(shapes: Shapes, dtype: str) -> dict[str, Call]:
    import torch

    torch.set_num_threads(1)
    calls = {}
    for name, how in ((T_FUSED, {"fused": True}), (T_FOREACH, {"foreach": True}), (T_LOOP, {"foreach": False})):
        params = [torch.from_numpy(x).requires_grad_() for x in arrays(shapes, 0, dtype)]
        for p, g in zip(params, arrays(shapes, 1, dtype), strict=True):
            p.grad = torch.from_numpy(g)
        calls[name] = torch.optim.Adam(params, lr=LR, **how).step
    return calls


def optax_step(shapes: Shapes, dtype: str) -> dict[str, Call]:
    """optax with its arrays donated, so that it can work in place."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", dtype == "float64")
    optimizer = optax.adam(LR)

    def update(params: Any, state: Any, gradients: Any) -> Any:
        steps, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, steps), state

    compiled = jax.jit(update, donate_argnums=(0, 1))
    params, gradients = ([jax.numpy.asarray(x) for x in arrays(shapes, k, dtype)] for k in (0, 1))
    held = [params, optimizer.init(params)]

    def step() -> None:
        held[:] = compiled(*held, gradients)
        jax.block_until_ready(held[0])

    return {OPTAX: step}


def sklearn_step(shapes: Shapes, dtype: str) -> dict[str, Call]:
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

    params, gradients = arrays(shapes, 0, dtype), arrays(shapes, 1, dtype)
    optimizer = AdamOptimizer(params, LR)
    return {SKLEARN: lambda: optimizer.update_params(params, gradients)}


def adam_calls(shapes: Shapes, dtype: str) -> dict[str, Call]:
    """Return the contenders of a plain Adam step."""
    calls: dict[str, Call] = {LIMIT: memory_limit(shapes, dtype), NUMPY: ours(shapes, "numpy", dtype)}
    if find_spec("numba"):
        calls[FUSED] = ours(shapes, "fused", dtype)
        calls[UNCHECKED] = ours(shapes, "fused", dtype, check_finite=False)
    calls[TEXTBOOK] = textbook(shapes, dtype)
    for module, peer in {"torch": torch_steps, "optax": optax_step, "sklearn": sklearn_step}.items():
        if find_spec(module):
            calls |= peer(shapes, dtype)
    return calls


CHAIN, T_CHAIN = "optimlab clip + AdamW + EMA", "torch clip_grad_norm_ + fused AdamW + AveragedModel"


def chain_calls(size: int) -> dict[str, Call]:
    """Return clipping by the global norm, AdamW and an EMA of the weights, by both."""
    shapes = ((size,),)
    calls: dict[str, Call] = {}
    options = {"rule": adamw(), "hooks": [ClipNorm(1.0)], "average": Ema(0.999)}
    calls[CHAIN] = ours(shapes, "auto", "float32", **options)
    if find_spec("torch"):
        calls[T_CHAIN] = _torch_chain(shapes)
    return calls


def _torch_chain(shapes: Shapes) -> Call:
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model = torch.nn.ParameterList([torch.nn.Parameter(torch.from_numpy(x)) for x in arrays(shapes, 0)])
    given = [torch.from_numpy(g) for g in arrays(shapes, 1)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    norm = float(np.sqrt(sum(float((g * g).sum()) for g in given)))

    def step() -> None:
        for p, g in zip(model.parameters(), given, strict=True):
            p.grad = g
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5 * norm)
        optimizer.step()
        averaged.update_parameters(model)

    return step


MUON, ADAFACTOR, PRODUCTS = "optimlab Muon", "optimlab Adafactor", "15 products in NumPy"
T_MUON, T_ADAFACTOR = "torch Muon", "torch Adafactor"


def matrix_calls(name: str, size: int, *, peer: bool = True) -> dict[str, Call]:
    """Return a step of Muon or Adafactor on a square matrix, by both; of Muon its matrix products too."""
    shapes = ((size, size),)
    a, b = arrays(shapes * 2, 2)
    calls = {name: ours(shapes, "auto", "float32", rule=muon() if name == MUON else adafactor())}
    if name == MUON:
        calls[PRODUCTS] = lambda: [a @ b for _ in range(15)]
    if peer and find_spec("torch"):
        import torch

        p = torch.from_numpy(arrays(shapes, 0)[0]).requires_grad_()
        p.grad = torch.from_numpy(arrays(shapes, 1)[0])
        calls[f"torch {name.split()[1]}"] = getattr(torch.optim, name.split()[1])([p], lr=LR).step
    return calls


def matrix_races(report: timing.Report, rounds: int) -> list[timing.Target]:
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


TOGETHER, ALONE = "1000 replicas at once", "1000 runs, one after the other"


def replica_calls(count: int = 1000) -> dict[str, Call]:
    """Return a step of many runs of a 2-D problem, as one array and one by one; here the gradient is w itself."""
    w, v = np.ones((count, 2)), np.ones((count, 2))
    rates = np.logspace(-4, -1, count)
    together = Optimizer(adam(), rates, replicas=count)
    runs = [(Optimizer(adam(), rate), row.copy()) for rate, row in zip(rates, v, strict=True)]

    def alone() -> None:
        for optimizer, row in runs:
            optimizer.step(row, row)

    return {TOGETHER: lambda: together.step(w, w), ALONE: alone}


NUMPY_IMPORT, OURS = "import numpy", "from optimlab import Optimizer, adam, ClipNorm, cosine_decay"


def import_seconds(statement: str) -> float:
    """Return the processor seconds that an import takes in a fresh process."""
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def import_race(rounds: int) -> timing.Race:
    """Time imports; ``import optimlab`` loads nothing, so what a program needs is timed as well."""
    seconds: dict[str, list[float]] = {NUMPY_IMPORT: [], "import optimlab": [], OURS: []}
    for turn in range(-1, rounds):
        for statement, times in seconds.items():
            elapsed = import_seconds(statement)
            if turn >= 0:
                times.append(elapsed)
    return timing.Race(seconds)


def per_number(race: timing.Race, count: int) -> list[list[str]]:
    """Return rows of contender, time, ns for each parameter and the multiple of moving memory once."""
    return [
        [name, time, f"{1e9 * race.time(name).median / count:.2f}", multiple]
        for name, time, multiple in race.rows([LIMIT])
    ]


def target(claim: str, race: timing.Race, pair: tuple[str, str], limit: float, *, floor: bool = False) -> timing.Target:
    there = set(pair) <= race.seconds.keys()
    return timing.Target(f"{claim}: {pair[0]} ÷ {pair[1]}", race.ratio(*pair) if there else None, limit, floor=floor)


def large_targets(title: str, race: timing.Race) -> list[timing.Target]:
    return [
        target(title, race, (UNCHECKED, T_FUSED), 1.1),
        target(title, race, (FUSED, T_FUSED), 1.3),
        target(title, race, (T_FOREACH, UNCHECKED), 4.0, floor=True),
        target(title, race, (T_FOREACH, FUSED), 4.0, floor=True),
        target(title, race, (TEXTBOOK, NUMPY), 2.2, floor=True),
        target(title, race, (NUMPY, T_FOREACH), 1.0),
    ]


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time a step of an optimizer against its peers, on one core.").parse_args()
    rounds, size = (5, 1_000_000) if arguments.quick else (15, 10_000_000)
    report = timing.Report()
    report.add("# A step of Adam")
    report.add(timing.header(("optimlab", "numpy", *PEERS.values())))
    missing = [name for module, name in PEERS.items() if not find_spec(module)]
    if missing:
        report.add(f"Not installed, and left out: {', '.join(missing)}.")
    targets = []
    for dtype in ("float32", "float64"):
        title = f"Adam, {size} {dtype}"
        race = timing.race(adam_calls(((size,),), dtype), rounds=rounds)
        _show(report, title, race, size)
        targets += large_targets(title, race) if dtype == "float32" else []
    race = timing.race(chain_calls(size), rounds=rounds)
    report.add(f"## Clip by global norm, AdamW, EMA of the weights, {size} float32")
    report.add(timing.table(["", "a step"], race.rows([])))
    targets.append(target("chain", race, (T_CHAIN, CHAIN), 1.5, floor=True))
    for title, shapes in (("100 vectors of 8", VECTORS), ("the spiral net's six arrays", SPIRAL)):
        race = timing.race(adam_calls(shapes, "float32"), rounds=rounds, calls=100)
        _show(report, f"Adam, {title}, float32", race, sum(int(np.prod(s)) for s in shapes))
        targets.append(target(title, race, (NUMPY, T_FUSED), 0.5))
    race = timing.race(replica_calls(), rounds=rounds, calls=20)
    report.add("## Replicas of a 2-D problem")
    report.add(timing.table(["", "a step"], race.rows([])))
    targets.append(target("replicas", race, (ALONE, TOGETHER), 100.0, floor=True))
    targets += matrix_races(report, rounds)
    race = import_race(rounds)
    targets += [target("import", race, (ours, NUMPY_IMPORT), 1.3) for ours in ("import optimlab", OURS)]
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


def _show(report: timing.Report, title: str, race: timing.Race, count: int) -> None:
    report.add(f"## {title}")
    report.add(timing.table(["", "a step", "ns a parameter", f"÷ {LIMIT}"], per_number(race, count)))


if __name__ == "__main__":
    main()
