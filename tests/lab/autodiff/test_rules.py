"""Every rule against finite differences, in every shape that it broadcasts to, in both precisions."""

import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.lab.autodiff import (
    grad,
    leaky_relu,
    logsumexp,
    relu,
    sigmoid,
    softmax_cross_entropy,
    trace,
    value_and_grad,
)
from optimlab.lab.autodiff.rows import TABLE
from optimlab.recurrence.elementary import cos_pi, sin_pi, tangent_h

UNARY = {
    "negative": (np.negative, 0.0),
    "square": (np.square, 0.0),
    "reciprocal": (np.reciprocal, 3.0),
    "sqrt": (np.sqrt, 3.0),
    "exp": (np.exp, 0.0),
    "expm1": (np.expm1, 0.0),
    "log": (np.log, 3.0),
    "log1p": (np.log1p, 3.0),
    "sin": (np.sin, 0.0),
    "cos": (np.cos, 0.0),
    "tanh": (np.tanh, 0.0),
    "sin_pi": (sin_pi, 0.0),
    "cos_pi": (cos_pi, 0.0),
    "tangent_h": (tangent_h, 0.0),
    "absolute": (np.absolute, 0.0),
    "sigmoid": (sigmoid, 0.0),
    "relu": (relu, 0.0),
    "leaky_relu": (leaky_relu, 0.0),
    "cube": (lambda x: x**3, 0.0),
    "square by **": (lambda x: x**2, 0.0),
    "root by **": (lambda x: x**0.5, 3.0),
    "pos": (lambda x: +x, 0.0),
    "abs": (abs, 0.0),
    "mean": (np.mean, 0.0),
    "transpose": (lambda x: np.transpose(x)[..., 0] ** 2, 0.0),
    "reshape": (lambda x: np.reshape(x, (-1,)) ** 2, 0.0),
    "index": (lambda x: x[0] ** 2, 0.0),
    "clip": (lambda x: np.clip(x, -0.9, 0.8), 0.0),
    "clip, one bound": (lambda x: x.clip(max=0.5), 0.0),
    "ravel": (lambda x: x.ravel() ** 2, 0.0),
    "squeeze": (lambda x: np.squeeze(x) ** 2, 0.0),
    "max": (np.max, 0.0),
    "min": (np.min, 0.0),
    "var": (np.var, 0.0),
    "prod": (np.prod, 0.0),
    "norm": (np.linalg.norm, 0.0),
    "cumsum": (lambda x: np.cumsum(x) ** 2, 0.0),
    "remainder of a number": (lambda x: x % 0.7, 0.0),
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": lambda a, b: np.where(a > b, a * b, b),
    "remainder": lambda a, b: a % b + 7.0 % a,
    "logaddexp": np.logaddexp,
    "arctan2": np.arctan2,
    "outer": np.outer,
    "clip by arrays": lambda a, b: np.clip(a - b, -0.5 * b, 0.3 * a),
    "operators": lambda a, b: (a + b) * (a - b) / (a * b) + a**b + (-a),
    "reflected": lambda a, b: 1.0 + (2.0 - a) * 3.0 / (4.0 / b) + 2.0**a,
}
ARRAYS = {
    "sum": lambda x: np.sum(x, axis=1),
    "sum of all": lambda x: x.sum() ** 2,
    "sum over two, kept": lambda x: x * x.sum(axis=(0, -1), keepdims=True),
    "mean": lambda x: np.mean(x, axis=-1, keepdims=True) * x,
    "mean over two": lambda x: x.mean(axis=(0, 2)),
    "max": lambda x: np.max(x, axis=1) ** 2,
    "max kept": lambda x: x - x.max(axis=(0, -1), keepdims=True),
    "min": lambda x: np.min(x, axis=-1) ** 2,
    "min kept": lambda x: x * x.min(axis=0, keepdims=True),
    "var": lambda x: np.var(x, axis=(0, 1), ddof=1),
    "var kept": lambda x: x * x.var(axis=-1, keepdims=True),
    "std": lambda x: np.std(x, axis=-1),
    "std kept": lambda x: (x - x.mean(1, keepdims=True)) / x.std(1, ddof=1, keepdims=True),
    "std of all": lambda x: x.std(),
    "prod": lambda x: np.prod(x, axis=(0, -1)),
    "prod kept": lambda x: x * x.prod(axis=1, keepdims=True),
    "cumsum": lambda x: np.cumsum(x, axis=-2) ** 2,
    "norm": lambda x: np.linalg.norm(x, axis=-1),
    "norm of matrices": lambda x: np.linalg.norm(x, "fro", (0, 2)),
    "norm kept": lambda x: x / np.linalg.norm(x, 2, axis=1, keepdims=True),
    "squeeze": lambda x: np.squeeze(x[:, :1], axis=1) ** 2,
    "squeeze method": lambda x: x[:, :1].squeeze() ** 2,
    "dot": lambda x: np.dot(x, x[0].T),
    "dot of three axes": lambda x: x[0].dot(x.transpose(0, 2, 1)),
    "one": lambda x: x[1, 2, 0] ** 2,
    "slice": lambda x: x[:, ::-2, None] ** 2,
    "ellipsis": lambda x: x[..., -1] * x[..., 0],
    "array index, repeated": lambda x: x[[0, 1, 1, 0]] ** 2,
    "no index": lambda x: np.concatenate([x[[]], x[1:]]) ** 2,
    "mask": lambda x: x[x.value > 0.5] ** 2,
    "paired indices": lambda x: x[np.array([0, 1]), np.array([2, 2])] ** 2,
    "iterate": lambda x: sum(part[0] ** 2 for part in x),
    "reshape": lambda x: x.reshape(4, 6) @ x.reshape(6, -1),
    "T": lambda x: x.T * np.arange(2.0, dtype=x.dtype),
    "transpose": lambda x: np.transpose(x, (1, 2, 0)) * np.arange(2.0, dtype=x.dtype),
    "transpose method": lambda x: x.transpose(-1, 0, 1)[2] ** 2,
    "stack": lambda x: np.stack([x[0], np.ones((3, 4), x.dtype), x[1] ** 2], axis=-1) ** 2,
    "concatenate": lambda x: np.concatenate([x[:1], x**2, np.ones((2, 3, 4), x.dtype)], axis=0) ** 2,
    "concatenate inside": lambda x: np.concatenate((x, x[:, :2]), axis=1) ** 3,
    "logsumexp": logsumexp,
    "logsumexp of axes": lambda x: logsumexp(x, axis=(0, 2)) ** 2,
    "logsumexp kept": lambda x: x - logsumexp(x, axis=-1, keepdims=True),
    "cross-entropy": lambda x: softmax_cross_entropy(x, [[0, 1, 2], [3, 3, 0]]) ** 2,
}
PRODUCTS = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((4, 3), (3,)),
    ((4, 3), (3, 2)),
    ((5, 4, 3), (3, 2)),
    ((4, 3), (5, 3, 2)),
    ((5, 1, 4, 3), (6, 3, 2)),
    ((1, 4, 3), (5, 3, 2)),
    ((3,), (5, 3, 2)),
    ((5, 4, 3), (3,)),
]


