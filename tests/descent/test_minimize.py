"""minimize: a function, a rule and a number of steps."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import (
    Accumulate,
    ClipNorm,
    EarlyStop,
    Optimizer,
    Plateau,
    adam,
    descend,
    heavy_ball,
    linear,
    minimize,
    momentum,
    sgd,
)
from optimlab.descent.problem import _fits, _pair
from optimlab.trees import mapped, tree_of

Pair = namedtuple("Pair", "a b")


def bowl(x):
    return float(x @ x), 2 * x


def slope(x):
    return 2 * x


@pytest.mark.parametrize("function", [bowl, slope])
def test_the_way_is_that_of_the_optimizer(function):
    x, opt = np.array([3.0, -1.0]), Optimizer(adam(), linear(0.1, steps=40), hooks=[ClipNorm(1.0)])
    found = minimize(function, x, adam(), lr=linear(0.1, steps=40), hooks=[ClipNorm(1.0)], steps=30)
    assert x.tolist() == [3.0, -1.0]
    for _ in range(30):
        opt.step(x, 2 * x)
    assert np.array_equal(found.x, x)
    assert (found.steps, found.reason) == (30, "steps")
    assert found.trace["lr"][-1] == opt.lr


def test_with_values_the_best_x_is_kept():
    """Heavy ball runs through the bowl and up again."""
    seen = []
    found = minimize(
        bowl, [3.0, -1.0], heavy_ball(0.99), lr=0.1, steps=25, callback=lambda x, i, g: seen.append(x.copy())
    )
    values = [x @ x for x in [*seen, found.x]]
    least = int(np.argmin(values))
    assert 0 < least < 25
    assert np.array_equal(found.best_x, seen[least])
    assert found.best_value == values[least] == found.trace.best
    assert found.value == values[-1] > found.best_value
    assert found.trace["value"].tolist() == values


def test_the_end_may_be_the_best():
    found = minimize(bowl, [3.0, -1.0], sgd(), lr=0.1, steps=7)
    assert np.array_equal(found.best_x, found.x)
    assert found.best_x is not found.x
    assert found.best_value == found.value == found.trace["value"][7]


def test_without_values_best_x_is_x():
    found = minimize(slope, [3.0, -1.0], sgd(), lr=0.1, steps=7)
    assert found.best_x is found.x
    assert np.isnan([found.value, found.best_value, *found.trace["value"]]).all()
    assert len(found.trace["step"]) == 8


@pytest.mark.parametrize(("function", "calls"), [(bowl, 6), (slope, 5)])
def test_the_function_is_called_once_for_each_update_and_for_the_last_value(function, calls):
    asked = []
    minimize(lambda x: asked.append(x.copy()) or function(x), [1.0], sgd(), lr=0.1, steps=5)
    assert len(asked) == calls


def test_callback_sees_x_i_and_g_before_each_update():
    seen = []
    minimize(
        bowl, [1.0, 2.0], sgd(), lr=0.25, steps=3, callback=lambda x, i, g: seen.append((x.tolist(), i, g.tolist()))
    )
    assert seen == [([1.0, 2.0], 0, [2.0, 4.0]), ([0.5, 1.0], 1, [1.0, 2.0]), ([0.25, 0.5], 2, [0.5, 1.0])]


def stops(x, i, g):
    raise StopIteration


@pytest.mark.parametrize(
    ("callback", "steps"), [(lambda x, i, g: i == 4, 4), (lambda x, i, g: abs(g).max() < 0.2, 4), (stops, 0)]
)
def test_callback_ends_the_run(callback, steps):
    found = minimize(slope, [1.0], sgd(), lr=0.25, steps=100, callback=callback)
    assert (found.steps, found.reason) == (steps, "callback")
    assert found.x.tolist() == [0.5**steps]


def test_an_error_of_the_callback_passes():
    with pytest.raises(ZeroDivisionError):
        minimize(slope, [1.0], sgd(), lr=0.25, steps=100, callback=lambda x, i, g: 1 / 0)


@pytest.mark.parametrize("function", [bowl, slope])
def test_tol_ends_where_no_number_of_the_gradient_is_larger(function):
    found = minimize(function, [1.0, -2.0], sgd(), lr=0.25, steps=100, tol=0.25)
    assert (found.steps, found.reason, found.x.tolist()) == (4, "tol", [0.0625, -0.125])
    assert minimize(function, [0.0], sgd(), lr=0.25, steps=100, tol=0).steps == 0
    assert minimize(function, [1e300], sgd(), lr=0.25, steps=3, tol=1.0).reason == "steps"


def test_tol_in_a_tree_leaves_out_what_has_no_gradient():
    def function(x):
        return {"a": 2 * x["a"], "b": [None]}

    found = minimize(function, {"a": np.ones(2), "b": [np.ones(1)]}, sgd(), lr=0.25, steps=100, tol=0.5)
    assert (found.steps, found.reason, found.x["b"][0].tolist()) == (2, "tol", [1.0])
    nothing = minimize(lambda x: {"a": None}, {"a": np.ones(1)}, sgd(), lr=0.25, steps=3, tol=0.5)
    assert nothing.reason == "steps"


class TestRng:
    def test_one_generator_for_the_whole_run(self):
        def noisy(x, rng):
            return 2 * x + rng.normal(size=2)

        rng, x = np.random.default_rng(5), np.ones(2)
        for _ in range(4):
            x -= 0.1 * (2 * x + rng.normal(size=2))
        for source in (5, np.random.default_rng(5)):
            found = minimize(noisy, np.ones(2), sgd(), lr=0.1, steps=4, rng=source)
            np.testing.assert_allclose(found.x, x, rtol=0, atol=1e-15)

    def test_none_is_another_one_each_time_and_nothing_is_none(self):
        kinds = []
        for options in ({"rng": None}, {"rng": 0}, {}):
            minimize(
                lambda x, *more: kinds.append(tuple(map(type, more))) or x, [1.0], sgd(), lr=0.1, steps=1, **options
            )
        assert kinds == [(np.random.Generator,), (np.random.Generator,), ()]

    def test_a_seed_must_be_one(self):
        with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator, a seed or None; got True"):
            minimize(lambda x, rng: x, [1.0], sgd(), lr=0.1, steps=1, rng=True)


class TestPairs:
    """What a function returns is told apart by its structure."""

    TREES = st.recursive(
        st.just(np.ones(())),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2)
            | st.lists(inner, min_size=1, max_size=3).map(tuple)
            | st.tuples(inner, inner)
            | st.builds(Pair, inner, inner)
            | st.dictionaries(st.sampled_from("ab"), inner, min_size=1)
        ),
        max_leaves=8,
    )

    @settings(deadline=None, derandomize=True)
    @given(TREES)
    def test_no_gradient_is_a_pair_and_every_pair_is_one(self, x):
        tree = tree_of(x)
        gradient = mapped(lambda leaf: 2 * leaf, x)
        value, found = _pair(gradient, tree)
        assert value is None
        assert found is gradient
        assert _pair((3.0, gradient), tree) == (3.0, gradient)
        assert _fits(gradient, tree)

    def test_two_numbers_that_are_parameters(self):
        """Each is 0-dimensional, so that (ga, gb) looks like a value and a gradient."""
        x0 = (np.array(1.0), np.array(2.0))
        found = minimize(lambda x: (2 * x[0], 2 * x[1]), x0, sgd(), lr=0.25, steps=1)
        assert [float(x) for x in found.x] == [0.5, 1.0]
        assert np.isnan(found.value)
        found = minimize(lambda x: (5.0, (2 * x[0], 2 * x[1])), x0, sgd(), lr=0.25, steps=1)
        assert [float(x) for x in found.x] == [0.5, 1.0]
        assert found.value == 5.0

    def test_a_namedtuple_keeps_its_names(self):
        found = minimize(lambda x: Pair(2 * x.a, x.b), Pair(np.ones(2), np.ones(1)), sgd(), lr=0.5, steps=1)
        assert found.x.a.tolist() == [0.0, 0.0]
        assert found.x.b.tolist() == [0.5]

    def test_a_value_must_be_a_number(self):
        with pytest.raises(ValueError, match=r"must return a number; got shape \(2,\)"):
            minimize(lambda x: (x, x), [1.0, 2.0], sgd(), lr=0.1, steps=1)

    def test_what_is_neither_is_refused_as_a_gradient(self):
        with pytest.raises(TypeError, match="gradient 'params' must be a NumPy array; got tuple"):
            minimize(lambda x: (1.0, x, x), [1.0], sgd(), lr=0.1, steps=1)
        with pytest.raises(ValueError, match=r"gradient 'params' must have shape \(2,\); got \(\)"):
            minimize(lambda x: (2 * x[0], 2 * x[1]), [1.0, 2.0], sgd(), lr=0.1, steps=1)


@pytest.mark.parametrize(
    ("x0", "shape", "dtype"),
    [
        (3, (), "f8"),
        (3.0, (), "f8"),
        (np.float32(3.0), (), "f4"),
        ([3, -1], (2,), "f8"),
        ((3.0, -1), (2,), "f8"),
        ([np.float64(3.0), 1], (2,), "f8"),
        (np.ones((2, 3), "f4"), (2, 3), "f4"),
    ],
)
def test_numbers_become_an_array(x0, shape, dtype):
    found = minimize(slope, x0, sgd(), lr=0.25, steps=1)
    assert (found.x.shape, found.x.dtype) == (shape, np.dtype(dtype))
    np.testing.assert_array_equal(found.x, np.asarray(x0) / 2)


def test_hooks_get_the_loss_and_may_skip():
    rates = []
    hooks = [Plateau(0.5, 1)]
    minimize(
        lambda x: (1.0, x),
        [1.0],
        sgd(),
        lr=1.0,
        steps=3,
        hooks=hooks,
        callback=lambda x, i, g: rates.append(hooks[0].scale),
    )
    assert rates == [1.0, 1.0, 0.5]
    found = minimize(slope, [1.0], sgd(), lr=0.25, steps=4, hooks=[Accumulate(2)])
    assert (found.steps, found.x.tolist()) == (4, [0.25])
    with pytest.raises(
        ValueError, match=r"Plateau needs the loss; let the function return the pair \(value, gradient\)"
    ):
        minimize(slope, [1.0], sgd(), lr=0.25, steps=4, hooks=[Plateau()])
    stop = EarlyStop(2)
    found = minimize(lambda x: (abs(x[0] - 0.5), -np.ones(1)), [0.0], sgd(), lr=0.5, steps=99, hooks=[stop])
    assert (found.steps, found.reason) == (4, repr(stop))
    assert (found.best_x, found.best_value) == ([0.5], 0.0)


def test_what_is_not_finite_ends_the_run_at_the_last_x():
    found = minimize(lambda x: (1.0, np.inf * x if x[0] < 0.3 else 2 * x), np.ones(1), sgd(), lr=0.25, steps=9)
    assert (found.steps, found.x.tolist()) == (2, [0.25])
    assert found.reason.startswith("diverged: gradient 'params' is ")


def test_steps_of_0():
    found = minimize(bowl, [1.0], sgd(), lr=0.1, steps=0, callback=lambda x, i, g: 1 / 0)
    assert (found.steps, found.value, found.x.tolist()) == (0, 1.0, [1.0])


def test_a_result_is_short_and_does_not_change():
    found = minimize(bowl, [1.0], sgd(), lr=0.5, steps=1)
    assert repr(found) == (
        "MinimizeResult(x=array([0.]), value=0.0, best_x=array([0.]), best_value=0.0, steps=1, reason='steps')"
    )
    with pytest.raises(AttributeError):
        found.x = 0.0
    assert found == found
    assert found != minimize(bowl, [1.0], sgd(), lr=0.5, steps=1)


def test_ctrl_c_before_the_first_value():
    def pressed(x):
        raise KeyboardInterrupt

    found = minimize(pressed, [1.0], sgd(), lr=0.5, steps=1)
    assert (found.steps, found.reason, found.x.tolist(), found.best_x.tolist()) == (0, "interrupted", [1.0], [1.0])
    assert np.isnan([found.value, found.best_value]).all()


def test_the_remedies_work():
    assert minimize(slope, np.ones(2, int).astype(float), sgd(), lr=0.25, steps=1).x.tolist() == [0.5, 0.5]
    optimizer = Optimizer(momentum(), 0.1)
    way = descend(slope, optimizer, 5, start=[3.0, -1.0])  # as the error for an Optimizer says
    assert np.array_equal(way.w, minimize(slope, [3.0, -1.0], momentum(), lr=0.1, steps=5).x)


W = np.ones(3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rule": Optimizer(sgd(), 0.1)}, TypeError, "rule must be a Rule .*; got an Optimizer; descend"),
        ({"rule": adam}, TypeError, r"rule must be a Rule .* did you mean adam\(\)\?"),
        ({"rule": "adam"}, TypeError, r"rule must be a Rule such as adam\(\); got 'adam'"),
        ({"function": np.ones(1)}, TypeError, "function must be a function of x; got numpy.ndarray"),
        ({"function": Pair}, TypeError, "function must be a function of x; got type"),
        ({"function": lambda x: None}, TypeError, "must return the gradient, or the pair .*; got None"),
        ({"function": lambda x: (1.0, None)}, TypeError, r"must return the gradient, or .*; got \(1.0, None\)"),
        ({"function": lambda x: ("a", x)}, TypeError, r"value\(w\) must be a real number; got 'a'"),
        ({"function": lambda x: (1j, x)}, TypeError, r"value\(w\) must be a real number; got 1j"),
        ({"callback": 3}, TypeError, "callback must be a function of x, i and the gradient; got 3"),
        ({"steps": -1}, ValueError, "steps must be a whole number of at least 0; got -1"),
        ({"steps": 1.5}, TypeError, "steps must be a whole number of at least 0; got 1.5"),
        ({"lr": -0.1}, ValueError, "lr must be greater than 0 and finite; got -0.1"),
        ({"tol": -1}, ValueError, "tol must be at least 0 and finite; got -1"),
        ({"tol": "a"}, TypeError, "tol must be at least 0 and finite; got 'a'"),
        ({"hooks": ClipNorm(1.0)}, TypeError, "hooks must be a list or tuple"),
        ({"x0": None}, TypeError, "where to start is missing.*x0"),
        ({"x0": "ab"}, TypeError, "'params' must be float32 or float64; got <U2"),
        ({"x0": np.ones(1, int)}, TypeError, "'params' must be float32 or float64; got int64; convert it with .astype"),
        ({"x0": [True, 1.0]}, TypeError, "'0' must be float32 or float64; got bool"),
        ({"x0": [[1, 2], [3]]}, TypeError, "'0.0' must be float32 or float64; got int64"),
        ({"x0": []}, ValueError, "must hold at least one array"),
        ({"x0": {"a": W, "b": W}}, ValueError, "are the same array"),
        ({"x0": {"a": W, "b": W[1:]}}, ValueError, "overlap in memory"),
        ({"x0": np.ma.ones(2)}, TypeError, "'params' must be a plain NumPy array"),
    ],
)
def test_errors_say_what_is_allowed(options, error, message):
    given = {"function": slope, "x0": [1.0], "rule": sgd(), "lr": 0.1, "steps": 1} | options
    with pytest.raises(error, match=message):
        minimize(**given)
