"""Methods of three sequences: the formulas, released implementations, and what must be true of any of them."""

import copy
import pickle

import numpy as np
import pytest

from optimlab import (
    Ema,
    FirstValueGain,
    Lookahead,
    Optimizer,
    Points,
    UniformGain,
    WeightDecay,
    WeightedGain,
    Weights,
    adam,
    adamw,
    gpa,
    look_ahead,
    nesterov,
    schedule_free,
    sgd,
)
from optimlab.conventions import schedulefree
from tests.hooks.steps import Skipping, averages, close, drawn, run

PROBE = np.array([[0.5, -1], [-0.25, 2], [1, 0.1], [0.3, -0.4], [-0.2, 0.6]])
METHODS = [
    schedule_free(0.8),
    gpa(0.7, 0.9),
    look_ahead(0.6),
    Points(0.0, FirstValueGain(0.9)),
    Points(1.0, UniformGain()),
]


class Ramp:
    """A warm-up of n updates: from 1/n, or from 0."""

    def __init__(self, lr, n, first):
        self.lr, self.n, self.first = lr, n, first

    def __call__(self, k):
        return self.lr * np.minimum((k + self.first) / self.n, 1.0)


class Rounded(Ramp):
    """The same as optax's ``warmup_constant_schedule`` computes it: in float32, whatever the parameters."""

    def __call__(self, k):
        return np.float32(super().__call__(k)).astype(float)


