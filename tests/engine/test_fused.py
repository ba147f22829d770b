"""The engines' law: the same bits, whatever runs the formula."""

import sys
import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from numpy import where

from optimlab import Clip, Ema, Gradient, Rule, Sign, Weights, adam, adamw, sgd
from optimlab.engine import AutoEngine, choose
from optimlab.engine.tiles import TileEngine
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES, leaves_of, run, same

DTYPES = [np.float32, np.float64]
SHAPES = (3,), (50, 60), (10241,), (), (0,), (17, 700)  # 10241: one more than five blocks of the fused loop

fused = pytest.importorskip("optimlab.engine.fused", reason="needs numba")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_both_engines_give_the_same_bits(name, dtype):
    leaves = leaves_of(dtype, *SHAPES)
    options = {"average": Ema(0.9, debias=True), "steps": 7}
    assert same(
        run(RULES[name], leaves, engine="numpy", **options), run(RULES[name], leaves, engine="fused", **options)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads, dtype):
    leaves = leaves_of(dtype, (10007,), (3, 5))

    def ran(count):
        params, optimizer = list(leaves), Optimizer(adamw(), 0.1, engine="fused", average=Ema(0.9))
        optimizer._engine.threads = count
        params = [leaf.copy() for leaf in leaves]
        for _ in range(3):
            optimizer.step(params, [0.1 * p for p in params])
        return params, optimizer

    assert same(ran(1), ran(threads))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sign", "clip", "abs", "adam"])
def test_both_engines_agree_on_nan_infinity_zeros_and_subnormals(name, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, np.finfo(dtype).max, 1.0, -1.0]
    gradient = np.array(odd * 3, dtype)
    results = []
    for engine in ("numpy", "fused"):
        w = np.linspace(-1, 1, len(gradient)).astype(dtype)
        optimizer = Optimizer(RULES[name], 0.1, engine=engine, check_finite=False)
        for _ in range(3):
            optimizer.step(w, gradient)
        results.append(([w], optimizer))
    assert same(*results)


@pytest.mark.parametrize("rule", [Gradient() | Sign(), Clip()], ids=str)
def test_nan_stays_nan(rule):
    for engine in ("numpy", "fused"):
        w = np.ones(2)
        Optimizer(rule, 0.1, engine=engine, check_finite=False).step(w, np.array([np.nan, 1.0]))
        assert np.isnan(w[0])
        assert np.isfinite(w[1])


def test_structures_share_compiled_code():
    engine = fused.FusedEngine(adam(0.9))
    assert fused.FusedEngine(adam(0.5, 0.7, 1e-3)).compile(np.dtype("f4"), None) is engine.compile(np.dtype("f4"), None)


@dataclass(frozen=True)
class Softsign(Rule):
    scale: float = 1.0

    def coefficients(self, t):
        return (self.scale,)

    @staticmethod
    def formula(x, w, state, c):
        return x / (c[0] + np.abs(x)), state


@dataclass(frozen=True)
class Previous(Rule):
    """Two slots that change places, and a value that is the old state: nothing may be overwritten too early."""

    slots = ("one", "two")
    start = (1.0, 2.0)

    @staticmethod
    def formula(x, w, state, c):
        return state[0], (state[1] + x, state[0])


@dataclass(frozen=True)
class Swap(Rule):
    slots = ("one", "two")
    start = (1.0, 2.0)

    @staticmethod
    def formula(x, w, state, c):
        return state[0] * x, (state[1], state[0])


@dataclass(frozen=True)
class Rprop(Rule):
    """As long as the sign of x stays, the state grows."""

    slots = ("x", "size")
    start = (0.0, 0.125)

    def coefficients(self, t):
        return 1.25, 0.5

    @staticmethod
    def formula(x, w, state, c):
        size = state[1] * np.where(x * state[0] < 0, c[1], np.where(x == w, x, c[0]))
        return where(x < 0, -size, size), (x, size)


@dataclass(frozen=True)
class Literal(Rule):
    @staticmethod
    def formula(x, w, state, c):
        return 0.1 * x, state


