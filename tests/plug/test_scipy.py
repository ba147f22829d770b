"""Rules as ``method=`` of SciPy's minimize: what SciPy gives, and what it gets back."""

import inspect
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from optimlab import (
    ClipNorm,
    EarlyStop,
    Optimizer,
    Project,
    Record,
    adam,
    cosine_decay,
    heavy_ball,
    nesterov,
    rmsprop,
    sgd,
)
from optimlab import minimize as by_steps
from optimlab.plug.scipy import method
from optimlab.plug.scipy_given import Limits

optimize = pytest.importorskip("scipy.optimize")
Bounds, minimize, rosen, rosen_der = optimize.Bounds, optimize.minimize, optimize.rosen, optimize.rosen_der
OptimizeWarning = optimize.OptimizeWarning

ADAM = method(adam(), lr=0.1)
GD = method(sgd(), lr=0.25)
START = [-1.0, 2.0, 0.5]


def bowl(x):
    return float(x @ x)


def bowl_der(x):
    return 2 * x


class Counted:
    """A function with the points at which it was asked."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x, *args):
        self.points.append(np.copy(x))
        return self.function(x, *args)


# --- the same thing as elsewhere in the library ---


@pytest.mark.parametrize("rule", [adam(), rmsprop(), nesterov(), heavy_ball(0.9)], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_way_is_that_of_the_library(rule, dtype):
    lr, x0 = cosine_decay(1e-3, steps=60), np.array([-1.0, 2.0], dtype)
    found = minimize(
        rosen, x0, jac=rosen_der, method=method(rule, lr, hooks=[ClipNorm(5.0)]), options={"maxiter": 50, "gtol": 0.0}
    )
    same = by_steps(
        lambda x: (float(rosen(x)), rosen_der(x)), x0, rule, lr=lr, hooks=[ClipNorm(5.0)], steps=50, progress=False
    )
    assert found.x_last.dtype == found.x.dtype == dtype
    assert np.array_equal(found.x_last, same.x)
    assert np.array_equal(found.x_best, same.best_x)
    assert (found.fun_last, found.fun_best) == (same.value, same.best_value)
    assert found.nit == same.steps == 50
    assert np.array_equal(found.history["value"], same.trace["value"])
    assert np.array_equal(found.history["lr"], same.trace["lr"])
    assert x0.tolist() == [-1.0, 2.0]


def test_the_way_within_bounds_is_that_of_the_hook():
    low, high = np.array([-1.5, -2.0]), np.array([0.5, 3.0])
    found = minimize(
        rosen, [-1.0, 2.0], jac=rosen_der, method=ADAM, bounds=Bounds(low, high), options={"maxiter": 200, "gtol": 0.0}
    )
    opt = Optimizer(adam(), lr=0.1, hooks=[Project(Limits(low, high))])
    x = np.array([-1.0, 2.0])
    for _ in range(200):
        opt.step(x, rosen_der(x))
    assert np.array_equal(found.x_last, x)
    assert np.array_equal(x, np.clip(x, low, high))


# --- SciPy's own problems and tests ---


@pytest.fixture
def scipy_tests(request):
    """The modules of SciPy's own tests by name, which use marks of their own."""
    for mark in ("fail_slow", "xfail_on_32bit", "skip_xp_backends", "xfail_xp_backends", "uses_xp_capabilities"):
        request.config.addinivalue_line("markers", f"{mark}: of SciPy")
    return lambda name: pytest.importorskip(f"scipy.optimize.tests.{name}")


@pytest.mark.parametrize("form", ["jac", "differences", "together"])
def test_entropy_of_scipy(scipy_tests, form):
    problem = scipy_tests("test_optimize").CheckOptimize()
    problem.setup_method()
    fun, jac = {
        "jac": (problem.func, problem.grad),
        "differences": (problem.func, None),
        "together": (lambda x: (problem.func(x), problem.grad(x)), True),
    }[form]
    found = minimize(fun, problem.startparams, jac=jac, method=ADAM)
    assert found.success
    assert found.status == 0
    np.testing.assert_allclose(problem.func(found.x), problem.func(problem.solution), atol=1e-9)
    assert np.abs(problem.grad(found.x)).max() <= 1.1e-5
    assert problem.funccalls.c == found.nfev + 2  # those of two lines above


HOCK_SCHITTKOWSKI = [
    ("1", 0.1, [-2, 1], [(-np.inf, None), (-1.5, None)], [1, 1]),
    ("1", 0.1, [-2, 1.5], [(-np.inf, None), (1.5, None)], [-1.2210262419616387, 1.5]),
    ("3", 0.1, [10, 1], [(-np.inf, None), (0.0, None)], [0, 0]),
    ("4", 0.1, [1.125, 0.125], [(1, None), (0, None)], [1, 0]),
    ("5", 0.1, [0, 0], [(-1.5, 4), (-3, 3)], [-0.54719755119659763, -1.5471975511965976]),
    pytest.param("38", 0.1, [-3, -1, -3, -1], [(-10, 10)] * 4, [1] * 4, marks=pytest.mark.slow),
    ("45", 0.1, [2] * 5, [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)], [1, 2, 3, 4, 5]),
]


