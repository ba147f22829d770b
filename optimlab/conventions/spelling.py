"""What an argument is called elsewhere: an unknown one is refused with the spelling that the system has for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import update_wrapper
from typing import Any, Final, ParamSpec, TypeVar

from optimlab.conventions.allowed import check_arguments

__all__ = ["spelled"]

P = ParamSpec("P")
T = TypeVar("T")

_NAMES: Final[dict[str, dict[str, str]]] = {
    "learning rate": {
        "lr": "torch's", "learning_rate": "optax's and Keras's", "learning_rate_init": "scikit-learn's",
        "step_size": "autograd's", "stepsize": "PennyLane's", "eta": "the papers'",
    },
    "decay of the mean": {
        "betas[0]": "torch's", "b1": "optax's", "beta_1": "Keras's and scikit-learn's", "beta1": "the papers'",
        "adam_beta_1": "Keras's Muon's",
    },
    "decay of the mean square": {
        "alpha": "torch's", "decay": "optax's", "rho": "Keras's", "gamma": "autograd's", "betas[1]": "torch's",
        "b2": "optax's", "beta_2": "Keras's and scikit-learn's", "beta2": "the papers'",
        "adam_beta_2": "Keras's Muon's",
    },
    "slowest decay": {"betas[2]": "torch's", "b3": "optax's", "beta_3": "Keras's", "beta3": "the papers'"},
    "momentum": {
        "momentum": "torch's, optax's and Keras's", "mass": "autograd's", "mu": "the papers'", "b1": "optax's",
        "betas[0]": "torch's", "beta_1": "Keras's", "beta": "the papers'",
    },
    "epsilon": {"eps": "torch's and optax's", "epsilon": "Keras's and scikit-learn's"},
    "weight decay": {"weight_decay": "torch's and Keras's", "weight_decay_rate": "optax's", "wd": "the papers'"},
    "decoupled decay": {"decoupled_weight_decay": "torch's", "weight_decouple": "pytorch_optimizer's"},
    "AMSGrad": {"amsgrad": "torch's and Keras's", "ams_bound": "pytorch_optimizer's"},
    "Nesterov": {"nesterov": "torch's, optax's and Keras's", "use_nesterov": "TensorFlow 1's"},
    "start of the accumulator": {
        "initial_accumulator_value": "torch's and Keras's", "initial_scale": "optax's", "initial_value": "optax's",
        "initial_accumulator": "pytorch_optimizer's",
    },
    "bound of the norm": {"max_norm": "torch's and optax's", "clipnorm": "Keras's", "global_clipnorm": "Keras's"},
    "bound of a number": {"clip_value": "torch's", "max_delta": "optax's", "clipvalue": "Keras's"},
    "warm-up": {"warmup_steps": "optax's, Keras's and schedulefree's", "num_warmup_steps": "transformers'"},
    "length of a schedule": {
        "decay_steps": "optax's and Keras's", "transition_steps": "optax's", "T_max": "torch's",
        "total_iters": "torch's", "total_steps": "torch's", "step_size": "torch's",
    },
    "factor of a schedule": {"gamma": "torch's", "decay_rate": "optax's and Keras's"},
    "end of a schedule": {"eta_min": "torch's", "end_value": "optax's", "end_learning_rate": "Keras's"},
    "start of a schedule": {"init_value": "optax's", "initial_learning_rate": "Keras's", "lr": "torch's"},
    "rate of the papers": {
        "alpha": "the papers'", "lr": "torch's", "learning_rate": "optax's and Keras's",
        "learning_rate_init": "scikit-learn's", "step_size": "autograd's",
    },
}  # fmt: skip
"""How each quantity is spelled, and whose the spelling is; ``betas[0]`` is the first number of a tuple."""

_ONE_MOMENT: Final = ("alpha", "decay", "rho", "gamma")
"""Names of the decay of the mean square of rules that have no other; beside a β₁ they mean something else."""

_ELSEWHERE: Final[dict[str, str]] = {
    "params": "the parameters are given to step(params, gradients)",
    **dict.fromkeys(
        (
            "foreach",
            "fused",
            "capturable",
            "differentiable",
            "mu_dtype",
            "accumulator_dtype",
            "dtype_momentum",
            "state_dtype",
            "name",
            "jit_compile",
            "use_locking",
        ),
        "it says how the other system computes, not what",
    ),
    **dict.fromkeys(("loss_scale_factor", "maximize"), "scale the gradients that step gets"),
    **dict.fromkeys(("grad", "x0", "callback", "num_iters"), "call step(params, gradients) in a loop of your own"),
    "decay": "a learning rate that falls is a schedule",
    "learning_rate_power": "it is -0.5 here",
    "ema_overwrite_frequency": "averaged(params) puts the average into the weights",
    "exclude_embeddings": "name them in exclude_layers",
    "last_epoch": "k begins at 0",
    "hooks": "assign them, opt.hooks = [...]",
    "average": "make Optimizer(opt.rule, opt.lr, average=...)",
}
"""Arguments of other systems that have no meaning here: leave them out."""


def spelled(system: str, *, rest: Callable[..., Any] | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Refuse an argument that a function does not have, with the system's own spelling of what is meant.

    Parameters
    ----------
    system : str
        Whose convention the function is.
    rest : callable, optional
        What ``**rest`` of the function is passed on to: its keyword-only parameters belong to the signature too.

    Returns
    -------
    callable
        A decorator that keeps docstring and signature.

    Examples
    --------
    >>> @spelled("torch")
    ... def RMSprop(lr=0.01, *, alpha=0.99, eps=1e-8):
    ...     return lr, alpha, eps
    >>> RMSprop(alpha=0.9)
    (0.01, 0.9, 1e-08)
    >>> RMSprop(rho=0.9)
    Traceback (most recent call last):
    TypeError: torch's RMSprop has no argument 'rho' (Keras's); write alpha=0.9; it takes lr, alpha, eps
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = _whole(function, rest)
        places = [p.name for p in signature.parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]

        def call(*args: P.args, **given: P.kwargs) -> T:
            who = f"{system}'s {function.__name__}"
            unknown = {name: value for name, value in given.items() if name not in signature.parameters}
            if unknown:
                raise TypeError(f"{who} {_refusal(unknown, signature.parameters)}")
            check_arguments(who, function.__name__, signature, given | dict(zip(places, args, strict=False)))
            return function(*args, **given)

        call.__signature__ = signature  # type: ignore[attr-defined]
        return update_wrapper(call, function)

    return decorate


def _whole(function: Callable[..., Any], rest: Callable[..., Any] | None) -> inspect.Signature:
    """Return the signature with the parameters of the rest in the place of ``**rest``."""
    signature = inspect.signature(function)
    kinds = inspect.Parameter
    own = [p for p in signature.parameters.values() if p.kind != kinds.VAR_KEYWORD]
    passed = list(inspect.signature(rest).parameters.values()) if rest else []
    passed = [p for p in passed if p.kind == kinds.KEYWORD_ONLY and p.name not in signature.parameters]
    return signature.replace(parameters=[*own, *passed])


def _refusal(unknown: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> str:
    """Return what is said of unknown arguments: whose they are, what to write, what there is."""
    said = ", ".join(f"{name!r}{_owner(name, parameters)}" for name in unknown)
    own = _respelled(unknown, parameters)
    write = f"; write {', '.join(f'{name}={value!r}' for name, value in own.items())}" if own else ""
    left = [name for name in _ELSEWHERE if name in unknown and not _spelling(name, parameters)]
    strange = [f"; leave {name} out: {_ELSEWHERE[name]}" for name in left]
    return f"has no argument {said}{write}{''.join(strange)}; it takes {', '.join(parameters)}"


def _owner(name: str, parameters: Mapping[str, inspect.Parameter]) -> str:
    """Return whose the name is, in the sense that the function has a word for."""
    senses = sorted(_senses(name), key=lambda words: not any(_has(word, parameters) for word in words))
    return next((f" ({words[key]})" for words in senses for key in (name, f"{name}[0]") if key in words), "")


def _senses(name: str) -> list[dict[str, str]]:
    """Return what the name may stand for: the spellings of each such quantity."""
    found = [words for words in _NAMES.values() if name in words or f"{name}[0]" in words]
    if name in _ONE_MOMENT:
        second = ("betas[1]", "b2", "beta_2", "beta2", "adam_beta_2")
        return [{key: owner for key, owner in words.items() if key not in second} for words in found]
    return found


def _respelled(unknown: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """Return the arguments as the function spells them, those for which it has a word."""
    found: dict[str, Any] = {}
    for name, value in _single(unknown):
        word, _, place = _spelling(name, parameters).partition("[")
        if place:
            numbers = list(found.get(word, parameters[word].default))
            numbers[int(place[0])] = value
            found[word] = tuple(numbers)
        elif word:
            found[word] = value
    return found


def _single(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each argument, of a tuple that has a name for each number these."""
    for name, value in given.items():
        if isinstance(value, (tuple, list)) and any(f"{name}[0]" in words for words in _NAMES.values()):
            yield from ((f"{name}[{i}]", number) for i, number in enumerate(value))
        else:
            yield name, value


def _spelling(name: str, parameters: Mapping[str, inspect.Parameter]) -> str:
    """Return how the function spells what has this name elsewhere, the nearest name if it was a slip, or nothing."""
    words = [word for words in _senses(name) for word in words if _has(word, parameters)]
    slips = [] if name in _ELSEWHERE else get_close_matches(name, list(parameters), 1, 0.75)
    return next(iter([*words, *slips]), "")


def _has(word: str, parameters: Mapping[str, inspect.Parameter]) -> bool:
    """Whether the function takes the word, of a tuple a place that there is."""
    name, _, place = word.partition("[")
    return name in parameters and (not place or len(parameters[name].default) > int(place[0]))
