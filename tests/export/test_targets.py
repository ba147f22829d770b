"""Each operation that a text may hold has NumPy's value on NaN, infinities, zeros of both signs and subnormals."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import Rule
from optimlab.notation.symbols import UntraceableError
from tests.export.runners import gcc, node
from tests.export.texts import Given, differing, module_of

OPERATIONS = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x, y: -x,
    "positive": lambda x, y: +x,
    "literals": lambda x, y: (0.1 - x) / (y * -3.0) + np.where(x > y, -1e30, y),
    "absolute": lambda x, y: abs(x),
    "square": lambda x, y: x**2,
    "root": lambda x, y: x**0.5,
    "reciprocal": lambda x, y: 1 / x,
    "inverse": lambda x, y: x**-1,
    "first power": lambda x, y: x**1,
    "sign": lambda x, y: np.sign(x),
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "limits": lambda x, y: np.minimum(np.maximum(x, -1.0), np.inf),
    "where": lambda x, y: np.where(x, y, -x),
    "less": lambda x, y: x < y,
    "less, equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater, equal": lambda x, y: x >= y,
    "equal": lambda x, y: x == y,
    "not equal": lambda x, y: x != y,
    "and": lambda x, y: (x < y) & (x < 1),
    "or": lambda x, y: (x < y) | (x > 1),
    "either": lambda x, y: (x < y) ^ (x > 1),
    "not": lambda x, y: ~(x < y),
    "logical and": lambda x, y: np.logical_and(x, y),
    "logical or": lambda x, y: np.logical_or(x, y > 0),
    "logical xor": lambda x, y: np.logical_xor(x, y),
    "logical not": lambda x, y: np.logical_not(x),
    "product of marks": lambda x, y: (x > 0) * (y > 0),
    "sum of marks": lambda x, y: (x > 0) + (y > 0),
    "share of marks": lambda x, y: x * (y > 0) - (x > y),
    "equal marks": lambda x, y: (x > 0) == (y > 0),
    "not a number": lambda x, y: np.isnan(x),
    "finite": lambda x, y: np.isfinite(x),
}


@dataclass(frozen=True)
class Operations(Rule):
    """Keeps what each operation makes of a gradient and a weight."""

    @property
    def slots(self):
        return tuple(OPERATIONS)

    @staticmethod
    def formula(x, w, state, c):
        return x, tuple(operation(x, w) for operation in OPERATIONS.values())


def pairs(dtype, *, subnormal):
    """Each number with each: the first of the pairs as weights, the second as gradients."""
    limits = np.finfo(dtype)
    numbers = [0.0, 1.0, 2.0, 0.3, 7e-3, 1e30, np.sqrt(limits.tiny), limits.max, np.inf]
    numbers += [limits.smallest_subnormal, limits.tiny * 0.75, limits.tiny] if subnormal else []
    numbers = np.array([*numbers, *np.negative(numbers), np.nan], dtype)
    w, g = (x.ravel() for x in np.meshgrid(numbers, numbers))
    return Given(w, g[np.newaxis], [0.0])


def wanted(run):
    """Return what NumPy makes of the pairs: (operations, pairs)."""
    with np.errstate(all="ignore"):
        rows = [operation(run.gradients[0], run.weights) for operation in OPERATIONS.values()]
    return np.array(rows, run.weights.dtype)


def wrong(found, want):
    """Return how many values differ, by operation."""
    counts = {name: differing(a, b) for name, a, b in zip(OPERATIONS, found, want, strict=True)}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("target", "tool", "runner"), [("js", "node", node), ("c", "gcc", gcc)])
def test_operations_of_compiled_languages(target, tool, runner, dtype, tmp_path):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not there")
    run = pairs(dtype, subnormal=True)
    found = runner([Operations().source(target, dtype=dtype)], run, tmp_path)[0][0]
    assert wrong(found[1 : len(OPERATIONS) + 1], wanted(run)) == {}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_operations_of_torch(dtype):
    torch = pytest.importorskip("torch")
    run, module = pairs(dtype, subnormal=True), module_of(Operations().source("torch", dtype=dtype))
    w = torch.tensor(run.weights)
    state = module.start(w)
    module.step(w, torch.tensor(run.gradients[0]), state, 1, 0.0)
    assert wrong([x.numpy() for x in state], wanted(run)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_operations_of_jax(dtype):
    jax = pytest.importorskip("jax")
    run, module = pairs(dtype, subnormal=False), module_of(Operations().source("jax", dtype=dtype))
    with jax.enable_x64(dtype == "float64"):
        w = jax.numpy.asarray(run.weights)
        _, state = module.step(w, jax.numpy.asarray(run.gradients[0]), module.start(w), 1, 0.0)
    want = wanted(run)
    want[abs(want) < np.finfo(dtype).tiny] *= 0.0  # as the text says
    assert wrong([np.asarray(x, dtype) for x in state], want) == {}


REFUSED = {
    "exp": (np.exp, "exp"),
    "tanh": (np.tanh, "tanh"),
    "cube": (lambda x: x**3, "power"),
    "power": (lambda x: np.power(x, 2.0), "power"),
    "branch": (lambda x: x if x > 0 else -x, "branch"),
    "sum": (np.sum, "sum"),
}


@pytest.mark.parametrize("target", ["js", "c", "torch", "jax"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_other_bits_elsewhere_is_refused_by_name(name, target):
    function, word = REFUSED[name]

    @dataclass(frozen=True)
    class Own(Rule):
        @staticmethod
        def formula(x, w, state, c):
            return function(x), state

    with pytest.raises(UntraceableError, match=word):
        Own().source(target)


def test_the_remedy_for_what_is_refused_works():
    @dataclass(frozen=True)
    class Own(Rule):
        @staticmethod
        def formula(x, w, state, c):
            return x * x * x, state

    assert "g * g" in Own().source("js")
