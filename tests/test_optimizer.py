"""The Optimizer: containers, errors, hooks' moments, averages."""

import copy
import re
import subprocess
import sys

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Box,
    ClipNorm,
    ClipValue,
    Decay,
    Ema,
    FirstValueGain,
    Gradient,
    Plateau,
    Project,
    Rule,
    SkipLarge,
    SkipNonFinite,
    Square,
    UniformGain,
    adam,
    adamw,
    momentum,
    sgd,
)
from optimlab.engine import layout as layouts
from optimlab.optimizer import Optimizer
from optimlab.step import Step
from tests.engine.laws import RULES, leaves_of, run, same
from tests.test_replicas import engine_of

DTYPES = [np.float32, np.float64]


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def before(self, step):
        step.scale = step.scale * self.factor


class Skipping:
    def __init__(self, *skipped):
        self.skipped = skipped
        self.calls = 0

    def before(self, step):
        self.calls += 1
        step.skip = self.calls in self.skipped


class Seen:
    def __init__(self):
        self.steps = []

    def after(self, step):
        self.steps.append((step.t, step.lr, step.loss))


@pytest.mark.parametrize("container", [list, tuple, lambda leaves: {"a": leaves[0], "b": {"c": leaves[1:]}}])
def test_any_container_gives_the_same_bits(container):
    leaves = leaves_of(np.float64, (3, 4), (5,), ())
    expected, _ = run(adam(), leaves)
    params = [leaf.copy() for leaf in leaves]
    generator = np.random.default_rng(0)
    optimizer = Optimizer(adam(), 0.1)
    for _ in range(5):
        optimizer.step(container(params), container([generator.standard_normal(p.shape) for p in params]))
    assert all(np.array_equal(a, b) for a, b in zip(params, expected, strict=True))


def test_leaves_are_named_by_their_place():
    params = {"layers": [{"W": np.ones((2, 2)), "b": np.ones(2)}, {"W": np.ones(1)}], "scale": np.ones(())}
    optimizer = Optimizer(momentum(), 0.1)
    optimizer.step(params, params)
    assert list(optimizer.state) == ["layers.0.W", "layers.0.b", "layers.1.W", "scale"]
    assert optimizer.state["layers.0.W"]["ema"].shape == (2, 2)


def test_gradients_of_a_dict_are_matched_by_key():
    params, gradients = {"a": np.zeros(1), "b": np.zeros(1)}, {"b": np.full(1, 2.0), "a": np.ones(1)}
    Optimizer(sgd(), 1.0).step(params, gradients)
    assert params == {"a": [-1.0], "b": [-2.0]}


def views_of(kind, dtype, n):
    base = np.linspace(-1, 1, 4 * n * n).reshape(2 * n, 2 * n).astype(dtype)
    return {
        "C": base[:n, :n].copy(),
        "F": np.asfortranarray(base[:n, :n]),
        "every second": base[::2, ::2],
        "backwards": base[:n, :n].copy()[::-1, ::-1],
        "transposed": base[:n, :n].copy().T,
        "column": base[:, :1],
    }[kind]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [5, 120])
@pytest.mark.parametrize("kind", ["C", "F", "every second", "backwards", "transposed", "column"])
@pytest.mark.parametrize("gradient", ["C", "F"])
def test_views_of_any_order_give_the_same_bits(kind, gradient, n, dtype):
    w = views_of(kind, dtype, n)
    plain = w.copy(order="C")
    one, two = Optimizer(adamw(), 0.1, average=Ema(0.5)), Optimizer(adamw(), 0.1, average=Ema(0.5))
    for k in range(3):
        g = np.sin(k + np.arange(w.size)).reshape(w.shape).astype(dtype)
        one.step(w, np.array(g, order=gradient))
        two.step(plain, g)
    assert np.array_equal(w, plain)
    assert np.array_equal(one.state["params"]["square_ema"], two.state["params"]["square_ema"])
    with one.averaged(w), two.averaged(plain):
        assert np.array_equal(w, plain)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_packed_or_not_gives_the_same_bits(name, dtype, monkeypatch):
    leaves = leaves_of(dtype, (3, 4), (5,), (), (0,), (100, 7))
    packed = run(RULES[name], leaves, average=Ema(0.9))
    init = layouts.Layout.__init__
    monkeypatch.setattr(layouts.Layout, "__init__", lambda *args, **options: init(*args, **options, pack=-1))
    apart = run(RULES[name], leaves, average=Ema(0.9))
    assert len(apart[1]._run.layout.segments) == 5
    assert len(packed[1]._run.layout.segments) == 1
    assert same(packed, apart)


@pytest.mark.parametrize("name", RULES)
def test_leaves_keep_their_own_dtype(name):
    params, optimizer = run(RULES[name], [*leaves_of(np.float32, (3,)), *leaves_of(np.float64, (3,))])
    assert [p.dtype for p in params] == [np.float32, np.float64]
    assert all(x.dtype == np.float32 for x in optimizer.state["0"].values())
    assert all(x.dtype == np.float64 for x in optimizer.state["1"].values())


@pytest.mark.parametrize("lr", [np.float64(0.1), np.float32(0.5), 1, np.array(0.1)])
def test_a_numpy_lr_never_promotes(lr):
    w = np.ones(3, np.float32)
    Optimizer(momentum(np.float64(0.9)), lr).step(w, w.copy())
    assert w.dtype == np.float32


DECAYS = ("adamw", "adamc", "cautious decay", "l2", "two traces", "yogi")  # Yogi's moments begin at 1e-6


@pytest.mark.parametrize("name", [name for name in RULES if name not in DECAYS])
def test_a_zero_gradient_leaves_the_weights(name):
    w = np.array([1.0, -2.0])
    optimizer = Optimizer(RULES[name], 0.1)
    for _ in range(3):
        optimizer.step(w, np.zeros(2))
    assert w.tolist() == [1.0, -2.0]


@pytest.mark.parametrize("name", RULES)
def test_a_hook_that_halves_is_halving_the_gradient(name):
    leaves = leaves_of(np.float32, (30,), (9000,))
    one = [leaf.copy() for leaf in leaves]
    two = [leaf.copy() for leaf in leaves]
    hooked, plain = Optimizer(RULES[name], 0.1, hooks=[Scaled(0.5)]), Optimizer(RULES[name], 0.1)
    for k in range(4):
        gradients = [np.sin(k + p) for p in leaves]
        hooked.step(one, gradients)
        plain.step(two, [0.5 * g for g in gradients])
    assert same((one, hooked), (two, plain))


