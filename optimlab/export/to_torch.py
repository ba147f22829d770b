"""A rule as a ``torch.optim.Optimizer``."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copyreg import pickle
from itertools import chain
from types import new_class
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from optimlab.checkpoint.hyperparameters import described
from optimlab.export.torch_sweep import WORKING, Sweep
from optimlab.rules.algebra import Rule
from optimlab.rules.graph import identity

__all__ = ["RuleOptimizer", "class_of"]

_CLASSES: dict[Hashable, type[RuleOptimizer]] = {}


def class_of(rule: Rule) -> type[RuleOptimizer]:
    """Return the class of a rule, the same for equal ones."""
    key = identity(rule)
    if key not in _CLASSES:
        Sweep(rule).trace(torch.float64)  # which says at once what torch cannot do
        _CLASSES[key] = new_class("RuleOptimizer", (RuleOptimizer,), exec_body=lambda body: body.update(rule=rule))
    return _CLASSES[key]


class _Kind(type):
    """What is pickled as the call that makes it."""


pickle(_Kind, lambda kind: (class_of, (vars(kind)["rule"],)) if "rule" in vars(kind) else kind.__qualname__)


class RuleOptimizer(torch.optim.Optimizer, metaclass=_Kind):
    """w ← w - lr · rule(g): a rule of optimlab as an optimizer of torch, with the same bits.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What is optimised: float32 or float64 with a state of the same dtype, or float16 or bfloat16 with a state and
        arithmetic in float32, rounded once a step. On any device.
    lr : float, at least 0, or 0-d Tensor
        Learning rate; a group may have its own, and torch's schedulers set it.

    Raises
    ------
    ValueError, TypeError
        If the learning rate or a parameter is none, or the rule goes by names and there are none.
    """

    rule: ClassVar[Rule]

    def __init__(self, params: Iterable[Any], lr: float | Tensor) -> None:
        self._sweeps: dict[Tensor, Sweep] = {}
        super().__init__(params, {"lr": lr, "rule": _text(self.rule)})
        self._sweep_of_all()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._sweeps = {}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, with a learning rate of its own if it says so; see ``torch.optim.Optimizer``."""
        super().add_param_group(param_group)
        self._sweeps = {}
        group = self.param_groups[-1]
        try:
            _check_group(group, self.defaults)
        except (TypeError, ValueError):
            del self.param_groups[-1]
            raise

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # a traced program is nothing to trace
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one step with the gradients that there are; a parameter without one waits.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients, and returns the loss.

        Returns
        -------
        The loss that the closure has returned, if there is one.
        """
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for (sweep, *_), (numbers, rows) in self._prepared().items():
            sweep.run_all(rows, numbers)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["step"] += 1
        return loss

    def _prepared(self) -> dict[Any, tuple[tuple[Tensor, ...], list[list[Tensor]]]]:
        """Return what is done with which numbers to which arrays; whatever can be refused is refused here."""
        sweeps = self._sweep_of_all()
        jobs: dict[Any, tuple[tuple[Tensor, ...], list[list[Tensor]]]] = {}
        for p, lr in [(p, float(group["lr"])) for group in self.param_groups for p in group["params"]]:
            if p.grad is None:
                continue
            if p.grad.layout != torch.strided:
                raise RuntimeError(f"gradients must be dense; got {p.grad.layout}; p.grad = p.grad.to_dense() makes it")
            sweep, state = sweeps[p], self.state[p] or self._started(p)
            key = sweep, state["step"], lr, p.dtype, p.device
            if key not in jobs:
                jobs[key] = sweep.numbers(state["step"] + 1, lr, p), []
            jobs[key][1].append([_local(x.detach()) for x in (p.grad, p, *[state[slot] for slot in self.rule.slots])])
        return jobs

    def _started(self, p: Tensor) -> dict[str, Any]:
        """Return the state of a parameter before its first step."""
        dtype = WORKING[p.dtype]
        slots = zip(self.rule.slots, self.rule.start, strict=True)
        state: dict[str, Any] = {"step": 0}
        state |= {slot: torch.full_like(p, first, dtype=dtype) for slot, first in slots}
        self.state[p] = state
        return state

    def _sweep_of_all(self) -> dict[Tensor, Sweep]:
        """Return what steps each parameter: by its name, if the rule goes by names."""
        if not self._sweeps:
            params = [p for group in self.param_groups for p in group["params"]]
            names = tuple(chain.from_iterable([group.get("param_names", ()) for group in self.param_groups]))
            rules = self.rule.on(names) if names else _nameless(self.rule, len(params))
            sweeps = {id(rule): Sweep(rule) for rule in rules}
            self._sweeps = {p: sweeps[id(rule)] for p, rule in zip(params, rules, strict=True)}
        return self._sweeps

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take what ``state_dict`` of an optimizer with this rule has returned.

        Raises
        ------
        ValueError
            If it is of another rule, or of other parameters.
        """
        saved: list[tuple[Tensor, Mapping[str, Any]]] = []
        last = self.register_load_state_dict_pre_hook(lambda _, given: saved.extend(self._checked(given)))
        try:  # after the hooks of others, and before anything is changed
            super().load_state_dict(dict(state_dict))
        finally:
            last.remove()
        for p, state in saved:  # which torch has rounded to the parameter's dtype
            for slot in self.rule.slots:
                self.state[p][slot] = torch.empty_like(p, dtype=WORKING[p.dtype]).copy_(state[slot])

    def _checked(self, given: Mapping[str, Any]) -> list[tuple[Tensor, Mapping[str, Any]]]:
        """Return the state that is given for each parameter, if it can be loaded."""
        params = list(chain.from_iterable([group["params"] for group in self.param_groups]))
        places = list(chain.from_iterable([group["params"] for group in given["param_groups"]]))
        rows = [(p, given["state"].get(i)) for p, i in zip(params, places, strict=False)]
        saved = [(p, state) for p, state in rows if state]
        for group in given["param_groups"]:
            _check_rule(group.get("rule"), self.defaults["rule"])
        for p, state in saved:
            _check_state(p, state, self.rule.slots)
        return saved