def draw(shape, shift=0.0, seed=0):
    """Numbers apart from the kinks at 0."""
    return (
        np.random.default_rng(seed).uniform(0.2, 1.5, shape) * np.random.default_rng(1).choice([-1, 1], shape) + shift
    )


def weighted(y):
    """A scalar that sees every number of y differently."""
    return (y * np.cos(np.arange(y.size).reshape(y.shape))).sum()


def error(f, w):
    return check_gradient(lambda w: trace(f, w).value, grad(f), w, rng=0).error


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("name", UNARY)
def test_unary_rules(name, shape):
    function, shift = UNARY[name]
    if shape == () and name in ("index", "transpose"):
        pytest.skip("needs an axis")
    assert error(lambda x: weighted(function(x)), draw(shape, shift)) < 1e-8


@pytest.mark.parametrize(
    "shapes", [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((4, 1, 3), (2, 1))]
)
@pytest.mark.parametrize("name", BINARY)
def test_binary_rules_broadcast(name, shapes):
    w = {"a": draw(shapes[0], 2.0), "b": draw(shapes[1], 1.8, seed=5)}
    assert error(lambda w: weighted(BINARY[name](w["a"], w["b"])), w) < 1e-8


@pytest.mark.parametrize("name", BINARY)
def test_binary_rules_with_constants_on_either_side(name):
    x, constant = draw((2, 3), 2.0), draw((3,), 1.8, seed=5)
    assert error(lambda x: weighted(BINARY[name](x, constant)), x) < 1e-8
    assert error(lambda x: weighted(BINARY[name](constant, x)), x) < 1e-8