@pytest.mark.parametrize("name", RULES)
def test_a_skipped_step_moves_nothing(name):
    leaves = leaves_of(np.float64, (30,))
    seen = Seen()
    w, v = leaves[0].copy(), leaves[0].copy()
    hooked = Optimizer(RULES[name], 0.1, hooks=[Skipping(2, 3), seen], average=Ema(0.9))
    plain = Optimizer(RULES[name], 0.1, average=Ema(0.9))
    for k in range(5):
        hooked.step(w, np.full(30, np.nan) if k in (1, 2) else np.sin(k + leaves[0]))
        if k not in (1, 2):
            plain.step(v, np.sin(k + leaves[0]))
    assert same(([w], hooked), ([v], plain))
    assert hooked.t == 3
    assert [t for t, _, _ in seen.steps] == [1, 2, 3]


def test_hooks_are_called_in_order_with_the_step():
    calls = []

    class Hook:
        def __init__(self, name):
            self.name = name

        def before(self, step):
            assert isinstance(step, Step)
            calls.append(("before", self.name, step.t, step.lr, step.loss, step.names))

        def after(self, step):
            calls.append(("after", self.name))

    optimizer = Optimizer(sgd(), lambda k: 0.5**k, hooks=[Hook("a"), Hook("b")])
    optimizer.step([np.ones(1)], [np.ones(1)], loss=3.0)
    assert calls == [
        ("before", "a", 1, 1.0, 3.0, ("0",)), ("before", "b", 1, 1.0, 3.0, ("0",)), ("after", "a"), ("after", "b"),
    ]  # fmt: skip


def test_a_hook_may_set_the_lr_and_replace_the_gradients():
    class Hook:
        def before(self, step):
            step.lr = 0.25
            step.gradients = tuple(np.ones_like(g) for g in step.gradients)

    w, g = np.zeros(2), np.full(2, 7.0)
    optimizer = Optimizer(sgd(), 1.0, hooks=[Hook()])
    optimizer.step(w, g)
    assert w.tolist() == [-0.25, -0.25]
    assert g.tolist() == [7.0, 7.0]
    assert optimizer.lr == 0.25


def test_a_schedule_sees_k_from_0():
    w, rates = np.zeros(1), []
    optimizer = Optimizer(sgd(), lambda k: 1.0 / (k + 1))
    assert optimizer.lr == 1.0
    for _ in range(3):
        optimizer.step(w, np.ones(1))
        rates.append(optimizer.lr)
    assert rates == [1.0, 0.5, 1 / 3]
    assert w[0] == pytest.approx(-(1 + 0.5 + 1 / 3))


def test_gradients_may_be_the_parameters_and_are_not_written():
    w = np.full(20000, 2.0)
    Optimizer(sgd(), 0.25).step(w, w)
    assert (w == 1.5).all()
    g = np.ones(20000)
    g.flags.writeable = False
    Optimizer(adam(), 0.25).step(w, g)


