"""What an Optimizer may be given: parameters, gradients, an average, the numbers of a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optimlab.checks import NOT_NEGATIVE, numbers, real
from optimlab.engine.probe import checked_rule
from optimlab.rules.algebra import Rule
from optimlab.trees import kind
from optimlab.typing import Array, Number

__all__ = [
    "check", "check_apart", "check_first", "check_same", "check_shapes", "check_writable", "checked_average",
    "checked_loss", "checked_lr", "checked_scale", "plain",
]  # fmt: skip

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def check_first(leaves: Sequence[Any], names: tuple[str, ...], replicas: int | None) -> None:
    """Refuse what cannot be parameters: no array, a name twice, not an array of floats, no axis of replicas."""
    if not names:
        raise ValueError("params must hold at least one array; got none")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"two leaves have the name {twice[0]!r}; rename one of the keys")
    for leaf, name in zip(leaves, names, strict=True):
        if not isinstance(leaf, np.ndarray):
            remedy = "np.asarray makes one of numbers"
            raise TypeError(f"parameter {name!r} must be a NumPy array; got {kind(leaf)}; {remedy}")
        if leaf.dtype not in _DTYPES:
            raise TypeError(f"parameter {name!r} must be float32 or float64; got {leaf.dtype}; convert it with .astype")
        if _overlaps_itself(leaf):
            raise ValueError(f"parameter {name!r} has numbers that share memory; pass a copy, np.array(w)")
        if replicas is not None and leaf.shape[:1] != (replicas,):
            raise ValueError(
                f"parameter {name!r} must have a first axis of {replicas} replicas; got shape {leaf.shape}"
            )


def _overlaps_itself(leaf: Array) -> bool:
    """Whether one number of an array lies in the memory of another, as in what ``as_strided`` makes."""
    if leaf.flags.c_contiguous or leaf.flags.f_contiguous or not leaf.size:
        return False
    axes = sorted((abs(step), n) for step, n in zip(leaf.strides, leaf.shape, strict=True) if n > 1)
    reach = leaf.itemsize  # of what the axes so far lay side by side
    for step, n in axes:
        if step < reach:  # which ordinary views are not; of others each place is looked at
            places = sum(np.ix_(*[step * np.arange(n) for step, n in axes]), np.zeros((), int))
            return len(np.unique(places // leaf.itemsize)) < leaf.size
        reach += step * (n - 1)
    return False


def plain(name: str, given: Any) -> Any:
    """Return an array of a subclass as its numbers, if they are all that it means; what is no array as it is."""
    if type(given) in (np.ndarray, np.memmap, np.matrix):
        return np.asarray(given)
    if isinstance(given, np.ndarray):
        remedy = "np.asarray gives the numbers alone, .filled(0.0) those of a masked array"
        raise TypeError(f"{name} must be a plain NumPy array; got {kind(given)}; {remedy}")
    return np.asarray(given) if isinstance(given, np.generic) else given


def check_same(leaves: Sequence[Array], before: Sequence[Array], names: tuple[str, ...]) -> None:
    """Refuse parameters that do not lie where they lay in the step before; another view of the same memory may."""
    for leaf, old, name in zip(leaves, before, names, strict=True):
        if leaf is not old and leaf.size and _place(leaf) != _place(old):
            raise ValueError(
                f"parameter {name!r} is not the array of the step before: one optimizer steps one set of parameters, "
                "in place (w[rows] is a new array); write into it, w[...] = new; or take opt.updated(params, "
                "gradients) for arrays that are new each time, or opt.step_rows(params, rows, gradients) for rows of a "
                "table; or call opt.adopt(params) first, to go on with others"
            )


def _place(leaf: Array) -> tuple[int, tuple[int, ...]]:
    return leaf.__array_interface__["data"][0], leaf.strides


def check_writable(leaves: Sequence[Array], names: tuple[str, ...]) -> None:
    """Refuse parameters that are read-only."""
    for leaf, name in zip(leaves, names, strict=True):
        if not leaf.flags.writeable:
            raise ValueError(f"parameter {name!r} must be writable; it is read-only; pass a copy")


def check_apart(leaves: Sequence[Array], names: tuple[str, ...]) -> None:
    """Refuse two parameters that share memory."""
    spans = sorted((*np.lib.array_utils.byte_bounds(leaf), i) for i, leaf in enumerate(leaves) if leaf.size)
    reach: list[tuple[int, int]] = []
    for low, high, i in spans:
        reach = [(end, j) for end, j in reach if end > low]
        for _, j in reach:
            if np.shares_memory(leaves[i], leaves[j]):
                raise ValueError(_shared(leaves, names, *sorted((i, j))))
        reach.append((high, i))


def _shared(leaves: Sequence[Array], names: tuple[str, ...], i: int, j: int) -> str:
    if leaves[i] is leaves[j]:
        return f"parameters {names[i]!r} and {names[j]!r} are the same array; leave one of them out"
    return f"parameters {names[i]!r} and {names[j]!r} overlap in memory; pass arrays that do not"


def check(leaf: str, given: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuse what is not an array of the shape and dtype that a leaf had in the first step."""
    if given is None:
        remedy = "; for a leaf that has no gradient in this step give None: it is skipped and its state waits"
        raise ValueError(f"{leaf} is missing{remedy if leaf.startswith('gradient') else ''}")
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{leaf} must be a NumPy array; got {kind(given)}")
    if given.shape != shape:
        raise ValueError(f"{leaf} must have shape {shape}; got {given.shape}")
    if given.dtype != dtype:
        raise TypeError(f"{leaf} must be {dtype} like its parameter; got {given.dtype}; convert it with .astype")


