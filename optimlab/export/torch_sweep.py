"""One step of a rule on tensors: the traced program in torch's operations, on tiles that stay in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from optimlab.engine.program import stepped
from optimlab.export.torch_calls import Call, call_of
from optimlab.rules.algebra import Rule

__all__ = ["WORKING", "Sweep"]

TILE = 131072
"""Numbers of a tile on a CPU: it stays in the cache, and is worth four threads."""

PACKED = 16384
"""Numbers up to which parameters are stepped together, in copies of one tensor."""

WORKING = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}
"""In which dtype a parameter of each is computed; so is its state."""


@final
class Sweep:
    """One step of a rule on tensors: g, w, state; scale, lr, coefficients → w - lr y, new state.

    Parameters
    ----------
    rule : Rule
        What is elementwise and can be traced.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._traced: dict[torch.dtype, tuple[Any, list[tuple[Call, tuple[int, ...], int]]]] = {}

    def trace(self, dtype: torch.dtype) -> tuple[Any, list[tuple[Call, tuple[int, ...], int]]]:
        """Return the program for a dtype, and its calls in torch."""
        if dtype not in self._traced:
            program = stepped(self.rule, None, torch.empty(0, dtype=dtype, device="cpu").numpy().dtype, scaled=False)[0]
            numbers = range(program.arrays, program.arrays + program.numbers + len(program.scalars))
            calls = [
                (partial(_spread, call_of(f)) if set(places) <= set(numbers) else call_of(f), places, out)
                for f, places, out in program.calls
            ]
            self._traced[dtype] = program, calls
        return self._traced[dtype]

    def numbers(self, t: int, lr: float, like: Tensor) -> tuple[Tensor, ...]:
        """Return the numbers of step t and the program's constants, each rounded once, where a tensor is."""
        dtype, rates = WORKING[like.dtype], self.rule.rates
        c = [lr if i in rates else float(number) for i, number in enumerate(self.rule.coefficients(t))]
        constants = map(float, self.trace(dtype)[0].scalars)
        return torch.tensor([1.0, lr, *c, *constants], dtype=dtype, device=like.device).unbind()

    def run_all(self, rows: Sequence[Sequence[Tensor]], numbers: Sequence[Tensor]) -> None:
        """Do the step on the arrays of each parameter; on those of small ones at once."""
        small = [row for row in rows if row[1].numel() <= PACKED]
        columns = list(zip(*small, strict=True)) if len(small) > 1 else []
        packed = [torch.cat([x.reshape(-1) for x in column]) for column in columns]
        for row in [row for row in rows if not packed or row[1].numel() > PACKED] + ([packed] if packed else []):
            self.run(row, numbers)
        for column, pack in list(zip(columns, packed, strict=True))[1:]:
            parts = torch.split_with_sizes(pack, [x.numel() for x in column])
            torch._foreach_copy_(column, [part.view(x.shape) for part, x in zip(parts, column, strict=True)])

    @np.errstate(all="ignore")  # torch says nothing of infinities
    def run(self, arrays: Sequence[Tensor], numbers: Sequence[Tensor]) -> None:
        """Do the step: the first array is only read, the others are replaced."""
        dtype = numbers[0].dtype
        program, calls = self.trace(dtype)
        tiles = _tiles(arrays)
        kinds = [torch.bool if kind == np.bool_ else dtype for kind in program.buffers]
        buffers = [torch.empty_like(tiles[0][1], dtype=kind) for kind in kinds]
        for tile in tiles:
            room = buffers if tile[1].shape == tiles[0][1].shape else [x[: len(tile[1])] for x in buffers]
            w = tile[1].to(dtype)
            at = [tile[0].to(dtype), w, *tile[2:], *numbers, *room]
            for call, places, out in calls:
                call(*[at[place] for place in places], out=at[out])
            for source, target in program.copies:
                at[target].copy_(at[source])
            if w is not tile[1]:
                tile[1].copy_(w)


def _spread(call: Call, first: Tensor, *others: Tensor, out: Tensor) -> None:
    """Make a call on numbers alone, whose result fills a tile."""
    call(first.expand_as(out), *others, out=out)


def _tiles(arrays: Sequence[Any]) -> list[Sequence[Tensor]]:
    """Cut tensors on a CPU that lie in memory in one order into tiles; others are one."""
    order = sorted(range(arrays[1].ndim), key=arrays[1].stride, reverse=True)
    turned = [x.permute(order) for x in arrays]
    if not all(x.is_contiguous() and x.device.type == "cpu" for x in turned):
        return [arrays]
    return list(zip(*[x.view(-1).split(TILE) for x in turned], strict=True))
