"""Targets: how NumPy's functions are written in other languages, so that no bit differs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from optimlab.notation.symbols import UntraceableError

__all__ = ["JAVASCRIPT", "JAX", "JAX_NUMBERS", "PYTHON", "TORCH", "C", "Target"]

_INFIX: Final[dict[Any, str]] = {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}", np.negative: "-{}",
    np.square: "{0} * {0}", np.reciprocal: "1 / {}", np.positive: "{}", np.less: "{} < {}", np.less_equal: "{} <= {}",
    np.greater: "{} > {}", np.greater_equal: "{} >= {}", np.equal: "{} == {}", np.not_equal: "{} != {}",
    np.bitwise_xor: "{} != {}", np.isnan: "{0} != {0}", np.isfinite: "{0} - {0} == 0",
}  # fmt: skip
_CHOSEN: Final[dict[Any, str]] = {
    np.bitwise_and: "{} && {}", np.bitwise_or: "{} || {}", np.invert: "!{}", np.where: "{} ? {} : {}",
    np.sign: "{0} > 0 ? 1 : {0} < 0 ? -1 : {0} * {0}",
    np.maximum: "{0} > {1} || {0} != {0} ? {0} : {1}", np.minimum: "{0} < {1} || {0} != {0} ? {0} : {1}",
}  # fmt: skip
"""NumPy's NaN and zeros: of two zeros the second is the greater, and 0 is the sign of -0."""

_ROUNDED = (np.add, np.subtract, np.multiply, np.divide, np.square, np.reciprocal, np.sqrt)


@dataclass(frozen=True)
class Target:
    """A language: how calls and numbers are written in it.

    Parameters
    ----------
    name : str
        In messages.
    calls : mapping of functions to forms
        Of operands that are names or numbers.
    number : callable
        From a float to how it is written.
    """

    name: str
    calls: Mapping[Any, str]
    number: Callable[[float], str]

    def call(self, function: Any, operands: Sequence[str]) -> str:
        """Return a call as text.

        Raises
        ------
        UntraceableError
            If the language has no function with the same bits.
        """
        if function not in self.calls:
            known = ", ".join(sorted({f"np.{known.__name__}" for known in self.calls}))
            raise UntraceableError(
                f"np.{function.__name__ if hasattr(function, '__name__') else function} has no counterpart with the "
                f"same bits in {self.name}; write it with {known}, or run the rule in NumPy by an Optimizer"
            )
        return self.calls[function].format(*operands)


def _number(infinity: str, nan: str, suffix: str = "") -> Callable[[float], str]:
    """Return what writes a number so that it is read as the same."""

    def written(x: float) -> str:
        if math.isfinite(x):
            return f"{x!r}{suffix}"
        return nan if math.isnan(x) else f"{'-' if x < 0 else ''}{infinity}"

    return written


def _tensors(module: str) -> dict[Any, str]:
    """Return the calls on arrays of a module that has NumPy's names."""
    return _INFIX | {
        np.bitwise_and: "{} & {}", np.bitwise_or: "{} | {}", np.invert: "~{}",
        np.where: f"{module}.where({{}}, {{}}, {{}})", np.absolute: f"{module}.abs({{}})",
        np.maximum: f"{module}.where(({{0}} > {{1}}) | ({{0}} != {{0}}), {{0}}, {{1}})",
        np.minimum: f"{module}.where(({{0}} < {{1}}) | ({{0}} != {{0}}), {{0}}, {{1}})",
    }  # fmt: skip


def _strict(form: str) -> str:
    return form.replace("==", "===").replace("!=", "!==")


_C = _INFIX | _CHOSEN | {np.sqrt: "sqrt({})", np.absolute: "fabs({})"}
_FLOATS_OF_C = _C | {np.sqrt: "sqrtf({})", np.absolute: "fabsf({})"}
_JAVASCRIPT = {
    function: _strict(form)
    for function, form in (_INFIX | _CHOSEN | {np.sqrt: "Math.sqrt({})", np.absolute: "Math.abs({})"}).items()
}
_FLOATS_OF_JAVASCRIPT = {f: f"Math.fround({form})" if f in _ROUNDED else form for f, form in _JAVASCRIPT.items()}

C: Final = {
    "float64": Target("C", _C, _number("INFINITY", "NAN")),
    "float32": Target("C", _FLOATS_OF_C, _number("INFINITY", "NAN", "f")),
}
JAVASCRIPT: Final = {
    "float64": Target("JavaScript", _JAVASCRIPT, _number("Infinity", "NaN")),
    "float32": Target("JavaScript", _FLOATS_OF_JAVASCRIPT, _number("Infinity", "NaN")),
}
_python = _number('float("inf")', 'float("nan")')

TORCH: Final = Target(
    "torch", _tensors("torch") | {
        np.positive: "{}.clone()", np.sqrt: "sqrt({})", np.sign: "torch.where({0} == {0}, torch.sign({0}), {0})",
    }, _python,
)  # fmt: skip
JAX: Final = Target(
    "JAX", _tensors("jnp") | {
        np.sqrt: "jnp.sqrt({})", np.sign: "jnp.where({0} > 0, 1, jnp.where({0} < 0, -1, {0} * {0}))",
    }, _python,
)  # fmt: skip
PYTHON: Final = Target(
    "Python", _INFIX | {
        np.sqrt: "math.sqrt({})", np.where: "{1} if {0} else {2}",
        np.maximum: "{0} if {0} > {1} or {0} != {0} else {1}",
    }, _python,
)  # fmt: skip
"""Numbers of torch's text, in Python's floats."""

JAX_NUMBERS: Final = Target(
    "JAX",
    _INFIX | {np.sqrt: "xp.sqrt({})", np.where: "xp.where({}, {}, {})", np.maximum: "xp.maximum({}, {})"},
    _python,
)
"""Numbers of JAX's text: xp is NumPy, or ``jax.numpy`` where t is traced."""