@dataclass(frozen=True)
class Uncompilable(Rule):
    @staticmethod
    def formula(x, w, state, c):
        return np.vectorize(float)(x), state


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", [Ema(0.9) | Softsign(0.5), Previous(), Swap(), Swap() | Previous(), Rprop()], ids=str)
def test_a_rule_of_ones_own_runs_in_both_engines(rule, dtype):
    leaves = leaves_of(dtype, (100,), (3, 4))
    assert same(run(rule, leaves, engine="numpy"), run(rule, leaves, engine="fused"))


@pytest.mark.parametrize("rule", [Uncompilable(), Literal()], ids=str)
def test_what_cannot_be_compiled_runs_in_numpy_with_one_warning(rule):
    w = np.ones(70000, np.float32)
    optimizer = Optimizer(rule, 0.1)
    with pytest.warns(RuntimeWarning, match="numba cannot compile") as caught:
        optimizer.step(w, w.copy())
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(w, w.copy())
    assert (w < 1).all()


def test_the_warning_says_what_to_do_about_a_literal():
    with pytest.warns(RuntimeWarning, match=r"take every number in it from coefficients"):
        Optimizer(Literal(), 0.1).step(np.ones(70000, np.float32), np.ones(70000, np.float32))


def test_fused_refuses_a_literal():
    with pytest.raises(TypeError, match="coefficients"):
        Optimizer(Literal(), 0.1, engine="fused").step(np.ones(3, np.float32), np.ones(3, np.float32))


def test_auto_compiles_only_large_segments():
    optimizer = Optimizer(sgd(), 0.1)
    optimizer.step(np.ones(100), np.ones(100))
    assert optimizer._engine.fused is None
    optimizer = Optimizer(sgd(), 0.1)
    optimizer.step(np.ones(70000), np.ones(70000))
    assert optimizer._engine.fused is not None


def test_without_numba_auto_runs_numpy_and_fused_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("optimlab.engine.find_spec", lambda name: None)
    w = np.ones(70000)
    optimizer = Optimizer(sgd(), 0.5)
    optimizer.step(w, w.copy())
    assert (w == 0.5).all()
    assert isinstance(optimizer._engine, AutoEngine)
    assert not optimizer._engine.compiles
    with pytest.raises(ImportError, match=r'pip install "optimlab\[fast\]"'):
        Optimizer(sgd(), 0.5, engine="fused")


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match='engine must be "auto", "numpy" or "fused"; got \'gpu\''):
        choose("gpu", sgd(), None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("tile", [8, 1000])
def test_the_tile_size_changes_no_bit(name, dtype, tile):
    leaves = leaves_of(dtype, (50, 60), (10007,))

    def ran(size):
        optimizer = Optimizer(RULES[name], 0.1, engine="numpy", average=Ema(0.5))
        optimizer._engine.tile = size
        params = [leaf.copy() for leaf in leaves]
        for k in range(3):
            optimizer.step(params, [np.sin(k + p) for p in params])
        return params, optimizer

    assert same(ran(tile), ran(10**9))


def traced(optimizer, n, dtype):
    w, g = np.ones(n, dtype), np.full(n, 0.5, dtype)
    optimizer.step(w, g)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        optimizer.step(w, g)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("engine", "limit"), [("numpy", 2**21), ("fused", 2**16)])
def test_a_step_allocates_little_beyond_the_state(engine, limit, dtype):
    optimizer = Optimizer(adamw(), 0.1, engine=engine, average=Ema(0.9, debias=True))
    assert traced(optimizer, 10**6, dtype) < limit


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_finite_sees_one_bad_number_anywhere(engine, bad, dtype):
    finite = choose(engine, sgd(), None).finite
    x = np.full(20000, np.finfo(dtype).max, dtype)
    with np.errstate(all="ignore"):
        assert finite(x)
        assert finite(x[:0])
    for i in (0, 8191, 8192, 19999):
        y = x.copy()
        y[i] = bad
        with np.errstate(all="ignore"):
            assert not finite(y)


def test_the_tile_engine_takes_the_formula_as_it_is():
    assert TileEngine(Gradient()).formula is Gradient.formula
    assert "numba" in sys.modules
    assert Weights().formula(1.0, 2.0, (), ()) == (2.0, ())
