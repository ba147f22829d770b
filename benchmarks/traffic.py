"""Each elementwise rule beside the traffic of its memory: g read, the weights and each slot read and written.

The traffic is measured: one compiled loop over the same arrays does x ← g - x to each, and nothing else. Times are
processor time, which other work on the machine moves less than the clock. Whoever imports this pins the threads before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import timing
from contenders import Call, arrays, ours
from numba import njit

from optimlab import Rule, adam, adamc, cautious, cautious_decay, grokfast, lion, optimistic
from optimlab.rules import basic, family

__all__ = ["CHECKED", "RULES", "SWEEP", "TRAFFIC", "races", "row"]

_COMPOSED: dict[str, tuple[str, Rule]] = {
    "grokfast": ("grokfast(adam())", grokfast(adam())),
    "cautious": ("cautious(adam())", cautious(adam())),
    "cautious_decay": ("cautious_decay(lion())", cautious_decay(lion())),
    "optimistic": ("adam() | optimistic()", adam() | optimistic()),
    "adamc": ("adamc(0.001)", adamc(1e-3)),
}
"""Rules of rules, and the one that needs a number."""
RULES: dict[str, Rule] = dict(
    _COMPOSED[name] if name in _COMPOSED else (name, getattr(home, name)())
    for home in (basic, family)
    for name in home.__all__
)
TRAFFIC, SWEEP, CHECKED = "traffic", "a step, check_finite=False", "a step"


def traffic(size: int, slots: int) -> Call:
    """Return what moves the memory of a rule with these slots."""
    names = [f"x{i}" for i in range(slots + 1)]
    lines = [
        f"def move(g, {', '.join(names)}):",
        " for i in range(g.size):",
        *[f"  {x}[i] = g[i] - {x}[i]" for x in names],
    ]
    defined: dict[str, Call] = {}
    exec("\n".join(lines), {}, defined)
    return partial(njit(defined["move"]), *arrays(((size,),) * (slots + 2), 3))


def races(size: int, rounds: int) -> Iterator[tuple[str, int, timing.Race]]:
    """Race each rule against the traffic of its memory: its name, how many slots it has, the race."""
    for name, rule in RULES.items():
        slots = len(rule.slots)
        contenders = {
            TRAFFIC: traffic(size, slots),
            SWEEP: ours(((size,),), "fused", "float32", rule=rule, check_finite=False),
            CHECKED: ours(((size,),), "fused", "float32", rule=rule),
        }
        yield name, slots, timing.race(contenders, rounds=rounds, clock=time.process_time)


def row(size: int, name: str, slots: int, race: timing.Race) -> list[str]:
    """Return what a table says of a rule."""
    moved = np.dtype("float32").itemsize * (1 + 2 * (1 + slots))
    sweep = race.time(SWEEP)
    return [
        name,
        f"{moved} B",
        timing.duration(race.time(TRAFFIC)),
        timing.duration(sweep),
        f"{1e-9 * moved * size / sweep.median:.1f}",
        timing.ratio(race.ratio(SWEEP, TRAFFIC)),
        timing.ratio(race.ratio(CHECKED, TRAFFIC)),
    ]