@pytest.mark.parametrize("name", ARRAYS)
def test_rules_of_arrays(name):
    assert error(lambda x: weighted(ARRAYS[name](x)), draw((2, 3, 4))) < 1e-8


@pytest.mark.parametrize("shapes", PRODUCTS)
def test_products(shapes):
    w = [draw(shape, seed=k) for k, shape in enumerate(shapes)]
    assert error(lambda w: weighted(w[0] @ w[1]), w) < 1e-8
    assert error(lambda b: weighted(w[0] @ b), w[1]) < 1e-8
    assert error(lambda a: weighted(a @ w[1]), w[0]) < 1e-8


@pytest.mark.parametrize("shapes", [*PRODUCTS[:5], ((4, 3), (5, 3, 2)), ((2, 4, 3), (5, 3, 2)), ((), (3,)), ((3,), ())])
def test_dots(shapes):
    w = [draw(shape, seed=k) for k, shape in enumerate(shapes)]
    assert error(lambda w: weighted(np.dot(w[0], w[1])), w) < 1e-8
    assert error(lambda b: weighted(np.dot(w[0], b)), w[1]) < 1e-8
    assert error(lambda a: weighted(np.dot(a, w[1])), w[0]) < 1e-8


PROGRAMS = {
    **{f"{name} of one": (lambda x, f=f: f(x["a"]), shift) for name, (f, shift) in UNARY.items()},
    **{f"{name} of two": (lambda x, f=f: f(x["a"], x["b"]), 2.0) for name, f in BINARY.items()},
    **{f"{name} of an array": (lambda x, f=f: f(x["a"]), 0.0) for name, f in ARRAYS.items()},
    "matmul": (lambda x: x["a"] @ x["b"].T, 0.0),
    "matmul of vectors": (lambda x: (x["b"] @ x["a"][0, 0]) @ (x["a"][1, 1] @ x["b"].T), 0.0),
    "dot": (lambda x: np.dot(x["b"], x["a"].transpose(0, 2, 1)) * np.dot(x["a"][0, 0, 0], x["b"][0, 0]), 0.0),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_following_the_paths_changes_nothing(name):
    """NaN in one gradient makes the sweep look which paths a selection takes: the others stay what they are."""
    f, shift = PROGRAMS[name]
    w = {"a": draw((2, 3, 4), shift), "b": draw((1, 4), shift - 0.2, seed=5)}
    wanted = grad(lambda w: weighted(f(w)))(w)
    found = grad(lambda w: weighted(f(w)) + 0.0 * np.log(w["zero"]))({**w, "zero": 0.0})
    assert np.isnan(found["zero"])
    for part in w:
        np.testing.assert_array_equal(found[part], wanted[part])


def test_every_rule_is_tested():
    assert set(TABLE) - {"matmul", "softmax_cross_entropy"} <= set(UNARY) | set(BINARY) | set(ARRAYS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*UNARY, *ARRAYS])
def test_dtypes_are_kept(name, dtype):
    function, shift = UNARY[name] if name in UNARY else (ARRAYS[name], 0.0)
    w = draw((2, 3, 4), shift).astype(dtype)
    graph = trace(function, w)
    assert graph.value.dtype == dtype
    gradient = graph.gradient(np.ones(graph.value.shape))
    assert gradient.dtype == dtype
    exact = grad(lambda x: np.sum(function(x)))(w.astype(np.float64))
    np.testing.assert_allclose(gradient, exact, rtol=1e-4, atol=1e-4)


