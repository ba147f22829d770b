"""Rows of tables: only they move; the state of the others waits, or fades as if their gradients had been zeros."""

import copy

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Box,
    ClipNorm,
    Constant,
    Decay,
    EarlyStop,
    Ema,
    Gradient,
    Lookahead,
    Optimizer,
    Project,
    Root,
    Square,
    Trace,
    UniformGain,
    WarmUpGain,
    WeightDecay,
    Weights,
    adam,
    adamw,
    heavy_ball,
    momentum,
    rmsprop,
    sgd,
)
from optimlab.recurrence.gains import FirstValueGain

RULES = {
    "sgd": sgd(),
    "momentum": momentum(0.9),
    "forgets": Ema(0.0),
    "heavy ball": heavy_ball(0.9),
    "adagrad": Gradient() / (Square() | Trace(1.0) + 1e-8 | Root()),
    "rmsprop": rmsprop(),
    "adam": adam(),
    "adamw": adamw(),
    "long": Ema(Decay(alpha=1e-6), debias=True),
    "uniform": Ema(UniformGain()) + Gradient(),
    "first": Ema(FirstValueGain(0.5)),
    "endless": Ema(Decay(com=np.inf), debias=True),
}
COUNT, WIDTH = 30, 3


def batches(seed, count=12, dtype=float):
    """Rows that repeat, now and then none, and their gradients."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        rows = rng.integers(0, COUNT, (k * 5) % 11)
        yield rows, rng.normal(size=(len(rows), WIDTH)).astype(dtype)


def dense(rows, g):
    full = np.zeros((COUNT, WIDTH), g.dtype)
    np.add.at(full, rows, g)
    return full


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("name", RULES)
def test_what_fades_is_the_state_after_zeros(name, engine):
    """The state is that of whole steps; so is what each seen row moves by."""
    if engine == "fused":
        pytest.importorskip("numba")
    rule, start = RULES[name], np.random.default_rng(1).normal(size=(COUNT, WIDTH))
    table, whole = start.copy(), start.copy()
    ours, theirs = (Optimizer(rule, 0.1, engine=engine) for _ in range(2))
    for rows, g in batches(0):
        before = whole.copy()
        theirs.step(whole, dense(rows, g))
        others = np.setdiff1d(np.arange(COUNT), rows)
        whole[others] = before[others]  # only rows that are seen move
        assert ours.step_rows(table, rows, g, others="decay") is table
        assert table == pytest.approx(whole, rel=1e-12, abs=1e-14)
    assert ours.t == theirs.t == 12
    for slot, held in theirs.state["params"].items():
        assert ours.state["params"][slot] == pytest.approx(held, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", RULES)
def test_what_waits_is_as_it_was(name):
    rule = RULES[name]
    table, opt = np.ones((COUNT, WIDTH)), Optimizer(rule, 0.1)
    opt.step(table, np.ones((COUNT, WIDTH)))
    before, state = table.copy(), {slot: x.copy() for slot, x in opt.state["params"].items()}
    opt.step_rows(table, np.array([4, 2, 4]), np.ones((3, WIDTH)))
    others = np.setdiff1d(np.arange(COUNT), [2, 4])
    assert np.array_equal(table[others], before[others])
    assert all(np.array_equal(opt.state["params"][slot][others], x[others]) for slot, x in state.items())
    alone, seen = Optimizer(rule, 0.1), np.ones((2, WIDTH))
    alone.step(seen, np.ones((2, WIDTH))), alone.step(seen, np.array([[1.0] * WIDTH, [2.0] * WIDTH]))
    assert table[[2, 4]] == pytest.approx(seen, rel=1e-14)


def test_it_is_what_torch_does_once_the_correction_is_gone():
    """torch lets the moments before their correction wait; the correction is 1 after so many steps over all rows."""
    torch = pytest.importorskip("torch")
    table = np.random.default_rng(0).normal(size=(COUNT, WIDTH))
    tensor = torch.nn.Parameter(torch.from_numpy(table.copy()))
    theirs, ours = torch.optim.SparseAdam([tensor], lr=0.1, betas=(0.5, 0.6)), Optimizer(adam(0.5, 0.6), 0.1)
    whole = [(np.arange(COUNT), np.random.default_rng(k).normal(size=(COUNT, WIDTH))) for k in range(80)]
    for rows, g in [*whole, *batches(3)]:
        grad = torch.sparse_coo_tensor(rows[np.newaxis], torch.from_numpy(g), (COUNT, WIDTH), check_invariants=True)
        tensor.grad = grad
        theirs.step()
        ours.step_rows(table, rows, g)
    assert table == pytest.approx(tensor.detach().numpy(), rel=1e-6)  # its eps is not corrected in the first steps


@pytest.mark.parametrize("others", ["wait", "decay"])
@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 2), (9000, 2), (COUNT, 2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_of_any_shape_and_memory(others, shape, order, dtype):
    rng = np.random.default_rng(0)
    start = np.asarray(rng.normal(size=shape), dtype, order=order)
    table, small = start.copy(order=order), start[:COUNT].copy()
    tables, smalls = {"a": table, "bias": np.zeros(2, dtype)}, {"a": small, "bias": np.zeros(2, dtype)}
    ours, theirs = Optimizer(adam(), 0.1), Optimizer(adam(), 0.1)
    for _ in range(5):
        rows = rng.integers(0, COUNT, 8)
        g = {"a": rng.normal(size=(8, *shape[1:])).astype(dtype), "bias": np.ones((1,), dtype)}
        for opt, held in ((ours, tables), (theirs, smalls)):
            opt.step_rows(held, {"a": rows, "bias": np.array([1])}, g, others=others)
    assert table[:COUNT] == pytest.approx(small, rel=1e-6)
    assert np.array_equal(table[COUNT:], start[COUNT:])
    assert tables["bias"][0] == 0.0
    assert tables["bias"][1] == pytest.approx(-0.5)


def test_whole_steps_and_rows_in_turn():
    rule, start = adam(), np.ones((COUNT, WIDTH))
    table, whole, ours, theirs = start.copy(), start.copy(), Optimizer(rule, 0.1), Optimizer(rule, 0.1)
    for k, (rows, g) in enumerate(batches(5)):
        before = whole.copy()
        theirs.step(whole, dense(rows, g))
        if k % 3 == 2:
            ours.step(table, dense(rows, g))
        else:
            others = np.setdiff1d(np.arange(COUNT), rows)
            whole[others] = before[others]
            ours.step_rows(table, rows, g, others="decay")
        if k == 7:
            ours = copy.copy(ours)
        if k == 9:
            again = Optimizer(rule, 0.1)
            again.load_state_dict(ours.state_dict())
            ours = again
    assert table == pytest.approx(whole, rel=1e-12)


def test_a_leaf_that_was_added_fades_by_its_own_t():
    params, alone = {"a": np.zeros((3, 1))}, {"b": np.zeros((3, 1))}
    ours, theirs = Optimizer(adam(), 0.1), Optimizer(adam(), 0.1)
    for _ in range(4):
        ours.step(params, {"a": np.ones((3, 1))})
    params["b"] = np.zeros((3, 1))
    ours.adopt(params)
    for k in (0, 1, 2, 0, 2, 1, 1, 0):
        one = np.ones((1, 1))
        ours.step_rows(params, {"a": np.array([k]), "b": np.array([k])}, {"a": one, "b": one}, others="decay")
        theirs.step_rows(alone, {"b": np.array([k])}, {"b": one}, others="decay")
    assert np.array_equal(params["b"], alone["b"])
    assert np.array_equal(ours.state["b"]["ema"], theirs.state["b"]["ema"])


def test_leaves_without_rows_wait_or_fade():
    for others, expected in (("wait", 0.5), ("decay", 0.125)):
        params, opt = {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))}, Optimizer(momentum(0.5), 1.0)
        opt.step(params, {"a": np.ones((2, 1)), "b": np.ones((2, 1))})
        for _ in range(2):
            opt.step_rows(params, {"a": np.array([0]), "b": None}, {"a": np.ones((1, 1)), "b": None}, others=others)
        assert opt.state["b"]["ema"].ravel().tolist() == [expected, expected]
        assert opt.state["a"]["ema"].ravel().tolist() == [0.875, {"wait": 0.5, "decay": 0.125}[others]]


def test_hooks_see_the_rows():
    class Sees:
        def before(self, step):
            self.seen = step.names, [g.shape for g in step.gradients], [w.tolist() for w in step.params]

    table, sees = np.zeros((5, 2)), Sees()
    opt = Optimizer(sgd(), {"*": 1.0}, hooks=[ClipNorm(1.0), WeightDecay(0.5), sees])
    opt.step_rows(table, np.array([3, 3]), np.array([[3.0, 0.0], [0.0, 4.0]]))
    assert sees.seen == (("params",), [(1, 2)], [[[0.0, 0.0]]])
    assert table.tolist() == [[0.0, 0.0]] * 3 + [pytest.approx([-0.6, -0.8]), [0.0, 0.0]]
    assert opt.lr == {"*": 1.0}


@pytest.mark.parametrize("others", ["wait", "decay"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_hooks_may_look_at_the_state(others, moment):
    seen, tables, optimizers = [], [], []

    def look(step):
        seen.append(optimizers[0].state["params"]["ema"].sum())

    looks = type("Looks", (), {moment: staticmethod(look)})()
    for hooks in ([looks], []):
        table, opt = np.zeros((COUNT, WIDTH)), Optimizer(momentum(0.5), 1.0, hooks=hooks)
        tables.append(table), optimizers.append(opt)
        for rows, g in batches(3):
            opt.step_rows(table, rows, g, others=others)
    assert seen
    assert tables[0] == pytest.approx(tables[1], rel=1e-14)
    assert optimizers[0].state["params"]["ema"] == pytest.approx(optimizers[1].state["params"]["ema"], rel=1e-14)


def test_frozen_tables_stay():
    params = {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))}
    opt = Optimizer({"a": None, "*": sgd()}, 1.0)
    both = {"a": np.array([0]), "b": np.array([0])}
    opt.step_rows(params, both, {"a": np.ones((1, 1)), "b": np.ones((1, 1))})
    assert params["a"].tolist() == [[0.0], [0.0]]
    assert params["b"].tolist() == [[-1.0], [0.0]]


class TestRefused:
    @pytest.mark.parametrize(
        ("rows", "gradient", "error", "message"),
        [
            (np.array([0, 5]), np.ones((2, 1)), ValueError, r"rows of 'w' must be from 0 to 4; got 0 to 5"),
            (np.array([-1]), np.ones((1, 1)), ValueError, r"rows of 'w' must be from 0 to 4; got -1 to -1"),
            (np.array([0.0]), np.ones((1, 1)), TypeError, r"rows of 'w' must be a 1-D array of integers"),
            (np.array([True] + [False] * 4), np.ones((1, 1)), TypeError, r"np\.flatnonzero\(mask\) makes them"),
            (np.array([[0]]), np.ones((1, 1)), TypeError, r"1-D array of integers; got int64 \(1, 1\)"),
            (
                np.array([0]),
                np.ones((2, 1)),
                ValueError,
                r"gradient 'w', one row for each of rows, must have shape \(1, 1\)",
            ),
            (np.array([0]), np.ones((1, 1), "f4"), TypeError, r"gradient 'w', .* must be float64"),
            (np.array([0]), None, ValueError, r"leaf 'w' has rows but not a gradient"),
            (None, np.ones((1, 1)), ValueError, r"leaf 'w' has a gradient but not rows"),
            (np.array([0]), np.array([[np.nan]]), FloatingPointError, r"gradient 'w' is nan at index \(0, 0\)"),
        ],
    )
    @pytest.mark.parametrize("others", ["wait", "decay"])
    def test_what_is_not_rows(self, rows, gradient, error, message, others):
        params, opt = {"w": np.ones((5, 1))}, Optimizer(momentum(0.5), 1.0)
        opt.step_rows(params, {"w": np.array([1])}, {"w": np.ones((1, 1))}, others=others)
        with pytest.raises(error, match=message):
            opt.step_rows(params, {"w": rows}, {"w": gradient}, others=others)
        assert params["w"].ravel().tolist() == [1.0, 0.5, 1.0, 1.0, 1.0]
        assert opt.t == 1
        opt.step_rows(params, {"w": np.flatnonzero(np.arange(5) == 1)}, {"w": np.ones((1, 1))}, others=others)
        assert params["w"][1] == -0.25

    def test_a_state_that_would_overflow(self):
        table, opt = np.zeros((2, 1), np.float32), Optimizer(adam(), 0.1)
        with pytest.raises(FloatingPointError, match=r"state 'square_ema' of 'params' would be infinite"):
            opt.step_rows(table, np.array([0]), np.array([[2e19]], np.float32))
        assert not table.any()
        assert opt.t == 0

    @pytest.mark.parametrize("hook", [Accumulate(2), Lookahead(), Project(Box(0.0, 1.0)), EarlyStop()])
    def test_hooks_that_need_whole_leaves(self, hook):
        opt, w = Optimizer(sgd(), 1.0, hooks=[hook]), np.zeros((2, 1))
        with pytest.raises(ValueError, match=r"needs whole leaves; use opt\.step with gradients of zeros elsewhere"):
            opt.step_rows(w, np.array([0]), np.ones((1, 1)))
        opt.step(w, np.array([[1.0], [0.0]]))

    def test_averages_and_replicas(self):
        for options, message in (({"average": Ema(0.9)}, "an average"), ({"replicas": 2}, "rows of replicas")):
            with pytest.raises(ValueError, match=message):
                Optimizer(sgd(), 1.0, **options).step_rows(np.zeros((2, 1)), np.array([0]), np.ones((1, 1)))

    @pytest.mark.parametrize(
        ("rule", "part"),
        [
            (Ema(0.9) | Ema(0.5), r"Ema\(0\.5\): what it averages is not 0 where the gradient is"),
            (Gradient() + Weights() | Ema(0.5), r"Ema\(0\.5\): what it averages is not 0"),
            (Ema(0.9) + Gradient() | Ema(0.5), r"Ema\(0\.5\): what it averages is not 0"),
            (Gradient() + (lambda k: float(k > 5)) * Constant(1.0) | Ema(0.5), r"what it averages is not 0"),
            (Square() + 1e-8 | Ema(0.5), r"Ema\(0\.5\): what it averages is not 0"),
            (Ema(lambda k: 0.5), r"it has no closed form"),
            (Ema(WarmUpGain(0.9)), r"it has no closed form"),
            (Trace(lambda k: 0.5), r"it has no closed form"),
        ],
    )
    def test_rules_that_do_not_fade(self, rule, part):
        w, opt = np.zeros((2, 1)), Optimizer(rule, 1.0)
        with pytest.raises(TypeError, match=part):
            opt.step_rows(w, np.array([0]), np.ones((1, 1)), others="decay")
        opt.step_rows(w, np.array([0]), np.ones((1, 1)), others="wait")
        assert opt.t == 1
