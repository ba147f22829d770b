"""The engines' law: the same bits, whatever runs the formula."""

import copy
import os
import pickle
import subprocess
import sys
import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from numpy import where

from optimlab import Clip, Ema, Gradient, Rule, Sign, adam, adamw, momentum, sgd
from optimlab.engine import _usable, choose, tiles
from optimlab.engine.program import stepped
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES, leaves_of, quick, run, same, same_averages

DTYPES = [np.float32, np.float64]
SHAPES = (3,), (50, 60), (10241,), (), (0,), (17, 700)  # 10241: one more than five blocks of the fused loop
AVERAGE = Ema(0.9, debias=True)

fused = pytest.importorskip("optimlab.engine.fused", reason="needs numba")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", quick(RULES, "adam", "centred", "clip", "scheduled"))
def test_both_engines_give_the_same_bits(name, dtype):
    leaves = leaves_of(dtype, *SHAPES)
    options = {"average": AVERAGE, "steps": 7}
    results = [run(RULES[name], leaves, engine=engine, **options) for engine in ("numpy", "fused")]
    assert same(*results)
    assert same_averages(*results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads, dtype, monkeypatch):
    def ran(count):
        monkeypatch.setattr(fused, "SHARE", 1)
        monkeypatch.setattr(fused, "get_num_threads", lambda: count)
        optimizer = Optimizer(adamw(), 0.1, engine="fused", average=AVERAGE)
        params = leaves_of(dtype, (10007,), (3, 5))
        for _ in range(3):
            optimizer.step(params, [0.1 * p for p in params])
        return params, optimizer

    results = ran(1), ran(threads)
    assert same(*results)
    assert same_averages(*results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sign", "clip", "abs", "adam"])
def test_both_engines_agree_on_nan_infinity_zeros_and_subnormals(name, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, np.finfo(dtype).max, 1.0, -1.0]
    gradient = np.array(odd * 3, dtype)
    results = []
    for engine in ("numpy", "fused"):
        w = np.linspace(-1, 1, len(gradient)).astype(dtype)
        optimizer = Optimizer(RULES[name], 0.1, engine=engine, check_finite=False, average=AVERAGE)
        for _ in range(3):
            optimizer.step([w], [gradient])
        results.append(([w], optimizer))
    assert same(*results)


@pytest.mark.parametrize("rule", [Gradient() | Sign(), Clip()], ids=str)
def test_nan_stays_nan(rule):
    for engine in ("numpy", "fused"):
        w = np.ones(2)
        Optimizer(rule, 0.1, engine=engine, check_finite=False).step(w, np.array([np.nan, 1.0]))
        assert np.isnan(w[0])
        assert np.isfinite(w[1])


def test_a_division_by_zero_gives_an_infinity():
    for engine in ("numpy", "fused"):
        w = np.zeros(3)
        Optimizer(Gradient() / (Gradient() - 1), 1.0, engine=engine).step(w, np.array([1.0, -1.0, 0.0]))
        assert w.tolist() == [-np.inf, -0.5, 0.0]


@dataclass(frozen=True)
class Zeros(Rule):
    slots = ("sign", "size", "greatest", "least", "other greatest", "other least", "root", "minus")

    @staticmethod
    def formula(x, w, state, c):
        between = np.maximum(x, 0.0), np.minimum(x, 0.0), np.maximum(x, -0.0), np.minimum(x, -0.0)
        return x, (np.sign(x), abs(x), *between, np.sqrt(x), -x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_engines_agree_on_the_sign_of_zero(dtype):
    found = []
    for engine in ("numpy", "fused"):
        optimizer, w = Optimizer(Zeros(), 1.0, engine=engine), np.ones(4, dtype)
        optimizer.step(w, np.array([0.0, -0.0, 1.0, 0.0], dtype))
        found.append(([w], optimizer))
    assert np.signbit(found[0][1].state["params"]["minus"]).tolist() == [True, False, True, True]
    assert same(*found)


def test_equal_programs_share_compiled_code_and_others_do_not():
    def kernel(rule, average=None):
        return fused.FusedEngine(rule, average).compile(np.dtype("f4"), None)

    assert kernel(adam(0.5, 0.7, 1e-3), Ema(0.1, debias=True)) is kernel(adam(), AVERAGE)
    assert kernel(Gradient() * Gradient()) is kernel(Gradient() | (Gradient() * Gradient()))
    assert kernel(sgd()) is not kernel(sgd(), AVERAGE)


def test_compiled_code_is_kept_for_the_latest_kernels_alone():
    assert fused.kernel_of.cache_info().maxsize == 128


@dataclass(frozen=True)
class Power(Rule):
    """y = xᵖ by a formula that reads a field, or is made by ``compose``."""

    p: int
    composed: bool = False

    def formula(self, x, w, state, c):
        return x**self.p, state

    def compose(self):
        p = self.p
        return (lambda x, w, state, c: (x**p, state)) if self.composed else self.formula


@dataclass(frozen=True)
class Traces(Rule):
    """As many slots and numbers as it is told."""

    count: int

    @property
    def slots(self):
        return tuple(f"m{i}" for i in range(self.count))

    def coefficients(self, t):
        return (0.5,) * self.count

    @staticmethod
    def formula(x, w, state, c):
        new = tuple([b * m + x for m, b in zip(state, c, strict=True)])
        return new[-1] * len(new), new


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_each_rule_runs_its_own_formula(engine, composed, joined):
    for p in (1, 3):
        rule, w = Power(p, composed), np.zeros(1)
        Optimizer(rule + (rule | sgd()) if joined else rule, 1.0, engine=engine).step(w, np.full(1, 2.0))
        assert w[0] == -(2.0**p) * (1 + joined)


@pytest.mark.parametrize("engine", ["numpy", "fused"])
def test_the_operation_is_part_of_what_is_run(engine):
    for rule, expected in [
        (Gradient() + Gradient(), 6.0), (Gradient() - Gradient(), 0.0),
        (Gradient() * Gradient(), 9.0), (Gradient() / Gradient(), 1.0),
    ]:  # fmt: skip
        w = np.zeros(1)
        Optimizer(rule, 1.0, engine=engine).step(w, np.full(1, 3.0))
        assert w[0] == -expected


@pytest.mark.parametrize("engine", ["numpy", "fused"])
def test_rules_of_one_class_may_differ_in_slots_and_numbers(engine):
    for count in (1, 3):
        w = np.zeros(2)
        Optimizer(Traces(count), 1.0, engine=engine).step(w, np.ones(2))
        assert w.tolist() == [-count] * 2


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
class Soft(Rule):
    """Functions that the compiler has of its own, whose last bit may differ."""

    @staticmethod
    def formula(x, w, state, c):
        return np.log1p(np.exp(-abs(x))) + np.tanh(x) ** 3, state


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", [Rprop(), Literal()], ids=["Rprop", "Literal"])
def test_a_rule_of_ones_own_runs_in_both_engines(rule, dtype):
    leaves = leaves_of(dtype, (100,), (3, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(run(rule, leaves, engine="numpy"), run(rule, leaves, engine="fused"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_functions_agree_but_for_the_last_bits(dtype):
    results = [run(Soft(), leaves_of(dtype, (1000,)), engine=engine, steps=1)[0][0] for engine in ("numpy", "fused")]
    np.testing.assert_allclose(*results, rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)


@dataclass(frozen=True)
class Vectorized(Rule):
    slots = ("x",)

    @staticmethod
    def formula(x, w, state, c):
        return np.vectorize(float, otypes=[x.dtype])(x), (state[0] + x,)


@dataclass(frozen=True)
class Branch(Rule):
    @staticmethod
    def formula(x, w, state, c):
        return (x if np.ndim(x) else x + w) * 1.0, state


@dataclass(frozen=True)
class Unknown(Rule):
    """A ufunc that can be traced but not compiled."""

    @staticmethod
    def formula(x, w, state, c):
        return ODD(x, w), state


ODD = np.heaviside


@pytest.mark.parametrize(
    ("rule", "reason"),
    [(Vectorized(), "is no ufunc|made an array"), (Branch(), "ndim"), (Unknown(), "heaviside")],
    ids=["vectorize", "branch", "ufunc"],
)
def test_what_cannot_be_compiled_runs_in_numpy_with_one_warning_and_fused_refuses_it(rule, reason):
    w = np.ones(70000, np.float32)
    optimizer = Optimizer(rule, 0.1)
    with pytest.warns(
        RuntimeWarning, match=f"numba cannot compile .* so the NumPy engine runs it: .*({reason})"
    ) as caught:
        optimizer.step(w, w.copy())
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(w, w.copy())
    assert (w < 1).all()
    with pytest.raises(TypeError, match=reason):
        Optimizer(rule, 0.1, engine="fused").step(w, w.copy())


def test_auto_compiles_only_large_segments(monkeypatch):
    made = []
    monkeypatch.setattr("optimlab.engine._fused", lambda *rules: made.append(rules) or fused.FusedEngine(*rules))
    Optimizer(sgd(), 0.1).step(np.ones(100), np.ones(100))
    assert not made
    optimizer, w = Optimizer(sgd(), 0.1), np.ones(70000)
    for _ in range(2):
        optimizer.step(w, w.copy())
    assert made == [(sgd(), None)]


@pytest.fixture
def unknown():
    """Whether numba can be used is to be found out, before the test and after it."""
    _usable.cache_clear()
    yield
    _usable.cache_clear()


def after_a_step(count=1):
    w = np.ones(70000)
    optimizers = [Optimizer(sgd(), 0.5) for _ in range(count)]
    for optimizer in optimizers:
        optimizer.step(w, w.copy())
    assert (w == 0.5**count).all()
    return [optimizer._run.layout.jobs[0].engine.fused for optimizer in optimizers]


def test_a_numba_that_cannot_be_used_is_said_once(unknown, monkeypatch):
    monkeypatch.setitem(sys.modules, "optimlab.engine.fused", None)
    with pytest.warns(RuntimeWarning, match="numba is installed but cannot be used, so the NumPy engine runs") as said:
        after_a_step(3)
    assert len(said) == 1
    assert said[0].filename == __file__


def test_without_numba_auto_runs_numpy_and_fused_says_how_to_get_it(unknown, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert after_a_step() == [None]
    with pytest.raises(ImportError, match=r'pip install "optimlab\[fast\]"'):
        Optimizer(sgd(), 0.5, engine="fused")


@pytest.mark.parametrize("name", ["auto", "numpy", "fused"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_engines_can_be_copied_and_sent(name, copied, monkeypatch):
    monkeypatch.setattr("optimlab.engine.COMPILED", 1)
    engine = choose(name, momentum(0.5), AVERAGE)
    other = copied(engine)
    assert (type(other), other.rule, other.average) == (type(engine), momentum(0.5), AVERAGE)
    optimizer, w = Optimizer(momentum(0.5), 0.5, engine=name), np.ones(4)
    optimizer.step(w, np.ones(4))
    again, v = copied(optimizer), w.copy()
    optimizer.step(w, np.ones(4))
    again.step(v, np.ones(4))
    assert same(([w], optimizer), ([v], again))
    assert w[0] == 1.0 - 0.25 - 0.375


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="engine must be one of 'auto', 'numpy', 'fused'; got 'gpu'"):
        choose("gpu", sgd(), None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("tile", "shapes"), [(8, [(5, 6), (70,)]), (1000, [(50, 60), (10007,)])])
def test_the_tile_size_changes_no_bit(name, dtype, tile, shapes, monkeypatch):
    leaves = leaves_of(dtype, *shapes)

    def ran(size):
        monkeypatch.setattr(tiles, "TILE", size)
        optimizer = Optimizer(RULES[name], 0.1, engine="numpy", average=Ema(0.5))
        params = [leaf.copy() for leaf in leaves]
        for k in range(3):
            optimizer.step(params, [np.sin(k + p) for p in params])
        return params, optimizer

    results = ran(tile), ran(10**9)
    assert same(*results)
    assert same_averages(*results)


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
    optimizer = Optimizer(adamw(), 0.1, engine=engine, average=AVERAGE)
    assert traced(optimizer, 10**6, dtype) < limit


@pytest.mark.parametrize("columns", [False, True])
def test_the_source_of_a_kernel_is_two_straight_loops(columns):
    text = fused.source(stepped(adam(), AVERAGE, np.float32), columns)
    assert text.count("for i in range") == 2
    assert text.count("frozen") == 2
    assert "if" not in text.replace("if frozen[r]: continue", "").replace("if still[i]: continue", "")


@pytest.mark.slow
def test_what_was_compiled_is_found_by_the_next_process_and_a_damaged_file_does_no_harm(tmp_path):
    script = """
import numpy as np, optimlab.engine.fused as fused
from optimlab import Gradient, Optimizer, Trace
w = Optimizer(0.123 * Gradient() + Trace(0.7), lr=0.1, engine="fused").step(np.ones(3), np.ones(3))
kernel = fused.kernel_of(fused.stepped(0.123 * Gradient() + Trace(0.7), None, np.dtype(float)), False)
print(w.tolist(), sum(kernel.stats.cache_hits.values()))
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}

    def said():
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split("] ")

    first, second = said(), said()
    assert (first[1], second) == ("0\n", [first[0], "1\n"])
    for path in (tmp_path / "numba").rglob("*.nbc"):
        path.write_bytes(b"damaged")
    assert said()[0] == first[0]
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "a file" / "below")}
    (tmp_path / "a file").write_text("")
    assert said()[0] == first[0]