def test_a_constant_in_double_precision_does_not_promote_the_gradient():
    gradient = grad(lambda w: (w * np.ones(3)) @ np.ones(3))(np.ones(3, np.float32))
    assert gradient.dtype == np.float32


def test_slopes_at_kinks():
    kinks = {relu: 0.0, np.abs: 0.0, leaky_relu: 0.01, lambda x: np.maximum(x, 0): 0.5, lambda x: np.minimum(0, x): 0.5}
    assert {f: grad(f)(0.0) for f in kinks} == kinks


def test_slopes_where_several_are_equal():
    """Equal shares; at a bound the slope is that of the bound."""
    x = np.array([[2.0, 2.0, 1.0], [2.0, 1.0, 1.0]])
    np.testing.assert_array_equal(grad(np.max)(x), np.array([[1, 1, 0], [1, 0, 0]]) / 3)
    np.testing.assert_array_equal(grad(lambda x: x.min(axis=1).sum())(x), [[0.0, 0.0, 1.0], [0.0, 0.5, 0.5]])
    np.testing.assert_array_equal(grad(lambda x: np.maximum(x, x.value[::-1]).sum())(x), [[0.5, 1, 0.5], [0.5, 0, 0.5]])
    parts = grad(lambda *w: np.clip(*w).sum(), (0, 1, 2))(np.array([0.0, 1.0, 1.5, 2.0, 3.0]), 1.0, 2.0)
    np.testing.assert_array_equal(parts[0], [0.0, 0.0, 1.0, 0.0, 0.0])
    assert parts[1:] == (2.0, 2.0)
    assert grad(lambda *w: np.clip(*w), (0, 1, 2))(1.0, 3.0, 2.0) == (0.0, 0.0, 1.0)
    assert grad(lambda *w: np.clip(*w), (0, 1, 2))(2.0, 2.0, 2.0) == (0.0, 0.0, 1.0)


