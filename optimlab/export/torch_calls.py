"""What NumPy's functions are in torch, each written to ``out=``, with the bits of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

__all__ = ["ELSEWHERE", "Call", "call_of"]

Call = Callable[..., Any]

_EXACT: Final[dict[Any, Call]] = {
    np.add: torch.add, np.subtract: torch.subtract, np.multiply: torch.multiply, np.divide: torch.divide,
    np.negative: torch.negative, np.absolute: torch.abs, np.square: torch.square, np.reciprocal: torch.reciprocal,
    np.less: torch.less, np.less_equal: torch.less_equal, np.greater: torch.greater,
    np.greater_equal: torch.greater_equal, np.equal: torch.eq, np.not_equal: torch.not_equal,
    np.where: torch.where, np.logical_and: torch.logical_and, np.logical_or: torch.logical_or,
    np.logical_not: torch.logical_not, np.logical_xor: torch.logical_xor,
}  # fmt: skip
"""Of these each bit is NumPy's, whatever the device."""


def _copied(x: Tensor, *, out: Tensor) -> None:
    out.copy_(x)


def _sign(x: Tensor, *, out: Tensor) -> None:
    """NaN of NaN, where torch has 0."""
    torch.where(torch.isnan(x), x, torch.sign(x), out=out)


def _second(larger: Call, x: Tensor, y: Tensor, *, out: Tensor) -> None:
    """Of two zeros the second, where torch takes the first of some places."""
    torch.where(torch.eq(x, y), y, larger(x, y), out=out)


ELSEWHERE: Final[dict[Any, Call]] = {
    np.sign: _sign,
    np.maximum: partial(_second, torch.maximum),
    np.minimum: partial(_second, torch.minimum),
    np.power: torch.pow,
    np.rint: torch.round,
}
"""What is called on other devices than a CPU; the others there have one name in both."""


def call_of(function: Any) -> Call:
    """Return what computes a function of NumPy on tensors, into ``out=``.

    On a CPU NumPy itself computes what torch rounds otherwise: of MKL's square roots a sixth are off by the last bit.

    Raises
    ------
    TypeError
        If it is no function of NumPy, and torch has none of its name.
    """
    if function is np.positive:
        return _copied
    if function in _EXACT:
        return _EXACT[function]
    elsewhere = ELSEWHERE.get(function, getattr(torch, function.__name__, None))
    return partial(_called, function, elsewhere)


def _called(function: Any, elsewhere: Call | None, *operands: Tensor, out: Tensor) -> None:
    if out.device.type == "cpu":
        function(*[x.numpy() for x in operands], out=out.numpy())
    elif elsewhere is not None:
        elsewhere(*operands, out=out)
    else:
        raise TypeError(f"torch has no {function.__name__} on {out.device}; use other functions, or a CPU")
