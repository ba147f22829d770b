"""What stands before each chunk, as tasks of Dask: summaries, and an exclusive prefix of their merges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.series.carried import Piece, Recipe
from optimlab.typing import Array

__all__ = ["Several", "stripe"]

Chunks = Mapping[tuple[int, ...], Sequence[Any]]
Read = Callable[..., tuple[Piece, Callable[[Array], Any]]]


@dataclass(frozen=True)
class Several:
    """One recipe for each of several decays: as one, whose results have a last axis for them."""

    recipes: tuple[Recipe, ...]

    def nothing(self) -> tuple[Any, ...]:
        """Return the states before the first row."""
        return tuple(each.nothing() for each in self.recipes)

    def summary(self, piece: Piece, before: int) -> tuple[Any, ...]:
        """Return what a chunk amounts to under each."""
        return tuple(each.summary(piece, before) for each in self.recipes)

    def merge(self, one: tuple[Any, ...], two: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the states after both."""
        return tuple(each.merge(*states) for each, *states in zip(self.recipes, one, two, strict=True))

    def results(self, piece: Piece, carry: tuple[Any, ...]) -> tuple[Array, None]:
        """Return the results side by side."""
        each = [recipe.results(piece, state)[0] for recipe, state in zip(self.recipes, carry, strict=True)]
        return np.stack(each, axis=-1) if each else np.empty((*np.shape(piece.x), 0)), None


def stripe(name: str, recipe: Any, read: Read, chunks: Chunks, before: Sequence[int]) -> dict[Any, Any]:
    """Return the tasks of chunks that follow one another: what stood before chunk i is one merge of two of them.

    A summary of 2ʲ chunks that begin at a multiple of 2ʲ is that of its halves; so no result waits for more than
    2 log₂ i merges, none for a chunk behind it, and what is merged with what depends on the chunks alone.

    Parameters
    ----------
    name : str
        Of the results; the key of one is this and its place.
    recipe : Recipe or Several
        What is asked.
    read : callable
        Returns, of what is read of a chunk, the piece, and a function that makes a chunk of its results.
    chunks : mapping of tuple of int to sequence
        The chunks in their order: for each place what is read, references to other tasks.
    before : sequence of int
        How many rows stand before each chunk.

    Returns
    -------
    dict
        A graph.
    """
    from dask.task_spec import Task, TaskRef

    tasks: dict[Any, Any] = {}
    places = list(chunks)

    def node(first: int, width: int) -> Any:
        key = (f"{name}-{width}", *places[first])
        if key not in tasks and width == 1:
            tasks[key] = Task(key, _summary, recipe, read, before[first], *chunks[places[first]])
        elif key not in tasks:
            half = width // 2
            tasks[key] = Task(key, recipe.merge, node(first, half), node(first + half, half))
        return TaskRef(key)

    carries = [None]
    for i in range(1, len(places)):
        last = i & -i
        carries.append(node(i - last, last))
        if i > last:
            key = (f"{name}-carry", *places[i])
            tasks[key] = Task(key, recipe.merge, carries[i - last], carries[i])
            carries[i] = TaskRef(key)
    for carry, (place, blocks) in zip(carries, chunks.items(), strict=True):
        key = (name, *place)
        tasks[key] = Task(key, _results, recipe, read, carry, *blocks)
    return tasks


def _summary(recipe: Any, read: Any, before: int, *blocks: Any) -> Any:
    return recipe.summary(read(*blocks)[0], before)


def _results(recipe: Any, read: Any, carry: Any, *blocks: Any) -> Any:
    piece, write = read(*blocks)
    return write(recipe.results(piece, recipe.nothing() if carry is None else carry)[0])
