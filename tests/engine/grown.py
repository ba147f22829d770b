"""Random rules: every atom, every operation, every way of joining them, and rules of one's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from optimlab import Abs, Clip, Constant, Ema, Gradient, Root, Rule, Sign, Square, Trace, Weights
from optimlab.checks import FINITE, Range


@dataclass(frozen=True, repr=False)
class Change(Rule):
    """The new state minus the old one, which is read again after the new one is known."""

    beta: float | tuple[float, ...] = 0.5
    ranges: ClassVar[dict[str, Range]] = {"beta": FINITE}
    slots: ClassVar[tuple[str, ...]] = ("m",)

    @staticmethod
    def formula(x, w, state, c):
        m = c[0] * state[0] + x
        return m - state[0], (m,)


@dataclass(frozen=True, repr=False)
class Swap(Rule):
    """Two slots that change places, after each has been read."""

    slots: ClassVar[tuple[str, ...]] = ("one", "two")
    start: ClassVar[tuple[float, ...]] = (1.0, 2.0)

    @staticmethod
    def formula(x, w, state, c):
        return state[0] * x, (state[1], state[0])


@dataclass(frozen=True, repr=False)
class Twice(Rule):
    """One value in two slots, an argument in the third, a number in the fourth; the fifth stays."""

    slots: ClassVar[tuple[str, ...]] = ("a", "b", "c", "d", "e")
    start: ClassVar[tuple[float, ...]] = (0.0, 0.0, 0.0, 0.0, 3.0)

    @staticmethod
    def formula(x, w, state, c):
        m = state[2] + x
        return m * state[4] - state[3], (m, m, x, 0.5, state[4])


@dataclass(frozen=True, repr=False)
class Chosen(Rule):
    """Comparisons, marks and choices between numbers, arguments and literals."""

    factor: float | tuple[float, ...] = 0.25
    ranges: ClassVar[dict[str, Range]] = {"factor": FINITE}
    slots: ClassVar[tuple[str, ...]] = ("last",)

    @staticmethod
    def formula(x, w, state, c):
        turned = (x * state[0] < 0) | ~(w <= c[0])
        y = np.where(turned & (x != 0), c[0] * x, np.where(x >= state[0], x, 0.1))
        return y * (w > 0) - turned, (np.where(np.isnan(x), state[0], x),)


@dataclass(frozen=True, repr=False)
class Literal(Rule):
    """Plain numbers, in operations with arrays and with coefficients."""

    factor: float | tuple[float, ...] = 0.25
    ranges: ClassVar[dict[str, Range]] = {"factor": FINITE}

    @staticmethod
    def formula(x, w, state, c):
        return (1 - c[0]) * x**2 + 0.1 * abs(-w) ** 0.5 - 3, state


class _Numbers:
    """Hyperparameters: one number for each of some replicas, or those of replica i alone."""

    def __init__(self, seed, replicas, i):
        self.generator = np.random.default_rng(seed)
        self.replicas = replicas
        self.i = i
        self.schedules = []

    def __call__(self, low, high):
        drawn = self.generator.uniform(low, high, self.replicas or 1)
        if self.i is not None:
            return float(drawn[self.i])
        return float(drawn[0]) if self.replicas is None else tuple(drawn.tolist())

    def pick(self, options):
        return options[int(self.generator.integers(len(options)))]

    def schedule(self, low, high):
        begin, end = (np.array(self(low, high)) for _ in range(2))

        def line(k):
            return begin + (end - begin) * np.minimum(k / 3, 1.0)

        line.__name__ = f"line{len(self.schedules)}"
        self.schedules.append(line)
        return line


ATOMS = [
    lambda h: Gradient(),
    lambda h: Weights(),
    lambda h: Weights(only=()),
    lambda h: Square(),
    lambda h: Abs(),
    lambda h: Sign(),
    lambda h: Root(h(0.0, 0.1)),
    lambda h: Clip(h(-1.0, 0.0), h(0.0, 1.0)),
    lambda h: Constant(h(-1.0, 1.0)),
    lambda h: Constant(h.schedule(-1.0, 1.0)),
    lambda h: Constant(0.0),
    lambda h: Ema(h(0.0, 0.99)),
    lambda h: Ema(h(0.0, 0.99), debias=True),
    lambda h: Ema(h(0.0, 0.99), first=1.5),
    lambda h: Ema(h.schedule(0.0, 0.9), debias=h.pick([True, False])),
    lambda h: Trace(h(0.0, 1.0), first=h.pick([0.0, -1.0])),
    lambda h: Change(h(0.0, 1.0)),
    lambda h: Swap(),
    lambda h: Twice(),
    lambda h: Chosen(h(0.0, 1.0)),
    lambda h: Literal(h(0.0, 1.0)),
]
JOINED = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a | b,
    lambda a, b: b | a,
]


def grown(seed, replicas=None, i=None):
    """Return a random rule; with replicas each has hyperparameters of its own, and i asks for those of one alone."""
    h = _Numbers(seed, replicas, i)
    rule = h.pick(ATOMS)(h)
    for _ in range(int(h.generator.integers(1, 5))):
        rule = h.pick(JOINED)(rule, h.pick(ATOMS)(h))
        if h.pick([False, False, True]):
            rule = h.pick(JOINED)(rule, h.pick(JOINED)(h.pick(ATOMS)(h), h.pick(ATOMS)(h)))
    return rule
