"""trace: a function's computation as a graph, to be swept back, counted, read and drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.autodiff.primitive import constant
from optimlab.lab.autodiff.tape import Entry, Tape, hollow, quiet
from optimlab.lab.autodiff.variable import Variable
from optimlab.trees import rebuilt, tree_of

__all__ = ["Graph", "trace"]


class Graph:
    """A computation as it was recorded by `trace`.

    Parameters
    ----------
    tape : Tape
        The record; its first lines are the inputs.
    inputs : array or container of arrays
        What the function was given.
    output : Variable
        What it returned.

    Attributes
    ----------
    visits : int
        Edges that the latest `gradient` crossed, each of them once.

    Examples
    --------
    >>> from optimlab.lab.autodiff import trace
    >>> graph = trace(lambda w: (w["a"] * w["b"]).sum(), {"a": np.array([1.0, 2.0]), "b": 3.0})
    >>> print(graph)
    %0 = a                 float64 (2,)
    %1 = b                 float64 ()
    %2 = multiply(%0, %1)  float64 (2,)
    %3 = sum(%2)           float64 ()
    >>> graph.gradient(), graph.visits
    ({'a': array([3., 3.]), 'b': np.float64(3.0)}, 3)
    """

    def __init__(self, tape: Tape, inputs: Any, output: Variable) -> None:
        self.tape = tape
        self.inputs = inputs
        tree = tree_of(inputs)
        self.names, self.leaves = [name or "input" for name in tree.names], tree.leaves(inputs)
        self.output = output
        self.visits = 0

    @property
    def value(self) -> Any:
        """What the function returned, read-only."""
        return self.output.value

    @property
    def nodes(self) -> int:
        """Number of values on the tape, the inputs among them."""
        return len(self.tape.entries)

    @property
    def edges(self) -> int:
        """Number of times that a value on the tape was used."""
        return sum(parent >= 0 for entry in self.tape.entries for parent in entry.parents)

    def gradient(self, seed: ArrayLike | None = None) -> Any:
        """Σ seed · ∂value/∂input: sweep back once, in time linear in the edges.

        Parameters
        ----------
        seed : array_like, of the shape of the value
            The gradient of what follows; by default 1, for a scalar value.

        Returns
        -------
        array or container of arrays
            Of the structure, shapes and dtypes of the inputs; 0 where no path leads to the value.

        Raises
        ------
        ValueError
            If the value is no scalar and there is no seed, or the seed has another shape.
        """
        with quiet():
            parts, self.visits = self.tape.sweep(self.output.line, self._seed(seed), len(self.leaves))
        return rebuilt(self.inputs, [*map(_returned, parts, self.leaves)])

    def dot(self) -> str:
        """Return the graph in Graphviz's language, for ``dot -Tsvg``."""
        nodes = [f"  n{k} [{self._attributes(k, entry)}];" for k, entry in enumerate(self.tape.entries)]
        edges = [
            f"  n{parent} -> n{k};"
            for k, entry in enumerate(self.tape.entries)
            for parent in entry.parents
            if parent >= 0
        ]
        return "\n".join(["digraph {", *nodes, *edges, "}"])

    def __repr__(self) -> str:
        return f"<Graph of {self.nodes} nodes and {self.edges} edges>"

    def __str__(self) -> str:
        texts = [f"%{k} = {self._text(k, entry)}" for k, entry in enumerate(self.tape.entries)]
        width = max(map(len, texts))
        return "\n".join(
            f"{text:<{width}}  {_kind(entry)}" for text, entry in zip(texts, self.tape.entries, strict=True)
        )

    def _attributes(self, line: int, entry: Entry) -> str:
        name = self.names[line] if entry.primitive is None else entry.primitive.name
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'label="{quoted}\\n{_kind(entry)}"' + (", shape=box" if entry.primitive is None else "")

    def _text(self, line: int, entry: Entry) -> str:
        if entry.primitive is None:
            return self.names[line]
        words = [
            f"%{parent}" if parent >= 0 else f"{x:g}" if np.ndim(x) == 0 else f"constant {x.shape}"
            for parent, x in zip(entry.parents, entry.arguments, strict=True)
        ]
        given = {name: repr(option) for name, option in entry.options.items()}
        words += [f"{k}={v if len(v) <= 24 else '…'}" for k, v in given.items() if v not in ("None", "False")]
        return f"{entry.primitive.name}({', '.join(words)})"

    def _seed(self, seed: ArrayLike | None) -> Any:
        value = self.value
        if seed is None:
            if value.shape != ():
                raise ValueError(
                    f"f must return a scalar; got shape {value.shape}; "
                    "sum it, or give a seed of this shape to trace(f, w).gradient"
                )
            return value.dtype.type(1.0)
        given = np.asarray(seed, dtype=value.dtype)
        if given.shape != value.shape:
            raise ValueError(f"seed must have the shape {value.shape} of the value; got {given.shape}")
        return given[()]


