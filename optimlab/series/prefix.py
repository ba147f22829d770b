"""What stands before each chunk, as tasks of Dask: summaries, and an exclusive prefix of their merges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    """Return the tasks of chunks that follow one another: a summary, a merge with the one before, results.

    The merges are a chain: what is read of a chunk can go once its results are there, so of 128 chunks that are summed
    as they come 2 are in memory at once. A tree of merges has fewer in a row, but keeps half of the chunks, 64, until
    it is complete; and a merge, which waits for no results, takes less than a millisecond.

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

    tasks, carry, last = {}, None, list(chunks)[-1:]
    for chunk, (rows, (place, blocks)) in enumerate(zip(before, chunks.items(), strict=False)):
        key, summary, merged = ((each, *place) for each in (name, f"{name}-summary", f"{name}-carry"))
        tasks[key] = Task(key, _results, chunk, recipe, read, carry, *blocks)
        if place not in last:
            tasks[summary] = Task(summary, _summary, chunk, recipe, read, rows, *blocks)
            tasks[merged] = Task(merged, _merged, recipe, carry, TaskRef(summary))
            carry = TaskRef(merged)
    return tasks


def _merged(recipe: Any, carry: Any, summary: Any) -> Any:
    return summary if carry is None else recipe.merge(carry, summary)


def _summary(chunk: int, recipe: Any, read: Any, before: int, *blocks: Any) -> Any:
    with _named(chunk):
        return recipe.summary(read(*blocks)[0], before)


def _results(chunk: int, recipe: Any, read: Any, carry: Any, *blocks: Any) -> Any:
    with _named(chunk):
        piece, write = read(*blocks)
        return write(recipe.results(piece, recipe.nothing() if carry is None else carry)[0])


@contextmanager
def _named(chunk: int) -> Iterator[None]:
    """Say in which chunk the rows are that an error names."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f"in chunk {chunk}, counted from 0: {error}") from error
