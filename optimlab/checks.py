"""Checks of arguments: what is allowed is said once, in words that are also the test.

A value of the wrong kind (a word, a Boolean, 1.5 for a whole number) is a TypeError, one outside its range a
ValueError, everywhere. A hyperparameter is a number, one number for each replica, or a schedule: a function of
k = t - 1.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANY", "FINITE", "NOT_NEGATIVE", "POSITIVE", "Hyperparameter", "Range", "check_fields", "choice", "floats",
    "generator", "hyperparameter", "number", "numbers", "per_replica", "real", "truth", "value", "whole",
]  # fmt: skip

Hyperparameter = float | tuple[float, ...] | Callable[[Any], Any]
Floats = NDArray[np.float64]

_NUMBER = r"(-?inf|-?[\d.]+(?:e[-+]?\d+)?)"
_FORMS = (
    (rf"in ([\[(]){_NUMBER}, {_NUMBER}([\])])", lambda m: (float(m[2]), m[1] == "(", float(m[3]), m[4] == ")")),
    (rf"from {_NUMBER} to {_NUMBER}", lambda m: (float(m[1]), False, float(m[2]), False)),
    (rf"at least {_NUMBER}", lambda m: (float(m[1]), False, math.inf, False)),
    (rf"greater than {_NUMBER}", lambda m: (float(m[1]), True, math.inf, False)),
)


@dataclass(frozen=True)
class Range:
    """{x : words}: which numbers are allowed, such as ``Range("in [0, 1)")``.

    Parameters
    ----------
    words : str
        "in [a, b)" (any brackets), "from a to b", "at least a", "greater than a", with "and finite" or alone "a finite
        number", "a number"; "a whole number of ..." or "whole numbers of ..." in front for those alone. A remark may
        follow, after " (" or ";". NaN is never allowed.

    Examples
    --------
    >>> 0.5 in Range("in [0, 1)"), 1.0 in Range("in [0, 1)"), 0.0 in Range("in (0, 1e12]")
    (True, False, False)
    >>> Range("a whole number of at least 1").whole
    True
    """

    words: str

    @cached_property
    def whole(self) -> bool:
        """Whether whole numbers alone are allowed."""
        return self.words.startswith(("a whole number", "whole numbers"))

    @cached_property
    def _limits(self) -> tuple[float, bool, float, bool, bool]:
        """Return the least and the greatest, whether each is left out, and whether infinities are."""
        condition = re.split(r"(?<!in) \(|;", self.words)[0]
        finite = "finite" in condition.split()
        for form, limits in _FORMS:
            found = re.search(form, condition)
            if found:
                return (*limits(found), finite)
        if not condition.endswith(("a number", "finite number", "finite", "numbers")):
            raise ValueError(f"a range must be in the words that Range knows; got {self.words!r}")
        return -math.inf, False, math.inf, False, finite

    def holds(self, x: Any) -> Any:
        """Whether each number is allowed."""
        low, above, high, below, finite = self._limits
        inside = ((x > low) if above else (x >= low)) & ((x < high) if below else (x <= high))
        if finite:
            inside = inside & (abs(x) < math.inf)
        return inside

    def __contains__(self, x: float) -> bool:
        return bool(self.holds(x))


ANY = Range("a number")
FINITE = Range("a finite number")
NOT_NEGATIVE = Range("at least 0 and finite")
POSITIVE = Range("greater than 0 and finite")


def real(name: str, given: Any, kind: str = "a real number") -> NDArray[Any]:
    """Return real numbers as an array; Booleans, words, complex and masked ones, ragged rows are of the wrong kind."""
    if isinstance(given, np.ndarray) and type(given) is not np.ndarray and np.ma.is_masked(given):
        raise TypeError(f"{name} must be {kind}; got {given!r}: a masked number is none")
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} must be {kind}; got {given!r}") from None
    if array.dtype.kind not in "fiu":
        if array.dtype.kind == "O" and array.ndim == 0 and isinstance(given, int):
            raise ValueError(f"{name} must be {kind} that a float can hold; got an integer above 1.8e308")
        if array.dtype.kind != "O" or array.ndim or not hasattr(given, "__float__"):
            raise TypeError(f"{name} must be {kind}; got {given!r}")
        array = np.asarray(float(given))  # a Fraction, a Decimal
    return array


def floats(name: str, given: Any) -> NDArray[Any]:
    """Return real numbers of any shape: float32 and float64 as they are, others as float64."""
    array = real(name, given, "real numbers")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def numbers(name: str, given: Any, allowed: Range) -> Floats:
    """Return numbers of any shape as float64, if all of them are allowed."""
    array = real(name, given, allowed.words).astype(np.float64)
    inside = allowed.holds(array)
    if not np.all(inside):
        raise ValueError(f"{name} must be {allowed.words}; got {float(array[~inside].flat[0])!r}")
    if allowed.whole and not np.all(np.isinf(array) | (array == np.floor(array))):
        raise TypeError(f"{name} must be {allowed.words}; got {float(array[array != np.floor(array)].flat[0])!r}")
    return array


def number(name: str, given: Any, allowed: Range = FINITE) -> float:
    """Return one number as a float, if it is allowed."""
    if real(name, given, allowed.words).ndim:
        raise TypeError(f"{name} must be {allowed.words}, a single number; got {given!r}")
    return float(numbers(name, given, allowed))


def whole(name: str, given: Any, least: int, most: float = math.inf) -> int:
    """Return a whole number in [least, most] as an int; 2.0 is none."""
    words = f"a whole number of at least {least}" if most == math.inf else f"a whole number from {least} to {most}"
    try:
        count = operator.index(given)
    except TypeError:  # an array of several has __index__ too
        count = None
    if count is None or isinstance(given, bool):
        raise TypeError(f"{name} must be {words}; got {given!r}")
    if not least <= count <= most:
        raise ValueError(f"{name} must be {words}; got {given!r}")
    return count


def truth(name: str, given: Any) -> bool:
    """Return True or False, if it is one of them."""
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {given!r}")
    return bool(given)


def choice(name: str, given: Any, allowed: Sequence[str], *, kind: str = "one of") -> str:
    """Return a word, if it is one of those that are allowed."""
    words = f"{name} must be {kind} {', '.join(map(repr, allowed))}; got {given!r}"
    if not isinstance(given, str):
        raise TypeError(words)
    if given not in allowed:
        raise ValueError(words)
    return given


def generator(rng: Any) -> np.random.Generator:
    """Return the random generator that a Generator, a seed or None stands for (SPEC 7)."""
    words = f"rng must be a numpy.random.Generator, a seed or None; got {rng!r}"
    if isinstance(rng, (bool, np.random.RandomState)):  # which default_rng takes, the second from NumPy 2.2 on
        raise TypeError(words)
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(words) from None


def per_replica(name: str, given: Any, allowed: Range) -> float | tuple[float, ...]:
    """Return a number as a float, one number for each replica as a tuple."""
    array = numbers(name, given, allowed)
    if array.ndim > 1 or not array.size:
        raise ValueError(f"{name} must be a number or one number for each replica; got shape {array.shape}")
    return float(array) if array.ndim == 0 else tuple(array.tolist())


def hyperparameter(name: str, given: Any, allowed: Range) -> Hyperparameter:
    """Return a number as a float, one number for each replica as a tuple, a schedule as it is."""
    return given if callable(given) else per_replica(name, given, allowed)


def check_fields(owner: Any, check: Callable[[str, Any, Range], Any] = hyperparameter) -> None:
    """Store the hyperparameters of a dataclass as floats, tuples or schedules, if they lie in its ``ranges``."""
    for name, allowed in owner.ranges.items():
        object.__setattr__(owner, name, check(name, getattr(owner, name), allowed))


def value(owner: Any, name: str, t: Any) -> Any:
    """Return a hyperparameter at step t, a float or an array of shape (S,); a schedule is held to the range too."""
    held = getattr(owner, name)
    if isinstance(held, float):
        return held
    if not callable(held):
        return np.array(held)
    given, allowed = held(t - 1), owner.ranges[name]
    if isinstance(given, float) and given in allowed and not allowed.whole:
        return given
    return numbers(f"{name}, from its schedule at k = {t - 1},", given, allowed)[()]