@pytest.mark.parametrize(("name", "lr", "x0", "pairs", "best"), HOCK_SCHITTKOWSKI)
@pytest.mark.parametrize(
    "pack", [list, lambda pairs: Bounds(*zip(*[(lo, np.inf if hi is None else hi) for lo, hi in pairs], strict=True))]
)
def test_hock_schittkowski_of_scipy(scipy_tests, name, lr, x0, pairs, best, pack):
    problem, told = scipy_tests("test_tnc").TestTnc(), []
    fun, jac = Counted(getattr(problem, f"f{name}")), Counted(getattr(problem, f"g{name}"))
    found = minimize(
        fun, x0, jac=jac, method=method(adam(), lr), bounds=pack(pairs), callback=told.append,
        tol=1e-11 if name == "38" else 1e-8,
        options={"clip_x0": True, "maxiter": 30000},
    )  # fmt: skip
    assert found.success, found.message
    np.testing.assert_allclose(found.fun, fun.function(best), atol=1e-8)
    assert len(told) == found.nit
    assert (found.nfev, found.njev) == (len(fun.points), len(jac.points))
    low, high = np.array([[-np.inf if a is None else a, np.inf if b is None else b] for a, b in pairs]).T
    assert all(((low <= x) & (x <= high)).all() for x in fun.points)


@pytest.mark.parametrize(("name", "more"), [
    ("test_nan_values", ()), ("test_duplicate_evaluations", ()), ("test_no_increase", ()),
    *[("test_callback_stopiteration", (form,)) for form in (0, 1, 2)],
])  # fmt: skip
def test_tests_of_scipy_itself(scipy_tests, name, more):
    cases = scipy_tests("test_optimize").TestOptimizeSimple()
    cases.setup_method()
    test = getattr(cases, name)
    threads = {"num_parallel_threads": 1} if "num_parallel_threads" in inspect.signature(test).parameters else {}
    test(ADAM, *more, **threads)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize(("pack", "callback"), [(0, 0), (1, 1), (0, 2)])
def test_equal_bounds_test_of_scipy(scipy_tests, kind, pack, callback):
    """Fixed numbers, with and without gradient, bounds of both kinds, callbacks of both kinds."""
    module = scipy_tests("test_optimize")
    data = module.eb_data
    if callback >= len(data["callbacks"]):
        pytest.skip("this SciPy has no such callback in its test")
    by_clipping = method(adam(), 0.1, clip_x0=True, tol=1e-7, finite_diff_method="3-point")
    module.test_equal_bounds(
        by_clipping, dict(data["kwds"][kind]), data["bound_types"][pack], (None, None), data["callbacks"][callback]
    )


# --- gradients that are not given ---


@pytest.mark.parametrize(("scheme", "calls"), [("2-point", 4), ("3-point", 7), ("cs", 4)])
@pytest.mark.parametrize("direct", [False, True])
def test_differences_are_those_of_scipy(scheme, calls, direct):
    fun, wanted = Counted(rosen), optimize._numdiff.approx_derivative(rosen, START, scheme)
    if direct:  # minimize passes None on in the place of the word
        found = ADAM(fun, START, jac=scheme, maxiter=0)
    else:
        found = minimize(fun, START, method=ADAM, options={"finite_diff_method": scheme, "maxiter": 0})
    assert np.array_equal(found.jac, wanted)
    assert (found.nfev, found.njev, found.nit) == (calls, 1, 0)
    assert len(fun.points) == calls


def test_widths_of_differences_may_be_given():
    fun = Counted(bowl)
    minimize(fun, [1.0, 2.0], method=GD, options={"eps": [0.5, 0.25], "maxiter": 0})
    assert np.array_equal(fun.points, [[1, 2], [1.5, 2], [1, 2.25]])
    fun = Counted(bowl)
    minimize(fun, [1.0, 4.0], method=GD, options={"finite_diff_rel_step": 0.5, "maxiter": 0})
    assert np.array_equal(fun.points, [[1, 4], [1.5, 4], [1, 6]])


@pytest.mark.parametrize("name", ["eps", "finite_diff_rel_step"])
def test_widths_of_another_length(name):
    said = rf"{name} must be a number, or one for each of the 3 of x0; got shape \(2,\)"
    with pytest.raises(ValueError, match=said):
        minimize(bowl, START, method=ADAM, options={name: [1e-8, 1e-8]})
    for h in (1e-6, [1e-6], [1e-6] * 3):
        assert minimize(bowl, START, method=ADAM, options={name: h}).success


@pytest.mark.parametrize("scheme", ["2-point", "3-point"])
def test_differences_stay_within_bounds_and_leave_out_fixed_numbers(scheme):
    def fun(x):
        assert ((x >= [0, 0, 2]) & (x <= [1, np.inf, 2])).all()
        return np.sqrt(x[0]) + np.sqrt(1 - x[0]) + x[1] ** 2 + x[2]

    found = minimize(fun, [1.0, 0.0, 2.0], method=method(adam(), 0.05), bounds=[(0, 1), (0, None), (2, 2)],
                     options={"finite_diff_method": scheme, "maxiter": 50})  # fmt: skip
    assert found.x.tolist() == [1.0, 0.0, 2.0]
    assert np.isnan(found.jac).tolist() == [False, False, True]


def test_where_all_is_fixed_nothing_is_to_be_done():
    fun = Counted(bowl)
    found = minimize(fun, [1.0, 2.0], method=ADAM, bounds=[(1, 1), (2, 2)])
    assert (found.success, found.nit, found.nfev, found.fun) == (True, 0, 1, 5.0)


def test_float32_stays_and_converges():
    found = minimize(bowl, np.float32([1, -2]), method=ADAM, tol=1e-2)
    assert found.success
    assert found.x.dtype == found.jac.dtype == np.float32


