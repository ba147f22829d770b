"""What does an exported rule cost? Adam as a class of torch and as a transformation of optax, beside their own.

    python benchmarks/export.py [--quick] [--out FILE]

The contenders of a table take turns in one process on one core, in the time of that process. The targets at the end are
reported, never enforced.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from typing import Any  # noqa: E402

import jax  # noqa: E402
import optax  # noqa: E402
import torch  # noqa: E402

from optimlab import adam, export  # noqa: E402

Call = Callable[[], Any]
LR = 1e-3
T_OURS, T_FOREACH, T_FUSED = "optimlab, export.torch(adam())", "torch Adam(foreach=True)", "torch Adam(fused=True)"
O_OURS, O_PEER = "optimlab, export.optax(adam(), lr)", "optax.adam(lr)"


def tensors(shapes: Sequence[int], seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=generator) for size in shapes]


def torch_calls(shapes: Sequence[int]) -> dict[str, Call]:
    """Return a step of each class on parameters of its own."""
    torch.set_num_threads(1)
    makers: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
        T_OURS: lambda params: export.torch(adam())(params, lr=LR),
        T_FOREACH: lambda params: torch.optim.Adam(params, lr=LR, foreach=True),
        T_FUSED: lambda params: torch.optim.Adam(params, lr=LR, fused=True),
    }
    calls = {}
    for name, make in makers.items():
        params = [x.requires_grad_() for x in tensors(shapes, 0)]
        for p, g in zip(params, tensors(shapes, 1), strict=True):
            p.grad = g
        calls[name] = make(params).step
    return calls


def optax_calls(size: int) -> dict[str, Call]:
    """Return a compiled step of each transformation, whose arrays are donated."""
    made = {O_OURS: export.optax(adam(), LR), O_PEER: optax.adam(LR)}
    return {name: compiled_step(tx, size) for name, tx in made.items()}


def compiled_step(tx: optax.GradientTransformation, size: int) -> Call:
    def update(w: Any, state: Any, g: Any) -> Any:
        steps, state = tx.update(g, state, w)
        return optax.apply_updates(w, steps), state

    compiled = jax.jit(update, donate_argnums=(0, 1))
    w, g = (jax.numpy.asarray(x.numpy()) for seed in (0, 1) for x in tensors([size], seed))
    held = [w, tx.init(w)]

    def step() -> None:
        held[:] = compiled(*held, g)
        jax.block_until_ready(held[0])

    return step


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time exported rules.").parse_args()
    size, rounds = (10**6, 5) if arguments.quick else (10**7, 25)
    report = timing.Report()
    report.add("# Exported rules")
    report.add(timing.header(("optimlab", "numpy", "torch", "jax", "optax")))
    targets = []
    tables: tuple[tuple[str, dict[str, Call], str, float | None], ...] = (
        (f"torch, {size} float32", torch_calls([size]), T_FOREACH, 1.5),
        ("torch, 100 parameters of 1000", torch_calls([1000] * 100), T_FOREACH, None),
        (f"optax, compiled, {size} float32", optax_calls(size), O_PEER, 1.1),
    )
    for title, calls, peer, limit in tables:
        race = timing.race(calls, rounds=rounds, clock=time.process_time)
        report.add(f"## Adam in {title}")
        report.add(timing.table(["", "a step", f"÷ {peer}"], race.rows([peer])))
        if limit is not None:
            ours = next(iter(calls))
            targets.append(timing.Target(f"{title}: {ours} ÷ {peer}", race.ratio(ours, peer), limit))
    report.add("## Targets")
    report.add(timing.target_table(targets))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
