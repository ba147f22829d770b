"""Rates from the loss and from distances: the papers' formulas retyped, optax, and what is refused."""

import copy

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    ClipNorm,
    ConstantGain,
    DistanceOverGradients,
    DistanceOverWeightedGradients,
    Ema,
    FirstValueGain,
    LearningRateDecay,
    Momo,
    Optimizer,
    PolyakStep,
    Prodigy,
    Root,
    Square,
    Weights,
    descend,
    linear,
    momo,
    momo_adam,
    sgd,
)

SHAPES = {"a": (3,), "b": (2, 2)}
CURVES = {"a": np.array([0.1, 1.0, 3.0]), "b": np.array([[0.5, 2.0], [1.0, 0.2]])}
NEED_LOSS = [PolyakStep(), momo(), momo_adam()]
EVERY = [*NEED_LOSS, DistanceOverGradients(), DistanceOverWeightedGradients(), Prodigy()]


def problem(seed):
    """Return random numbers, a start, and noise for 200 steps of a quadratic."""
    rng = np.random.default_rng(seed)
    start = {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    return rng, start, [{name: 0.3 * rng.standard_normal(shape) for name, shape in SHAPES.items()} for _ in range(200)]


def noisy(params, noise):
    """The loss ½ Σ h (w - e)² and its gradient."""
    gradients = {name: CURVES[name] * (w - noise[name]) for name, w in params.items()}
    return 0.5 * sum(float((CURVES[x] * (w - noise[x]) ** 2).sum()) for x, w in params.items()), gradients


def copied(params):
    return {name: w.copy() for name, w in params.items()}


def flat(params):
    return np.concatenate([np.ravel(params[name]) for name in sorted(params)])


def close(found, expected, rtol=1e-11):
    scale = np.max(np.abs(flat(expected)))
    np.testing.assert_allclose(flat(found) / scale, flat(expected) / scale, rtol=0, atol=rtol)


def pairs(optax, rng):
    """What both systems call by their names, with random numbers: solver, hook, rule, learning rate."""
    lr, beta1, beta2, eps = (
        rng.uniform(0.1, 1),
        rng.uniform(0.5, 0.95),
        rng.uniform(0.9, 0.999),
        10 ** rng.uniform(-8, -3),
    )
    lowest, decay, first = -rng.uniform(0, 0.3), rng.uniform(0, 0.1), 10 ** rng.uniform(-4, -1)
    contrib, beta = optax.contrib, (beta1, beta2)
    return {
        "polyak": (optax.polyak_sgd(lr, 1.0, lowest, eps, "sps+"), PolyakStep(lowest, lr, eps), sgd(), 1.0),
        "momo": (contrib.momo(lr, beta1, lowest), momo(beta1, lowest=lowest), sgd(), lr),
        "momo_adam": (contrib.momo_adam(lr, *beta, eps, lowest), momo_adam(*beta, eps, lowest=lowest), sgd(), lr),
        "dog": (contrib.dog(lr, ("heuristic", first), eps), DistanceOverGradients(first, eps), sgd(), lr),
        "dowg": (contrib.dowg(lr, first**2, eps), DistanceOverWeightedGradients(first, eps), sgd(), lr),
        "prodigy": (
            contrib.prodigy(lr, beta, None, eps, first, 1.5, decay),
            Prodigy(*beta, eps, first, 1.5),
            sgd() + decay * Weights(),
            lr,
        ),
    }


@pytest.mark.parametrize("name", ["polyak", "momo", "momo_adam", "dog", "dowg", "prodigy"])
@pytest.mark.parametrize("seed", range(3))
def test_lock_step_with_optax(name, seed):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    rng, w, noise = problem(seed)
    with jax.enable_x64(True):
        solver, hook, rule, lr = pairs(optax, rng)[name]
        mine, p = Optimizer(rule, lr, hooks=[hook]), jax.tree.map(jax.numpy.asarray, w)
        needs_loss = hasattr(hook, "needs_loss")
        state = solver.init(p)
        update = jax.jit(lambda g, state, p, **options: solver.update(g, state, p, **options))
        for e in noise:
            loss, g = noisy(w, e)
            options = {"value": loss} if needs_loss else {}
            updates, state = update(jax.tree.map(jax.numpy.asarray, g), state, p, **options)
            p = optax.apply_updates(p, updates)
            mine.step(w, g, loss=loss)
            close(w, {key: np.asarray(x) for key, x in p.items()})


def test_polyak_of_optax_with_another_scaling_takes_the_norm_of_the_scaled_gradient():
    """Its documentation says s (f - f*)/‖g‖²; 0.2.8 does s (f - f*)/‖s g‖²."""
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    with jax.enable_x64(True):
        p = jax.numpy.asarray([1.0, 2.0])
        solver = optax.polyak_sgd(np.inf, 0.5)
        updates = np.asarray(solver.update(2 * p, solver.init(p), p, value=5.0)[0])
    w, g = np.array([1.0, 2.0]), np.array([2.0, 4.0])
    np.testing.assert_allclose(updates, -0.5 * 5 / (0.25 * 20) * g)
    Optimizer(sgd(), 0.5, hooks=[PolyakStep(limit=np.inf)]).step(w, g, loss=5.0)
    np.testing.assert_allclose(w, [1, 2] - 0.5 * 5 / 20 * g)


class TestOracles:
    """The papers' formulas, retyped over one flat vector."""

    def test_polyak_is_exact_on_a_line_and_halves_on_a_square(self):
        w = np.array([3.0, 4.0])
        optimizer = Optimizer(sgd(), 1.0, hooks=[PolyakStep(limit=np.inf)])
        optimizer.step(w, w / np.linalg.norm(w), loss=np.linalg.norm(w))
        np.testing.assert_allclose(w, 0, atol=1e-15)
        w[...] = [3.0, 4.0]
        optimizer.step(w, 2 * w, loss=w @ w)
        assert w.tolist() == [1.5, 2.0]

    def test_momo_is_the_least_squares_step_in_its_model(self):
        """The model f̄ + ⟨d, y - w⟩... of all gradients so far is built from their list, not from recursions."""
        _, w, noise = problem(3)
        beta, lr = 0.8, 0.7
        optimizer, seen = Optimizer(sgd(), lr, hooks=[momo(beta, lowest=-0.1)]), []
        for e in noise[:40]:
            loss, g = noisy(w, e)
            seen.append((loss, flat(g), flat(w)))
            rho = np.array([beta ** (len(seen) - 1 - j) * (1.0 if j == 0 else 1 - beta) for j in range(len(seen))])
            model = sum(r * (f + g @ (flat(w) - v)) for r, (f, g, v) in zip(rho, seen, strict=True))
            d = sum(r * g for r, (_, g, _) in zip(rho, seen, strict=True))
            expected = flat(w) - min(lr, max(model + 0.1, 0.0) / (d @ d)) * d
            optimizer.step(w, g, loss=loss)
            np.testing.assert_allclose(flat(w), expected, rtol=0, atol=1e-12)

    def test_a_frozen_leaf_has_no_part_in_the_first_distance(self):
        alone, params = np.ones(2), {"w": np.ones(2), "table": np.full(9, 1e6)}
        Optimizer(sgd(), 1.0, hooks=[DistanceOverGradients()]).step(alone, np.ones(2))
        frozen = Optimizer({"table": None, "*": sgd()}, 1.0, hooks=[DistanceOverGradients()])
        frozen.step(params, {"w": np.ones(2), "table": None})
        np.testing.assert_array_equal(params["w"], alone)

    def test_dog(self):
        _, w, noise = problem(4)
        first, path, squares = flat(w), [flat(w)], 0.0
        optimizer = Optimizer(sgd(), 1.0, hooks=[DistanceOverGradients(0.01, eps=0.0)])
        for e in noise:
            _, g = noisy(w, e)
            squares += flat(g) @ flat(g)
            far = max(0.01 * (1 + np.linalg.norm(first)), *[np.linalg.norm(v - first) for v in path])
            optimizer.step(w, g)
            path.append(path[-1] - far / np.sqrt(squares) * flat(g))
            np.testing.assert_allclose(flat(w), path[-1], rtol=0, atol=1e-12)
            np.testing.assert_allclose(optimizer.hooks[0].distance, far)

    def test_prodigy_does_not_depend_on_the_unit_of_the_loss(self):
        _, w, noise = problem(5)
        v = copied(w)
        one, other = (Optimizer(sgd(), 1.0, hooks=[Prodigy(eps=0.0)]) for _ in range(2))
        for e in noise:
            one.step(w, noisy(w, e)[1])
            other.step(v, {name: 1024 * g for name, g in noisy(v, e)[1].items()})
        close(v, w, 1e-12)

    def test_prodigy_finds_the_distance(self):
        w = np.full(4, 7.0)
        optimizer = Optimizer(sgd(), linear(1.0, steps=300), hooks=[Prodigy(0.9, 0.99)])
        for _ in range(300):
            optimizer.step(w, np.sign(w))
        assert np.all(np.abs(w) < 0.5)
        assert 1 < optimizer.hooks[0].distance < 14


def go(hook, w, noise, lr=0.5, **options):
    optimizer = Optimizer(sgd(), lr, hooks=[copy.deepcopy(hook)], **options)
    for e in noise:
        loss, g = noisy(w, e)
        optimizer.step(w, g, loss=loss)
    return optimizer


@pytest.mark.parametrize("hook", EVERY, ids=repr)
class TestEveryRate:
    def test_groups_of_one_rate_are_none(self, hook):
        _, w, noise = problem(6)
        v = copied(w)
        go(hook, w, noise[:20])
        optimizer = Optimizer({"a": sgd(), "*": sgd()}, {"a": 0.5, "*": 0.5}, hooks=[copy.deepcopy(hook)])
        for e in noise[:20]:
            loss, g = noisy(v, e)
            optimizer.step(v, g, loss=loss)
        close(v, w, 1e-14)

    def test_a_refused_step_leaves_no_trace(self, hook):
        _, w, noise = problem(7)
        optimizer = go(hook, w, noise[:3])
        kept = optimizer.state_dict()
        loss, g = noisy(w, noise[3])
        optimizer.check_finite = True
        for bad in (np.nan, np.inf):
            with pytest.raises(FloatingPointError, match="gradient 'b' is "):
                optimizer.step(w, g | {"b": g["b"] * bad}, loss=loss)
        optimizer.hooks = [*optimizer.hooks, Refuses()]
        with pytest.raises(RuntimeError, match="no"):
            optimizer.step(w, g, loss=loss)
        after = optimizer.state_dict()
        assert all(np.array_equal(kept[key], after[key]) for key in kept if key != "header")

    def test_leaves_may_come_wait_and_go(self, hook):
        _, w, noise = problem(8)
        optimizer, start = Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)]), w.pop("b")
        for k, e in enumerate(noise[:30]):
            if k == 10:
                w["b"] = start.copy()
                optimizer.adopt(w)
            loss, g = noisy(w, e)
            before, kept = w["a"].copy(), optimizer.hooks[0].state() if hasattr(hook, "state") else {}
            optimizer.step(w, g | ({"a": None} if k >= 20 else {}), loss=loss)
            assert np.array_equal(before, w["a"]) == (k >= 20)
            for key in kept if k >= 20 else ():
                assert not key.endswith("/a") or np.array_equal(kept[key], optimizer.hooks[0].state()[key])
        assert not np.array_equal(w["b"], start)
        del w["a"]
        optimizer.adopt(w)
        optimizer.step(w, {"b": np.ones((2, 2))}, loss=10.0)
        assert np.isfinite(w["b"]).all()
        assert not any("/a" in key for key in optimizer.state_dict())

    def test_a_gradient_of_zeros_moves_nothing(self, hook):
        w = np.ones(3)
        optimizer = Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)])
        optimizer.step(w, np.zeros(3), loss=1.0)
        assert w.tolist() == [1, 1, 1]

    def test_the_factor_of_earlier_hooks_counts(self, hook):
        _, w, noise = problem(9)
        v = copied(w)
        clipped = Optimizer(sgd(), 0.5, hooks=[ClipNorm(0.5), copy.deepcopy(hook)])
        given = Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)])
        for e in noise[:20]:
            loss, g = noisy(w, e)
            size = np.linalg.norm(flat(g))
            clipped.step(w, g, loss=loss)
            given.step(v, {name: x * min(1.0, 0.5 / size) for name, x in noisy(v, e)[1].items()}, loss=noisy(v, e)[0])
        close(w, v, 1e-12)

    def test_a_diverged_replica_is_frozen_and_the_others_go_on(self, hook):
        w, v = np.ones((2, 3)), np.ones(3)
        together = Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)], replicas=2)
        alone = Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)])
        for k in range(4):
            g = np.sin(k + np.arange(3.0))
            together.step(
                w, np.array([g * (np.nan if k == 2 else 1.0), g]), loss=np.array([np.nan if k == 3 else 2.0, 2.0])
            )
            alone.step(v, g, loss=2.0)
        assert together.diverged.tolist() == [True, False]
        assert np.array_equal(w[1], v)
        assert np.isfinite(w[0]).all()


