"""Masses of a schedule, 1 - β₁β₂...βₜ or Σw: what is known of them, kept for the steps that are asked for next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import final

from optimlab.recurrence.powers import Double

__all__ = ["Known", "mass"]


@final
class Known:
    """The mass of a gain with a schedule at some steps: each 256th, and the latest 64 that were asked for.

    So runs in turn, or in threads, find the step before the one that they ask for.
    """

    def __init__(self) -> None:
        self._anchors: list[Double] = [(0.0, 0.0)]
        self._latest: OrderedDict[int, Double] = OrderedDict()
        self._lock = Lock()

    def before(self, t: int) -> tuple[int, Double]:
        """Return the last step up to t that is known, and its mass."""
        with self._lock:
            for step in (t, t - 1):
                if step in self._latest:
                    return step, self._latest[step]
            place = min(t // 256, len(self._anchors) - 1)
            return 256 * place, self._anchors[place]

    def keep(self, t: int, mass: Double) -> None:
        """Keep the mass at step t."""
        with self._lock:
            if t == 256 * len(self._anchors):
                self._anchors.append(mass)
            self._latest[t] = mass
            self._latest.move_to_end(t)
            if len(self._latest) > 64:
                self._latest.popitem(last=False)


@lru_cache(maxsize=64)
def _known(_: Callable[[Double, int], Double]) -> Known:
    """Return what is known of a gain with a schedule."""
    return Known()


def mass(grown: Callable[[Double, int], Double], t: int) -> Double:
    """Return the mass at step t, from that of the step before by ``grown(mass, step)``, in the order of the steps."""
    known = _known(grown)
    u, total = known.before(t)
    for step in range(u + 1, t + 1):
        total = grown(total, step)
        known.keep(step, total)
    return total
