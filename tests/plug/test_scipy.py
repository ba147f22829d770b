"""Rules as ``method=`` of SciPy's minimize: what SciPy gives, and what it gets back."""

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
    Every,
    Optimizer,
    Project,
    Record,
    adam,
    cosine_decay,
    descend,
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
    ("38", 0.1, [-3, -1, -3, -1], [(-10, 10)] * 4, [1] * 4),
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
        fun, x0, jac=jac, method=method(adam(), lr), bounds=pack(pairs), tol=1e-11 if name == "38" else 1e-8, callback=told.append,
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
    getattr(cases, name)(ADAM, *more)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("pack", [0, 1])
@pytest.mark.parametrize("callback", [0, 1, 2])
def test_equal_bounds_test_of_scipy(scipy_tests, kind, pack, callback):
    """Fixed numbers, with and without gradient, bounds of both kinds, callbacks of both kinds."""
    module = scipy_tests("test_optimize")
    data = module.eb_data
    by_clipping = method(adam(), 0.1, clip_x0=True, tol=1e-7, finite_diff_method="3-point")
    module.test_equal_bounds(
        by_clipping, dict(data["kwds"][kind]), data["bound_types"][pack], (None, None), data["callbacks"][callback]
    )
