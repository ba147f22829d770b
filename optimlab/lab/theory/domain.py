"""What the closed forms are given: ranges as annotations, and the decorator that checks by them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar, cast, get_args

import numpy as np

from optimlab.checks import FINITE, NOT_NEGATIVE, POSITIVE, Range, numbers

DECAYS = Range("in [0, 1)")

Finite = Annotated[Any, FINITE]
Positive = Annotated[Any, POSITIVE]
NotNegative = Annotated[Any, NOT_NEGATIVE]
Decays = Annotated[Any, DECAYS]
Distances = Annotated[Any, Range("in (0, 1]; at 0 nothing escapes")]
Counts = Annotated[Any, Range("whole numbers of at least 0 and finite")]
Ordinals = Annotated[Any, Range("whole numbers of at least 1")]

P = ParamSpec("P")
R = TypeVar("R")


def formula(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a formula: inside, each argument with a range is an array of float64 that lies in it.

    Where the formula leaves the range of float64 it is inf, without a warning. Of arrays without axes numbers are made.
    """
    signature = inspect.signature(function, eval_str=True)
    kinds = {name: get_args(parameter.annotation) for name, parameter in signature.parameters.items()}
    ranges = {name: kind[1] for name, kind in kinds.items() if len(kind) == 2 and isinstance(kind[1], Range)}

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        for name, allowed in ranges.items():
            given.arguments[name] = numbers(name, given.arguments[name], allowed)
        with np.errstate(over="ignore", divide="ignore"):
            found: Any = function(*given.args, **given.kwargs)
        return cast("R", found[()] if isinstance(found, np.ndarray) else found)

    return checked