def test_a_function_that_returns_its_gradient_too_is_called_once_a_step():
    fun = Counted(lambda x, a: (a * float(x @ x), 2 * a * x))
    found = minimize(fun, [1.0, -2.0], jac=True, args=(0.5,), method=GD, options={"maxiter": 7, "gtol": 0.0})
    assert (len(fun.points), found.nit) == (8, 7)
    assert np.array_equal(found.x, np.array([1.0, -2.0]) * 0.75**7)


# --- what fun, jac, x0 and args may be ---


@pytest.mark.parametrize("pack", [float, np.float64, np.array, lambda f: np.array([f]), lambda f: [[f]], np.float32])
def test_a_value_may_be_in_an_array(pack):
    found = minimize(lambda x: pack(bowl(x)), [2.0], jac=lambda x: [2 * x[0]], method=GD, options={"maxiter": 1})
    assert isinstance(found.fun, float)
    assert (found.fun, found.x.tolist()) == (1.0, [1.0])


def test_what_is_done_to_x_is_done_to_a_copy():
    def spoiling(x, *args):
        value = args[0](x)
        x[:] = np.nan
        return value

    plain = minimize(rosen, START, jac=rosen_der, method=ADAM, options={"maxiter": 20})
    found = minimize(lambda x: spoiling(x, rosen), START, jac=lambda x: spoiling(x, rosen_der), method=ADAM,
                     callback=lambda x: spoiling(x, bowl), options={"maxiter": 20})  # fmt: skip
    assert np.array_equal(found.x, plain.x)
    found.x[:] = 0.0
    assert np.array_equal(found.x_best, plain.x)


@pytest.mark.parametrize("args", [(3.0,), 3.0])
def test_args_go_to_both(args):
    found = ADAM(lambda x, a: bowl(x - a), [0.0], args=args, jac=lambda x, a: 2 * (x - a))
    np.testing.assert_allclose(found.x, 3.0, atol=1e-5)


def test_hessians_are_left_alone():
    def never(*_):
        raise AssertionError

    assert minimize(bowl, [1.0], jac=bowl_der, hess=never, hessp=never, method=ADAM).success


@pytest.mark.parametrize("bounds", [None, [], Bounds()])
@pytest.mark.parametrize("jac", [None, lambda x: x])
def test_no_numbers_at_all(jac, bounds):
    found = minimize(lambda x: 3.0, [], jac=jac, bounds=bounds, method=ADAM)
    assert (found.success, found.fun, found.x.shape, found.nfev) == (True, 3.0, (0,), 1)


def test_a_number_is_a_row_of_one():
    assert minimize(bowl, 3, method=ADAM).x.shape == ADAM(bowl, 3).x.shape == (1,)