class Bowl:
    """‖w‖² from (1, 2)."""

    start = np.array([1.0, 2.0])

    def value(self, w):
        return float(w @ w)

    def gradient(self, w):
        return 2 * w


class Refuses:
    def before(self, step):
        raise RuntimeError("no")


@pytest.mark.parametrize("hook", NEED_LOSS, ids=repr)
class TestLosses:
    def test_without_one_it_says_how_to_give_it(self, hook):
        w, optimizer = np.ones(2), Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)])
        with pytest.raises(
            ValueError, match=r"needs the loss of each step; .*opt\.step\(params, gradients, loss=loss\)"
        ):
            optimizer.step(w, w)
        assert (w.tolist(), optimizer.t) == ([1, 1], 0)
        optimizer.step(w, w.copy(), loss=1.0)
        assert optimizer.t == 1

    def test_one_that_is_not_finite_is_refused(self, hook):
        w, optimizer = np.ones(2), Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)])
        with pytest.raises(FloatingPointError, match=r"loss is nan in step 1, .* leave out such steps"):
            optimizer.step(w, w, loss=np.nan)
        assert (w.tolist(), optimizer.t) == ([1, 1], 0)

    def test_of_replicas_it_freezes_its_own(self, hook):
        w, optimizer = np.ones((2, 2)), Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)], replicas=2)
        optimizer.step(w, np.ones((2, 2)), loss=np.array([np.nan, 1.0]))
        assert optimizer.diverged.tolist() == [True, False]
        assert w[0].tolist() == [1, 1]
        assert w[1].tolist() != [1, 1]

    def test_descend_computes_it(self, hook):
        history = descend(Bowl(), Optimizer(sgd(), 0.1, hooks=[copy.deepcopy(hook)]), 5)
        assert history["value"][-1] < history["value"][0]

    def test_steps_that_are_collected_need_none(self, hook):
        w, optimizer = np.ones(2), Optimizer(sgd(), 0.5, hooks=[Accumulate(2), copy.deepcopy(hook)])
        optimizer.step(w, np.ones(2))
        optimizer.step(w, np.ones(2), loss=1.0)
        assert optimizer.t == 1

    def test_a_loss_below_the_lowest_moves_nothing(self, hook):
        w, optimizer = np.ones(2), Optimizer(sgd(), 0.5, hooks=[copy.deepcopy(hook)])
        optimizer.step(w, np.ones(2), loss=-1.0)
        assert (w.tolist(), optimizer.lr, optimizer.t) == ([1, 1], 0.0, 1)


