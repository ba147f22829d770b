"""Every rule through every generic property that is not a law of the engines: descent, and memory of any layout."""

import numpy as np
import pytest

from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES, quick, same

STEPS = 10_000
# lr on Rosenbrock from (-1.2, 1) and on a parabola of curvatures 1 and 10, falling to 0 like a cosine
RATES = {
    "sgd": (2e-3, 0.1),
    "momentum": (1e-2, 0.1),
    "heavy_ball": (1e-3, 0.01),
    "nesterov": (1e-3, 0.01),
    "rmsprop": (5e-3, 0.01),
    "adam": (5e-2, 0.1),
    "adamw": (5e-2, 0.1),
    "l2": (5e-2, 0.1),
    "centred": (5e-3, 0.01),
    "adagrad": (1.0, 0.5),
    "sign": (5e-3, 0.01),
    "clip": (5e-3, 0.05),
    "abs": (5e-3, 0.01),
    "scheduled": (1e-2, 0.1),
    "two traces": (2e-3, 0.02),
    "gains": (5e-2, 0.1),
    "adabelief": (0.05, 0.1),
    "adadelta": (1.0, 1.0),
    "adagrad, torch": (1.0, 0.5),
    "adam of one beta": (0.05, 0.1),
    "adamax": (0.05, 0.1),
    "adamc": (0.05, 0.1),
    "adan": (0.02, 0.05),
    "ademamix": (0.02, 0.05),
    "adopt": (1.0, 0.1),
    "aggmo": (0.001, 0.001),
    "amsgrad": (0.1, 0.1),
    "cautious": (0.05, 0.1),
    "cautious decay": (0.01, 0.01),
    "grams": (0.05, 0.1),
    "grokfast": (0.05, 0.1),
    "laprop": (0.05, 0.1),
    "lion": (0.01, 0.01),
    "nadam": (0.05, 0.1),
    "optimistic": (1e-6, 0.05),
    "optimistic adam": (0.05, 0.1),
    "qhadam": (0.05, 0.1),
    "qhm": (0.002, 0.05),
    "radam": (1e-6, 0.1),
    "centred, root": (0.005, 0.01),
    "rprop": (1.0, 1.0),
    "signsgd": (1e-6, 0.01),
    "signum": (0.005, 0.01),
    "simplified ademamix": (0.0005, 0.001),
    "sm3": (1.0, 0.5),
    "yogi": (0.05, 0.1),
    "eps hat": (0.05, 0.1),
    "rate inside": (0.001, 0.01),
}
PARABOLA = {  # on Rosenbrock they are not there after so many steps, at the rates that were tried
    "optimistic", "radam", "signsgd",
}  # fmt: skip
NO_DESCENT = {"differences"}  # it follows the change of the gradient, not the gradient


def gradient(w):
    """Rosenbrock in the first row, a parabola in the second; both have their minimum at (1, 1)."""
    (x, y), (u, v) = w
    return np.array([[-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], [u - 1.0, 10 * (v - 1.0)]])


def pull(name, w):
    """What is 0 where the rule comes to rest: the gradient, and what the rule itself adds to it."""
    if name == "l2":
        return gradient(w) + 0.1 * w
    if name == "two traces":  # 0.5 g / (1 - 0.5) + 0.5 g / (1 - 0.9) - 0.1 = 0
        return gradient(w) - 0.1 / 6
    return gradient(w)


def test_the_table_is_whole():
    assert RATES.keys() | NO_DESCENT == RULES.keys()


@pytest.mark.parametrize("name", quick(RATES, "adam", "scheduled", "two traces"))
def test_it_comes_to_rest_on_rosenbrock_and_on_a_parabola(name):
    rates = np.array(RATES[name])
    optimizer = Optimizer(RULES[name], lambda k: rates * 0.5 * (1 + np.cos(np.pi * k / (STEPS + 1))), replicas=2)
    w = np.array([[-1.2, 1.0], [-1.2, 1.0]])
    for _ in range(STEPS):
        optimizer.step(w, gradient(w))
    rows = slice(1 if name in PARABOLA else 0, None)
    assert np.abs(pull(name, w)[rows]).max() < 3e-2
    if name not in ("l2", "two traces"):
        assert np.abs(w - 1.0)[rows].max() < 3e-2


LAYOUTS = {
    "F": lambda x: np.asfortranarray(x),
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [3, 300])
@pytest.mark.parametrize("name", RULES)
def test_views_of_any_order_give_the_bits_of_contiguous_arrays(name, rows, layout):
    generator = np.random.default_rng(0)
    start, gradients = generator.standard_normal((rows, 40)), generator.standard_normal((4, rows, 40))
    results = []
    for arrange in (np.array, LAYOUTS[layout]):
        params = [arrange(start)]
        optimizer = Optimizer(RULES[name], 0.1, engine="numpy")
        for g in gradients:
            optimizer.step(params, [arrange(g)])
        results.append((params, optimizer))
    assert not results[1][0][0].flags.c_contiguous
    assert same(*results)
