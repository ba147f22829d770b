"""What ``step.py`` races: a step of ours, of plain NumPy, torch, optax and scikit-learn, and what moves memory only.

A peer that is not installed is left out. Whoever imports this pins the threads before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

from optimlab import ClipNorm, Ema, Optimizer, adafactor, adam, adamw, muon
from optimlab.typing import Array

__all__ = [
    "ADAFACTOR", "ALONE", "CHAIN", "FUSED", "LIMIT", "MUON", "NUMPY", "PRODUCTS", "TEXTBOOK", "TOGETHER", "T_ADAFACTOR",
    "T_CHAIN", "T_FOREACH", "T_FUSED", "T_MUON", "UNCHECKED", "Call", "Shapes", "adam_calls", "arrays", "chain_calls",
    "matrix_calls", "ours", "replica_calls",
]  # fmt: skip

Call = Callable[[], Any]
Shapes = Sequence[tuple[int, ...]]

FUSED, UNCHECKED, NUMPY = "optimlab fused", "optimlab fused, check_finite=False", "optimlab NumPy"
LIMIT, TEXTBOOK, SKLEARN, OPTAX = "memory once", "textbook NumPy", "scikit-learn", "optax jit"
T_FUSED, T_FOREACH, T_LOOP = "torch fused", "torch foreach", "torch for-loop"
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