def test_a_leaf_that_waits_is_no_part_of_the_step_of_momo():
    w = {"a": np.array([3.0]), "b": np.array([1.0])}
    optimizer = Optimizer(sgd(), 9.0, hooks=[momo(0.0)])
    optimizer.step(w, {"a": np.array([6.0]), "b": np.array([2.0])}, loss=10.0)
    np.testing.assert_allclose([w["a"][0], w["b"][0]], [1.5, 0.5])
    optimizer.step(w, {"a": None, "b": np.array([1.0])}, loss=0.25)  # not .25 + 6 (1.5 - 3), and over 1, not 36 + 1
    assert (w["a"].tolist(), w["b"].tolist(), optimizer.lr) == ([1.5], [0.25], 0.25)


def test_the_first_step_of_a_later_leaf_with_prodigy_is_as_long_as_that_of_the_first():
    w = {"a": np.ones(1)}
    optimizer = Optimizer(sgd(), 1.0, hooks=[Prodigy(first=0.01, growth=1e-9)])
    for _ in range(30):
        optimizer.step(w, {"a": np.ones(1)})
    w["b"] = np.ones(1)
    optimizer.adopt(w)
    optimizer.step(w, {"a": np.ones(1), "b": np.full(1, 5.0)})
    np.testing.assert_allclose(w["b"], 1 - 0.01, rtol=1e-9)


