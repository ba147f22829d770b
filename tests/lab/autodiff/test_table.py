"""Every row of the table against autograd (HIPS): values and gradients, shapes, axes, ties."""

import tracemalloc

import numpy as np
import pytest

from optimlab.lab.autodiff import grad, logsumexp, sigmoid, softmax_cross_entropy, value_and_grad
from optimlab.lab.autodiff.rows import TABLE
from optimlab.recurrence.elementary import cos_pi, sin_pi, tangent_h

autograd = pytest.importorskip("autograd")
anp = pytest.importorskip("autograd.numpy")
special = pytest.importorskip("autograd.scipy.special")


def outer(np, a, b):
    """Autograd's np.outer is one of vectors."""
    return np.outer(a, b) if np is not anp else np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def norm(np, x, axes):
    """Autograd's norm takes fewer axes than NumPy's, and never keeps them."""
    return np.linalg.norm(x, **axes) if np is not anp else np.sqrt(np.sum(x * x, **axes))


AXES = {
    "": {},
    ", axis 0": {"axis": 0},
    ", axis -1": {"axis": -1},
    ", axis -1, kept": {"axis": -1, "keepdims": True},
    ", kept": {"keepdims": True},
    ", two axes": {"axis": (0, -1)},
    ", two axes, kept": {"axis": (-1, 0), "keepdims": True},
}
NUMBERS = {
    "negative": lambda np, x: np.negative(x) * -x,
    "square": lambda np, x: np.square(x),
    "reciprocal": lambda np, x: np.reciprocal(x),
    "sqrt": lambda np, x: np.sqrt(x),
    "exp": lambda np, x: np.exp(x),
    "expm1": lambda np, x: np.expm1(x),
    "log": lambda np, x: np.log(x),
    "log1p": lambda np, x: np.log1p(x),
    "sin": lambda np, x: np.sin(x),
    "cos": lambda np, x: np.cos(x),
    "tanh": lambda np, x: np.tanh(x),
    "sin_pi": lambda np, x: sin_pi(x) if np is not anp else np.sin(np.pi * x),
    "cos_pi": lambda np, x: cos_pi(x) if np is not anp else np.cos(np.pi * x),
    "tangent_h": lambda np, x: tangent_h(x) if np is not anp else np.tanh(x),
    "absolute": lambda np, x: np.abs(x - 1.0) * abs(x - 1.1),
    "sigmoid": lambda np, x: (sigmoid if np is not anp else special.expit)(x),
    "relu": lambda np, x: np.maximum(x - 1.0, 0.0),
    "leaky_relu": lambda np, x: np.where(x > 1.0, x - 1.0, 0.1 * (x - 1.0)),
    "power: of a number": lambda np, x: x**3 + x**0.5 + x**-2.0 + 2.0**x,
    "remainder: of a number": lambda np, x: (x % 0.7) * (5.0 % x),
    "clip": lambda np, x: np.clip(x, 0.9, 1.5) + np.clip(x, a_min=1.1, a_max=9.0),
    "clip: method": lambda np, x: x.clip(0.9, 1.5) if np is not anp else np.clip(x, 0.9, 1.5),
    "ravel": lambda np, x: np.ravel(x) ** 2,
    "reshape": lambda np, x: np.reshape(x, (-1, 1)) ** 2,
    "transpose": lambda np, x: np.transpose(x) ** 2,
    "transpose: T": lambda np, x: x.T**2,
    "squeeze": lambda np, x: np.squeeze(x) ** 2,
    "cumsum": lambda np, x: np.cumsum(np.ravel(x)) ** 2,
}
ARRAYS = {
    "ravel: method": lambda np, x: x.ravel() ** 2,
    "squeeze: method": lambda np, x: x.squeeze() ** 2,
    "reshape: method": lambda np, x: x.reshape(-1) ** 2,
    "cumsum: axis 0": lambda np, x: np.cumsum(x, axis=0) ** 2,
    "cumsum: axis -1": lambda np, x: np.cumsum(x, -1) ** 2,
    "index": lambda np, x: x[0] ** 2,
    "index: array": lambda np, x: x[np.array([0, 1, 1, 0])] ** 2,
    "concatenate": lambda np, x: np.concatenate((x, x**2, x[:1]), axis=0) ** 2,
    "stack": lambda np, x: np.stack((x, x**2), axis=-1) ** 2,
    "outer: itself": lambda np, x: outer(np, x, x),
    "cumsum: of all": lambda np, x: np.cumsum(x) ** 2,
}
REDUCED = {
    "sum": lambda np, x, axes: np.sum(x, **axes) ** 2,
    "mean": lambda np, x, axes: np.mean(x, **axes) ** 2,
    "max": lambda np, x, axes: np.max(x, **axes) ** 2,
    "min": lambda np, x, axes: np.min(x, **axes) ** 2,
    "var": lambda np, x, axes: np.var(x, **axes),
    "std": lambda np, x, axes: np.std(x, **axes),
    "var: ddof": lambda np, x, axes: np.var(x, ddof=1, **axes),
    "std: ddof": lambda np, x, axes: np.std(x, ddof=1, **axes),
    "prod": lambda np, x, axes: np.prod(x, **axes),
    "linalg.norm": lambda np, x, axes: norm(np, x, axes),
    "logsumexp": lambda np, x, axes: (logsumexp if np is not anp else special.logsumexp)(x, **axes),
    "sum: method": lambda np, x, axes: x.sum(**axes) ** 2,
    "mean: method": lambda np, x, axes: x.mean(**axes) ** 2,
    "max: method": lambda np, x, axes: x.max(**axes) ** 2,
    "min: method": lambda np, x, axes: x.min(**axes) ** 2,
    "var: method": lambda np, x, axes: x.var(**axes),
    "std: method": lambda np, x, axes: x.std(**axes),
    "prod: method": lambda np, x, axes: x.prod(**axes),
}
PAIRS = {
    "add": lambda np, a, b: np.add(a, b) * (a + b),
    "subtract": lambda np, a, b: np.subtract(a, b) * (a - b),
    "multiply": lambda np, a, b: np.multiply(a, b) * (a * b),
    "divide": lambda np, a, b: np.divide(a, b) * (b / a),
    "power": lambda np, a, b: np.power(a, b) + b**a,
    "remainder": lambda np, a, b: np.remainder(a, b) * (b % a),
    "maximum": lambda np, a, b: np.maximum(a, b) ** 2,
    "minimum": lambda np, a, b: np.minimum(a, b) ** 2,
    "where": lambda np, a, b: np.where(a > b, a**2, b) if np is not anp else np.where(a > b, a**2 + 0 * b, b + 0 * a),
    "logaddexp": lambda np, a, b: np.logaddexp(a, b),
    "arctan2": lambda np, a, b: np.arctan2(a - 1.0, b - 1.2),
    "outer": lambda np, a, b: outer(np, a, b),
}
SHAPES = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((4, 1, 3), (2, 1)), ((0, 3), (3,))]
PRODUCTS = [((3,), (3,)), ((3,), (3, 2)), ((4, 3), (3,)), ((4, 3), (3, 2)), ((5, 4, 3), (3, 2)), ((5, 4, 3), (3,))]
DOTS = [*PRODUCTS, ((), (2, 3)), ((2, 3), ()), ((), ()), ((4, 3), (5, 3, 2)), ((3,), (5, 3, 2)), ((2, 4, 3), (5, 3, 2))]
MATMULS = [*PRODUCTS, ((4, 3), (5, 3, 2)), ((5, 1, 4, 3), (6, 3, 2)), ((3,), (5, 3, 2)), ((0, 3), (3, 2))]


