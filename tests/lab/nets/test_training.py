"""Loss and gradient of a net: against differences, a slow program, and itself over replicas and dtypes."""

import math

import numpy as np
import pytest

from optimlab import Every, Optimizer, adam, check_gradient, descend, sgd
from optimlab.lab.nets import MLP, TrainingLoss, activation, passes
from optimlab.lab.problems import published_spiral, spiral

HIDDEN = ["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "linear", ["tanh", activation("leaky_relu", slope=0.2)]]


def problem_of(hidden="tanh", *, output="linear", loss="softmax", dtype=np.float64, l2=0.01):
    rng = np.random.default_rng(0)
    net = MLP((3, 18, 20, 4), hidden, output=output)
    y = rng.integers(0, 4, 25) if loss == "softmax" else rng.standard_normal((25, 4))
    w = net.initial(lambda shape: 0.5 * rng.standard_normal(shape), replicas=5)
    w += 0.1 * rng.standard_normal(w.shape)
    return TrainingLoss(net, (rng.standard_normal((25, 3)).astype(dtype), y), loss=loss, l2=l2), w.astype(dtype)


@pytest.mark.parametrize("loss", ["softmax", "squared"])
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_gradient_is_that_of_the_value(hidden, output, loss):
    problem, w = problem_of(hidden, output=output, loss=loss)
    rng = np.random.default_rng(1)
    assert check_gradient(problem.value, problem.gradient, w[0], rng=rng).error < 1e-8
    views = problem.net.views(w[0])
    assert check_gradient(problem.value, problem.gradient, views, rng=rng).error < 1e-8


def test_value_is_the_formula():
    problem, w = problem_of("sigmoid")
    X, onehot = problem.samples
    params = problem.net.views(w[0])
    h = X
    for layer in (1, 2):
        h = 1 / (1 + np.exp(-(h @ params[f"W{layer}"] + params[f"b{layer}"])))
    s = h @ params["W3"] + params["b3"]
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    decay = sum((params[f"W{layer}"] ** 2).sum() for layer in (1, 2, 3))
    assert problem.value(w[0]) == pytest.approx(-np.log(p[onehot > 0]).mean() + 0.5 * 0.01 * decay, rel=1e-13)
    np.testing.assert_allclose(problem.outputs, s, rtol=1e-12)
    np.testing.assert_allclose(problem.predict(w[0], X[:7]), s[:7], rtol=1e-12)
    assert problem.accuracy(w[0]) == np.mean(s.argmax(axis=1) == onehot.argmax(axis=1))


def test_squared_error_is_half_the_mean_square():
    net = MLP((1, 1), ())
    problem = TrainingLoss(net, ([[1.0], [2.0]], [0.0, 0.0]), loss="squared")
    assert problem.value(np.array([3.0, 1.0])) == pytest.approx(0.5 * (16 + 49) / 2)
    np.testing.assert_allclose(problem.gradient(np.array([3.0, 1.0])), [(4 + 14) / 2, (4 + 7) / 2])


@pytest.mark.parametrize("loss", ["softmax", "squared"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("group", [1, 2**14, 2**30])  # replicas one by one, some together, all together
def test_replicas_are_single_nets(dtype, loss, group, monkeypatch):
    monkeypatch.setattr(passes, "GROUP", group)
    problem, w = problem_of("relu", dtype=dtype, loss=loss)
    value, gradient = problem.value_and_gradient(w)
    outputs, accuracy, layers = problem.outputs.copy(), problem.accuracy(w), problem.layers(w)
    tolerance = 100 * float(np.finfo(dtype).eps)
    for r, row in enumerate(w):
        v, g = problem.value_and_gradient(row)
        assert value[r] == pytest.approx(v, rel=tolerance)
        np.testing.assert_allclose(gradient[r], g, rtol=0, atol=tolerance * abs(g).max())
        np.testing.assert_allclose(outputs[r], problem.outputs, rtol=0, atol=tolerance * 10)
        assert accuracy[r] == problem.accuracy(row)
        np.testing.assert_allclose(layers.delta[r], problem.layers(row).delta, rtol=tolerance * 10)


@pytest.mark.parametrize("group", [1, 2**30])
def test_replicas_may_have_data_of_their_own(group, monkeypatch):
    monkeypatch.setattr(passes, "GROUP", group)
    rng = np.random.default_rng(0)
    net = MLP((2, 6, 3))
    sets = [spiral(rng, points=10) for _ in range(3)]
    together = TrainingLoss(net, (np.stack([s.X for s in sets]), np.stack([s.y for s in sets])))
    w = net.initial(rng.standard_normal, replicas=3)
    values, gradients = together.value_and_gradient(w)
    predicted = together.predict(w, np.stack([s.X for s in sets]))
    np.testing.assert_array_equal(predicted, together.outputs)
    for data, row, value, gradient in zip(sets, w, values, gradients, strict=True):
        alone = TrainingLoss(net, data)
        assert value == pytest.approx(alone.value(row), rel=1e-13)
        np.testing.assert_allclose(gradient, alone.gradient(row), rtol=1e-10, atol=1e-14)
    with pytest.raises(ValueError, match="w must have 3 replicas"):
        together.value(w[:2])


def test_float32_is_float64_rounded():
    double, w = problem_of("sigmoid")
    single, v = problem_of("sigmoid", dtype=np.float32)
    assert single.gradient(v).dtype == np.float32
    np.testing.assert_allclose(single.value(v), double.value(w), rtol=1e-5)
    np.testing.assert_allclose(single.gradient(v), double.gradient(w), rtol=0, atol=2e-6)


def test_named_arrays_and_the_flat_one_are_the_same():
    problem, w = problem_of()
    views = problem.net.views(w[0])
    named = {name: array.copy() for name, array in views.items()}
    np.testing.assert_array_equal(problem.net.flat(named), w[0])
    value, gradient = problem.value_and_gradient(named)
    assert value == problem.value(w[0])
    np.testing.assert_array_equal(problem.net.flat(gradient), problem.gradient(w[0]))


def test_gradients_are_new_arrays_unless_out_is_given():
    problem, w = problem_of()
    first = problem.gradient(w[0])
    kept = first.copy()
    problem.gradient(w[1])
    np.testing.assert_array_equal(first, kept)
    out = np.empty_like(first)
    assert problem.gradient(w[0], out) is out
    np.testing.assert_array_equal(out, first)
    named = problem.net.views(np.empty_like(first))
    assert problem.gradient(problem.net.views(w[0]), named) is named
    np.testing.assert_array_equal(problem.net.flat(named), first)


def test_biases_do_not_decay_and_the_data_gradient_has_no_decay():
    with_l2, w = problem_of(l2=0.3)
    without, _ = problem_of(l2=0.0)
    difference = with_l2.net.views(with_l2.gradient(w[0]) - without.gradient(w[0]))
    for name, array in with_l2.net.views(w[0]).items():
        np.testing.assert_allclose(difference[name], 0.3 * array if name[0] == "W" else 0 * array, atol=1e-14)
    np.testing.assert_array_equal(with_l2.data_gradient, without.data_gradient)


def test_the_published_net_descends_as_published():
    samples, sigmoid, _ = published_spiral()
    problem = TrainingLoss(MLP((2, 50, 50, 3), "sigmoid"), samples, l2=1e-3, start=sigmoid)
    trace = descend(problem, Optimizer(sgd(), 0.1), 60, record=Every(60))
    W1, b1, W2, b2, W3, b3 = (array.copy() for array in sigmoid.values())
    X, y = samples
    for _ in range(60):
        h1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        h2 = 1 / (1 + np.exp(-(h1 @ W2 + b2)))
        p = np.exp(h2 @ W3 + b3)
        p /= p.sum(axis=1, keepdims=True)
        p[range(300), y] -= 1
        p /= 300
        d2 = p @ W3.T * h2 * (1 - h2)
        d1 = d2 @ W2.T * h1 * (1 - h1)
        for W, b, h, d in ((W3, b3, h2, p), (W2, b2, h1, d2), (W1, b1, X, d1)):
            W -= 0.1 * (h.T @ d + 1e-3 * W)
            b -= 0.1 * d.sum(axis=0)
    for name, array in zip(("W1", "b1", "W2", "b2", "W3", "b3"), (W1, b1, W2, b2, W3, b3), strict=True):
        np.testing.assert_allclose(trace.w[name], array, rtol=1e-9, atol=1e-13)


def test_a_diverging_run_is_data():
    problem, w = problem_of("relu")
    huge = np.full_like(w[0], 1e200)
    value, gradient = problem.value_and_gradient(huge)  # warnings are errors here
    assert not math.isfinite(value)
    assert not np.isfinite(gradient).all()
    trace = descend(problem, Optimizer(sgd(), np.array([0.1, 1e30]), replicas=2), 30, start=w[:2])
    assert math.isfinite(trace["value"][-1, 0])


def test_many_learning_rates_at_once():
    problem, w = problem_of("tanh")
    rates = np.array([1e-3, 1e-2, 3e-2])
    start = np.tile(w[0], (3, 1))
    together = descend(problem, Optimizer(adam(), rates, replicas=3), 20, start=start)
    for rate, end in zip(rates, together.w, strict=True):
        alone = descend(problem, Optimizer(adam(), rate), 20, start=w[0])
        np.testing.assert_allclose(end, alone.w, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (([[1.0, 2.0]], [0]), {}, ValueError, r"X must have shape \(N, 3\)"),
        (([[1.0, 2.0, math.nan]], [0]), {}, ValueError, "X must be finite"),
        ((["abc"], [0]), {}, TypeError, "X must be real numbers"),
        (([[1.0, 2.0, 3.0]], [0, 1]), {}, ValueError, "y must have a label for each of the 1 samples"),
        (([[1.0, 2.0, 3.0]], [4]), {}, ValueError, "y must hold labels from 0 to 3.*got 4 to 4"),
        (([[1.0, 2.0, 3.0]], [-1]), {}, ValueError, "y must hold labels from 0 to 3"),
        (([[1.0, 2.0, 3.0]], [0.5]), {}, TypeError, "y must hold whole numbers"),
        (([[1.0, 2.0, 3.0]], [[1.0]]), {"loss": "squared"}, ValueError, "y must have shape"),
        (([[1.0, 2.0, 3.0]], [[0, 0, 0, math.inf]]), {"loss": "squared"}, ValueError, "y must be finite"),
        (([[1.0, 2.0, 3.0]], [0]), {"loss": "hinge"}, ValueError, "loss must be an OutputLoss or one of 'softmax'"),
        (([[1.0, 2.0, 3.0]], [0]), {"l2": -1.0}, ValueError, "l2 must be"),
    ],
)
def test_bad_data_is_named(data, options, error, message):
    with pytest.raises(error, match=message):
        TrainingLoss(MLP((3, 2, 4)), data, **options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w: w[:-1], ValueError, r"w must have shape \(518,\)|w must have shape"),
        (lambda w: w.astype(np.float32), TypeError, "w must be float64 as X; got float32"),
        (lambda w: {"W1": w}, ValueError, "w must hold the arrays W1, b1, W2, b2, W3, b3; got W1"),
        (lambda w: np.zeros((2, 2, len(w))), ValueError, "w must have shape"),
    ],
)
def test_bad_weights_are_named(change, error, message):
    problem, w = problem_of()
    with pytest.raises(error, match=message):
        problem.value(change(w[0]))


