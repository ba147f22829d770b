"""The fused engine: the traced step as a straight-line loop, compiled by numba, that reads and writes each array once.

Imported only where it is used, so that numba stays optional. No fast-math: each operation is rounded as NumPy rounds
it, and the results are the same to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import get_num_threads, njit
from numba.core.errors import NumbaError

from optimlab.engine.numbers import Numbers
from optimlab.engine.program import Program, stepped
from optimlab.engine.segment import Segment
from optimlab.files import replacing
from optimlab.rules.algebra import Rule

__all__ = ["FusedEngine"]

Kernel = Callable[..., None]

SHARE = 262144
"""Numbers that are worth a thread of their own."""

BLOCK = 2048
"""Numbers that the rule and then the average sweep in turn: two short loops, each of which the compiler vectorises."""

_SOURCES: Final[dict[Any, str]] = {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}", np.negative: "-{}",
    np.positive: "{}", np.square: "{0} * {0}", np.where: "{1} if {0} else {2}", np.less: "{} < {}",
    np.less_equal: "{} <= {}", np.greater: "{} > {}", np.greater_equal: "{} >= {}", np.equal: "{} == {}",
    np.not_equal: "{} != {}",
    np.maximum: "{0} if {0} > {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} < {1} or {0} != {0} else {1}",
    np.sign: "one if {0} > 0 else (-one if {0} < 0 else {0} * {0})",
}  # fmt: skip
"""How calls are written; the others are called by name. NumPy's zeros: of two the second, and 0 for the sign of -0."""


@lru_cache(maxsize=128)
def kernel_of(programs: tuple[Program, ...], columns: bool) -> Kernel:
    """Return the compiled sweep of an update and perhaps an average, with replicas along the columns or the rows.

    Raises
    ------
    TypeError
        If numba does not know a function.
    """
    text = "\n".join([*_constants(programs), source(programs, columns)])
    dtype = programs[0].dtype
    arrays = [np.zeros((1, 0), dtype)] * (sum([program.arrays for program in programs]) + 1 - len(programs))
    bank = np.zeros((sum([program.numbers for program in programs]), 1), dtype)
    for define in (_kept, _defined):
        kernel = define(text)
        try:
            kernel(bank, np.zeros(1, bool), 0, 0, 0, 0, *arrays)
        except NumbaError as error:
            raise TypeError(" ".join(str(error).split())[:500]) from error
        except Exception:  # of a cache that is damaged, or of another machine
            if define is _defined:
                raise
        else:
            break
    return kernel


def _defined(text: str, path: str = "<formula>", cache: bool = False) -> Kernel:
    """Return the kernel of a source; a division by zero gives an infinity, as in NumPy."""
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(text, path, "exec"), names)
    kernel: Kernel = njit(nogil=True, error_model="numpy", cache=cache)(names["kernel"])
    return kernel


