"""A rule as a transformation of optax: the traced step, in JAX's operations, by values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from optimlab.checks import NOT_NEGATIVE, number
from optimlab.engine.program import Program, traced
from optimlab.export.coefficients import T, Table, coefficients, coefficients_at
from optimlab.notation.symbols import Symbol
from optimlab.rules.algebra import Rule
from optimlab.schedules.schedule import Schedule

__all__ = ["Kernel", "RuleState", "transformation_of"]


class RuleState(NamedTuple):
    """What a rule keeps.

    Attributes
    ----------
    count : Array of int32
        Updates so far.
    slots : dict of pytree
        By the slot's name, of the structure of the parameters; in float32 for those of fewer bits.
    """

    count: Any
    slots: dict[str, Any]


def _second(larger: Callable[..., Any], x: Any, y: Any) -> Any:
    return jnp.where(x == y, y, larger(x, y))


def _divided(x: Any, y: Any) -> Any:
    """Spread the divisor first: XLA makes a division by one number a product with its reciprocal."""
    return jnp.divide(x, jnp.broadcast_to(y, jnp.broadcast_shapes(jnp.shape(x), jnp.shape(y))))


_CALLS: Final[dict[Any, Callable[..., Any]]] = {
    np.divide: _divided,
    np.sign: lambda x: jnp.where(x == 0.0, 0.0, jnp.sign(x)),
    np.maximum: partial(_second, jnp.maximum),
    np.minimum: partial(_second, jnp.minimum),
}
"""Where JAX has another zero or rounding than NumPy; the others have one name in both."""


def _call_of(function: Any) -> Callable[..., Any]:
    found: Callable[..., Any] | None = _CALLS.get(function) or getattr(jnp, function.__name__, None)
    if found is None:
        raise TypeError(f"JAX has no {function.__name__}; write the rule with functions that it has")
    return found


class Kernel:
    """η y and the new state of a rule, and its coefficients.

    Parameters
    ----------
    rule : Rule
        What is elementwise and can be traced.
    steps : int
        Length of the tables of coefficients.
    """

    def __init__(self, rule: Rule, steps: int) -> None:
        self.rule = rule
        self._forms: list[Symbol] = coefficients(rule, steps)
        self._programs: dict[Any, Program] = {}
        self.program(np.dtype(np.float64))

    def program(self, dtype: np.dtype[Any]) -> Program:
        """Return what is called: g, w, state; lr, coefficients → η y in the place of w, new state."""
        if dtype not in self._programs:
            displacement, slots = self.rule.displacement(), len(self.rule.slots)

            def displaced(g: Any, w: Any, *rest: Any) -> tuple[Any, ...]:
                y, new = displacement(rest[slots], g, w, rest[:slots], rest[slots + 1 :])
                return y, *new

            self._programs[dtype] = traced(displaced, 2 + slots, 1 + self.rule.numbers, dtype)
        for function, *_ in self._programs[dtype].calls:
            _call_of(function)
        return self._programs[dtype]

    @property
    def reads_weights(self) -> bool:
        """Whether the weights are looked at, before what is in their place is η y."""
        first = [1 in places for _, places, out in self.program(np.dtype(np.float64)).calls if 1 in (*places, out)]
        return first[:1] == [True]

    def numbers(self, count: Any, lr: Any) -> list[Any]:
        """Return the coefficients: exact where the count is known, as an expression of it where it is traced."""
        if isinstance(count, jax.core.Tracer):
            return coefficients_at(self._forms, count + 1, lr, jnp)
        held = self.rule.coefficients(int(count) + 1)
        return [lr if i in self.rule.rates else number for i, number in enumerate(held)]

    def run(self, arrays: Sequence[Any], numbers: Sequence[Any]) -> list[Any]:
        """Return η y and the new state."""
        dtype, shape = _working(jnp.result_type(*arrays)), jnp.shape(arrays[0])
        program = self.program(dtype)
        at: list[Any] = [jnp.asarray(x, dtype) for x in (*arrays, *numbers, *program.scalars)]
        at += program.buffers  # whose places the results take
        for function, places, out in program.calls:
            at[out] = _call_of(function)(*[at[place] for place in places])
        for source, target in program.copies:
            at[target] = at[source]
        return [jnp.broadcast_to(x, shape) for x in at[1 : program.arrays]]


class _Transformation:
    """What optax calls: a rule with a learning rate."""

    def __init__(self, rule: Rule, learning_rate: Any, steps: int) -> None:
        self.rule = rule
        self.learning_rate = learning_rate
        self.steps = steps
        self._kernels: dict[tuple[str, ...], list[Kernel]] = {}

    def kernels(self, tree: Any) -> list[Kernel]:
        """Return what computes each leaf, the same object for the same rule."""
        paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]]
        names = tuple([jax.tree_util.keystr(path, simple=True, separator=".") or "params" for path in paths])
        if names not in self._kernels:
            rules = self.rule.on(names)
            made = {id(rule): Kernel(rule, self.steps) for rule in rules}
            self._kernels[names] = [made[id(rule)] for rule in rules]
        return self._kernels[names]

    def rate(self, count: Any) -> Any:
        """Return the learning rate after so many updates; one of our schedules is a table where that is traced."""
        held = self.learning_rate
        if isinstance(held, Schedule) and isinstance(count, jax.core.Tracer):
            table = Table(tuple(held(np.arange(self.steps)).tolist()))
            return coefficients_at([Symbol(T.dtype, function=table, operands=(T,))], count + 1, None, jnp)[0]
        return held(count) if callable(held) else held

    def init(self, params: Any) -> RuleState:
        """Return the state before the first update."""
        self.kernels(params)
        slots = zip(self.rule.slots, self.rule.start, strict=True)
        begun = {slot: jax.tree.map(partial(_begun, first), params) for slot, first in slots}
        return RuleState(jnp.zeros((), jnp.int32), begun)

    def update(self, updates: Any, state: RuleState, params: Any = None) -> tuple[Any, RuleState]:
        """Return what is added to the parameters, and the new state."""
        kernels, count = self.kernels(updates), state.count
        if params is None and any(kernel.reads_weights for kernel in kernels):
            raise ValueError(f"{self.rule!r} reads the parameters; give them, tx.update(updates, state, params)")
        lr = self.rate(count)
        numbers = {kernel: [lr, *kernel.numbers(count, lr)] for kernel in kernels}
        g, tree = _flat(updates)
        columns = [updates if params is None else params, *[state.slots[slot] for slot in self.rule.slots]]
        rows = zip(g, *map(tree.flatten_up_to, columns), strict=True)
        done = [kernel.run(row, numbers[kernel]) for kernel, row in zip(kernels, rows, strict=True)]
        step, *slots = [tree.unflatten([row[i] for row in done]) for i in range(len(columns))]
        kept = dict(zip(self.rule.slots, slots, strict=True))
        return jax.tree.map(jnp.negative, step), RuleState(optax.safe_increment(count), kept)


def transformation_of(rule: Rule, learning_rate: Any, steps: int) -> optax.GradientTransformation:
    """Return the transformation; see ``optimlab.export.optax``."""
    if not callable(learning_rate) and not isinstance(learning_rate, jax.Array):
        number("learning_rate", learning_rate, NOT_NEGATIVE)
    if jnp.ndim(0 if callable(learning_rate) else learning_rate):
        raise TypeError(f"learning_rate must be one number, or a schedule; got an array of {learning_rate.shape}")
    held = _Transformation(rule, learning_rate, steps)
    return optax.GradientTransformation(held.init, held.update)


def _flat(tree: Any) -> tuple[list[Any], Any]:
    """Return leaves and structure, which has more methods than JAX's types say."""
    return jax.tree.flatten(tree)


def _working(dtype: Any) -> Any:
    """In which dtype a leaf is computed; so is its state."""
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"parameters must be real floating-point numbers; got {dtype}")
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float32)


def _begun(first: float, x: Any) -> Any:
    return jnp.full_like(x, first, dtype=_working(jnp.result_type(x)))