def test_a_named_array_of_another_shape_is_named():
    problem, w = problem_of()
    params = problem.net.views(w[0])
    with pytest.raises(ValueError, match=r"w\['W2'\] must have shape \(18, 20\)"):
        problem.value(params | {"W2": params["W2"].T})
    with pytest.raises(TypeError, match="w must hold float64 as X"):
        problem.value(params | {"W2": params["W2"].astype(np.float32)})


def test_a_descent_needs_a_start():
    problem, _ = problem_of()
    with pytest.raises(ValueError, match="start must be given"):
        _ = problem.start


def test_a_net_that_diverged_has_no_accuracy():
    net = MLP((2, 3, 2), "relu")
    problem = TrainingLoss(net, (np.ones((4, 2)), [0, 1, 0, 1]))
    both = np.stack([np.ones(17), np.full(17, np.nan)])
    assert np.isnan(problem.accuracy(both[1]))
    assert np.array_equal(problem.accuracy(both), [0.5, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net, data: MLP(4), "sizes must be a sequence of whole numbers"),
        (lambda net, data: MLP((2, 3, 2), None), "hidden must be an activation or one for each"),
        (lambda net, data: net.initial(np.ones, dtype=int), "dtype must be float32 or float64"),
        (lambda net, data: TrainingLoss((2, 3, 2), data), "net must be an MLP"),
        (lambda net, data: TrainingLoss(net, data[0]), r"data must be a pair \(X, y\)"),
        (lambda net, data: TrainingLoss(net, data[:1]), r"data must be a pair \(X, y\)"),
        (lambda net, data: TrainingLoss(net, data, loss=["softmax"]), "loss must be an OutputLoss or one of"),
        (lambda net, data: TrainingLoss(net, data).value([1.0] * 17), "w must be a NumPy array or a dict of them"),
    ],
)
def test_what_is_of_another_type_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(MLP((2, 3, 2), "relu"), (np.ones((4, 2)), [0, 1, 0, 1]))
