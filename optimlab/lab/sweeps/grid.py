"""Learning rates of a sweep: a grid that may be extended, and grids of one effective learning rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optimlab.checks import POSITIVE, number, numbers, whole
from optimlab.lab.contestants import contestants
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.theory import linear_rule

__all__ = ["Grid", "gains", "grids", "matched"]

_DIGITS = 12


@final
@dataclass(frozen=True)
class Grid:
    """Learning rates, and how often the grid may grow by one more where the best lies on its edge.

    Parameters
    ----------
    rates : sequence of float, greater than 0
        At least one, each once; kept in ascending order.
    extensions : int, at least 0
        How many more there may be, on either side together, for one problem.

    Raises
    ------
    ValueError, TypeError
        If the rates are none, or one stands twice.

    Examples
    --------
    >>> Grid.between(0.01, 1.0, per_decade=2).rates
    (0.01, 0.0316227766017, 0.1, 0.316227766017, 1.0)
    >>> Grid([0.1, 0.2]).below, Grid([0.1, 0.2]).above
    (0.05, 0.4)
    """

    rates: tuple[float, ...]
    extensions: int = 3

    def __post_init__(self) -> None:
        array = numbers("lr", self.rates, POSITIVE)
        if array.ndim != 1 or not array.size:
            raise ValueError(f"lr must hold at least one learning rate, such as [0.01, 0.1]; got {self.rates!r}")
        if len(np.unique(array)) < array.size:
            raise ValueError(f"lr must hold each learning rate once; got {self.rates!r}")
        object.__setattr__(self, "rates", tuple(np.sort(array).tolist()))
        whole("extensions", self.extensions, 0)

    @classmethod
    def between(cls, low: float, high: float, *, per_decade: int = 4, extensions: int = 3) -> Grid:
        """Return rates from low to high or just above, so many to each factor of ten."""
        first, last = number("low", low, POSITIVE), number("high", high, POSITIVE)
        n = whole("per_decade", per_decade, 1)
        if last < first:
            raise ValueError(f"high must be at least low, {low}; got {high}")
        count = int(np.ceil(n * np.log10(last / first) - 1e-9)) + 1
        rates = (first * 10.0 ** (k / n) for k in range(count))  # whose last bits differ between machines
        return cls(tuple(float(f"{rate:.{_DIGITS}g}") for rate in rates), extensions)

    @property
    def below(self) -> float:
        """One rate more at the lower end, by the ratio of the two there."""
        return self.rates[0] * (self.rates[0] / self.rates[1])

    @property
    def above(self) -> float:
        """One rate more at the upper end."""
        return self.rates[-1] * (self.rates[-1] / self.rates[-2])

    def scaled(self, factor: float) -> Grid:
        """Return the grid with each rate times a factor."""
        return Grid(tuple(factor * rate for rate in self.rates), self.extensions)


def grids(lr: Any, entered: Mapping[str, Any]) -> dict[str, Grid]:
    """Return the grid of each contestant: one for all, or by label; a rate that a contestant's text fixes alone.

    Examples
    --------
    >>> grids([0.1, 1.0], contestants("sgd, adam"))["Adam"]
    Grid(rates=(0.1, 1.0), extensions=3)
    """
    if isinstance(lr, Mapping) and (missing := [label for label in entered if label not in lr]):
        raise StudyError(f"lr must have learning rates for each rule; got none for {', '.join(missing)}")
    given = {label: lr[label] if isinstance(lr, Mapping) else lr for label in entered}
    return {label: _grid(given[label]) if one.lr is None else Grid((one.lr,), 0) for label, one in entered.items()}


def _grid(lr: Any) -> Grid:
    if isinstance(lr, Grid):
        return lr
    return Grid(tuple(lr) if isinstance(lr, Iterable) and not isinstance(lr, str) else (lr,))


def gains(rules: Any) -> dict[str, float]:
    """a/(1-β) + b: how far each rule's step goes in the end for a constant gradient of 1, by label.

    lr times it is the effective learning rate, that of the SGD which moves as fast.

    Raises
    ------
    StudyError
        If the step of a rule is not linear in the gradient, or its form is not known to be.

    Examples
    --------
    >>> {label: round(gain, 9) for label, gain in gains("sgd, momentum(.9), heavy_ball(.9)").items()}
    {'SGD': 1.0, 'EMA momentum': 1.0, 'heavy ball': 10.0}
    """
    entered = contestants(rules)
    forms = {label: linear_rule(one.rule) if hasattr(one, "rule") else None for label, one in entered.items()}
    if without := [label for label, form in forms.items() if form is None]:
        raise StudyError(
            f"{', '.join(without)}: no effective learning rate, for only SGD, the heavy ball, the EMA form and "
            "Nesterov's momentum have a gain that does not depend on the gradient; leave it out, or compare tuned"
        )
    return {label: float(form.gain) for label, form in forms.items() if form is not None}


def matched(rules: Any, lr: Any) -> dict[str, Grid]:
    """lr / gain: the learning rates at which each rule has the effective ones that are given, by label.

    Examples
    --------
    >>> [grid.rates for grid in matched("sgd, heavy_ball(.5)", [0.1, 0.4]).values()]
    [(0.1, 0.4), (0.05, 0.2)]
    """
    return {label: _grid(lr).scaled(1.0 / gain) for label, gain in gains(rules).items()}