def test_a_number_of_the_metric_that_is_refused_leaves_no_trace():
    metric = Square() | Ema(lambda k: 0.9 if k < 2 else 2.0) | Root(1e-8)
    w, optimizer = np.ones(2), Optimizer(sgd(), 0.1, hooks=[Momo(FirstValueGain(0.9), metric)])
    for _ in range(2):
        optimizer.step(w, w.copy(), loss=1.0)
    kept = optimizer.state_dict()
    with pytest.raises(ValueError, match="beta, from its schedule at k = 2, must be in"):
        optimizer.step(w, w.copy(), loss=3.0)
    assert all(np.array_equal(kept[key], x) for key, x in optimizer.state_dict().items())


class TestSettings:
    def test_the_rate_is_that_of_the_step(self):
        w, optimizer = np.array([1.0, 2.0]), Optimizer(sgd(), 1.0, hooks=[PolyakStep()])
        optimizer.step(w, 2 * w, loss=w @ w)
        assert optimizer.lr == pytest.approx(0.25, rel=1e-15)

    def test_hooks_after_it_multiply(self):
        w = np.array([1.0, 2.0])
        optimizer = Optimizer(sgd(), 1.0, hooks=[PolyakStep(), LearningRateDecay(linear(0.5, steps=9))])
        optimizer.step(w, 2 * w, loss=w @ w)
        assert optimizer.lr == pytest.approx(0.125, rel=1e-15)

    def test_rates_by_name_are_capped_each(self):
        params = {"a": np.array([1.0]), "b": np.array([2.0])}
        optimizer = Optimizer(sgd(), {"a": 0.01, "*": 9.0}, hooks=[momo()])
        optimizer.step(params, {name: 2 * w for name, w in params.items()}, loss=5.0)
        assert dict(optimizer.lr) == {"a": 0.01, "*": 0.25}

    def test_the_average_is_of_the_weights(self):
        w = np.full(3, 4.0)
        optimizer = Optimizer(sgd(), 1.0, hooks=[DistanceOverGradients(0.1)], average=Ema(0.5))
        first = w.copy()
        optimizer.step(w, w.copy())
        with optimizer.averaged(w):
            assert np.all(w < first)

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (
                lambda: PolyakStep(limit=0.0),
                ValueError,
                r"limit must be greater than 0 \(infinite: no limit\); got 0.0",
            ),
            (lambda: PolyakStep(np.inf), ValueError, "lowest must be a finite number; got inf"),
            (lambda: DistanceOverGradients(0.0), ValueError, "first must be greater than 0 and finite; got 0.0"),
            (lambda: Prodigy(1.0), ValueError, r"beta1 must be in \[0, 1\); got 1.0"),
            (lambda: momo(1.0), ValueError, r"beta must be in \[0, 1\); got 1.0"),
            (lambda: Momo(0.9, sgd()), TypeError, r"gain must be a Gain such as FirstValueGain\(0.9\); got 0.9"),
            (lambda: Momo(ConstantGain(0.9), 1.0), TypeError, r"metric must be .* such as Constant\(1.0\); got 1.0"),
        ],
    )
    def test_errors_say_what_is_allowed(self, make, error, message):
        with pytest.raises(error, match=message):
            make()