def draw(shape, seed=0):
    """Numbers in [0.5, 2), apart from the kinks of the cases."""
    x = np.random.default_rng(seed).uniform(0.5, 2.0, shape)
    return x if shape else float(x)


def weighted(np, y):
    """A scalar that sees every number of y differently."""
    weights = anp.array(np.cos(np.arange(1.0, np.size(y) + 1))) if np is anp else np.cos(np.arange(1.0, np.size(y) + 1))
    return np.sum(np.reshape(y, (-1,)) * weights)


def agrees(case, *w):
    """Compare value and gradients with autograd's, in all arguments at once."""
    places = tuple(range(len(w)))
    value, mine = value_and_grad(lambda *w: weighted(np, case(np, *w)), places)(*w)
    wanted = autograd.value_and_grad(lambda w: weighted(anp, case(anp, *w)))(tuple(w))
    np.testing.assert_allclose(value, wanted[0], rtol=1e-12, atol=1e-13)
    for part, want, x in zip(mine, wanted[1], w, strict=True):
        assert np.shape(part) == np.shape(x)
        np.testing.assert_allclose(part, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 1, 3)])
@pytest.mark.parametrize("name", NUMBERS)
def test_rows_of_one_array(name, shape):
    agrees(NUMBERS[name], draw(shape))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 1, 3)])
