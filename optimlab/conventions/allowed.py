"""What the arguments of a convention may be, by the system's own names: a rule would refuse them by its own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from optimlab.checks import FINITE, NOT_NEGATIVE, POSITIVE, Range, hyperparameter, number

__all__ = ["check_arguments"]

_RATES: Final = ("lr", "learning_rate", "learning_rate_init", "step_size")
_SEVERAL: Final = ("nus", "etas", "step_sizes")
_FRACTION: Final = Range("in [0, 1)")
_LIMIT: Final = Range("at least 0 (infinite: no limit)")
_ALLOWED: Final[dict[str, Range]] = {
    **dict.fromkeys(("b1", "b2", "b3", "beta1", "beta2", "beta_1", "beta_2", "betas"), _FRACTION),
    **dict.fromkeys(("adam_beta_1", "adam_beta_2", "rho", "decay", "ema_momentum", "mass"), _FRACTION),
    **dict.fromkeys(("RMSprop.alpha", "rmsprop.gamma"), _FRACTION),
    **dict.fromkeys(("eps", "epsilon", "eps_root", "warmup_steps", "initial_accumulator_value"), NOT_NEGATIVE),
    **dict.fromkeys(("weight_decay", "weight_decay_rate", "adam_weight_decay"), NOT_NEGATIVE),
    **dict.fromkeys(("l1_regularization_strength", "l2_regularization_strength"), NOT_NEGATIVE),
    **dict.fromkeys(("max_norm", "clipnorm", "global_clipnorm", "clipvalue", "clip_value"), _LIMIT),
    "momentum": Range("in [0, 1]"),
    "power_t": FINITE,
    "AdamOptimizer.beta_2": Range("in [0, 1]"),
    "AdagradOptimizer.initial_accumulator_value": POSITIVE,
}
"""By the argument's name, or the function's and its; None and functions of k are always allowed."""


def check_arguments(who: str, name: str, signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    """Refuse arguments of the wrong kind, number or range.

    Examples
    --------
    >>> def Adam(lr=0.1, betas=(0.9, 0.999)): ...
    >>> check_arguments("torch's Adam", "Adam", inspect.signature(Adam), {"betas": (0.9,)})
    Traceback (most recent call last):
    TypeError: betas must be 2 numbers, such as (0.9, 0.999); got (0.9,)
    """
    first = next(iter(signature.parameters), "")
    if first in _RATES and (isinstance(given.get(first), (list, tuple, Mapping, Iterator)) or _ndim(given.get(first))):
        remedy = "the parameters are given to step(params, gradients); leave them out here"
        raise TypeError(f"{first} of {who} must be a number or a schedule; got {type(given[first]).__name__}; {remedy}")
    for word, x in given.items():
        parameter = signature.parameters[word]
        allowed = _ALLOWED.get(f"{name}.{word}", _ALLOWED.get(word))
        if isinstance(parameter.default, tuple) and (allowed or word in _SEVERAL):
            _check_length(word, x, parameter)
            for i, each in enumerate(x if allowed else ()):
                _check(f"{word}[{i}]", each, allowed)
        elif word == first and word in _RATES and not callable(x):
            number(word, x, POSITIVE)
        else:
            _check(word, x, allowed)


def _ndim(x: Any) -> bool:
    return bool(getattr(x, "ndim", 0))


def _check(name: str, x: Any, allowed: Range | None) -> None:
    if allowed and x is not None:
        hyperparameter(name, x, allowed)


def _check_length(name: str, x: Any, parameter: inspect.Parameter) -> None:
    """Refuse what is not as many numbers as the default; of some functions any number of them."""
    n, some = len(parameter.default), "..." in str(parameter.annotation)
    if not isinstance(x, (tuple, list)) or (not x if some else len(x) != n):
        count = "at least 1 number" if some else f"{n} numbers"
        raise TypeError(f"{name} must be {count}, such as {parameter.default!r}; got {x!r}")