def test_slopes_of_lengths_at_0():
    """The slope of a norm is 0 at 0, and that of the standard deviation at equal numbers."""
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_array_equal(grad(np.linalg.norm)(np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(grad(lambda x: np.linalg.norm(x, axis=1).sum())(rows), [[0.0, 0.0], [0.6, 0.8]])
    np.testing.assert_array_equal(grad(lambda x: np.std(x, axis=1).sum())(rows), [[0.0, 0.0], [-0.5, 0.5]])
    assert grad(np.std)(3.0) == grad(np.linalg.norm)(0.0) == 0.0


def test_products_with_zeros():
    np.testing.assert_array_equal(grad(np.prod)(np.array([0.0, 2.0, 3.0])), [6.0, 0.0, 0.0])
    np.testing.assert_array_equal(grad(np.prod)(np.array([0.0, 2.0, 0.0])), np.zeros(3))
    x = np.array([[1.0, 0.0], [3.0, 4.0]])
    np.testing.assert_array_equal(grad(lambda x: x.prod(axis=0).sum())(x), [[3.0, 4.0], [1.0, 0.0]])


def test_far_out():
    """Slopes by closed forms, where the obvious formulas overflow."""
    assert grad(lambda x: np.logaddexp(x, 0.0))(1000.0) == 1.0
    assert grad(lambda x: np.logaddexp(x, 0.0))(-700.0) == pytest.approx(np.exp(-700.0), rel=1e-15, abs=0.0)
    assert grad(lambda x: np.logaddexp(x, -np.inf))(-5.0) == 1.0
    assert grad(np.arctan2, (0, 1))(3e200, 4e200) == pytest.approx((1.6e-201, -1.2e-201), rel=1e-15, abs=0.0)
    assert grad(lambda b: 1.0 % b)(0.1) == -9.0  # 0.1 is a little more than a tenth


def test_small_slopes_keep_their_digits():
    for x in (-700.0, -40.0, 40.0, 700.0):
        assert grad(sigmoid)(x) == pytest.approx(np.exp(-abs(x)), rel=1e-15, abs=0.0)
        assert grad(np.tanh)(x / 2) == pytest.approx(4 * np.exp(-abs(x)), rel=1e-15, abs=0.0)
    assert [sigmoid(-1e4), sigmoid(1e4), sigmoid(-np.inf), sigmoid(np.inf)] == [0.0, 1.0, 0.0, 1.0]


def test_the_domain_is_data():
    np.testing.assert_array_equal(grad(lambda w: np.sqrt(w).sum())(np.array([-1.0, 0.0, 4.0])), [np.nan, np.inf, 0.25])
    value, gradient = value_and_grad(lambda w: np.log(w) * np.exp(1000.0 * w))(0.0)
    assert value == -np.inf
    assert np.isnan(gradient) or np.isinf(gradient)


def test_powers_at_zero():
    assert grad(lambda x: x**2)(0.0) == 0.0
    assert grad(lambda x: x**1)(0.0) == 1.0
    assert grad(lambda x: x**0)(0.0) == 0.0
    np.testing.assert_array_equal(grad(lambda x: (x ** np.array([0.0, 1.0, 2.0])).sum())(np.zeros(3)), [0.0, 1.0, 0.0])
    assert grad(lambda p: 0.0**p)(2.0) == 0.0


def test_the_softmax_of_huge_scores():
    z = np.array([[1e4, -1e4, 0.0]])
    value, gradient = value_and_grad(lambda z: softmax_cross_entropy(z, [1]).sum())(z)
    assert value == 2e4
    np.testing.assert_array_equal(gradient, [[1.0, -1.0, 0.0]])


def test_sums_of_nothing():
    empty = np.zeros((2, 0))
    sums = {logsumexp: -np.inf, np.mean: np.nan, np.var: np.nan, np.std: np.nan, np.sum: 0.0, np.prod: 2.0}
    for function, wanted in sums.items():
        value, gradient = value_and_grad(lambda x, f=function: f(x, axis=1).sum())(empty)
        np.testing.assert_equal(value, wanted)
        assert gradient.shape == (2, 0)
    assert logsumexp(np.zeros(0)) == -np.inf
    assert softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)


def test_plain_arrays_are_data_too():
    """Outside of a trace there is no warning, either."""
    assert logsumexp([-np.inf, -np.inf]) == -np.inf
    assert np.isnan(softmax_cross_entropy([[np.inf, 0.0]], [0])).all()
    assert leaky_relu([-np.inf, np.inf], 0.5).tolist() == [-np.inf, np.inf]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sigmoid("a"), TypeError, "sigmoid takes real numbers"),
        (lambda: relu(1j), TypeError, "relu takes real numbers"),
        (lambda: leaky_relu(1.0, "a"), TypeError, "slope must be a finite number; got 'a'"),
        (lambda: leaky_relu(1.0, np.nan), ValueError, "slope must be a finite number; got nan"),
        (lambda: softmax_cross_entropy([["a"]], [0]), TypeError, "softmax_cross_entropy takes real numbers"),
        (lambda: softmax_cross_entropy(np.zeros((2, 0)), [0, 0]), ValueError, "logits must have at least one class"),
    ],
)
def test_errors_of_functions_on_plain_values(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_functions_take_plain_arrays_too():
    x = np.array([-1.0, 0.5])
    for function in (sigmoid, relu, leaky_relu, logsumexp):
        assert not np.isnan(function(x)).any()
    assert relu([-1, 2]).tolist() == [0, 2]
    assert logsumexp([1, 1]) == pytest.approx(1.0 + np.log(2.0))
    assert softmax_cross_entropy([[0, 0]], [1])[0] == pytest.approx(np.log(2.0))
    assert softmax_cross_entropy([[0.0, 0.0]], [1])[0] == pytest.approx(np.log(2.0))
