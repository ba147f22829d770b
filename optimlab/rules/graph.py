"""An expression as a graph: parts that are equal and see the same signal are one, with one state."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from optimlab.typing import Array

if TYPE_CHECKING:
    from optimlab.rules.algebra import Arrays, Expression, Rule

__all__ = ["SIGNS", "Graph", "Node", "identity"]

SIGNS: Final[dict[str, tuple[int, Callable[[Any, Any], Any]]]] = {
    "|": (0, lambda a, b: b),
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
}
"""How close each binds, and what it makes of two values."""


class Node(NamedTuple):
    """A value: of a rule, or of ``+ - * /``, of those at ``sources``: 0 is the signal, 1 that of the first node."""

    rule: Rule | None
    sign: str
    sources: tuple[int, ...]
    slots: tuple[str, ...]


class Graph:
    """The values of an expression, ``nodes``, in the order in which they are computed, and the ``rules`` of them."""

    def __init__(self, expression: Expression) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Hashable, int] = {}
        self._out = self._place(expression, 0, "")
        self.rules = [node.rule for node in self.nodes if node.rule is not None]

    def _place(self, rule: Rule, signal: int, way: str) -> int:
        """Return the place of the value of a rule that sees a signal; ``way``: names of those on the way to it."""
        if rule.precedence == 3:
            key = identity(rule), signal
            return self._kept(key, Node(rule, "", (signal,), tuple([way + slot for slot in rule.slots])))
        expression = cast("Expression", rule)
        if expression.sign == "|":
            for part in expression.parts:
                signal = self._place(part, signal, way)
                way += f"{type(part).__name__.lower()}_" if part.precedence == 3 else ""
            return signal
        sources = tuple([self._place(part, signal, way) for part in expression.parts])
        return self._kept((expression.sign, sources), Node(None, expression.sign, sources, ()))

    def _kept(self, key: Hashable, node: Node) -> int:
        if key not in self._known:
            self.nodes.append(node)
            self._known[key] = len(self.nodes)
        return self._known[key]

    def shapes(self, leaf: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the slots, each that of the signal of its rule, for a leaf of this shape."""
        values = [leaf]
        kept: tuple[tuple[int, ...], ...] = ()
        for rule, _, sources, slots in self.nodes:
            given = [values[place] for place in sources]
            kept += (given[0],) * len(slots)
            values.append(np.broadcast_shapes(*given) if rule is None else rule.shape(given[0], leaf))
        return kept

    def run(self, x: Array, w: Array, state: Arrays, c: Arrays, lr: Array | None = None) -> tuple[Array, Arrays]:
        """Return the value, or a learning rate times the value, and the new state."""
        values = [x]
        kept: Arrays = ()
        for rule, sign, sources, _ in self.nodes:
            given = [values[place] for place in sources]
            if rule is None:
                values.append(reduce(SIGNS[sign][1], given))
                continue
            slots, numbers = len(rule.slots), rule.numbers
            y, new = rule.compose()(given[0], w, state[:slots], c[:numbers])
            state, c, kept = state[slots:], c[numbers:], (*kept, *new)
            values.append(y)
        y, moved = values[self._out], None if lr is None else self._moved(self._out, values, lr)
        return (moved if moved is not None else y if lr is None else lr * y), kept

    def _moved(self, place: int, values: list[Array], lr: Array) -> Array | None:
        """Return η times a value that is divided by the learning rate, perhaps in a sum or product; None of others."""
        node = self.nodes[place - 1]
        if not place or node.rule is not None:
            return None
        a, b = node.sources
        if b and node.sign == "/" and getattr(self.nodes[b - 1].rule, "rates", False):
            return values[a]
        x, y = self._moved(a, values, lr), None if node.sign == "/" else self._moved(b, values, lr)
        if x is None and y is None:
            return None
        if node.sign in "+-":
            x, y = (lr * values[s] if moved is None else moved for s, moved in ((a, x), (b, y)))
        else:
            x, y = (values[a], y) if x is None else (x, values[b])
        return cast("Array", SIGNS[node.sign][1](x, y))


def identity(rule: Rule) -> Hashable:
    """Return what two rules share if they are one: their value, if it is all in their fields and can be hashed."""
    if rule.precedence < 3:
        return rule.sign, tuple(map(identity, rule.parts))  # type: ignore[attr-defined]
    held = {name for name in vars(rule) if not name.startswith("_")}
    try:
        hash(rule)
    except TypeError:
        return id(rule)
    return rule if held <= {field.name for field in fields(rule) if field.compare} else id(rule)
