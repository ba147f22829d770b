"""Gain: the share of the new value at each step, found in blocks of steps, a bounded number of which are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import Range, check_fields, per_replica, whole
from optimlab.recurrence.profile import Profile
from optimlab.typing import Count, Floats, Number

__all__ = ["Gain"]


@dataclass(frozen=True)
class Gain(ABC):
    """The share k of the value at step t = 1, 2, ...

    A gain of your own is a frozen dataclass with a method ``gains``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from optimlab import Gain
    >>> @dataclass(frozen=True)
    ... class Slower(Gain):
    ...     def gains(self, t):
    ...         return t**-0.5
    >>> [Slower().at(t) for t in (1, 4, 16)]
    [1.0, 0.5, 0.25]
    """

    ranges: ClassVar[dict[str, Range]] = {}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def at(self, t: Count) -> Number:
        """Return k at step t, a float, or one for each replica; t may be one number for each replica as well."""
        if isinstance(t, np.ndarray):
            steps, row = np.unique(t, return_inverse=True)
            rows = np.array([np.broadcast_to(self.at(step), t.shape) for step in steps.tolist()])
            return np.asarray(rows[row, np.arange(t.size)])
        size, shared, where = self._plan
        if size == 0:  # a schedule is asked for no later step: it may be a table of the run's length
            return self.gains(t)  # type: ignore[no-any-return]
        number, place = divmod(t - 1, size)
        latest = vars(self).get("_latest")
        if latest is None or latest[0] != number:  # thousands of runs in turn are more than the cache of blocks holds
            latest = vars(self)["_latest"] = number, _block((shared or self).gains, number, size)
        k = latest[1][place]
        return k if shared is None else k[where]  # type: ignore[no-any-return]

    @cached_property
    def _plan(self) -> tuple[int, Gain | None, Any]:
        """How many steps are a block; the gain of the numbers that differ, if some do not, and where each is in it."""
        held = {name: getattr(self, name) for name in self.ranges}
        if any(map(callable, held.values())):
            return 0, None, None
        name, numbers = next(((name, x) for name, x in held.items() if isinstance(x, tuple)), ("", ()))
        distinct, where = np.unique(numbers, return_inverse=True)
        size = max(8, min(256, 2**15 // max(1, distinct.size)))
        if len(held) > 1 or distinct.size in (1, len(numbers)):
            return size, None, None
        return size, replace(self, **{name: tuple(distinct.tolist())}), where

    def weights(self, t: int) -> Floats:
        """wᵢ = kᵢ Π(1-kⱼ) over j from i+1 to t: the share of each value in the mean after step t.

        Parameters
        ----------
        t : int, at least 1
            Updates.

        Returns
        -------
        ndarray of float64, shape (t,) or (t, S)
            The weights of values 1 to t; they add up to 1 if the first gain is 1.

        Examples
        --------
        >>> from optimlab import DebiasedGain
        >>> DebiasedGain(0.5).weights(3) * 7
        array([1., 2., 4.])
        """
        k = np.array([self.at(step) for step in range(1, whole("t", t, 1) + 1)])
        kept = np.cumprod(1.0 - k[:0:-1], axis=0)[::-1]
        return np.concatenate([k[:-1] * kept, k[-1:]])

    def describe(self, t: int = 1000) -> Profile:
        """Return lag, effective samples and relative width of the weights after step t.

        Parameters
        ----------
        t : int, at least 1
            Updates.

        Examples
        --------
        >>> from optimlab import PowerGain
        >>> print(PowerGain(6.94).describe(10_000))
        after 10000 updates
          lag (mean age)             1118 updates
          as precise as the mean of  2360 of them
          relative width             0.09997 of the run
        """
        return Profile.of(self.weights(t))

    @abstractmethod
    def gains(self, t: Any) -> Any:
        """Return k at steps t, elementwise in float64: t has shape (steps, 1), k that or, with replicas, (steps, S)."""

    @property
    def fade(self) -> Callable[[Any, Any], Floats] | None:
        """Π(1-k) over the steps s + 1, ..., t as a function of s and t, elementwise; None if it has no formula."""
        return None


@lru_cache(maxsize=64)
def _block(gains: Callable[[Any], Any], number: int, size: int) -> list[Any]:
    """Return k at some steps. The key is an object, not its value: equal decays may differ in the last digit of α."""
    k = np.array(gains(np.arange(size * number + 1.0, size * (number + 1) + 1.0)[:, np.newaxis]))
    k.flags.writeable = False
    return list(k) if k.shape[1] > 1 else k[:, 0].tolist()
