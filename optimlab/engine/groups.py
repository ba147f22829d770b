"""Groups: which rule, learning rate and average a leaf has, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, final

import numpy as np

from optimlab.checks import POSITIVE, hyperparameter
from optimlab.engine.given import check_shapes, checked_average, checked_lr
from optimlab.engine.probe import checked_rule
from optimlab.rules.algebra import Rule
from optimlab.trees import ByName, first_match
from optimlab.typing import Count, Number

__all__ = ["Groups", "by_name"]

T = TypeVar("T")


def by_name(what: str, given: Any, checked: Callable[[str, Any], T]) -> T | ByName[T]:
    """Return what was given for all leaves, or for each pattern of names, checked."""
    if not isinstance(given, Mapping):
        return checked(what, given)
    if not given or not all(isinstance(pattern, str) for pattern in given):
        raise TypeError(f'{what} by name must be a dict with patterns as keys, such as {{"*": ...}}; got {given!r}')
    return ByName(tuple(given), tuple([checked(f"{what}[{pattern!r}]", part) for pattern, part in given.items()]))


def _places(what: str, held: Any, names: tuple[str, ...]) -> tuple[int, ...]:
    return first_match(what, held.patterns, names) if isinstance(held, ByName) else (0,) * len(names)


def _parts(held: Any) -> tuple[Any, ...]:
    return held.parts if isinstance(held, ByName) else (held,)


@final
class Groups:
    """The rules, learning rates and averages of an optimizer.

    Parameters
    ----------
    rule, lr, average
        As the optimizer was given them: one for all leaves, or a dict by patterns of names.
    replicas : int or None
        S.

    Attributes
    ----------
    rule, lr, average
        The same, checked; in a dict the rule None freezes leaves.
    rules, averages : tuple
        The rules that are there, and the averages.
    """

    def __init__(self, rule: Any, lr: Any, average: Any, replicas: int | None) -> None:
        frozen = isinstance(rule, Mapping)
        self.rule = by_name("rule", rule, lambda what, x: None if x is None and frozen else checked_rule(x, what))
        self.average = by_name("average", average, lambda what, x: checked_average(x, what))
        self.replicas = replicas
        self.lr = lr
        self.rules = tuple([part for part in _parts(self.rule) if part is not None])
        self.averages = _parts(self.average)
        for part in (*self.rules, *self.averages):
            check_shapes(replicas, {"rule": () if part is None else part.coefficients(1)})

    @property
    def lr(self) -> Any:
        """The learning rates; others may be set."""
        return self._lr

    @lr.setter
    def lr(self, lr: Any) -> None:
        held = by_name("lr", lr, lambda what, x: hyperparameter(what, x, POSITIVE))
        for rate in _parts(held):
            check_shapes(self.replicas, {"lr": (_rate("lr", rate, 0),)})
        self._lr = held

    @property
    def patterns(self) -> tuple[str, ...] | None:
        """The patterns of the learning rates, if they are by name."""
        return self._lr.patterns if isinstance(self._lr, ByName) else None

    def lr_at(self, k: Count) -> Number | ByName[Number]:
        """Return the learning rate of update k = 0, 1, 2, ..., or all of them."""
        held = self._lr
        if isinstance(held, float):
            return held
        if isinstance(held, ByName):
            return ByName(held.patterns, tuple([_rate(f"lr[{pattern!r}]", rate, k) for pattern, rate in held.items()]))
        return _rate("lr", held, k)

    def rates_of(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return, for each leaf, which of the rates it has."""
        return _places("lr", self._lr, names)

    def rules_of(self, names: tuple[str, ...]) -> list[Rule | None]:
        """Return the rule of each leaf; None, if it is frozen."""
        rows = [None if rule is None else rule.on(names) for rule in _parts(self.rule)]
        places = _places("rule", self.rule, names)
        return [None if rows[place] is None else rows[place][i] for i, place in enumerate(places)]  # type: ignore[index]

    def averages_of(self, names: tuple[str, ...]) -> list[Rule | None]:
        """Return what averages each leaf, if it is averaged."""
        means = list(map(_compensated, self.averages))
        return [means[place] for place in _places("average", self.average, names)]


def _rate(what: str, held: Any, k: Count) -> Number:
    if callable(held):
        return checked_lr(f"from its schedule at k = {k}", held(k), what)
    return held if isinstance(held, float) else np.array(held)


def _compensated(average: Rule | None) -> Rule | None:
    """Return what averages the weights; who averages nothing does not wait for its import."""
    if average is None:
        return None
    from optimlab.averaging.weights import compensated

    return compensated(average)