class After:
    """A function of k at k + 1, squared."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, k):
        return self.rate(k + 1) ** 2


def free_adam(lr, weights=None, beta2=0.999, **options):
    return Optimizer(adamw(0.0, beta2, **options), lr, hooks=[schedule_free(0.9, weights=weights)])


class TestProbeValues:
    """Five steps from (1, -2) that were run with schedulefree 1.4.1, optax 0.2.8 and keras 3.15.1."""

    @pytest.mark.parametrize(
        ("make", "expected"),
        [
            (
                lambda: free_adam(0.1, weight_decay=0.0),
                "0.900000002 -1.900000001 .9347902769 -1.969559671 .8838215029 -1.991626089 "
                ".8494297733 -1.990833957 .8422616898 -2.008452449",
            ),
            (
                lambda: schedulefree.AdamWScheduleFree(0.1, warmup_steps=2),
                ".950000001 -1.95 1.001869138 -2.053707144 .9313582532 -2.067694414 "
                ".8909569682 -2.059510652 .8838603433 -2.0748365",
            ),
            (
                lambda: free_adam(Rounded(0.1, 2, 0.0), After(Rounded(0.1, 2, 0.0)), weight_decay=0.0),
                "1 -2 1.025934569 -2.051853573 .9528934811 -2.060781957 "
                ".9115190409 -2.05065247 .9039072165 -2.064948228",
            ),
            (
                lambda: free_adam(Ramp(0.1, 2, 1.0), weight_decay=0.0),
                ".950000001 -1.95 .9847902759 -2.01955967 .9338215019 -2.041626088 "
                ".8994297723 -2.040833956 .8922616888 -2.058452448",
            ),
        ],
        ids=["all", "warm-up of schedulefree", "warm-up of optax", "warm-up of keras"],
    )
    def test_schedule_free_adamw(self, make, expected):
        found = run(make(), np.array([1.0, -2.0]), PROBE)
        np.testing.assert_allclose(found.ravel(), np.array(expected.split(), float), rtol=1e-9)


@pytest.mark.parametrize("warm_up", [None, 7])
@pytest.mark.parametrize("seed", range(2))
def test_lock_step_with_optax(seed, warm_up):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    rng, gradients = drawn(seed)
    lr, beta, decay, w = rng.uniform(1e-3, 0.3), rng.uniform(0.5, 0.99), rng.uniform(0, 0.1), rng.standard_normal(3)
    rate = lr if warm_up is None else Ramp(lr, warm_up, 0.0)
    weights = None if warm_up is None else After(rate)
    theirs = lr if warm_up is None else lambda k: lr * jax.numpy.minimum(jax.numpy.float64(k) / warm_up, 1.0)
    free = optax.contrib.schedule_free
    with jax.enable_x64(True):
        pairs = {
            free(optax.chain(optax.add_decayed_weights(decay), optax.sgd(theirs)), theirs, beta): sgd()
            + decay * Weights(),
            free(optax.adamw(theirs, 0.0, 0.99, weight_decay=decay), theirs, beta): adamw(
                0.0, 0.99, weight_decay=decay
            ),
        }
        for solver, rule in pairs.items():
            mine, v = Optimizer(rule, rate, hooks=[schedule_free(beta, weights=weights)]), w.copy()
            p = jax.numpy.asarray(w)
            state, update = solver.init(p), jax.jit(solver.update)
            for g in gradients:
                updates, state = update(jax.numpy.asarray(g), state, p)
                p = optax.apply_updates(p, updates)
                mine.step(v, g)
                close(v, p)
            close(averages(mine, v), optax.contrib.schedule_free_eval_params(state, p))


@pytest.mark.parametrize("warm_up", [0, 7])
def test_lock_step_with_keras(warm_up, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    jax = pytest.importorskip("jax")
    keras = pytest.importorskip("keras")
    _, gradients = drawn(5)
    with jax.enable_x64(True):
        variable = keras.Variable(np.array([1.0, -2.0, 3.0]), dtype="float64")
        theirs = keras.optimizers.ScheduleFreeAdamW(0.05, 0.8, 0.99, 1e-6, warmup_steps=warm_up)
        theirs.build([variable])
        rate = Ramp(float(np.float32(0.05)), max(warm_up, 1), 1.0)  # Keras keeps its rate in float32
        mine = Optimizer(adamw(0.0, 0.99, 1e-6, weight_decay=0.0), rate, hooks=[schedule_free(0.8)])
        w = np.array([1.0, -2.0, 3.0])
        for g in gradients:
            theirs.apply([jax.numpy.asarray(g)], [variable])
            mine.step(w, g)
            close(w, variable.value)


@pytest.mark.parametrize("seed", range(2))
def test_lookahead_in_lock_step_with_optax(seed):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    rng, gradients = drawn(seed)
    k, share, w = int(rng.integers(1, 9)), rng.uniform(0.1, 0.9), rng.standard_normal(3)
    with jax.enable_x64(True):
        solver = optax.lookahead(optax.adam(0.1), k, share)
        p = optax.LookaheadParams.init_synced(jax.numpy.asarray(w))
        state, mine, update = (
            solver.init(p),
            Optimizer(adam(), 0.1, hooks=[Lookahead(k, share=share)]),
            jax.jit(solver.update),
        )
        for g in gradients:
            updates, state = update(jax.numpy.asarray(g), state, p)
            p = optax.apply_updates(p, updates)
            mine.step(w, g)
            close(w, p.fast)
            close(averages(mine, w), p.slow)


class TestFormulas:
    @pytest.mark.parametrize("seed", range(3))
    def test_look_ahead_is_that_of_pennylane(self, seed):
        """a ← μ a + lr g(p - μ a), p ← p - a, with an lr that changes."""
        rng, noise = drawn(seed)
        mu, rates = rng.uniform(0.1, 0.99), rng.uniform(0.01, 0.1, 200)
        curvature = np.array([0.1, 1.0, 2.0])
        y = np.array([1.0, -2.0, 3.0])
        p, a = y.copy(), np.zeros(3)
        optimizer = Optimizer(sgd() / (1 - mu), lambda k: rates[k], hooks=[look_ahead(mu)])
        for lr, e in zip(rates, noise, strict=True):
            optimizer.step(y, curvature * y + e)
            a = mu * a + lr * (curvature * (p - mu * a) + e)
            p = p - a
            close(averages(optimizer, y), p)
            close(y, p - mu * a)

    def test_with_a_constant_rate_its_y_is_nesterov_as_torch_has_it(self):
        w, y = np.array([1.0, -2.0]), np.array([1.0, -2.0])
        shifted = Optimizer(nesterov(0.8), 0.1)
        ahead = Optimizer(sgd() / (1 - 0.8), 0.1, hooks=[look_ahead(0.8)])
        for _ in range(50):
            shifted.step(w, w * [1, 3])
            ahead.step(y, y * [1, 3])
            close(y, w)

    def test_gpa(self):
        _, gradients = drawn(0)
        optimizer, w = Optimizer(sgd(), 0.1, hooks=[gpa(0.8, 0.95)]), np.ones(3)
        z = x = np.ones(3)
        for g in gradients:
            optimizer.step(w, g)
            z = z - 0.1 * g
            x = 0.95 * x + (1 - 0.95) * z
            close(w, 0.8 * x + (1 - 0.8) * z)
            close(averages(optimizer, w), x)

    def test_gpa_with_a_share_of_0_is_the_plain_rule_with_an_average(self):
        _, gradients = drawn(1)
        w, v = np.ones(3), np.ones(3)
        ours = Optimizer(adam(), 0.1, hooks=[gpa(0.0, 0.9)])
        plain = Optimizer(adam(), 0.1, average=Ema(0.9, first=1.0))
        for g in gradients:
            ours.step(w, g)
            plain.step(v, g)
        close(w, v)
        close(averages(ours, w), averages(plain, v))

    def test_weights_that_are_equal_are_no_weights(self):
        _, gradients = drawn(2)
        w, v = np.ones(3), np.ones(3)
        run(Optimizer(sgd(), 0.1, hooks=[schedule_free(weights=lambda k: 3.0)]), w, gradients)
        run(Optimizer(sgd(), 0.1, hooks=[schedule_free()]), v, gradients)
        close(w, v, 1e-14)

    def test_in_float32_the_average_follows_steps_below_its_last_digit(self):
        w = np.ones(1, np.float32)
        optimizer = Optimizer(sgd(), 1.0, hooks=[Points(0.0, WeightedGain(lambda k: 1.0 if k == 0 else 1e-9))])
        optimizer.step(w, np.zeros(1, np.float32))
        optimizer.step(w, np.ones(1, np.float32))  # z = 0, x = 1 - 1e-9 k
        for _ in range(400):
            optimizer.step(w, np.zeros(1, np.float32))
        np.testing.assert_allclose(averages(optimizer, w), 1 - 401e-9, rtol=6e-8)
        assert averages(optimizer, w) < 1


@pytest.mark.parametrize("hook", METHODS, ids=repr)
class TestEveryMethod:
    def test_a_leaf_without_a_gradient_waits(self, hook):
        there = "1001101"
        params, alone = {"a": np.ones(2), "b": np.ones(3)}, np.ones(3)
        together = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)])
        single = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)])
        for k, mark in enumerate(there):
            g = np.sin(k + np.arange(3.0))
            together.step(params, {"a": np.ones(2), "b": g if mark == "1" else None})
            if mark == "1":
                single.step(alone, g)
        assert np.array_equal(params["b"], alone)
        with together.averaged(params), single.averaged(alone):
            assert np.array_equal(params["b"], alone)

    def test_a_leaf_that_comes_later_begins_then(self, hook):
        params, alone = {"a": np.ones(2)}, np.ones(3)
        together, single = (Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)]) for _ in range(2))
        for _ in range(3):
            together.step(params, {"a": np.ones(2)})
        params["b"] = np.ones(3)
        together.adopt(params)
        with together.averaged(params):
            assert params["b"].tolist() == [1, 1, 1]
        for k in range(4):
            together.step(params, {"a": np.ones(2), "b": np.sin(k + np.arange(3.0))})
            single.step(alone, np.sin(k + np.arange(3.0)))
        assert np.array_equal(params["b"], alone)
        del params["a"]
        together.adopt(params)
        together.step(params, {"b": np.ones(3)})
        assert np.array_equal(params["b"], single.step(alone, np.ones(3)))

    def test_groups_are_optimizers_of_their_own(self, hook):
        params, w, v = {"a": np.ones(2), "b": np.ones(2)}, np.ones(2), np.ones(2)
        both = Optimizer({"a": sgd(), "b": adam()}, {"a": 0.1, "b": 0.2}, hooks=[copy.deepcopy(hook)])
        one, two = (
            Optimizer(sgd(), 0.1, hooks=[copy.deepcopy(hook)]),
            Optimizer(adam(), 0.2, hooks=[copy.deepcopy(hook)]),
        )
        for k in range(5):
            g = np.sin(k + np.arange(2.0))
            both.step(params, {"a": g, "b": 2 * g})
            one.step(w, g)
            two.step(v, 2 * g)
        assert np.array_equal(params["a"], w)
        assert np.array_equal(params["b"], v)

    @pytest.mark.parametrize("way", ["pickle", "deepcopy", "state_dict"])
    def test_averages_travel(self, hook, way):
        first, w = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)]), np.ones(3)
        run(first, w, drawn(3)[1][:5])
        if way == "state_dict":
            second = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)])
            second.hooks = [type(hook)(hook.share, hook.gain)]
            second.load_state_dict(first.state_dict(), w)
        else:
            second = pickle.loads(pickle.dumps(first)) if way == "pickle" else copy.deepcopy(first)
        v = w.copy() if way != "state_dict" else w
        assert np.array_equal(averages(second, v), averages(first, w))

    def test_with_replicas_one_that_diverges_stays(self, hook):
        w = np.ones((2, 2))
        optimizer = Optimizer(sgd(), 0.1, hooks=[copy.deepcopy(hook)], replicas=2)
        optimizer.step(w, np.ones((2, 2)))
        before, mean = w[0].copy(), averages(optimizer, w)[0]
        for _ in range(3):
            optimizer.step(w, np.array([[np.nan, 1.0], [1.0, 1.0]]))
        assert np.array_equal(w[0], before)
        assert np.array_equal(averages(optimizer, w)[0], mean)
        assert np.isfinite(w).all()

    def test_a_step_that_is_refused_leaves_no_trace(self, hook):
        optimizer, w = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)]), np.ones(2)
        run(optimizer, w, [[1.0, 2.0], [0.5, -1.0]])
        kept = optimizer.state_dict()
        with pytest.raises(FloatingPointError, match="is nan"):
            optimizer.step(w, np.array([1.0, np.nan]))
        assert all(np.array_equal(kept[key], x) for key, x in optimizer.state_dict().items())

    def test_skipped_steps_do_not_count(self, hook):
        marks, gradients = [False, True, False, True, False], drawn(4)[1][:5]
        skipping = Optimizer(adam(), 0.1, hooks=[Skipping(marks), copy.deepcopy(hook)])
        plain = Optimizer(adam(), 0.1, hooks=[copy.deepcopy(hook)])
        found = run(skipping, np.ones(3), gradients)
        assert np.array_equal(found[[0, 2, 4]], run(plain, np.ones(3), gradients[[0, 2, 4]]))


class TestAveraged:
    def test_the_average_of_the_optimizer_comes_first(self):
        w = np.zeros(1)
        optimizer = Optimizer(sgd(), 1.0, hooks=[Lookahead(5)], average=Ema(UniformGain()))
        run(optimizer, w, [[-1.0], [-1.0]])
        assert averages(optimizer, w) == 1.5
        assert averages(optimizer, w) != run(Optimizer(sgd(), 1.0), np.zeros(1), [[-1.0]])[0]

    def test_the_first_hook_that_has_one_is_read(self):
        w = np.zeros(1)
        optimizer = Optimizer(sgd(), 1.0, hooks=[WeightDecay(0.0), Lookahead(5), schedule_free()])
        run(optimizer, w, [[-1.0], [-1.0]])
        assert averages(optimizer, w) == 0

    def test_without_any_it_says_what_has_one(self):
        w, optimizer = np.zeros(1), Optimizer(sgd(), 1.0)
        optimizer.step(w, np.ones(1))
        with pytest.raises(
            ValueError, match=r"there is no average; .*average=Ema.*or with a hook such as Lookahead\(\)"
        ):
            averages(optimizer, w)
        for remedy in ({"average": Ema(0.999, debias=True)}, {"hooks": [Lookahead()]}):
            averages(run_one(Optimizer(sgd(), 1.0, **remedy)), np.zeros(1))

    def test_before_the_first_step_there_is_none(self):
        with pytest.raises(ValueError, match="no average before the first step"):
            averages(Optimizer(sgd(), 1.0, hooks=[schedule_free()]), np.zeros(1))

    def test_arrays_of_other_leaves_are_refused_and_the_parameters_stay(self):
        w, optimizer = np.zeros(2), Optimizer(sgd(), 1.0, hooks=[Lookahead()])
        optimizer.step(w, np.ones(2))
        optimizer.hooks[0].load_state({"params": np.zeros(3)})
        with pytest.raises(ValueError, match="broadcast"):
            averages(optimizer, w)
        assert w.tolist() == [-1, -1]


def run_one(optimizer):
    optimizer.step(np.zeros(1), np.ones(1))
    return copy.deepcopy(optimizer)


class TestBadInput:
    def test_what_is_not_a_gain(self):
        with pytest.raises(TypeError, match=r"gain must be a Gain such as UniformGain\(\); got 0.9"):
            Points(0.5, 0.9)

    def test_weights_that_are_no_function(self):
        with pytest.raises(TypeError, match=r"schedule must be a function of k = t - 1; got 2\.0"):
            schedule_free(weights=2.0)

    def test_rows_are_refused(self):
        optimizer = Optimizer(sgd(), 1.0, hooks=[schedule_free()])
        with pytest.raises((TypeError, ValueError), match="Points"):
            optimizer.step_rows(np.zeros((3, 2)), [0], np.ones((1, 2)))

    def test_weights_below_0_are_refused_before_anything_moves(self):
        optimizer, w = Optimizer(sgd(), 1.0, hooks=[schedule_free(weights=lambda k: 1.0 - k)]), np.zeros(1)
        run(optimizer, w, [[1.0], [1.0]])
        kept = optimizer.state_dict()
        with pytest.raises(ValueError, match="schedule, from its schedule at k = 2, must be at least 0"):
            optimizer.step(w, np.ones(1))
        assert all(np.array_equal(kept[key], x) for key, x in optimizer.state_dict().items())