def _kept(text: str) -> Kernel:
    """Return the kernel of a source, which is kept in a file: by it numba finds what an earlier process compiled."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "optimlab"
        path = home / f"kernel_{sha256(text.encode()).hexdigest()[:32]}.py"
        if not path.is_file():
            home.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(text.encode())
        return _defined(text, str(path), cache=True)
    except (OSError, RuntimeError):  # no home, or none that can be written
        return _defined(text)


def _constants(programs: tuple[Program, ...]) -> list[str]:
    """Return the lines that define the numbers which a formula is made of, bit by bit and in their own type."""
    lines = ["import numpy as np", f"one = np.{programs[0].dtype.name}(1.0)"]
    for letter, program in zip("pq", programs, strict=False):
        first = program.arrays + program.numbers
        scalars = enumerate(np.asarray(number)[()] for number in program.scalars)
        lines += [f'{letter}{first + i} = np.{x.dtype.name}(float("{float(x)!r}"))' for i, x in scalars]
    return lines


def source(programs: tuple[Program, ...], columns: bool) -> str:
    """Return the source of the sweep of rows first:last and columns begin:end."""
    arrays: list[str] = []
    loops: list[str] = []
    row = 0
    for letter, program in zip("pq", programs, strict=False):
        shared = arrays[1:2]  # the average's first array are the weights
        own = [f"a{len(arrays) + i}" for i in range(program.arrays - len(shared))]
        loops += _loop(letter, program, [*shared, *own], row, columns)
        arrays, row = [*arrays, *own], row + program.numbers
    lines = [
        f"def kernel(bank, frozen, first, last, begin, end, {', '.join(arrays)}):",
        " for r in range(first, last):",
        f"  for lo in range(begin, end, {BLOCK}):",
        f"   hi = min(lo + {BLOCK}, end)",
        "   still = frozen[lo:hi]" if columns else "   if frozen[r]: continue",
        *[f"   {a}_ = {a}[r, lo:hi]" for a in arrays],
        *loops,
    ]
    return "\n".join(lines)


def _loop(letter: str, program: Program, arrays: list[str], row: int, columns: bool) -> list[str]:
    """Return the lines of one loop: variables have a letter and their place, numbers are in the bank from a row on."""
    places = range(program.arrays, program.arrays + program.numbers)
    loads = [f"{letter}{place} = bank[{row + i}, {'lo:hi' if columns else 'r'}]" for i, place in enumerate(places)]
    body = ["if still[i]: continue"] if columns else []
    body += [f"{letter}{i} = {a}_[i]" for i, a in enumerate(arrays)]
    for function, operands, out in program.calls:
        read = [f"{letter}{place}" + ("[i]" if columns and place in places else "") for place in operands]
        body.append(f"{letter}{out} = {_call(function, read)}")
    body += [f"{letter}{target} = {letter}{home}" for home, target in program.copies]
    changed = {out for *_, out in program.calls} | {target for _, target in program.copies}
    body += [f"{a}_[i] = {letter}{i}" for i, a in enumerate(arrays) if i in changed]
    return [f"   {line}" for line in [*loads, "for i in range(hi - lo):", *(f" {line}" for line in body)]]


def _call(function: Any, operands: list[str]) -> str:
    if function in _SOURCES:
        return _SOURCES[function].format(*operands)
    name: str = function.__name__
    if getattr(np, name, None) is not function:
        raise TypeError(f"numba knows no {name}")
    return f"np.{name}({', '.join(operands)})"


class FusedEngine:
    """x ← scale · g;  y, state ← formula(x, w, state);  w ← w - lr y;  average ← rule of the new w, in one loop.

    Parameters
    ----------
    rule : Rule or None
        The update rule; None: the average alone.
    average : Rule or None
        What is fed the new weights.
    """

    def __init__(self, rule: Rule | None, average: Rule | None = None) -> None:
        self.rule = rule
        self.average = average
        self._kernels: dict[Any, Kernel] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.average)

    def compile(self, dtype: Any, axis: int | None) -> Kernel:
        """Return the kernel for a dtype, compiled once for all rules of the same program.

        Raises
        ------
        TypeError
            If the formula cannot be traced, or numba does not know a function in it; with the reason.
        """
        key = dtype, axis == 1
        if key not in self._kernels:
            self._kernels[key] = kernel_of(stepped(self.rule, self.average, dtype), axis == 1)
        return self._kernels[key]

    def prepare(self, segment: Segment) -> bool:
        """Compile."""
        self.compile(segment.weights.dtype, segment.axis)
        return True

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        weights = segment.weights
        kernel = self.compile(weights.dtype, segment.axis)
        rows, columns = shape = weights.shape if segment.axis is not None else (1, weights.size)
        count = 1 if segment.axis is None else shape[segment.axis]
        frozen = np.zeros(count, bool) if numbers.frozen is None else numbers.frozen
        arrays = segment.arrays(self.rule, self.average)
        bound = partial(kernel, numbers.bank(weights.dtype, count), frozen)
        flat = [array.reshape(shape) for array in arrays]
        _together([partial(bound, *part, *flat) for part in _parts(rows, columns, _threads(weights.size))])


def _threads(size: int) -> int:
    return min(get_num_threads(), max(1, size // SHARE))


def _together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make the calls at once, the first in this thread; return what they return."""
    jobs = [_pool().submit(call) for call in calls[1:]]
    first = calls[0]()
    return [first, *(job.result() for job in jobs)]


def _parts(rows: int, columns: int, threads: int) -> list[tuple[int, int, int, int]]:
    """Cut (rows, columns) into one part for each thread: by rows, or a few rows by columns."""
    if rows >= threads:
        return [(a, b, 0, columns) for a, b in pairwise([rows * k // threads for k in range(threads + 1)])]
    return [(0, rows, a, b) for a, b in pairwise([columns * k // threads for k in range(threads + 1)])]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="optimlab")


if hasattr(os, "register_at_fork"):  # the threads of a pool do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)