def _local(x: Any) -> Tensor:
    """Return the part of a sharded tensor that is here."""
    part: Tensor = x.to_local() if hasattr(x, "to_local") else x
    return part


def _text(rule: Rule) -> str:
    return described(rule).text


def _nameless(rule: Rule, count: int) -> tuple[Rule, ...]:
    try:
        rule.on(())
    except ValueError as error:
        raise ValueError(f"{rule!r} goes by names, which are missing; give model.named_parameters()") from error
    return (rule,) * count


def _check_group(group: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    lr = group["lr"]
    if callable(lr) or not isinstance(lr, (int, float, np.number, Tensor)):
        remedy = "of a schedule, give lr=1.0 here and torch.optim.lr_scheduler.LambdaLR(opt, schedule) the rest"
        raise TypeError(f"lr must be a number of at least 0; got {lr!r}; {remedy}")
    if (isinstance(lr, Tensor) and lr.numel() != 1) or not 0.0 <= float(lr) < math.inf:
        raise ValueError(f"lr must be a finite number of at least 0; got {lr!r}")
    _check_rule(group["rule"], defaults["rule"])
    for p in group["params"]:
        if p.dtype not in WORKING:
            raise TypeError(f"parameters must be one of {', '.join(map(str, WORKING))}; got {p.dtype}")


def _check_rule(theirs: Any, ours: str) -> None:
    if theirs != ours:
        remedy = "a group or a state of another rule belongs to the class of that rule, export.torch(rule)"
        raise ValueError(f"this class has the rule {ours}; got {theirs}; {remedy}")


def _check_state(p: Tensor, state: Mapping[str, Any], slots: Sequence[str]) -> None:
    if set(state) != {"step", *slots}:
        raise ValueError(f"the state of a parameter must hold {['step', *slots]}; got {sorted(state)}")
    for slot in slots:
        if state[slot].shape != p.shape:
            raise ValueError(f"{slot!r} has shape {tuple(state[slot].shape)}; its parameter has {tuple(p.shape)}")