def test_x0_of_two_dimensions():
    x0 = np.array([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=r"x0 must have one dimension; got shape \(2, 2\); pass np.ravel\(x0\)"):
        ADAM(lambda x: float((x**2).sum()), x0)
    assert ADAM(lambda x: float((x.reshape((2, 2)) ** 2).sum()), np.ravel(x0)).success


@pytest.mark.parametrize("x0", [["a"], [1j], [None], np.ma.masked_array([1.0], [True])])
def test_x0_of_the_wrong_kind(x0):
    with pytest.raises(TypeError, match="x0 must be real numbers"):
        ADAM(bowl, x0)


@pytest.mark.parametrize(("fun", "error", "said"), [
    (lambda x: x, ValueError, r"fun must return a number; got shape \(2,\); return its sum, for example"),
    (lambda x: None, TypeError, r"fun\(x\) must be a real number; got None"),
    (lambda x: 1j, TypeError, r"fun\(x\) must be a real number"),
])  # fmt: skip
def test_what_fun_must_return(fun, error, said):
    with pytest.raises(error, match=said):
        minimize(fun, [1.0, 2.0], method=ADAM)


@pytest.mark.parametrize(("jac", "error", "said"), [
    (lambda x: x[:, np.newaxis], ValueError, r"jac must return the gradient, shape \(2,\); got shape \(2, 1\)"),
    (lambda x: None, TypeError, r"jac\(x\) must be real numbers; got None"),
])  # fmt: skip
def test_what_jac_must_return(jac, error, said):
    with pytest.raises(error, match=said):
        minimize(bowl, [1.0, 2.0], jac=jac, method=ADAM)
    assert minimize(bowl, [1.0, 2.0], jac=lambda x: np.ravel(2 * x[:, np.newaxis]), method=ADAM).success


def test_jac_by_a_word_that_is_none():
    with pytest.raises(ValueError, match="jac must be a function, or one of '2-point', '3-point', 'cs'; got '4-point'"):
        ADAM(bowl, [1.0], jac="4-point")


# --- bounds ---


@pytest.mark.parametrize("bounds", [
    [(-1, 0.5), (None, 1), (0.75, None)], [[-1, 0.5], [-np.inf, 1], [0.75, np.inf]],
    np.array([(-1, 0.5), (None, 1), (0.75, None)]), zip((-1, None, 0.75), (0.5, 1, None), strict=True),
    Bounds([-1, -np.inf, 0.75], [0.5, 1, np.inf]), Bounds([-1, -np.inf, 0.75], [0.5, 1, np.inf], keep_feasible=True),
    (-1, 0.5), Bounds(-1, 0.5), Bounds([-1], [0.5]),
])  # fmt: skip
def test_bounds_in_all_forms(bounds):
    narrow = isinstance(bounds, tuple) or (isinstance(bounds, Bounds) and bounds.lb.size == 1)
    low, high = (-1, 0.5) if narrow else ([-1, -np.inf, 0.75], [0.5, 1, np.inf])
    fun = Counted(lambda x: bowl(x - [2, -3, 0]))
    found = minimize(
        fun,
        [0.0, 0.0, 0.5 if narrow else 1.0],
        method=ADAM,
        bounds=[bounds] * 3 if isinstance(bounds, tuple) else bounds,
    )
    assert found.success
    np.testing.assert_allclose(found.x, np.clip([2, -3, 0], low, high), atol=1e-5)
    assert all(((low <= x) & (x <= high)).all() for x in fun.points)


def test_at_a_bound_the_gradient_that_points_outside_counts_as_flat():
    found = minimize(lambda x: float(x[0]), [1.0], jac=lambda x: [1.0], method=GD, bounds=[(0, None)])
    assert (found.success, found.x.tolist(), found.jac.tolist(), found.nit) == (True, [0.0], [1.0], 4)


def test_bounds_hold_after_all_hooks():
    class Jump:
        def after(self, step):
            step.params[0][...] += 10.0

    seen = []
    minimize(bowl, [0.5], jac=bowl_der, bounds=[(0, 1)], callback=seen.append,
             method=method(sgd(), 0.25, hooks=[Jump()], maxiter=3))  # fmt: skip
    assert [x.tolist() for x in seen] == [[1.0]] * 3


@pytest.mark.parametrize("bounds", [[(0, 1), (2, 1)], Bounds([0, 2], [1, 1])])
def test_low_above_high(bounds):
    with pytest.raises(ValueError, match=r"bounds must have low at most high; got low=2.0, high=1.0 for x\[1\]; ex"):
        minimize(bowl, [0.5, 1.5], bounds=bounds, method=ADAM)
    assert minimize(bowl, [0.5, 1.5], bounds=[(0, 1), (1, 2)], method=ADAM).success


@pytest.mark.parametrize("bounds", [[(0, 1), (0, 1)], Bounds([0, 0], [1, 1])])
def test_bounds_of_another_length(bounds):
    with pytest.raises(ValueError, match="bounds must have one pair for each of the 3 numbers of x0; got 2"):
        minimize(bowl, [0.5] * 3, bounds=bounds, method=ADAM)
    assert minimize(bowl, [0.5] * 3, bounds=[(0, 1)] * 3, method=ADAM).success


@pytest.mark.parametrize(("bounds", "error", "said"), [
    (3, TypeError, "bounds must be scipy.optimize.Bounds, or a pair .low, high. for each number of x0, None where"),
    ([1, 2], TypeError, "bounds must be scipy.optimize.Bounds, or a pair"),
    ([(0, 1, 2)], TypeError, "bounds must be scipy.optimize.Bounds, or a pair"),
    ([("a", 1)], TypeError, r"bounds must be a number \(None or an infinity stand for no limit\); got"),
    ([(np.nan, 1)], ValueError, r"bounds must be a number \(None or an infinity stand for no limit\); got nan"),
])  # fmt: skip
def test_what_bounds_are_not(bounds, error, said):
    with pytest.raises(error, match=said):
        minimize(bowl, [0.5], bounds=bounds, method=ADAM)
    for low in (None, -np.inf):
        assert minimize(bowl, [0.5], bounds=[(low, 1)], method=ADAM).success


@pytest.mark.parametrize("bounds", [[(0, 1), (0, 1)], Bounds(0, 1)])
def test_x0_outside_the_bounds(bounds):
    x0, low, high = np.array([0.5, 3.0]), 0, 1
    said = r"x0 must lie within the bounds; got x0\[1\]=3.0 outside \[0.0, 1.0\]; begin at np.clip\(x0, low, high\)"
    with pytest.raises(ValueError, match=said):
        minimize(bowl, x0, bounds=bounds, method=ADAM)
    by_hand = minimize(bowl, np.clip(x0, low, high), bounds=bounds, method=ADAM)
    by_option = minimize(bowl, x0, bounds=bounds, method=ADAM, options={"clip_x0": True})
    assert by_hand.success
    assert np.array_equal(by_hand.x, by_option.x)
    assert x0.tolist() == [0.5, 3.0]


def test_bounds_between_two_numbers_of_float32():
    """0.1 is none: a limit is rounded inwards, so that x stays within what was said."""
    found = minimize(lambda x: -float(x[0]), np.float32([0.0]), jac=lambda x: [-1.0], bounds=[(0, 0.7)], method=GD)
    assert float(np.float32(0.7)) < 0.7 and found.x[0] == np.float32(0.7)  # noqa: PT018
    found = minimize(lambda x: -float(x[0]), np.float32([0.0]), jac=lambda x: [-1.0], bounds=[(0, 0.1)], method=GD)
    assert float(np.float32(0.1)) > 0.1 and found.x[0] == np.nextafter(np.float32(0.1), np.float32(0))  # noqa: PT018
    found = minimize(lambda x: float(x[0]), np.float32([1.0]), jac=lambda x: [1.0], bounds=[(0.7, 1)], method=GD)
    assert found.x[0] == np.nextafter(np.float32(0.7), np.float32(1))
    x0 = np.float32([0.1])
    with pytest.raises(
        ValueError, match=r"must have a number of float32 between them; .* pass x0.astype\(np.float64\)"
    ):
        minimize(bowl, x0, bounds=[(0.1, 0.1)], method=GD)
    assert minimize(bowl, x0.astype(np.float64), bounds=[(0.1, 0.1)], method=GD, options={"clip_x0": True}).x == [0.1]
    assert minimize(bowl, x0, jac=bowl_der, bounds=[(-1e300, 1e300)], method=GD).success


@pytest.mark.parametrize("constraints", [
    {"type": "ineq", "fun": bowl}, [{"type": "eq", "fun": bowl}], optimize.LinearConstraint([[1.0]], 0, 1),
    optimize.NonlinearConstraint(bowl, 0, 1),
])  # fmt: skip
def test_constraints_are_refused(constraints):
    said = (
        "constraints must be empty: a rule keeps to bounds alone; got .*; write limits as bounds, others as a penalty"
    )
    with pytest.raises(ValueError, match=said):
        minimize(bowl, [0.5], constraints=constraints, method=ADAM)


@pytest.mark.parametrize("constraints", [(), [], None, {}])
def test_no_constraints(constraints):
    """The remedies for x >= 1: bounds, a penalty, another method."""
    at_bound = minimize(bowl, [2.0], constraints=constraints, bounds=[(1, None)], method=ADAM)
    penalty = minimize(lambda x: bowl(x) + 1e3 * max(0.0, 1 - x[0]) ** 2, [2.0], method=method(adam(), 0.01))
    other = minimize(bowl, [2.0], constraints=optimize.LinearConstraint([[1.0]], 1), method="trust-constr")
    assert at_bound.x == [1.0]
    np.testing.assert_allclose([penalty.x[0], other.x[0]], 1.0, atol=2e-3)


# --- callbacks ---


class Listener:
    def __init__(self):
        self.heard = []

    def __call__(self, intermediate_result):
        self.heard.append(intermediate_result)

    def by_x(self, xk):
        self.heard.append(xk)

    def by_name(self, *, intermediate_result):
        self.heard.append(intermediate_result)

    def with_more(self, log, x):
        log.append(x)


def test_callbacks_that_take_x():
    listener, seen = Listener(), []
    for callback in (
        seen.append, listener.by_x, lambda x: seen.append(x), lambda *args: seen.append(*args),
        lambda x, more=0: seen.append(x), partial(listener.with_more, seen),
    ):  # fmt: skip
        seen.clear(), listener.heard.clear()
        found = minimize(bowl, [1.0], jac=bowl_der, method=GD, callback=callback, options={"maxiter": 3, "gtol": 0.0})
        heard = seen or listener.heard
        assert [x.tolist() for x in heard] == [[0.5], [0.25], [0.125]]
        assert len(heard) == found.nit == 3


def test_callbacks_that_take_an_intermediate_result():
    listener = Listener()
    for callback in (listener, listener.by_name, lambda intermediate_result: listener(intermediate_result)):
        listener.heard.clear()
        minimize(bowl, [1.0], jac=bowl_der, method=GD, callback=callback, options={"maxiter": 3, "gtol": 0.0})
        assert all(isinstance(heard, optimize.OptimizeResult) for heard in listener.heard)
        assert [(heard.x.tolist(), heard.fun) for heard in listener.heard] == [
            ([0.5], 0.25), ([0.25], 0.0625), ([0.125], 0.015625),
        ]  # fmt: skip
    spoil = lambda intermediate_result: intermediate_result.x.fill(np.nan)  # noqa: E731
    assert np.isfinite(minimize(bowl, [1.0], jac=bowl_der, method=GD, callback=spoil).x_last).all()


def test_a_callback_whose_signature_is_not_known_takes_x():
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(min)
    assert minimize(bowl, [1.0], method=GD, callback=min).success


@pytest.mark.parametrize("form", ["x", "result"])
def test_stop_iteration_ends_the_run(form):
    def stop(fun):
        if fun < 0.1:
            raise StopIteration

    by_x, by_result = lambda x: stop(bowl(x)), lambda intermediate_result: stop(intermediate_result.fun)
    fun = Counted(bowl)
    found = minimize(fun, [1.0], jac=bowl_der, method=GD, callback=by_x if form == "x" else by_result)
    assert (found.status, found.success, found.message) == (99, False, "`callback` raised `StopIteration`.")
    assert (found.x.tolist(), found.nit, found.nfev, len(fun.points)) == ([0.25], 2, 3, 3)


@pytest.mark.parametrize("callback", [lambda: None, lambda x, state: None, lambda *, x: None])
def test_callbacks_of_a_wrong_signature(callback):
    fun = Counted(bowl)
    said = r"callback must take callback\(x\) or callback\(intermediate_result=...\); got one that takes .*; wrap it"
    with pytest.raises(TypeError, match=said):
        minimize(fun, [1.0], method=ADAM, callback=callback)
    assert not fun.points
    seen, more = [], 7
    call = lambda x, state: seen.append(state)  # noqa: E731
    assert minimize(bowl, [1.0], method=ADAM, callback=lambda x: call(x, more)).nit == len(seen)


def test_callbacks_that_are_none():
    with pytest.raises(TypeError, match=r"callback must be a function, callback\(x\) or .*; got str"):
        minimize(bowl, [1.0], method=ADAM, callback="print")


# --- how it ends ---


def test_tol_is_gtol():
    problem = {"fun": bowl, "x0": [1.0], "jac": bowl_der}
    by_tol = minimize(**problem, method=GD, tol=1e-2)
    assert (by_tol.nit, by_tol.jac.tolist()) == (8, [2**-7])
    assert by_tol.message == "Optimization terminated successfully: gtol=0.01 is met."
    assert minimize(**problem, method=GD, options={"gtol": 1e-2}).nit == 8
    assert minimize(**problem, method=GD, tol=1e-9, options={"gtol": 1e-2}).nit == 8
    assert minimize(**problem, method=method(sgd(), 0.25, gtol=1e-9), tol=1e-2).nit == 8
    assert minimize(**problem, method=GD).nit == 18  # 1e-5


@pytest.mark.parametrize("maxiter", [0, 5, 5.0, np.int64(5)])
def test_maxiter(maxiter):
    fun, jac = Counted(rosen), Counted(rosen_der)
    found = minimize(fun, START, jac=jac, method=method(sgd(), 1e-4), options={"maxiter": maxiter})
    assert (found.status, found.success, found.nit) == (1, False, maxiter)
    assert found.message == f"Maximum number of iterations has been exceeded: maxiter={maxiter}."
    assert len(fun.points) == len(jac.points) == found.nfev == found.njev == maxiter + 1


def test_the_time_budget(monkeypatch):
    class Clock:
        now = 0.0

        def perf_counter(self):
            self.now += 1.0
            return self.now

    monkeypatch.setattr("optimlab.descent.loop.time", Clock())
    found = minimize(rosen, START, jac=rosen_der, method=ADAM, options={"maxtime": 4})
    assert (found.status, found.success, found.nit) == (2, False, 3)
    assert found.message == "The time budget has been spent: maxtime=4 seconds."


def test_a_hook_may_end_it():
    found = minimize(bowl, [1.0], jac=bowl_der, method=method(sgd(), 1.0, hooks=[EarlyStop(2)]))
    assert (found.status, found.success, found.nit) == (0, True, 3)
    assert (
        found.message
        == "Optimization terminated successfully: EarlyStop(patience=2.0, rtol=0.0, mode='min') has stopped it."
    )
    assert found.hooks[0].stopped
    assert (found.x.tolist(), found.history["value"].tolist()) == ([1.0], [1.0] * 4)  # the first of equal ones


def test_the_least_value_and_the_last():
    """Heavy ball runs through the bowl and up again."""
    values, fun, fast = [], Counted(bowl), method(heavy_ball(0.99), 0.1, maxiter=25)
    tell = lambda intermediate_result: values.append(intermediate_result.fun)  # noqa: E731
    found = minimize(fun, [3.0, -1.0], jac=bowl_der, method=fast, callback=tell)
    assert found.fun == found.fun_best == min(values) < values[-1] == found.fun_last
    assert bowl(found.x) == found.fun
    assert bowl(found.x_last) == found.fun_last
    assert np.array_equal(found.x, found.x_best)
    assert np.array_equal(found.jac, 2 * found.x)
    assert len(fun.points) == found.nfev == 27  # the start, 25 steps, and x once more

    def stop(x):
        if bowl(x) == values[-1]:
            raise StopIteration

    found = minimize(fun, [3.0, -1.0], jac=bowl_der, method=fast, callback=stop)
    assert (found.status, found.nit, found.nfev, found.fun) == (99, 25, 26, min(values))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("jac", [None, lambda x: 0 * x, lambda x: 0 * x + 1])
def test_a_value_that_is_not_finite_is_no_success(value, jac):
    found = minimize(lambda x: value, [1.0, 2.0], jac=jac, method=ADAM, options={"maxiter": 5})
    assert (found.status, found.success) == (3, False)
    assert found.message.startswith("Optimization diverged: gradient" if jac is None else f"fun is {value} at x.")
    assert np.isfinite(found.x).all()
    assert found.nit == (0 if jac is None else 5)  # a gradient of zeros there is no minimum


def test_a_value_that_is_not_finite_for_a_while_is_passed():
    found = minimize(lambda x: np.nan if 0.3 < x[0] < 0.8 else bowl(x), [1.0], jac=bowl_der, method=GD)
    assert found.success
    assert abs(found.x[0]) < 1e-5
    found = minimize(lambda x: np.nan if x[0] > 0.8 else bowl(x), [1.0], jac=bowl_der, method=GD)
    assert (found.success, found.fun) == (True, bowl(found.x))
    assert found.fun == found.fun_best


def test_a_descent_that_runs_away():
    found = minimize(lambda x: -np.exp(x[0]), [1.0], jac=lambda x: -np.exp(x), method=ADAM)
    assert (found.status, found.success) == (3, False)
    assert found.message.startswith("Optimization diverged: state")
    assert np.isfinite(found.x).all()


@pytest.mark.parametrize("which", ["fun", "jac"])
def test_errors_of_floating_point_that_the_user_asked_for(which):
    def log_der(x):
        with np.errstate(divide="raise"):
            return 1 / x

    fun = (lambda x: log_der(x)[0]) if which == "fun" else bowl
    found = minimize(fun, [0.0], jac=log_der, method=ADAM)
    assert found.message == "Optimization diverged: divide by zero encountered in divide."
    assert not found.success


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError):
        minimize(lambda x: 1 // 0, [0.0], method=ADAM)


def test_control_c_passes_through():
    """The global optimizers end, too."""

    def pressed(x):
        signal.raise_signal(signal.SIGINT)
        return bowl(x)

    with pytest.raises(KeyboardInterrupt):
        minimize(pressed, [1.0], jac=bowl_der, method=ADAM)


# --- noise ---


def noisy_bowl(seed):
    rng = np.random.default_rng(seed)
    return lambda x: bowl(x) + rng.normal(scale=0.1)


def test_of_a_noisy_function_x_is_the_last():
    found = minimize(noisy_bowl(0), [1.0], jac=bowl_der, method=GD, options={"noisy": True, "maxiter": 50})
    assert (found.status, found.nit, found.nfev) == (1, 50, 51)
    assert np.array_equal(found.x, found.x_last)
    assert found.fun == found.fun_last > found.fun_best


def test_a_gradient_that_is_small_by_luck_does_not_end_a_noisy_run():
    rng = np.random.default_rng(0)
    jac = lambda x: 2 * x + rng.normal(size=1)  # noqa: E731
    options = {"noisy": True, "maxiter": 300}
    assert minimize(noisy_bowl(0), [1.0], jac=jac, method=GD, options=options).nit == 300
    assert minimize(noisy_bowl(0), [1.0], jac=jac, method=GD, options=options, tol=0.05).nit < 300


def test_differences_of_noise_are_refused():
    fun, options = noisy_bowl(0), {"noisy": True, "maxiter": 300}
    said = (
        "jac must be given where fun is noisy: differences over a tiny step are noise; pass jac, or a wide step such as"
    )
    with pytest.raises(ValueError, match=said):
        minimize(fun, [1.0], method=GD, options=options)
    slow = method(sgd(), 0.01, finite_diff_method="3-point")
    wide = minimize(fun, [1.0], method=slow, options={**options, "eps": 0.1})
    given = minimize(fun, [1.0], jac=bowl_der, method=slow, options=options)
    assert abs(wide.x[0]) < 0.3
    assert abs(given.x[0]) < 0.3


def test_noise_that_was_not_told_is_found():
    found = [
        minimize(noisy_bowl(seed), [1.0], jac=bowl_der, method=GD, options={"maxiter": 40, "gtol": 0.0})
        for seed in range(20)
    ]
    for run in found:
        assert "fun is noisy: it gave" in run.message
        assert "options={'noisy': True}" in run.message
        assert run.nfev == 42
    assert {np.array_equal(run.x, run.x_last) for run in found} == {True, False}
    luck, fair = np.mean([run.fun_best for run in found]), np.mean([run.fun for run in found])
    assert luck < -0.15  # where the least of the function without noise is 0
    assert abs(fair) < 0.06


# --- options ---


def test_unknown_options_are_warned_of_as_scipy_does():
    with pytest.warns(OptimizeWarning, match="^Unknown solver options: ftol, maxls$") as caught:
        minimize(bowl, [1.0], method=ADAM, options={"ftol": 1e-9, "maxls": 3})
    assert caught[0].filename == __file__


def test_keywords_of_later_versions_are_taken():
    assert ADAM(bowl, [1.0], args=(), jac=None, hess=None, bounds=None, later=None, maxiter=None).success
    with pytest.warns(OptimizeWarning, match="later"):
        ADAM(bowl, [1.0], later=3)


def test_options_of_the_method_are_defaults():
    short = method(sgd(), 1e-3, maxiter=3)
    assert minimize(bowl, [1.0], method=short).nit == 3
    assert minimize(bowl, [1.0], method=short, options={"maxiter": 2}).nit == 2
    assert minimize(bowl, [1.0], method=short, options={"maxiter": None}).nit == 3
    with pytest.raises(TypeError, match=r"options of method must be among clip_x0, disp, eps, .*; got maxits"):
        method(sgd(), 1e-3, maxits=3)


@pytest.mark.parametrize(("options", "error", "said"), [
    ({"maxiter": -1}, ValueError, "maxiter must be a whole number of at least 0; got -1"),
    ({"maxiter": 1.5}, TypeError, "maxiter must be a whole number of at least 0; got 1.5"),
    ({"gtol": -1.0}, ValueError, "gtol must be at least 0"),
    ({"tol": "small"}, TypeError, "^tol must be at least 0"),
    ({"eps": "small"}, TypeError, "eps must be a finite number"),
    ({"finite_diff_rel_step": np.nan}, ValueError, "finite_diff_rel_step must be a finite number"),
    ({"maxtime": 0}, ValueError, r"maxtime must be greater than 0 \(seconds\)"),
    ({"noisy": 1}, TypeError, "noisy must be True or False"),
    ({"clip_x0": "yes"}, TypeError, "clip_x0 must be True or False"),
    ({"finite_diff_method": "4-point"}, ValueError, "finite_diff_method must be one of '2-point', '3-point', 'cs'"),
])  # fmt: skip
def test_options_outside_their_ranges(options, error, said):
    with pytest.raises(error, match=said):
        minimize(bowl, [1.0], method=ADAM, options=options)
    with pytest.raises(error, match=said):
        method(adam(), 0.1, **options)


@pytest.mark.parametrize(("arguments", "error"), [
    ((adam(), -1.0), ValueError), (("adam", 0.1), TypeError), ((adam, 0.1), TypeError),
])  # fmt: skip
def test_what_the_optimizer_refuses_is_refused_at_once(arguments, error):
    with pytest.raises(error, match=r"rule|lr"):
        method(*arguments)
    with pytest.raises(TypeError, match="hook"):
        method(adam(), 0.1, hooks=[3])
    with pytest.raises(TypeError, match="hooks must be a list or tuple"):
        method(adam(), 0.1, hooks=ClipNorm(1.0))


def test_disp_says_how_it_ended(capsys):
    minimize(bowl, [1.0], jac=bowl_der, method=GD, options={"disp": True, "gtol": 0.3})
    assert capsys.readouterr().out.splitlines() == [
        "Optimization terminated successfully: gtol=0.3 is met.",
        "         Current function value: 0.015625",
        "         Iterations: 3",
        "         Function evaluations: 4",
        "         Gradient evaluations: 4",
    ]
    with pytest.warns(OptimizeWarning, match="Maximum number of iterations") as caught:
        minimize(bowl, [1.0], jac=bowl_der, method=GD, options={"disp": True, "maxiter": 1})
    assert caught[0].filename == __file__
    assert "Iterations: 1" in capsys.readouterr().out
    minimize(bowl, [1.0], method=GD)
    assert capsys.readouterr().out == ""


# --- used again, in threads, elsewhere ---


def stateful():
    return method(adam(), cosine_decay(0.1, steps=100), hooks=[EarlyStop(200), Record()])


def test_each_run_starts_anew():
    by_rule = stateful()
    first = minimize(rosen, START, jac=rosen_der, method=by_rule, options={"maxiter": 90})
    second = minimize(rosen, START, jac=rosen_der, method=by_rule, options={"maxiter": 90})
    assert np.array_equal(first.x_last, second.x_last)
    assert np.array_equal(first.history["value"], second.history["value"])
    assert first.hooks[1] is not second.hooks[1]
    assert first.hooks[0].loss == second.hooks[0].loss == min(first.history["value"][:90])


def test_a_hook_of_the_user_is_left_alone():
    stop = EarlyStop(2)
    by_rule = method(sgd(), 1.0, hooks=[stop])
    x, opt = np.array([3.0]), Optimizer(sgd(), 0.1, hooks=[stop])
    opt.step(x, x, loss=0.5)
    found = minimize(bowl, [1.0], jac=bowl_der, method=by_rule)
    assert (stop.loss, found.hooks[0].loss) == (0.5, 1.0)


def test_it_can_be_pickled():
    by_rule = stateful()
    again = pickle.loads(pickle.dumps(by_rule))
    found = [minimize(rosen, START, jac=rosen_der, method=m, options={"maxiter": 50}) for m in (by_rule, again)]
    assert np.array_equal(found[0].x, found[1].x)
    assert np.array_equal(pickle.loads(pickle.dumps(found[0])).x, found[0].x)


def test_threads():
    by_rule = stateful()
    starts = np.random.default_rng(0).normal(size=(8, 3))
    run = lambda x0: minimize(rosen, x0, jac=rosen_der, method=by_rule, options={"maxiter": 80}).x_last  # noqa: E731
    alone = [run(x0) for x0 in starts]
    with ThreadPoolExecutor(4) as pool:
        assert np.array_equal(list(pool.map(run, starts)), alone)


def valley(x):
    return np.cos(14.5 * x[0] - 0.3) + (x[1] + 0.2) * x[1] + (x[0] + 0.2) * x[0]


def valley_der(x):
    return np.array([-14.5 * np.sin(14.5 * x[0] - 0.3) + 2 * x[0] + 0.2, 2 * x[1] + 0.2])


LOWEST = [-0.1951, -0.1]  # as in SciPy's page on basinhopping
SLOW = method(adam(), 0.01, tol=1e-4, clip_x0=True)


@pytest.mark.parametrize("jac", [None, valley_der, True])
def test_inside_basinhopping(jac):
    fun = (lambda x: (valley(x), valley_der(x))) if jac is True else valley
    kwargs = {"method": SLOW, "jac": jac, "bounds": [(-1.2, 1.2)] * 2}
    found = optimize.basinhopping(fun, [1.0, 1.0], niter=12, rng=1, minimizer_kwargs=kwargs)
    np.testing.assert_allclose(found.x, LOWEST, atol=1e-4)
    assert found.minimization_failures == 0
    assert found.lowest_optimization_result.success
    assert found.njev > 0


def test_inside_basinhopping_without_clipping_the_error_says_what_to_do():
    kwargs = {"method": method(adam(), 0.01), "bounds": [(-1.2, 1.2)] * 2}
    with pytest.raises(ValueError, match=r"x0 must lie within the bounds; .*'clip_x0': True.* as basinhopping needs"):
        optimize.basinhopping(valley, [1.0, 1.0], niter=12, rng=1, stepsize=2.0, minimizer_kwargs=kwargs)


def test_inside_dual_annealing():
    box = [(-1.2, 1.2)] * 2
    kwargs = {"method": SLOW, "jac": valley_der, "bounds": box}
    found = optimize.dual_annealing(valley, box, maxiter=60, rng=0, minimizer_kwargs=kwargs)
    np.testing.assert_allclose(found.x, LOWEST, atol=1e-4)
    assert found.njev > 0


def test_inside_shgo():
    """It drops options, and asks the method for lower()."""
    kwargs = {"method": SLOW, "jac": valley_der}
    found = optimize.shgo(valley, [(-1.2, 1.2)] * 2, n=64, sampling_method="sobol", minimizer_kwargs=kwargs)
    np.testing.assert_allclose(found.x, LOWEST, atol=1e-4)
    assert found.success
    assert found.nljev > 0


# --- without SciPy ---


def test_it_is_imported_without_scipy_and_says_what_installs_it():
    code = """
import sys
sys.modules["scipy"] = None
from optimlab import adam
from optimlab.plug.scipy import method
try:
    method(adam(), lr=0.1)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    remedy = 'python -m pip install "optimlab[lab]" installs it'
    assert done.stdout == f"optimlab.plug.scipy.method needs scipy, which is not installed; {remedy}\n"