def trace(f: Callable[..., Any], w: Any, *rest: Any, **options: Any) -> Graph:
    """Call f(w, *rest, **options) and record what it computes from w.

    Parameters
    ----------
    f : callable
        A function of arrays, written with operators and NumPy functions; it gets a `Variable` for each array of w.
    w : array or (nested) dict, list or tuple of arrays, of float32 or float64
        The inputs. What happens to w later does not reach the record: they are copied, if they are not read-only.
    *rest, **options
        Further arguments, passed on; constants as far as the gradient is concerned.

    Returns
    -------
    Graph
        The record.

    Raises
    ------
    TypeError
        If w holds something else than float32 or float64, if f changes a recorded value in place or turns it into a
        plain array, or if f returns something that was not computed from w: a gradient of 0 would hide a mistake.
    ValueError
        If the shapes of an operation do not match, or a recorded array is written to.

    Notes
    -----
    Inside f, floating-point warnings are off: inf and NaN are data. What a selection does not take (np.where, np.max,
    an index) has slope 0, be it NaN; equal numbers share the slope equally; at a bound of np.clip the bound has it.

    Examples
    --------
    >>> from optimlab.lab.autodiff import trace
    >>> trace(np.tanh, 0.5)
    <Graph of 2 nodes and 1 edges>
    """
    tape = Tape()
    tree = tree_of(w)
    if not tree.names:
        raise ValueError(f"w must hold at least one array; got {w!r}")
    inputs = zip(tree.names, tree.leaves(w), strict=True)
    with quiet():  # nothing but the call holds on to the copies of the inputs
        output = f(rebuilt(w, [_input(tape, *each) for each in inputs]), *rest, **options)
    if not isinstance(output, Variable) or output.tape is not tape:
        raise TypeError(
            f"f must return one value computed from its argument; got {type(output).__name__}, "
            "which has no path to it; check for .value, or for a constant"
        )
    return Graph(tape, w, output)


def _input(tape: Tape, name: str, leaf: Any) -> Variable:
    place = f"w[{name!r}]" if name else "w"
    if isinstance(leaf, Variable):
        raise TypeError(
            f"{place} is traced already: a gradient inside a gradient is not supported; differences of grad(f) are"
        )
    kind = getattr(leaf, "dtype", None) if isinstance(leaf, (np.ndarray, np.generic)) else np.dtype(type(leaf))
    if kind not in (np.float32, np.float64):
        raise TypeError(f"{place} must hold float32 or float64; got {kind}; convert it, as in np.asarray(w, float)")
    value = constant(leaf, place)[()]
    return Variable(value, tape, tape.append(Entry(None, (), hollow(value), (), {})))


def _returned(part: Any, leaf: Any) -> Any:
    """Return a new gradient like the leaf: arrays for arrays, numbers for numbers."""
    part = np.zeros_like(leaf) if part is None else part
    return np.array(part) if isinstance(leaf, np.ndarray) else np.asarray(part)[()]


def _kind(entry: Entry) -> str:
    return f"{entry.y.dtype} {entry.y.shape}"
