"""What of an optimizer is saved, as it lies in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from optimlab.checkpoint.header import CLOCKS, DTYPES, Header, Kind, Leaf, shown
from optimlab.checkpoint.hyperparameters import Description, described
from optimlab.engine.given import plain
from optimlab.engine.layout import Layout
from optimlab.rules.algebra import distinct
from optimlab.trees import tree_of
from optimlab.typing import Array, Count, Marks

__all__ = ["Held", "Owner", "descriptions", "held_by", "hooks_of", "state_of", "taken"]


class Owner(Protocol):
    """What has the state: an optimizer, of which these parts must be the same ones when it is loaded."""

    rule: Any
    average: Any
    replicas: int | None
    hooks: tuple[Any, ...]

    @property
    def t(self) -> Count:
        """Number of updates."""

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen."""


class Held(NamedTuple):
    """What belongs to the leaves: in memory, or in a checkpoint that was not put back yet.

    Parameters
    ----------
    leaves : dict of Leaf
        Their names, in order, and what is kept of each.
    slots : dict of ndarray
        State and average, ``<block>/<leaf>/<slot>``.
    clocks : dict of int or ndarray
        Counts of steps, ``<clock>/<leaf>``.
    params : dict of ndarray or None
        The parameters, ``params/<leaf>``; None if they are not known.
    """

    leaves: dict[str, Leaf]
    slots: dict[str, Array]
    clocks: dict[str, Any]
    params: dict[str, Array] | None


def held_by(layout: Layout) -> Held:
    """Return what is in memory, as views."""
    kept: dict[str, dict[str, tuple[str, ...]]] = {"state": {}, "average": {}}
    slots: dict[str, Array] = {}
    shapes: dict[str, dict[str, tuple[int, ...]]] = {name: {} for name in layout.names}
    known_shapes = dict(zip(layout.names, layout.shapes, strict=True))
    for block, of_leaf in kept.items():
        for leaf, slot, view in layout.memory(block):
            of_leaf[leaf] = (*of_leaf.get(leaf, ()), slot)
            slots[f"{block}/{leaf}/{slot}"] = view
            if view.shape != known_shapes[leaf]:
                shapes[leaf][slot] = view.shape
    dtypes = {dtype: dtype.name for dtype in set(layout.dtypes)}
    rows = zip(layout.names, layout.shapes, layout.dtypes, strict=True)
    leaves = {
        name: Leaf(shape, dtypes[dtype], kept["state"].get(name, ()), kept["average"].get(name, ()), shapes[name])
        for name, shape, dtype in rows
    }
    known = layout.clocks
    late = [leaf for leaf in layout.names if leaf in known]
    clocks = {f"{word}/{leaf}": count for leaf in late for word, count in zip(CLOCKS, known[leaf], strict=True)}
    return Held(leaves, slots, clocks, _params(layout.names, layout.last) if layout.last else None)


def _params(names: Sequence[str], leaves: Sequence[Array]) -> dict[str, Array]:
    return {f"params/{name}": leaf for name, leaf in zip(names, leaves, strict=True)}


def hooks_of(owner: Owner) -> dict[str, Any]:
    """Return the hooks with state, by name: that of the type, the second of one type with _2."""
    hooks = [hook for hook in owner.hooks if hasattr(hook, "state")]
    return dict(zip(distinct([type(hook).__name__ for hook in hooks]), hooks, strict=True))


def state_of(hook: Any) -> dict[str, Array]:
    """Return the state of a hook, if it is numbers."""
    state = {key: np.asarray(value) for key, value in hook.state().items()}
    for key, array in state.items():
        if not isinstance(key, str) or array.dtype.name not in DTYPES:
            raise TypeError(f"{type(hook).__name__}.state() must be a dict of numbers; {key!r} is of {array.dtype}")
    return state


def descriptions(owner: Owner) -> tuple[Description, Description | None]:
    """Return what rule and average are compared by."""
    return described(owner.rule), None if owner.average is None else described(owner.average, "average.")


def taken(owner: Owner, held: Held, params: Any) -> tuple[Header, dict[str, Array]]:
    """Return the header and all arrays; those of the leaves as they lie in memory.

    Parameters
    ----------
    owner : Owner
        The optimizer.
    held : Held
        What belongs to its leaves.
    params : bool, or container of arrays
        Whether the parameters of the last step are in it; or those that are.

    Raises
    ------
    ValueError, TypeError
        If the parameters are not known, or a hook's state is no dict of numbers.
    """
    arrays: dict[str, Array] = {"t": np.array(owner.t, np.int64)}
    if owner.replicas is not None:
        arrays["diverged"] = owner.diverged
    arrays |= {key: np.array(count, np.int64) for key, count in held.clocks.items()}
    hooks = hooks_of(owner)
    for name, hook in hooks.items():
        arrays |= {f"hooks/{name}/{key}": array for key, array in state_of(hook).items()}
    entries: dict[str, Kind] = {key: (array.shape, str(array.dtype)) for key, array in arrays.items()}
    rules = descriptions(owner)
    header = Header(*rules, owner.replicas, tuple(hooks), params is not False, entries, held.leaves)
    return header, {**arrays, **_chosen(params, held), **held.slots}


def _chosen(params: Any, held: Held) -> Mapping[str, Array]:
    """Return the parameters that are to be saved."""
    if params is False:
        return {}
    if params is not True:
        return _given(params, held.leaves)
    if held.params is None:
        raise ValueError(
            "the parameters of the last step are not known: this optimizer is a copy, or was loaded without them; "
            "params=params saves those that you give, params=False leaves them out"
        )
    return held.params


def _given(params: Any, leaves: Mapping[str, Leaf]) -> dict[str, Array]:
    """Return parameters that were given, if they are of these leaves."""
    tree = tree_of(params)
    names = [name or "params" for name in tree.names]
    given = _params(
        names, [plain(f"parameter {x!r}", leaf) for x, leaf in zip(names, tree.leaves(params), strict=True)]
    )
    kinds = {key: (np.shape(leaf), str(getattr(leaf, "dtype", None))) for key, leaf in given.items()}
    expected = {f"params/{name}": leaf[:2] for name, leaf in leaves.items()}
    if kinds != expected:
        raise ValueError(f"params must be True, False, or the parameters {shown(expected)}; got {shown(kinds)}")
    return given
