"""Whether a checkpoint is one of this optimizer: of its rules, its numbers, its hooks, and of counts that can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optimlab.checkpoint.header import CLOCKS, Saved, shown
from optimlab.checkpoint.held import Owner, descriptions, hooks_of, state_of
from optimlab.checkpoint.hyperparameters import written
from optimlab.rules.algebra import Rule
from optimlab.typing import Array

__all__ = ["check_counts", "check_hooks", "check_rules", "other_slots"]

_GREATEST = 2**53
"""t up to which every count is a float, too."""


def check_rules(saved: Saved, owner: Owner, replace: Mapping[str, Any], *, strict: bool) -> None:
    """Rules must be of one form, and of equal numbers but for those that are replaced."""
    if saved.header.replicas != owner.replicas:
        raise saved.error(f"has replicas {saved.header.replicas}; this optimizer has {owner.replicas}")
    numbers: tuple[dict[str, str], dict[str, str]] = {}, {}
    for role, theirs, ours in zip(("rule", "average"), saved.header[:2], descriptions(owner), strict=True):
        if strict and (theirs and theirs.form) != (ours and ours.form):
            what = "text" if getattr(theirs, "text", None) != getattr(ours, "text", None) else "form"
            words = [shown(str(part and getattr(part, what))) for part in (theirs, ours)]
            raise saved.error(f"has {role} {words[0]}; this optimizer has {words[1]}")
        for found, part in zip(numbers, (theirs, ours), strict=True):
            found |= part.numbers if part else {}
    _check_replaced(replace, numbers[1])
    if strict:
        _check_numbers(saved, *numbers, replace=list(replace))
    if isinstance(owner.rule, Rule):  # the same for all leaves
        slots = owner.rule.slots
        for name, leaf in saved.header.leaves.items():
            if leaf.state != slots:
                raise other_slots(saved, f"state of leaf {name!r}", leaf.state, slots)


def other_slots(saved: Saved, what: str, theirs: Sequence[str], ours: Sequence[str]) -> ValueError:
    """Return the error that slots have other names."""
    remedy = f"load it into an optimizer with the rule {shown(saved.header.rule.text)}"
    return saved.error(f"has {shown(list(theirs))} as the {what}; this optimizer has {list(ours)}; {remedy}")


def _check_replaced(replace: Any, ours: Mapping[str, str]) -> None:
    if not isinstance(replace, Mapping):
        raise TypeError(f"replace must be a dict of hyperparameters by name; got {replace!r}")
    for name, value in replace.items():
        if name not in ours:
            raise ValueError(f"replace must name hyperparameters of {', '.join(ours) or 'none'}; got {name!r}")
        if written(value) != ours[name]:
            remedy = f"make the optimizer with that, or replace={{{name!r}: {ours[name]}}}"
            raise ValueError(f"replace has {name} {written(value)}; this optimizer has {ours[name]}; {remedy}")


def _check_numbers(saved: Saved, theirs: Mapping[str, str], ours: Mapping[str, str], *, replace: list[str]) -> None:
    if theirs.keys() != ours.keys():
        raise saved.damaged("its numbers are not those of its rules")
    other = [name for name in ours if theirs[name] != ours[name] and name not in replace]
    if other:
        words = [", ".join(f"{name} {shown(held[name])}" for name in other) for held in (theirs, ours)]
        numbers = ", ".join(f"{name!r}: {ours[name]}" for name in [*replace, *other])
        remedy = f"replace={{{numbers}}}) takes the state all the same"
        raise saved.error(f"has {words[0]}; this optimizer has {words[1]}", remedy)


def check_counts(saved: Saved) -> None:
    """T must be a count, and no leaf's clock beyond it."""
    t = saved.arrays["t"]
    if np.any(t < 0) or np.any(t > _GREATEST):
        raise saved.damaged(f"t must be from 0 to {_GREATEST}; it is {t}")
    for key in saved.header.entries:
        count = saved.arrays[key]
        if key.partition("/")[0] in CLOCKS and (np.any(count < 0) or np.any(count > t)):
            raise saved.damaged(f"{shown(key)} must be from 0 to t; it is {count}")


def check_hooks(saved: Saved, owner: Owner, *, strict: bool) -> None:
    """Hooks must be there by name, and their states of the kinds that they hold."""
    theirs, ours = saved.header.hooks, hooks_of(owner)
    if strict and set(theirs) != set(ours):
        remedy = "strict=False) leaves out hooks that are not here, and starts those anew that are not in it"
        raise saved.error(f"has hooks {shown(list(theirs))}; this optimizer has {list(ours)}", remedy)
    for name, hook in ours.items():
        if name in theirs:
            _check_state(saved, name, hook)


def _check_state(saved: Saved, name: str, hook: Any) -> None:
    """What a hook keeps of each leaf is of the leaf's kind, all else of the kind that it holds now."""
    state, held = saved.state_of(name), state_of(hook)
    prefixes: tuple[str, ...] = getattr(hook, "leafwise", ())
    for prefix in prefixes:
        kinds = {
            key.removeprefix(prefix): (x.shape, str(x.dtype)) for key, x in state.items() if key.startswith(prefix)
        }
        if kinds and kinds != {leaf: kind[:2] for leaf, kind in saved.header.leaves.items()}:
            raise saved.damaged(f"what the hook {name} keeps of the leaves is not of their shapes and dtypes")
    for key in state.keys() & held.keys():
        if not key.startswith(prefixes) and not _fits(state[key], held[key], saved.header.replicas):
            theirs, ours = (f"{x.dtype} of shape {x.shape}" for x in (state[key], held[key]))
            remedy = "a hook must hold its numbers in one dtype from the start on"
            raise saved.error(f"has {shown(key)!r} of the hook {name} as {theirs}; this one holds {ours}; {remedy}")


def _fits(given: Array, held: Array, replicas: int | None) -> bool:
    """Whether a hook that holds the one may be given the other: of one dtype; a record may be longer."""
    if held.ndim == 1 and not held.size:
        return given.ndim > 0
    if {given.shape, held.shape} <= {(), (replicas,)}:
        return given.dtype == held.dtype
    return given.dtype == held.dtype and given.ndim == held.ndim and given.shape[1:] == held.shape[1:]