def checked_average(average: Any, name: str = "average") -> Rule | None:
    """Return a rule whose value can be read from its state; one of k = 1 - β from 0 starts at the first weights."""
    if average is not None:
        if checked_rule(average, name).whole:
            raise TypeError(f"{name} must be elementwise, such as Ema(0.999); got {average!r}")
        if not hasattr(average, "read"):
            remedy = "a rule with a method read(state, c), such as Ema(0.999)"
            raise TypeError(f"{name} must be {remedy}; got {average!r}")
        from optimlab.recurrence.gains import ConstantGain, FirstValueGain
        from optimlab.rules.averages import Ema  # who averages nothing does not wait for them

        if isinstance(average, Ema) and isinstance(average.gain, ConstantGain) and average.first == 0.0:
            return Ema(FirstValueGain(average.gain.beta))
    return average  # type: ignore[no-any-return]


def checked_scale(given: Any) -> Number:
    """Return a factor on the gradients that a hook has set; one that is not finite is met as gradients are."""
    array = real("scale, set by a hook,", given).astype(np.float64)
    return array if array.ndim else float(array)


def checked_lr(whence: str, lr: Any, name: str = "lr") -> Number:
    """Return a learning rate that a schedule or a hook gave, which may have fallen to 0: a float or a new array."""
    if isinstance(lr, float) and lr in NOT_NEGATIVE:
        return lr
    array = numbers(f"{name}, {whence},", lr, NOT_NEGATIVE)
    return array if array.ndim else float(array)


def checked_loss(loss: Any, replicas: int | None) -> Number:
    """Return a loss that was given to a step: a float, with replicas perhaps an array of one for each."""
    if isinstance(loss, float):
        return float(loss)
    array = real("loss", loss).astype(np.float64)
    if array.shape not in ((), (replicas,)):
        allowed = "a number" if replicas is None else f"a number or of shape ({replicas},)"
        raise ValueError(f"loss must be {allowed}; got shape {array.shape}")
    return array if array.ndim else float(array)


def check_shapes(replicas: int | None, numbers: Mapping[str, Sequence[Number]]) -> None:
    """Check that each number is a scalar or, with replicas, one for each of them."""
    for name, group in numbers.items():
        for number in group:
            shape = () if isinstance(number, float) else np.shape(number)
            if shape and shape != (replicas,):
                allowed = "a number without replicas=" if replicas is None else f"a number or ({replicas},)"
                raise ValueError(f"{name} has a hyperparameter of shape {shape}; it must be {allowed}")