@pytest.mark.parametrize("name", ARRAYS)
def test_rows_that_need_an_axis(name, shape):
    agrees(ARRAYS[name], draw(shape))


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("name", REDUCED)
def test_rows_over_axes(name, axes):
    agrees(lambda np, x: REDUCED[name](np, x, AXES[axes]), draw((4, 2, 3)))


@pytest.mark.parametrize("axes", ["", ", kept"])
@pytest.mark.parametrize("name", REDUCED)
def test_rows_over_axes_of_vectors(name, axes):
    agrees(lambda np, x: REDUCED[name](np, x, AXES[axes]), draw((5,)))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod"])
def test_rows_over_no_axes(name):
    agrees(lambda np, x: REDUCED[name](np, x, {}), 1.5)


@pytest.mark.parametrize("name", ["sum", "prod", "ravel", "cumsum", "exp", "clip"])
def test_rows_of_nothing(name):
    empty = np.zeros((0, 3))
    for axes in ({}, {"axis": 0}) if name in REDUCED else ({},):
        agrees(lambda np, x, a=axes: REDUCED[name](np, x, a) if name in REDUCED else NUMBERS[name](np, x), empty)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_rows_of_two_arrays_broadcast(name, shapes):
    a, b = draw(shapes[0]), draw(shapes[1], seed=5)
    agrees(PAIRS[name], a, b)
    agrees(lambda np, a: PAIRS[name](np, a, b), a)
    agrees(lambda np, b: PAIRS[name](np, a, b), b)


@pytest.mark.parametrize("shapes", DOTS, ids=str)
def test_dots(shapes):
    a, b = draw(shapes[0]), draw(shapes[1], seed=5)
    agrees(lambda np, a, b: np.dot(a, b), a, b)
    agrees(lambda np, a: np.dot(a, b), a)
    agrees(lambda np, b: np.dot(a, b), b)
    if shapes[0]:
        agrees(lambda np, a: a.dot(b) if np is not anp else np.dot(a, b), a)


@pytest.mark.parametrize("shapes", MATMULS, ids=str)
def test_products(shapes):
    agrees(lambda np, a, b: np.matmul(a, b) * (a @ b), draw(shapes[0]), draw(shapes[1], seed=5))


def test_cross_entropy():
    labels = np.array([0, 2, 1, 1])

    def case(np, z):
        if np is not anp:
            return softmax_cross_entropy(z, labels)
        return special.logsumexp(z, axis=-1) - z[anp.arange(4), labels]

    agrees(case, draw((4, 3)))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_ties_are_shared_equally(axis):
    x = np.array([[2.0, 2.0, 1.0], [2.0, 1.0, 1.0]])
    agrees(lambda np, x: np.max(x, axis=axis), x)
    agrees(lambda np, x: np.min(x, axis=axis), x)
    agrees(lambda np, x: np.maximum(x, 2.0) + np.minimum(1.0, x), x)
    agrees(lambda np, x: np.maximum(x, x[::-1]) * np.minimum(x, x[::-1]), x)


def test_every_row_is_compared():
    cases = {name.partition(":")[0].rpartition(".")[2] for name in (*NUMBERS, *ARRAYS, *REDUCED, *PAIRS)}
    assert set(TABLE) == cases | {"dot", "matmul", "softmax_cross_entropy"}


CHAINS = {
    "tanh and lines": lambda np, x: repeated(lambda x: np.tanh(x * 0.5 + 0.5), x, 3),
    "sine": lambda np, x: repeated(lambda x: np.sin(x) * 1.1, x, 5),
    "roots": lambda np, x: repeated(lambda x: x + np.sqrt(x * x + 1.0) / 3.0, x, 4),
    "larger": lambda np, x: repeated(lambda x: np.maximum(x, 0.1 * x) - 0.1, x, 4),
    "bell": lambda np, x: np.exp(-np.square(np.tanh(x))),
    "two bells": lambda np, x: np.sin(x) ** 2 + np.exp(-x * x),
    "clips": lambda np, x: repeated(lambda x: np.clip(1.1 * x, -2.0, 2.0) + 0.01, x, 6),
}


def repeated(f, x, n):
    for _ in range(n):
        x = f(x)
    return x


def peak(f, x):
    """The most memory that was taken at any time, in arrays like x."""
    tracemalloc.start()
    f(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / x.nbytes


@pytest.mark.parametrize("name", CHAINS)
def test_memory_is_that_of_autograd(name):
    x = np.random.default_rng(0).normal(size=100_000)
    mine = peak(grad(lambda x: np.sum(CHAINS[name](np, x))), x)
    assert mine <= 1.2 * peak(autograd.grad(lambda x: anp.sum(CHAINS[name](anp, x))), x)
