"""Symbols: what a formula is run on once, to learn which calls it makes of its arguments and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

__all__ = ["Symbol", "UntraceableError", "called"]

_BOOL = np.dtype(bool)
_SERIALS = count()
_POWERS = {-1.0: np.reciprocal, 0.5: np.sqrt, 1.0: np.positive, 2.0: np.square}
"""What NumPy computes for these exponents of ``**``."""

_LOGICAL = {np.logical_and, np.logical_or, np.logical_xor, np.logical_not}
_OF_MARKS = {
    np.logical_and: np.bitwise_and, np.logical_or: np.bitwise_or, np.logical_xor: np.bitwise_xor,
    np.logical_not: np.invert, np.multiply: np.bitwise_and, np.minimum: np.bitwise_and, np.add: np.bitwise_or,
    np.maximum: np.bitwise_or,
}  # fmt: skip
"""What these are of true and false, so that whoever reads a formula has to know the one."""


class UntraceableError(TypeError):
    """A formula does something that is no call of a ufunc, or ``np.where``, on whole arrays."""


class Symbol(NDArrayOperatorsMixin):
    """A value in a formula: an argument, a number, or what a call makes of other values.

    Attributes
    ----------
    dtype : dtype
        That of the parameters.
    value : float, str or None
        The number; or how an argument is written.
    function : ufunc, ``np.where`` or None
        What is called; None of an argument or a number.
    operands : tuple of Symbol
        What it is called on.
    mark : bool
        Whether it is true or false: the result of a comparison.
    serial : int
        Its place in the order of making.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        value: float | str | None = None,
        *,
        function: Callable[..., Any] | None = None,
        operands: tuple[Symbol, ...] = (),
        mark: bool = False,
    ) -> None:
        self.dtype = dtype
        self.value = value
        self.function = function
        self.operands = operands
        self.mark = mark
        self.serial = next(_SERIALS)

    def symbol(self, given: Any) -> Symbol:
        """Return a value as a symbol: a plain number is one of the parameters' dtype."""
        if isinstance(given, Symbol):
            return given
        plain = isinstance(given, (int, float)) and not isinstance(given, (bool, np.generic))
        if not plain and not (isinstance(given, np.floating) and given.dtype == self.dtype):
            raise UntraceableError(
                f"{given!r} is neither an argument nor a plain number; float(x) makes one of a NumPy number x"
            )
        return Symbol(self.dtype, float(given))

    def number(self) -> Symbol:
        """Return true as 1 and false as 0; a number as it is."""
        return self._where(self, 1.0, 0.0) if self.mark else self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Symbol:
        if method != "__call__" or options or ufunc.nout != 1:
            how = " ".join([method.replace("__call__", ""), *options]) if ufunc.nout == 1 else "it makes two"
            raise UntraceableError(f"np.{ufunc.__name__} is not just called on arrays, for a new one: {how}")
        given = [self.symbol(operand) for operand in operands]
        if ufunc in _LOGICAL:
            given = [x if x.mark else x != 0.0 for x in given]
        if all(x.mark for x in given):
            ufunc = _OF_MARKS.get(ufunc, ufunc)
        *taken, made = ufunc.resolve_dtypes((*[_BOOL if x.mark else self.dtype for x in given], None))
        if not {*taken, made} <= {self.dtype, _BOOL}:
            raise UntraceableError(f"np.{ufunc.__name__} computes in {made}, not in the parameters' {self.dtype}")
        values = tuple([x if kind == _BOOL else x.number() for x, kind in zip(given, taken, strict=True)])
        return Symbol(self.dtype, function=ufunc, operands=values, mark=made == _BOOL)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, options: Any) -> Symbol:
        if function is not np.where or len(args) != 3:
            raise UntraceableError(f"np.{function.__name__} is no ufunc; write it with ufuncs and np.where(c, x, y)")
        return self._where(*args)

    def _where(self, condition: Any, x: Any, y: Any) -> Symbol:
        chosen = self.symbol(condition)
        mark = chosen if chosen.mark else chosen != 0.0
        return Symbol(self.dtype, function=np.where, operands=(mark, self.symbol(x).number(), self.symbol(y).number()))

    def __pow__(self, exponent: Any) -> Any:
        power = self.symbol(exponent).value
        if not isinstance(power, float):
            raise UntraceableError("** has an exponent that is no plain number; np.power takes any")
        return _POWERS[power](self) if power in _POWERS else np.power(self, power)

    def __bool__(self) -> bool:
        raise UntraceableError("a branch (if, and, or, min, max) depends on a value; choose with np.where")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise UntraceableError("an argument is made an array")


def called(results: Sequence[Symbol]) -> list[Symbol]:
    """Return the calls that lead to the results, in the order in which the formula makes them."""
    found: dict[int, Symbol] = {}
    waiting = list(results)
    while waiting:
        symbol = waiting.pop()
        if symbol.function is not None and symbol.serial not in found:
            found[symbol.serial] = symbol
            waiting += symbol.operands
    return [found[serial] for serial in sorted(found)]
