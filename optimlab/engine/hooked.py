"""Hooks as a run calls them: checked, in their order, and those with state in one run at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from typing import Any, Protocol, final
from weakref import WeakKeyDictionary, ref

import numpy as np

from optimlab.checks import value
from optimlab.engine.given import check_shapes
from optimlab.settings import Checked
from optimlab.typing import Count

__all__ = ["Hooks", "Owner"]


class Owner(Protocol):
    """What has hooks."""

    @property
    def hooks(self) -> tuple[Any, ...]:
        """They."""


_OWNERS: WeakKeyDictionary[Any, ref[Owner]] = WeakKeyDictionary()
"""Which run has last begun with a hook with state."""


@final
class Hooks:
    """The hooks of one run.

    Parameters
    ----------
    given : sequence
        The hooks.
    replicas : int or None
        S.

    Attributes
    ----------
    all : tuple
        The hooks.
    before : list of (callable, callable or None)
        What is called with the step, and what takes back what that has counted, if the step is refused.
    after : list of callable
        What is called with the step.
    moves_weights : bool
        Whether one of ``after`` may move the weights, so that the average has to wait for them.
    """

    def __init__(self, given: Sequence[Any], replicas: int | None) -> None:
        self.all = _checked(given)
        self._replicas = replicas
        check_shapes(replicas, _hyperparameters(self.all))
        self.before = [(x.before, getattr(x, "take_back", None)) for x in self.all if hasattr(x, "before")]
        self.after = [hook.after for hook in self.all if hasattr(hook, "after")]
        self.moves_weights = any(getattr(hook, "moves_weights", True) for hook in self.all if hasattr(hook, "after"))
        self._ranged = [hook for hook in self.all if getattr(hook, "ranges", None)]
        self._stateful = [hook for hook in self.all if hasattr(hook, "load_state")]

    @property
    def keep_state(self) -> bool:
        """Whether one of them does."""
        return bool(self._stateful)

    def own(self, run: Owner, *, begins: bool = False) -> None:
        """Refuse a hook with state that is twice here, or in another run that is still there, and has it still.

        A run that begins also refuses one with the state of a run that is gone.
        """
        remedy = "construct it anew; copy.deepcopy(hook) goes on from what it keeps"
        kept = [hook for hook in self._stateful if _has_identity(hook)]
        for place, hook in enumerate(kept):
            owner = _OWNERS.get(hook, lambda: None)()
            twice = any(hook is other for other in kept[:place])
            if twice or (owner not in (None, run) and any(hook is other for other in owner.hooks)):
                where = "twice in this list" if twice else "in another optimizer, too"
                raise ValueError(f"{hook!r} keeps state, and is {where}; {remedy}")
            if begins and owner is not run and hook in _OWNERS and not _is_new(hook):
                raise ValueError(f"{hook!r} keeps the state of an optimizer that is gone; {remedy}")
        for hook in kept:
            _OWNERS[hook] = ref(run)

    def check_schedules(self, t: Count) -> None:
        """See that what depends on t is in its range, before a hook changes what it keeps."""
        for hook in self._ranged:
            for name in hook.ranges:
                if callable(getattr(hook, name)):
                    what = f"{type(hook).__name__}.{name}, from its schedule at k = {t - 1},"
                    check_shapes(self._replicas, {what: (value(hook, name, t),)})


def _has_identity(hook: Any) -> bool:
    """Whether a hook is equal to itself alone, and can be known without being kept alive."""
    hashed: Any = type(hook).__hash__
    return hashed is object.__hash__ and hasattr(hook, "__weakref__")


def _is_new(hook: Any) -> bool:
    """Whether a hook keeps what it kept when it was made; of one of the user's own that is not known."""
    if not isinstance(hook, Checked):
        return True
    now, then = hook.state(), replace(hook).state()  # type: ignore[type-var, attr-defined]
    return now.keys() == then.keys() and all(np.array_equal(now[key], then[key]) for key in now)


def _checked(hooks: Any) -> tuple[Any, ...]:
    """Return the hooks as a tuple of objects with one of the two methods."""
    if not isinstance(hooks, Sequence):
        raise TypeError(f"hooks must be a list or tuple; got {hooks!r}; for a single hook write hooks=[hook]")
    for hook in hooks:
        if not any(callable(getattr(hook, name, None)) for name in ("before", "after")):
            raise TypeError(f"a hook must have a method before(step) or after(step); {hook!r} has neither")
        if isinstance(hook, type):
            raise TypeError(f"a hook must be an object, not a class; write {hook.__name__}(...)")
    return tuple(hooks)


def _hyperparameters(hooks: Sequence[Any]) -> dict[str, tuple[Any, ...]]:
    """Return what hooks hold to their ``ranges``, as "ClipNorm.max_norm", and what is in them, such as a set, too."""
    held = [part for hook in hooks for part in (hook, *getattr(hook, "__dict__", {}).values())]
    found: dict[str, tuple[Any, ...]] = {}
    for owner in (part for part in held if is_dataclass(part) and not isinstance(part, type)):
        for name in getattr(owner, "ranges", ()):
            key, number = f"{type(owner).__name__}.{name}", getattr(owner, name)
            found[key] = (*found.get(key, ()), *(() if callable(number) else (number,)))
    return found
