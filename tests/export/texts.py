"""What texts of rules are compared with: NumPy's weights, state and numbers over a thousand steps."""

import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from optimlab import Ema, Rule
from tests.engine.laws import RULES

STEPS = 1000
LANES = 16
RATES = 0.01 * (1.0 + np.arange(STEPS) % 7)


@dataclass(frozen=True)
class Softsign(Rule):
    """The rule of one's own in the docstring of ``Rule``."""

    scale: float = 1.0

    def coefficients(self, t):
        return (self.scale,)

    @staticmethod
    def formula(x, w, state, c):
        return x / (c[0] + abs(x)), state


@dataclass(frozen=True)
class Warming(Rule):
    """A rule of one's own: its numbers follow from t, and its slots have names that languages keep for themselves."""

    def coefficients(self, t):
        return (0.5 ** (1.0 + t / 300.0), float(t % 3))

    @property
    def slots(self):
        return ("lambda", "2 x", "2-x", "Math")

    @staticmethod
    def formula(x, w, state, c):
        a, b, d, e = state
        a, b = a + c[0] * (x - a), np.where((x > 0) & ~(w >= x) | (b == c[1]), c[1], -b)
        return a - 0.25 * b, (a, b, -d, np.sqrt(abs(e - x)) ** 2)


ALL = RULES | {"softsign": Ema(0.9) | Softsign(), "warming": Warming()}


class Given(NamedTuple):
    """Weights (lanes), the gradients of each step (steps, lanes), its learning rate, and how many steps were before."""

    weights: Any
    gradients: Any
    rates: Any
    before: int = 0


@cache
def given(dtype):
    """Return what all rules are given."""
    return Given(np.random.default_rng(2).standard_normal(LANES).astype(dtype), gradients(dtype), RATES)


def gradients(dtype):
    """Return gradients of each step: of all sizes, with zeros of both signs; squares and their EMAs stay normal."""
    generator = np.random.default_rng(5)
    small, large = (-60, 60) if dtype == "float64" else (-7, 8)
    sizes = 10.0 ** np.linspace(small, large, LANES - 8)
    g = generator.standard_normal((STEPS, LANES)) * np.concatenate([np.ones(8), sizes])
    g[:, 6:] *= generator.random((STEPS, LANES - 6)) < 0.7
    g[:, 4] = np.where(generator.random(STEPS) < 0.5, 0.0, -0.0)
    g[:, 5] = np.where(generator.random(STEPS) < 0.9, 1.0, -1.0)
    g[::60, 4] = 1e-3  # so that what fades does not become subnormal, which JAX takes for 0
    g[:2, 3] = -0.0
    return g.astype(dtype)


@cache
def numbers(name):
    """Return the learning rate and the coefficients of each step in float64: (numbers, steps)."""
    rule = ALL[name]
    rows = [[float(x) for x in rule.coefficients(t)] for t in range(1, STEPS + 1)]
    columns = np.array(rows).reshape(STEPS, rule.numbers).T
    columns[list(rule.rates)] = RATES
    return np.vstack([RATES, columns])


@cache
def taken(name, dtype):
    """Return weights (steps + 1, lanes) and state (slots, steps + 1, lanes) of a rule: its formula in NumPy."""
    rule, w = ALL[name], given(dtype).weights
    formula, state = rule.displacement(), tuple([np.full_like(w, x) for x in rule.start])
    weights, states = [w], [state]
    with np.errstate(all="ignore"):
        for g, (lr, *c) in zip(given(dtype).gradients, numbers(name).T.astype(dtype), strict=True):
            moved, state = formula(lr, g, w, state, tuple(c))
            w = w - moved
            weights.append(w)
            states.append([np.broadcast_to(x, w.shape) for x in state])
    return np.array(weights), np.array(states, dtype).swapaxes(0, 1).reshape(len(rule.slots), STEPS + 1, LANES)


def differing(a, b):
    """Return how many numbers differ in any bit; NaN is NaN."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    bits = f"u{a.dtype.itemsize}"
    return int(((a.view(bits) != b.view(bits)) & ~(np.isnan(a) & np.isnan(b))).sum())


def module_of(text):
    """Return a text in Python as a module."""
    module = ModuleType("rule")
    exec(compile(text, "rule.py", "exec"), vars(module))
    assert "optimlab" not in vars(module)
    assert module.__name__ not in sys.modules
    return module
