"""State that moves: of an Optimizer into an exported class of torch or transformation of optax, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checkpoint.header import Leaf, shown
from optimlab.checkpoint.held import Held, hooks_of, taken
from optimlab.checkpoint.hyperparameters import described
from optimlab.checkpoint.snapshot import of_dict
from optimlab.extras import needed
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.trees import Tree, tree_of
from optimlab.typing import Array

if TYPE_CHECKING:
    from optimlab.export.to_optax import RuleState

__all__ = ["load_optax_state", "load_torch_state", "optax_state", "torch_state"]


def torch_state(opt: Optimizer) -> dict[str, Any]:
    """Return the state of an Optimizer as the ``state_dict`` of ``export.torch(opt.rule)``.

    Parameters
    ----------
    opt : Optimizer
        With one elementwise rule for all leaves, one learning rate, and no replicas. Leaves may have waited. Its
        average and what hooks keep stay here.

    Returns
    -------
    dict
        For ``load_state_dict`` of an optimizer with one group, whose parameters are the leaves in the order of
        ``opt.state``. The learning rate is that of the latest update.

    Raises
    ------
    ImportError
        If torch is not installed.
    ValueError
        If there is no step yet, or the optimizer is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from optimlab import Optimizer, adam, export
    >>> opt, w = Optimizer(adam(), lr=0.1), np.array([1.0])
    >>> _ = opt.step(w, 2 * w)
    >>> there = export.torch(adam())([torch.tensor(w, requires_grad=True)], lr=0.1)
    >>> there.load_state_dict(export.torch_state(opt))
    >>> there.state_dict()["state"]
    {0: {'step': 1, 'ema': tensor([2.], dtype=torch.float64), 'square_ema': tensor([4.], dtype=torch.float64)}}
    """
    torch = needed("torch", "torch", "export.torch_state")
    rule = _plain(opt)
    if not isinstance(opt.lr, (float, int)):
        raise ValueError(f"the optimizer must have one lr for all leaves; got {opt.lr!r}; assign one, opt.lr = 0.1")
    steps, slots = _held(opt)
    state = {
        i: {"step": step} | {slot: torch.from_numpy(row[i]) for slot, row in slots.items()}
        for i, step in enumerate(steps)
    }
    group = {"lr": float(opt.lr), "rule": described(rule).text, "params": list(state)}
    return {"state": state, "param_groups": [group]}


def load_torch_state(opt: Optimizer, state: Mapping[str, Any], params: Any) -> None:
    """Take the ``state_dict`` of ``export.torch(opt.rule)``: the next step is the one that would have come there.

    Parameters
    ----------
    opt : Optimizer
        With the same rule, without replicas, average or hooks that keep something. It keeps its learning rate.
    state : dict
        What ``state_dict`` returned. A parameter that had no gradient in some steps has waited in them.
    params : container of arrays
        The parameters as the next step gets them; only looked at. Where those there have the same names, they go by
        these, else by their order.

    Raises
    ------
    ValueError, TypeError
        If the state is of another rule, or of other shapes or dtypes; nothing is changed then.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from optimlab import Optimizer, adam, export
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> there, opt = export.torch(adam())([w], lr=0.1), Optimizer(adam(), lr=0.1)
    >>> w.grad = 2 * w.detach()
    >>> there.step()
    >>> here = {"w": w.detach().numpy()}
    >>> export.load_torch_state(opt, there.state_dict(), here)
    >>> opt.t, opt.state["w"]["ema"]
    (1, array([2.], dtype=float32))
    """
    rule, groups = _plain(opt), state["param_groups"]
    for group in groups:
        if group.get("rule") != described(rule).text:
            remedy = "load it into an Optimizer with that rule"
            raise ValueError(f"the state is of the rule {group.get('rule')}; this optimizer has {rule!r}; {remedy}")
    places = list(chain.from_iterable([group["params"] for group in groups]))
    tree, names = tree_of(params), list(chain.from_iterable([group.get("param_names", ()) for group in groups]))
    if sorted(names) == sorted(tree.names):
        places = [dict(zip(names, places, strict=True))[name] for name in tree.names]
    if len(places) != len(tree.names):
        raise ValueError(f"the state is of {len(places)} parameters; params has {len(tree.names)} leaves")
    begun = [state["state"].get(i, {}) for i in places]
    leaves = [np.asarray(leaf) for leaf in tree.leaves(params)]
    slots = {
        slot: [
            np.full(leaf.shape, first, leaf.dtype) if slot not in held else held[slot].detach().cpu().numpy()
            for held, leaf in zip(begun, leaves, strict=True)
        ]
        for slot, first in zip(rule.slots, rule.start, strict=True)
    }
    _load(opt, tree, leaves, [int(held.get("step", 0)) for held in begun], slots)


def optax_state(opt: Optimizer, params: Any) -> RuleState:
    """Return the state of an Optimizer as that of ``export.optax(opt.rule, ...)``.

    Parameters
    ----------
    opt : Optimizer
        With one elementwise rule for all leaves, none of which has waited, and no replicas.
    params : container of arrays
        The parameters, as for ``step``; only looked at.

    Returns
    -------
    RuleState
        The state; in a chain it stands in the transformation's place.

    Raises
    ------
    ImportError
        If optax is not installed.
    ValueError
        If there is no step yet, or the optimizer is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer, momentum, export
    >>> opt, w = Optimizer(momentum(0.75), lr=0.1), np.ones(1, "float32")
    >>> _ = opt.step(w, w)
    >>> export.optax_state(opt, w)
    RuleState(count=Array(1, dtype=int32), slots={'ema': Array([0.25], dtype=float32)})
    """
    needed("optax", "optax", "export.optax_state")
    import jax.numpy as jnp

    from optimlab.export.to_optax import RuleState

    _plain(opt)
    steps, slots = _held(opt, params)
    if len(set(steps)) > 1:
        raise ValueError(f"optax has one count for all leaves; these have waited, and have {sorted(set(steps))}")
    tree = tree_of(params)
    rows = {slot: tree.filled(iter([jnp.array(x) for x in row])) for slot, row in slots.items()}
    return RuleState(jnp.int32(steps[0]), rows)


def load_optax_state(opt: Optimizer, state: RuleState, params: Any) -> None:
    """Take the state of ``export.optax(opt.rule, ...)``: the next step is the one that would have come there.

    Parameters
    ----------
    opt : Optimizer
        With the same rule, without replicas, average or hooks that keep something. It keeps its learning rate.
    state : RuleState
        The state; in a chain, the part of it that is one.
    params : container of arrays
        The parameters as the next step gets them; only looked at.

    Raises
    ------
    ValueError, TypeError
        If the state is of other slots, shapes or dtypes; nothing is changed then.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer, momentum, export
    >>> tx, w = export.optax(momentum(0.75), 0.1), np.ones(1, "float32")
    >>> _, state = tx.update(w, tx.init(w))
    >>> opt = Optimizer(momentum(0.75), lr=0.1)
    >>> export.load_optax_state(opt, state, w)
    >>> opt.t, opt.state["params"]["ema"]
    (1, array([0.25], dtype=float32))
    """
    rule, tree = _plain(opt), tree_of(params)
    if not hasattr(state, "slots"):
        raise TypeError(f"state must be a RuleState; got {type(state).__name__}; of a chain give its part, as state[0]")
    if set(state.slots) != set(rule.slots):
        raise ValueError(f"the state has slots {sorted(state.slots)}; {rule!r} has {sorted(rule.slots)}")
    slots = {slot: [np.asarray(x) for x in tree.leaves(state.slots[slot])] for slot in rule.slots}
    leaves = [np.asarray(leaf) for leaf in tree.leaves(params)]
    _load(opt, tree, leaves, [int(state.count)] * len(leaves), slots)


def _plain(opt: Optimizer) -> Rule:
    """Return the rule of an optimizer, if it has one for all leaves and one run."""
    if not isinstance(opt, Optimizer):
        raise TypeError(f"opt must be an Optimizer; got {opt!r}")
    if opt.replicas is not None or not isinstance(opt.rule, Rule) or opt.rule.whole:
        words = "one elementwise rule for all leaves and without replicas"
        raise ValueError(f"state moves of an Optimizer with {words}; got {opt!r}")
    return opt.rule


def _held(opt: Optimizer, params: Any = None) -> tuple[list[int], dict[str, list[Array]]]:
    """Return the steps of each leaf, and each slot of all leaves, in their own order or that of the parameters."""
    saved = of_dict(opt.state_dict(False))
    leaves, arrays = {name: leaf.shape for name, leaf in saved.header.leaves.items()}, saved.arrays
    tree = tree_of(params)
    names = list(leaves) if params is None else [name or "params" for name in tree.names]
    given = leaves if params is None else dict(zip(names, map(np.shape, tree.leaves(params)), strict=True))
    wrong = [name for name in {**leaves, **given} if given.get(name) != leaves.get(name)]
    if wrong:
        raise ValueError(f"params must be those of the latest step; of another name or shape are {shown(wrong)}")
    left = [sum([int(arrays.get(f"{word}/{name}", 0)) for word in ("waited", "since")]) for name in names]
    slots = {slot: [arrays[f"state/{name}/{slot}"] for name in names] for slot in opt.rule.slots}
    return [int(arrays["t"]) - count for count in left], slots


def _load(
    opt: Optimizer, tree: Tree, leaves: Sequence[Array], steps: Sequence[int], slots: Mapping[str, Sequence[Array]]
) -> None:
    """Give an optimizer the steps of each leaf, and each slot of all leaves."""
    kept = [*hooks_of(opt), *(["average"] if opt.average is not None else [])]
    if kept:
        raise ValueError(f"there is no state for {', '.join(kept)}; load into an Optimizer without")
    names = [name or "params" for name in tree.names]
    for slot, row in slots.items():
        for name, leaf, x in zip(names, leaves, row, strict=True):
            if (x.shape, x.dtype) != (leaf.shape, leaf.dtype):
                was, now = f"{x.dtype} of shape {x.shape}", f"{leaf.dtype} of shape {leaf.shape}"
                raise ValueError(f"{slot!r} of {name!r} is {was} in the state; the parameter is {now}")
    kinds = {name: Leaf(x.shape, x.dtype.name, tuple(slots), ()) for name, x in zip(names, leaves, strict=True)}
    t = max(steps, default=0)
    clocks = {f"waited/{name}": t - step for name, step in zip(names, steps, strict=True) if step < t}
    memory = {f"state/{name}/{slot}": x for slot, row in slots.items() for name, x in zip(names, row, strict=True)}
    header, arrays = taken(opt, Held(kinds, memory, clocks, None), False)
    opt.load_state_dict({"header": header.text()} | arrays | {"t": np.array(t)}, False)