@pytest.mark.parametrize("size", [3, 20000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_refused_and_nothing_changes(bad, size):
    params = {"a": np.ones(2), "b": np.ones((2, size))}
    gradients = {"a": np.ones(2), "b": np.ones((2, size))}
    optimizer = Optimizer(adam(), 0.1, average=Ema(0.9))
    optimizer.step(params, gradients)
    before = {k: v.copy() for k, v in params.items()}
    state = {n: {s: x.copy() for s, x in slots.items()} for n, slots in optimizer.state.items()}
    gradients["b"][1, 2] = bad
    with pytest.raises(FloatingPointError, match=rf"gradient 'b' is {bad} at index \(1, 2\) in step 2; parameters"):
        optimizer.step(params, gradients)
    assert all(np.array_equal(params[k], before[k]) for k in params)
    assert all(np.array_equal(optimizer.state[n][s], state[n][s]) for n in state for s in state[n])
    assert optimizer.t == 1


def test_large_finite_gradients_are_not_refused():
    w = np.zeros(3, np.float32)
    Optimizer(sgd(), 1e-38).step(w, np.full(3, 3e38, np.float32))
    assert np.isfinite(w).all()


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found_anywhere(bad, dtype, engine):
    w, g = np.zeros(20000, dtype), np.full(20000, np.finfo(dtype).max, dtype)
    optimizer = Optimizer(sgd(), 1.0, engine=engine_of(engine))
    for i in (0, 8191, 8192, 19999):
        spoilt = g.copy()
        spoilt[i] = bad
        with pytest.raises(FloatingPointError, match=rf"is {bad} at index \({i},\)"):
            optimizer.step(w, spoilt)
    assert not w.any()


def test_without_the_check_what_is_not_finite_goes_through():
    w = np.zeros(2)
    Optimizer(sgd(), 0.1, check_finite=False).step(w, np.array([np.nan, 1.0]))
    assert np.isnan(w[0])


def read_only(x):
    x.flags.writeable = False
    return x


BASE = np.zeros((4, 4))
TWICE = np.zeros(3)
REFUSED = [
    ([np.arange(3)], TypeError, "parameter '0' must be float32 or float64; got int64"),
    ([np.zeros(3, complex)], TypeError, "got complex128"),
    ([np.zeros(3, object)], TypeError, "got object"),
    ([np.zeros(3, np.float16)], TypeError, "got float16"),
    ({"w": [1.0, 2.0]}, TypeError, "parameter 'w.0' must be a NumPy array; got float"),
    ([read_only(np.zeros(3))], ValueError, "parameter '0' must be writable"),
    ([TWICE, TWICE], ValueError, "parameters '0' and '1' are the same array"),
    ([BASE[:3], BASE[2:]], ValueError, "parameters '0' and '1' overlap in memory"),
    ([], ValueError, "params must hold at least one array"),
    ({"a.b": np.zeros(1), "a": {"b": np.zeros(1)}}, ValueError, "two leaves have the name 'a.b'"),
    (3.0, TypeError, "parameter 'params' must be a NumPy array; got float"),
]


@pytest.mark.parametrize(("params", "error", "message"), REFUSED, ids=lambda x: str(x)[:30])
def test_what_cannot_be_a_parameter_is_refused(params, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Optimizer(sgd(), 0.1).step(params, params)


def test_interleaved_views_do_not_overlap():
    base = np.ones((4, 4))
    Optimizer(sgd(), 0.5).step([base[:, ::2], base[:, 1::2]], [np.ones((4, 2)), np.ones((4, 2))])
    assert (base == 0.5).all()


@pytest.mark.parametrize(
    ("gradients", "error", "message"),
    [
        ({"a": np.ones(2)}, ValueError, "gradient 'b' is missing"),
        ({"b": None}, ValueError, "gradient 'a' is missing; for a leaf that has no gradient in this step give None"),
        (None, TypeError, "the container must be a dict"),
        ({"a": np.ones(2), "b": np.ones(3), "c": np.ones(1)}, ValueError, "does not know: ['c']"),
        ({"a": np.ones(3), "b": np.ones(3)}, ValueError, "gradient 'a' must have shape (2,); got (3,)"),
        ({"a": np.ones(2, np.float32), "b": np.ones(3)}, TypeError, "gradient 'a' must be float64 like its parameter"),
        ({"a": [1.0, 2.0], "b": np.ones(3)}, TypeError, "gradient 'a' must be a NumPy array; got list"),
        ([np.ones(2), np.ones(3)], TypeError, "the container must be a dict as in the parameters; got list"),
        (np.ones(2), TypeError, "the container must be a dict"),
    ],
)
def test_gradients_must_be_as_the_parameters(gradients, error, message):
    params = {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(error, match=re.escape(message)):
        Optimizer(sgd(), 0.1).step(params, gradients)
    assert not params["a"].any()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([np.zeros(2)], ValueError, "the container must have 2 entries; got 1"),
        ([np.zeros(2), np.zeros(4)], ValueError, "parameter '1' must have shape (3,); got (4,)"),
        ([np.zeros(2), np.zeros(3, np.float32)], TypeError, "parameter '1' must be float64"),
        ([np.zeros(2), read_only(np.zeros(3))], ValueError, "parameter '1' must be writable"),
        ([np.zeros(2), None], ValueError, "parameter '1' is missing"),
    ],
)
def test_parameters_must_stay_as_in_the_first_step(params, error, message):
    optimizer = Optimizer(sgd(), 0.1)
    good = [np.zeros(2), np.zeros(3)]
    optimizer.step(good, good)
    with pytest.raises(error, match=re.escape(message)):
        optimizer.step(params, good)


@pytest.mark.parametrize("size", [2, 20000])
class TestOneSetOfParameters:
    def stepped(self, w):
        optimizer = Optimizer(momentum(0.5), 1.0, average=Ema(0.5))
        assert optimizer.step(w, np.ones_like(w)) is w
        return optimizer

    @pytest.mark.parametrize(
        "other",
        [lambda p: p[1], lambda p: p[[0]][0], lambda p: p[0].copy(), lambda p: p[0][::-1]],
        ids=["row", "rows", "copy", "turned"],
    )
    def test_other_arrays_are_refused_and_nothing_moves(self, other, size):
        p = np.zeros((3, size))
        optimizer = self.stepped(p[0])
        state, kept = optimizer.state_dict(), p.copy()
        for do in (lambda w: optimizer.step(w, np.ones(size)), lambda w: optimizer.averaged(w).__enter__()):
            with pytest.raises(
                ValueError, match=r"parameter 'params' (is not the array of the step before|must keep its mem)"
            ):
                do(other(p))
        assert np.array_equal(p, kept)
        assert all(np.array_equal(state[key], array) for key, array in optimizer.state_dict().items())

    def test_views_of_the_same_memory_are_the_same(self, size):
        p = np.zeros((3, size))
        optimizer = self.stepped(p[0])
        for view in (p[0], p.reshape(-1)[:size], p[:1].reshape(-1)):
            optimizer.step(view, np.zeros(size))
        assert optimizer.t == 4
        assert p[0] == pytest.approx(np.full(size, -0.9375))
        assert not p[1:].any()

    def test_the_remedies_of_the_error(self, size):
        w, new = np.zeros(size), np.full(size, 3.0)
        optimizer = self.stepped(w)  # the state is .5
        w[...] = new
        optimizer.step(w, np.zeros(size))
        assert (w == 2.75).all()
        assert (optimizer.updated(new, np.zeros(size)) == 2.875).all()
        assert (new == 3.0).all()
        optimizer.step(w, np.zeros(size))
        optimizer.adopt(new)
        optimizer.step(new, np.zeros(size))
        assert (new == 2.96875).all()

    def test_after_a_load_they_may_be_others(self, size):
        optimizer, v = self.stepped(np.zeros(size)), np.zeros(size)
        optimizer.load_state_dict(optimizer.state_dict(), params=False)
        optimizer.step(v, np.zeros(size))
        assert (v == -0.25).all()

    def test_updated_is_step_in_copies(self, size):
        rng = np.random.default_rng(0)
        params = {"a": [rng.normal(size=(2, size))], "b": np.asfortranarray(rng.normal(size=(2, size)))}
        ours, theirs = (Optimizer(adam(), 0.1, average=Ema(0.9), hooks=[ClipNorm(1.0)]) for _ in range(2))
        moved, old = copy.deepcopy(params), copy.deepcopy(params)
        for k in range(4):
            g = {"a": (np.sin(k + params["a"][0]),), "b": np.cos(k + params["b"])}
            ours.step(moved, g)
            new = theirs.updated(params, g)
            assert type(new["a"]) is list
            assert np.array_equal(params["a"][0], old["a"][0])
            assert np.array_equal(params["b"], old["b"])
            assert np.array_equal(new["a"][0], moved["a"][0])
            assert np.array_equal(new["b"], moved["b"])
            params, old = new, copy.deepcopy(new)
        assert all(np.array_equal(ours.state_dict()[key], x) for key, x in theirs.state_dict().items())
        with theirs.averaged(params), ours.averaged(moved):
            assert np.array_equal(params["b"], moved["b"])

    def test_updated_refuses_what_step_refuses(self, size):
        optimizer, w = Optimizer(sgd(), 1.0), np.zeros(size)
        for bad, error in ((np.full(size, np.nan), FloatingPointError), (np.ones(1 + size), ValueError)):
            with pytest.raises(error):
                optimizer.updated(w, bad)
        assert optimizer.t == 0
        assert not w.any()


class Metres(np.ndarray):
    """A subclass that means more than its numbers."""


SUBCLASSES = {
    "masked": lambda x: np.ma.array(x, mask=[True, False]),
    "metres": lambda x: x.view(Metres),
}


@pytest.mark.parametrize("kind", SUBCLASSES)
@pytest.mark.parametrize("step", ["step", "updated"])
def test_arrays_that_mean_more_than_their_numbers_are_refused(kind, step):
    w, make, optimizer = np.zeros(2), SUBCLASSES[kind], Optimizer(sgd(), 1.0)
    for params, gradients, role in ((make(w), np.ones(2), "parameter"), (w, make(np.ones(2)), "gradient")):
        with pytest.raises(
            TypeError, match=rf"{role} 'params' must be a plain NumPy array; got .*\(0.0\) those of a masked"
        ):
            getattr(optimizer, step)(params, gradients)
    with pytest.raises(TypeError, match="gradient 'params' must be a plain NumPy array"):
        Optimizer(sgd(), 1.0, hooks=[Sets(gradients=(make(np.ones(2)),))]).step(w, np.ones(2))
    assert not w.any()
    given = make(np.ones(2))
    optimizer.step(w, given.filled(0.0) if kind == "masked" else np.asarray(given))  # the remedies
    assert w.tolist() == ([0.0, -1.0] if kind == "masked" else [-1.0, -1.0])


def test_a_memory_map_is_an_array_in_a_file(tmp_path):
    w = np.memmap(tmp_path / "w", np.float64, "w+", shape=(3,))
    optimizer = Optimizer(momentum(0.5), 1.0)
    for _ in range(2):
        optimizer.step(w, np.ones(3))
    assert np.fromfile(tmp_path / "w").tolist() == w.tolist() == [-1.25] * 3


class TestOverflow:
    """What a rule keeps is guarded as gradients are: float32 holds no square of 2e19."""

    @pytest.mark.parametrize("engine", ["numpy", "fused"])
    @pytest.mark.parametrize("size", [2, 20000])
    @pytest.mark.parametrize("hooks", [[], [ClipNorm(np.inf)], [Scaled(1e-3)], [SkipNonFinite()]])
    def test_a_state_that_would_overflow_is_refused_and_nothing_moves(self, hooks, size, engine):
        w, g = np.ones(size, np.float32), np.ones(size, np.float32)
        optimizer = Optimizer(adam(), 0.1, engine=engine_of(engine), average=Ema(0.9), hooks=hooks)
        optimizer.step(w, g)
        kept, state = w.copy(), optimizer.state_dict()
        g[1] = 2e23
        with pytest.raises(FloatingPointError, match=r"state 'square_ema' of 'params' would be infinite after step 2"):
            optimizer.step(w, g)
        assert np.array_equal(w, kept)
        assert all(np.array_equal(state[k], x) for k, x in optimizer.state_dict().items() if "hooks" not in k)
        optimizer.step(w, np.ones_like(w))
        assert (w < kept).all()

    def test_the_remedies_of_the_error(self):
        for hook, t in ((SkipLarge(1e3), 0), (ClipNorm(1.0), 1)):
            w, optimizer = np.zeros(2, np.float32), Optimizer(adam(), 0.1, hooks=[hook])
            optimizer.step(w, np.array([2e19, 1.0], np.float32))
            assert optimizer.t == t

    def test_large_numbers_that_fit_go_through(self):
        w, v = np.zeros(2, np.float32), np.zeros(2)
        g = np.array([1e18, -1.0])
        Optimizer(adam(), 0.5).step(w, g.astype(np.float32))
        Optimizer(adam(), 0.5).step(v, g)
        assert w == pytest.approx(v, rel=1e-6)

    @pytest.mark.parametrize("engine", ["numpy", "fused"])
    def test_a_replica_that_would_overflow_is_frozen(self, engine):
        w, g = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)
        optimizer = Optimizer(adam(), 0.1, engine=engine_of(engine), replicas=2)
        g[1, 2] = 2e19
        optimizer.step(w, g)
        assert optimizer.diverged.tolist() == [False, True]
        assert (w[1] == 1.0).all()
        assert (w[0] < 1.0).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Optimizer(sgd(), 0.0), ValueError, "lr must be greater than 0 and finite; got 0.0"),
        (lambda: Optimizer(sgd(), -1), ValueError, "lr must be greater than 0 and finite; got -1.0"),
        (lambda: Optimizer(sgd(), float("nan")), ValueError, "got nan"),
        (lambda: Optimizer(sgd(), "0.1"), TypeError, "lr must be greater than 0 and finite; got '0.1'"),
        (lambda: Optimizer(sgd(), True), TypeError, "lr must be greater than 0 and finite; got True"),
        (lambda: Optimizer(sgd(), [[0.1]]), ValueError, "lr must be a number or one number for each replica"),
        (
            lambda: Optimizer(sgd(), lambda k: -1.0),
            ValueError,
            "lr, from its schedule at k = 0, must be at least 0 and finite; got -1.0",
        ),
        (lambda: Optimizer(sgd(), lambda k: "x"), TypeError, "lr, from its schedule at k = 0, must be at least 0"),
        (lambda: Optimizer(sgd, 0.1), TypeError, "did you mean sgd()?"),
        (lambda: Optimizer("sgd", 0.1), TypeError, "rule must be a Rule such as adam()"),
        (lambda: Optimizer(sgd(), 0.1, hooks=[3]), TypeError, "3 has neither"),
        (lambda: Optimizer(sgd(), 0.1, hooks=Scaled(1.0)), TypeError, "hooks=[hook]"),
        (lambda: Optimizer(sgd(), 0.1, hooks=[Scaled]), TypeError, "write Scaled(...)"),
        (lambda: Optimizer(sgd(), 0.1, average=Square()), TypeError, "average must be a rule with a method read"),
        (lambda: Optimizer(sgd(), 0.1, average=0.9), TypeError, "average must be a Rule"),
        (lambda: Optimizer(sgd(), 0.1, replicas=0), ValueError, "replicas must be a whole number of at least 1"),
        (lambda: Optimizer(sgd(), 0.1, replicas=1.5), TypeError, "replicas must be a whole number of at least 1"),
        (lambda: Optimizer(sgd(), [0.1, 0.2]), ValueError, "it must be a number without replicas="),
        (lambda: Optimizer(adam([0.1, 0.2]), 0.1, replicas=3), ValueError, "it must be a number or (3,)"),
        (lambda: Optimizer(sgd(), 0.1).state, ValueError, "state is there after the first step"),
        (lambda: Optimizer(sgd(), 0.1).diverged, ValueError, "give replicas=S"),
    ],
)
def test_arguments_are_checked_at_construction(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_a_broken_formula_is_refused_at_construction():
    class Broken(Rule):
        @staticmethod
        def formula(x, w, state, c):
            return x

    class Short(Rule):
        slots = ("ema",)

        def compose(self):
            return lambda x, w, state, c: (x, ())

    with pytest.raises(TypeError, match="must return a pair"):
        Optimizer(Broken(), 0.1)
    with pytest.raises(TypeError, match=r"must return 1 states for \('ema',\); got 0"):
        Optimizer(Short(), 0.1)


def test_state_cannot_be_written():
    optimizer = Optimizer(momentum(), 0.1)
    optimizer.step(np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="read-only"):
        optimizer.state["params"]["ema"][0] = 1.0
    with pytest.raises(TypeError):
        optimizer.state["params"] = {}


class TestAveraged:
    def ran(self, average=None):
        w = np.zeros(3)
        optimizer = Optimizer(sgd(), 1.0, average=average or Ema(0.9, debias=True))
        for x in (-1.0, -1.0, -1.0):
            optimizer.step(w, np.full(3, x))
        return w, optimizer

    def test_the_average_is_that_of_the_new_weights(self):
        w, optimizer = self.ran()
        with optimizer.averaged(w) as same_w:
            assert same_w is w
            assert w == pytest.approx([2.070110701] * 3, abs=1e-9)
        assert w.tolist() == [3.0] * 3

    def test_keras_number(self):
        w = np.array([10.0])
        optimizer = Optimizer(sgd(), 0.01, average=Ema(lambda k: 0.99 * (k > 0)))
        for _ in range(10):
            optimizer.step(w, np.ones(1))
        with optimizer.averaged(w):
            assert w[0] == pytest.approx(9.985617924991, abs=1e-12)
        assert w[0] == pytest.approx(9.9)

    def test_a_hook_of_ones_own_is_seen_by_the_average(self):
        class Doubles:
            def after(self, step):
                step.params[0][...] *= 2.0

        w, optimizer = np.array([1.0]), Optimizer(sgd(), 1.0, hooks=[Doubles()], average=Ema(UniformGain()))
        for _ in range(3):  # 2, 4, 8
            optimizer.step(w, np.zeros(1))
        with optimizer.averaged(w):
            assert w == pytest.approx(14 / 3)

    def test_a_hook_that_fails_afterwards_leaves_the_average_in_step(self):
        class Fails:
            def after(self, step):
                raise KeyError

        w, optimizer = np.array([3.0]), Optimizer(sgd(), 1.0, hooks=[Fails()], average=Ema(0.5, debias=True))
        with pytest.raises(KeyError):
            optimizer.step(w, np.ones(1))
        with optimizer.averaged(w):
            assert w == 2.0

    @pytest.mark.parametrize("average", [Ema(0.999), Ema(lambda k: 0.999), Ema(Decay(span=100))])
    def test_an_average_with_a_constant_gain_starts_at_the_first_weights(self, average):
        w, optimizer = np.array([10.0]), Optimizer(sgd(), 1e-9, average=average)
        for _ in range(100):
            optimizer.step(w, np.zeros(1))
        with optimizer.averaged(w):
            assert w == 10.0
        assert isinstance(optimizer.average.gain, FirstValueGain)

    def test_an_average_that_says_its_start_has_it(self):
        w, optimizer = np.array([10.0]), Optimizer(sgd(), 1e-9, average=Ema(0.5, first=2.0))
        optimizer.step(w, np.zeros(1))
        with optimizer.averaged(w):
            assert w == 6.0

    @pytest.mark.parametrize("beta", [0.5, 0.9, 0.999, 0.9999, 0.99999, 1 - 1e-7])
    @pytest.mark.parametrize("debias", [False, True])
    def test_constant_weights_are_averaged_exactly(self, beta, debias):
        w = np.random.default_rng(0).normal(size=500).astype(np.float32)
        kept, optimizer = w.copy(), Optimizer(sgd(), 1e-3, average=Ema(beta, debias=debias))
        for _ in range(3000):
            optimizer.step(w, np.zeros_like(w))
        with optimizer.averaged(w):
            assert np.array_equal(w, kept)

    @pytest.mark.parametrize("lr", [1e-5, 1e-6])
    def test_drifting_weights_in_float32_are_averaged_to_the_last_digits(self, lr):
        """β = .99999, whose steps are below the last digit of the average: against float64."""
        rng, steps, beta = np.random.default_rng(0), 30000, 0.99999
        w = rng.uniform(0.5, 2.0, 16).astype(np.float32)
        optimizer, path = Optimizer(sgd(), lr, average=Ema(beta, debias=True)), np.empty((steps, 16))
        for row, g in zip(path, rng.standard_normal((steps, 16), np.float32) - np.float32(0.5), strict=True):
            optimizer.step(w, g)
            row[:] = w
        weights = beta ** np.arange(steps - 1, -1, -1.0)
        expected = weights @ path / weights.sum()
        assert abs(w / expected - 1.0).min() > 1e3 * lr
        with optimizer.averaged(w):
            assert w == pytest.approx(expected, rel=2e-7)

    def test_an_exception_swaps_back(self):
        w, optimizer = self.ran()

        def fail():
            with optimizer.averaged(w):
                w[:] = 77.0
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert w.tolist() == [3.0] * 3
        optimizer.step(w, np.ones(3))

    def test_no_step_and_no_second_swap_inside(self):
        w, optimizer = self.ran()
        with optimizer.averaged(w):
            with pytest.raises(RuntimeError, match="averaged weights are swapped in"):
                optimizer.step(w, w)
            with pytest.raises(RuntimeError, match="averaged weights are swapped in"):
                optimizer.averaged(w).__enter__()
        assert w.tolist() == [3.0] * 3

    def test_no_flush_inside(self):
        w, optimizer = np.zeros(1), Optimizer(sgd(), 1.0, average=Ema(0.5), hooks=[Accumulate(2)])
        for _ in range(3):
            optimizer.step(w, np.ones(1))
        with optimizer.averaged(w), pytest.raises(RuntimeError, match="averaged weights are swapped in"):
            optimizer.flush()
        assert optimizer.t == 1
        assert optimizer.flush()
        assert w == -2.0

    def test_a_parameter_that_is_bound_to_another_array_inside_is_named(self):
        w = np.zeros(1)
        params, optimizer = {"w": w}, Optimizer(sgd(), 1.0, average=Ema(UniformGain()))
        for _ in range(2):
            optimizer.step(params, {"w": np.ones(1)})
        with pytest.raises(RuntimeError, match="parameter 'w' was bound to another array inside averaged"):  # noqa: SIM117
            with optimizer.averaged(params):
                params["w"] = 2 * params["w"]
        assert w == -2.0
        optimizer.step({"w": w}, {"w": np.ones(1)})

    def test_there_must_be_an_average(self):
        with pytest.raises(ValueError, match="construct the optimizer with average="):
            Optimizer(sgd(), 1.0).averaged(np.ones(1)).__enter__()
        with pytest.raises(ValueError, match="before the first step"):
            Optimizer(sgd(), 1.0, average=Ema(0.5)).averaged(np.ones(1)).__enter__()

    @pytest.mark.parametrize("name", RULES)
    def test_averaging_changes_no_weight(self, name):
        leaves = leaves_of(np.float32, (30,), (9000,))
        (one, _), (two, _) = run(RULES[name], leaves), run(RULES[name], leaves, average=Ema(0.9))
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_importing_needs_neither_numba_nor_pandas():
    code = (
        "import optimlab.optimizer, sys; print([m for m in ('numba', 'pandas', 'scipy', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_gradient_of_a_0d_array_may_be_a_numpy_scalar():
    w = np.array(1.0)
    Optimizer(sgd(), 0.25).step({"w": w}, {"w": 2 * w})
    assert w == 0.5


@pytest.mark.parametrize("size", [3, 20000])
def test_each_gradient_may_be_the_other_parameter(size):
    x, y = np.ones(size), np.full(size, 2.0)  # of x · y: both gradients are those before the step
    Optimizer(sgd(), 0.5).step([x, y], [y, x])
    assert (x == 0.0).all()
    assert (y == 1.5).all()


@pytest.mark.parametrize("size", [4, 20000])
def test_an_optimizer_and_its_copy_go_their_own_ways(size):
    w, generator = np.zeros(size), np.random.default_rng(0)
    optimizer, gradients = Optimizer(adam(), 0.1, average=Ema(0.5)), generator.standard_normal((4, size))
    for g in gradients[:2]:
        optimizer.step(w, g)
    twin, v = copy.deepcopy((optimizer, w))
    assert np.array_equal(twin.state["params"]["ema"], optimizer.state["params"]["ema"])
    for g in gradients[2:]:
        optimizer.step(w, g)
    at_end = w.copy()
    for g in gradients[2:]:
        twin.step(v, g)
    assert same(([w], optimizer), ([v], twin))
    assert np.array_equal(w, at_end)
    with optimizer.averaged(w), twin.averaged(v):
        assert np.array_equal(w, v)


@pytest.mark.parametrize("size", [4, 20000])
@pytest.mark.parametrize("changed", ["parameter", "gradient"])
def test_a_shape_changed_in_place_is_refused_and_nothing_moves(changed, size):
    w, g = np.zeros(size), np.ones(size)
    optimizer = Optimizer(momentum(), 0.1)
    optimizer.step(w, g)
    kept = w.copy()
    {"parameter": w, "gradient": g}[changed].resize((2, size // 2), refcheck=False)
    with pytest.raises(ValueError, match=rf"{changed} 'params' must have shape \({size},\)"):
        optimizer.step(w, g)
    assert np.array_equal(w.ravel(), kept)
    assert optimizer.t == 1
    assert (optimizer.state["params"]["ema"] == 1.0 - 0.9).all()


def test_a_large_parameter_that_became_read_only_is_refused():
    w, g = np.zeros(20000), np.ones(20000)
    optimizer = Optimizer(sgd(), 0.1)
    optimizer.step(w, g)
    with pytest.raises(ValueError, match="parameter 'params' must be writable"):
        optimizer.step(read_only(w), g)
    assert (w == -0.1).all()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_gradients_of_a_subclass_are_plain_arrays_to_hooks():
    w, clip = np.zeros((2, 3)), ClipNorm(1.0)
    Optimizer(sgd(), 1.0, hooks=[clip]).step(w, np.matrix(np.ones((2, 3))))
    assert clip.norm == pytest.approx(6**0.5)


class HalvesInPlace:
    def before(self, step):
        step.lr *= 0.5


def test_a_hook_that_writes_to_the_lr_changes_this_step_only():
    optimizer, w = Optimizer(sgd(), [1.0, 2.0], replicas=2, hooks=[HalvesInPlace()]), np.zeros((2, 1))
    for _ in range(3):
        optimizer.step(w, np.ones((2, 1)))
        assert optimizer.lr.tolist() == [0.5, 1.0]
    optimizer.lr[:] = 9.0
    assert optimizer.lr.tolist() == [0.5, 1.0]


class Writing(Rule):
    @staticmethod
    def formula(x, w, state, c):
        w *= c[0]
        return x + w, state

    def coefficients(self, t):
        return (0.5,)


class Mean(Rule):
    @staticmethod
    def formula(x, w, state, c):
        return x - x.mean(), state


class Sorted(Rule):
    slots = ("sorted",)

    @staticmethod
    def formula(x, w, state, c):
        return x, (np.sort(x),)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Writing(), "must not write to what it is given"),
        (sgd() + Writing(), "must not write to what it is given"),
        (Mean(), "must be elementwise"),
        (Sorted(), "must be elementwise"),
    ],
)
def test_a_formula_that_is_not_pure_and_elementwise_is_refused(rule, message):
    with pytest.raises(TypeError, match=message):
        Optimizer(rule, 0.1)


class Sets:
    """A hook that sets attributes of the step."""

    def __init__(self, **values):
        self.values = values

    def before(self, step):
        for name, value in self.values.items():
            setattr(step, name, value)


def refused(error, message, *hooks, **options):
    """See that a step with these hooks is refused and that nothing has moved."""
    w, optimizer = np.ones(3), Optimizer(momentum(), 0.1, hooks=hooks, average=Ema(0.9), **options)
    for hook in hooks:
        hook.values, held = {}, hook.values
        optimizer.step(w, np.ones(3))
        hook.values = held
    before = w.copy(), optimizer.state_dict()
    with pytest.raises(error, match=re.escape(message)):
        optimizer.step(w, np.ones(3))
    assert np.array_equal(w, before[0])
    assert all(np.array_equal(before[1][key], array) for key, array in optimizer.state_dict().items())


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_a_factor_that_is_not_finite_is_refused(scale, known):
    class Knows(Sets):
        def before(self, step):
            super().before(step)
            step.checked = step.gradients if known else None

    message = f"the factor that hooks put on the gradients at step 2 is {scale}; it must be finite"
    refused(FloatingPointError, message, Knows(scale=scale))


@pytest.mark.parametrize(
    ("lr", "error", "message"),
    [
        (-0.1, ValueError, "lr, set by a hook, must be at least 0 and finite; got -0.1"),
        (np.nan, ValueError, "lr, set by a hook, must be at least 0 and finite; got nan"),
        (np.inf, ValueError, "lr, set by a hook, must be at least 0 and finite; got inf"),
        ("fast", TypeError, "lr, set by a hook, must be at least 0 and finite; got 'fast'"),
        (True, TypeError, "lr, set by a hook, must be at least 0 and finite; got True"),
        (np.array([0.1, 0.2]), ValueError, "lr has a hyperparameter of shape (2,); it must be a number without"),
    ],
)
def test_an_lr_that_a_hook_sets_is_checked(lr, error, message):
    refused(error, message, Sets(lr=lr))


@pytest.mark.parametrize("lr", [0, 0.25, np.float32(0.25), np.array(0.25)])
def test_a_hook_may_set_any_number_as_lr(lr):
    w, optimizer = np.zeros(2), Optimizer(sgd(), 1.0, hooks=[Sets(lr=lr)])
    optimizer.step(w, np.ones(2))
    assert w.tolist() == [-float(lr)] * 2
    assert type(optimizer.lr) is float


def test_a_step_was_checked_only_if_its_gradients_are_those_that_were():
    """A hook's proof that its gradients are finite is none for those that a later hook puts in their place."""

    class Spoils:
        def before(self, step):
            assert step.checked is step.gradients
            step.gradients = (np.array([1.0, np.nan]),)

    w = np.zeros(2)
    optimizer = Optimizer(sgd(), 1.0, hooks=[ClipNorm(1.0), Spoils()])
    with pytest.raises(FloatingPointError, match=r"gradient 'params' is nan at index \(1,\) in step 1"):
        optimizer.step(w, np.ones(2))
    assert not w.any()


def test_the_first_gradient_that_is_not_finite_is_named_in_the_order_of_the_leaves():
    large, small = np.full((2, 9000), np.inf), np.array([np.nan])
    params = [np.zeros((2, 9000)), np.zeros(1)]
    with pytest.raises(FloatingPointError, match=r"gradient '0' is inf at index \(0, 0\)"):
        Optimizer(sgd(), 1.0).step(params, [large, small])


@pytest.mark.parametrize("skip", [True, np.True_, np.array(True)])
def test_a_hook_may_skip_in_any_form(skip):
    seen, w = Seen(), np.zeros(2)
    optimizer = Optimizer(sgd(), 1.0, hooks=[Sets(skip=skip), seen])
    optimizer.step(w, np.ones(2))
    assert not w.any()
    assert optimizer.t == 0
    assert not seen.steps


def two_points(k):
    return 0.5 / (k + 1)


REBUILT = {
    "Optimizer(Ema(0.9), 0.1)": lambda: Optimizer(momentum(), 0.1),
    "Optimizer(Gradient(), (0.5,), replicas=1)": lambda: Optimizer(Gradient(), [0.5], replicas=1),
    "Optimizer(Gradient(), (0.5, 0.25), replicas=2)": lambda: Optimizer(Gradient(), np.array([0.5, 0.25]), replicas=2),
    "Optimizer(Gradient(), 1.0, hooks=(ClipNorm(max_norm=2.0),))": lambda: Optimizer(sgd(), 1, hooks=[ClipNorm(2)]),
    "Optimizer(Gradient(), 0.1, average=Ema(0.5, debias=True), engine='numpy', check_finite=False)": lambda: Optimizer(
        sgd(), 0.1, average=Ema(0.5, debias=True), engine="numpy", check_finite=False
    ),
    "Optimizer(Gradient(), 0.1)": lambda: Optimizer(
        sgd(), 0.1, hooks=[], average=None, engine="auto", check_finite=True, replicas=None
    ),
}


@pytest.mark.parametrize("text", REBUILT)
def test_the_repr_is_the_shortest_call_that_rebuilds_it(text):
    optimizer = REBUILT[text]()
    assert repr(optimizer) == text
    assert repr(eval(text)) == text


def test_the_repr_of_an_optimizer_with_a_schedule_shows_it():
    assert repr(Optimizer(sgd(), two_points)) == f"Optimizer(Gradient(), {two_points!r})"


@pytest.mark.parametrize("lr", [0.25, lambda k: 0.25, np.float32(0.25)])
def test_an_lr_that_is_assigned_is_that_of_the_next_update(lr):
    w, optimizer = np.zeros(1), Optimizer(sgd(), 1.0)
    optimizer.step(w, np.ones(1))
    optimizer.lr = lr
    assert optimizer.lr == 0.25
    optimizer.step(w, np.ones(1))
    assert (w, optimizer.lr) == (-1.25, 0.25)


@pytest.mark.parametrize("given", ["no", 1, None])
def test_whether_gradients_are_checked_is_true_or_false(given):
    with pytest.raises(TypeError, match="check_finite must be True or False; got"):
        Optimizer(sgd(), 1.0, check_finite=given)
    optimizer = Optimizer(sgd(), 1.0, check_finite=np.bool_(True))
    with pytest.raises(TypeError, match="check_finite must be True or False; got"):
        optimizer.check_finite = given
    assert optimizer.check_finite is True


def test_an_lr_that_is_assigned_may_be_one_for_each_replica():
    w, optimizer = np.zeros((2, 1)), Optimizer(sgd(), 1.0, replicas=2)
    optimizer.lr = [1.0, 2.0]
    optimizer.step(w, np.ones((2, 1)))
    assert w.tolist() == [[-1.0], [-2.0]]


@pytest.mark.parametrize(
    ("lr", "error"), [(-1.0, ValueError), ("a", TypeError), ([1.0, 2.0], ValueError), (0, ValueError)]
)
def test_an_lr_that_is_assigned_is_checked(lr, error):
    optimizer = Optimizer(sgd(), 1.0)
    with pytest.raises(error, match=r"^lr "):
        optimizer.lr = lr
    assert optimizer.lr == 1.0


@pytest.mark.parametrize("size", [1, 20000])
@pytest.mark.parametrize("engine", ["numpy", "fused"])
def test_hooks_that_are_assigned_are_called_and_seen_by_the_average(size, engine):
    w = np.zeros(size)
    optimizer = Optimizer(sgd(), 1.0, average=Ema(UniformGain()), engine=engine_of(engine))
    for hooks, expected in (([], 1.0), ([ClipValue(0.25)], 1.25), ([Project(Box(0.0, 1.0))], 1.0), ((), 2.0)):
        optimizer.hooks = hooks
        assert optimizer.hooks == tuple(hooks)
        optimizer.step(w, -np.ones(size))
        assert (w == expected).all()
    with optimizer.averaged(w):
        assert w == pytest.approx(np.full(size, 5.25 / 4))


@pytest.mark.parametrize("hooks", [[3], ClipNorm(1.0), [ClipNorm([1.0, 2.0])], [ClipNorm]])
def test_hooks_that_are_assigned_are_checked(hooks):
    optimizer = Optimizer(sgd(), 1.0, hooks=[ClipValue(1.0)])
    kept = optimizer.hooks
    with pytest.raises((TypeError, ValueError), match=r"hook|ClipNorm.max_norm has"):
        optimizer.hooks = hooks
    assert optimizer.hooks is kept


def test_the_check_of_gradients_may_be_turned_off_and_on():
    for replicas in (None, 1):
        w, optimizer = np.zeros((1, 2)), Optimizer(sgd(), 1.0, replicas=replicas)
        optimizer.check_finite = False
        optimizer.step(w, np.array([[np.inf, 1.0]]))
        assert w.tolist() == [[-np.inf, -1.0]]
        optimizer.check_finite = True
        if replicas is None:
            with pytest.raises(FloatingPointError, match="gradient 'params' is nan"):
                optimizer.step(w, np.array([[np.nan, 1.0]]))
        else:
            optimizer.step(w, np.array([[np.nan, 1.0]]))
            assert optimizer.diverged.all()


@pytest.mark.parametrize(
    ("shape", "strides", "refused"),
    [
        ((4, 3), (8, 8), True), ((3,), (0,), True), ((2, 2), (16, 24), False), ((2, 3), (8, 16), False),
        ((3, 2), (16, 8), False), ((2, 2, 2), (8, 24, 16), True), ((1, 3), (0, 8), False), ((3,), (-16,), False),
    ],
)  # fmt: skip
def test_a_parameter_whose_numbers_share_memory_is_refused(shape, strides, refused):
    base = np.zeros(12)
    w = np.lib.stride_tricks.as_strided(base[8:] if strides[0] < 0 else base, shape, strides)
    opt = Optimizer(sgd(), 1.0)
    if refused:
        with pytest.raises(
            ValueError, match=r"parameter 'w' has numbers that share memory; pass a copy, np\.array\(w\)"
        ):
            opt.step({"w": w}, {"w": np.ones(shape)})
        w = np.array(w)
    opt.step({"w": w}, {"w": np.ones(shape)})
    assert (w == -1.0).all()


@pytest.mark.parametrize("name", ["t", "state", "best", "diverged"])
def test_what_is_read_says_what_sets_it(name):
    opt = Optimizer(sgd(), 1.0)
    with pytest.raises(
        AttributeError, match=rf"^{name} cannot be assigned; (load_state_dict|it is what the hook Early)"
    ):
        setattr(opt, name, 3)
    assert opt.t == 0


@pytest.mark.parametrize(
    ("name", "given"), [("rule", -sgd()), ("average", Ema(0.5)), ("engine", "numpy"), ("replicas", 3)]
)
@pytest.mark.parametrize("steps", [0, 1])
def test_what_cannot_change_says_what_to_do_instead(name, given, steps):
    old, w = Optimizer(momentum(), 1.0), np.ones(1)
    for _ in range(steps):
        old.step(w, np.ones(1))
    with pytest.raises(AttributeError, match=rf"^{name} cannot be changed; make a new Optimizer"):
        setattr(old, name, given)
    assert getattr(old, name) == getattr(Optimizer(momentum(), 1.0), name)
    if name == "engine" and steps:  # the remedy
        new, v = Optimizer(momentum(), 1.0, engine="numpy"), w.copy()
        new.load_state_dict(old.state_dict())
        new.step(v, np.ones(1))
        old.step(w, np.ones(1))
        assert (v, new.t) == (w, 2)


def test_what_is_no_setting_is_refused():
    optimizer = Optimizer(sgd(), 1.0)
    for name in ("t", "state", "diverged", "learning_rate"):
        with pytest.raises(AttributeError, match=name):
            setattr(optimizer, name, 1)


@pytest.mark.parametrize(
    ("loss", "error"),
    [(np.array([1.0]), ValueError), ("a", TypeError), (1j, TypeError), (True, TypeError), ([[1.0]], ValueError)],
)
@pytest.mark.parametrize("make", [list, lambda: [Plateau(0.5, patience=3)], lambda: [Accumulate(2), Plateau(0.5)]])
def test_a_loss_is_checked_at_once_and_leaves_no_trace(make, loss, error):
    w, optimizer = np.zeros(1), Optimizer(sgd(), 1.0, hooks=make())
    optimizer.step(w, np.ones(1), loss=3.0)
    optimizer.step(w, np.ones(1), loss=2)
    before = optimizer.state_dict(), w.copy()
    with pytest.raises(error, match=r"^loss must be a"):
        optimizer.step(w, np.ones(1), loss=loss)
    assert all(np.array_equal(before[0][key], x) for key, x in optimizer.state_dict().items())
    assert w == before[1]
    optimizer.step(w, np.ones(1), loss=np.float32(1.0))


def test_a_loss_of_replicas_is_a_number_or_one_for_each():
    seen = []

    class Sees:
        def before(self, step):
            seen.append(step.loss)

    w, optimizer = np.zeros((2, 1)), Optimizer(sgd(), 1.0, replicas=2, hooks=[Sees()])
    for loss in (1, [1.0, 2.0], np.array([np.nan, np.inf])):
        optimizer.step(w, np.ones((2, 1)), loss=loss)
    assert seen[0] == 1.0
    assert seen[1].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"loss must be a number or of shape \(2,\); got shape \(3,\)"):
        optimizer.step(w, np.ones((2, 1)), loss=[1.0, 2.0, 3.0])
