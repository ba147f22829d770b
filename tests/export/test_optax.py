"""``export.optax``: a rule is a transformation of optax, with NumPy's bits when it runs eagerly."""

import pickle

import numpy as np
import pytest
from scipy.special import erf

from optimlab import Ema, Optimizer, Rule, Weights, adam, adamw, cosine_decay, export, momentum, muon, sgd
from tests.engine.laws import equal, quick
from tests.export.texts import ALL, STEPS, differing, given, numbers, taken

optax = pytest.importorskip("optax")
jax = pytest.importorskip("jax")
jnp = jax.numpy
ORDINARY = 3
"""Lanes whose gradients are of one size."""


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def drawn(*shapes, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape) for shape in shapes]


def stepped(tx, w, grads, change=jax.jit):
    """Return the parameters after a step with each gradient."""
    state, update = tx.init(w), change(tx.update)
    for g in grads:
        updates, state = update(g, state, w)
        w = optax.apply_updates(w, updates)
    return w


def here(rule, w, grads, lr=0.1):
    """Return what an Optimizer makes of the parameters."""
    opt, w = Optimizer(rule, lr, engine="numpy"), np.array(w)
    for g in grads:
        opt.step(w, np.asarray(g))
    return w


def flushed(x):
    """Return numbers, but 0 for those of which XLA, which has no subnormal numbers, may have lost a part."""
    x = np.asarray(x)
    return np.where(np.abs(x) < 1e8 * np.finfo(x.dtype).tiny, np.copysign(np.zeros_like(x), x), x)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_of_a_thousand_eager_steps_has_the_bits_of_numpy(dtype):
    """All steps at once, each from NumPy's weights and state before it."""
    from optimlab.export.to_optax import Kernel

    for name, rule in ALL.items():
        (weights, states), columns = taken(name, dtype), numbers(name)[..., np.newaxis]
        moved, *new = Kernel(rule, STEPS).run([given(dtype).gradients, weights[:-1], *states[:, :-1]], columns)
        found = [jnp.asarray(weights[:-1]) + jnp.negative(moved), *new]
        pairs = [(flushed(x), flushed(y[1:])) for x, y in zip(found, (weights, *states), strict=True)]
        assert [differing(x, y) for x, y in pairs] == [0] * len(found), name


@pytest.mark.parametrize("name", quick(["adam", "rprop", "rate inside", "yogi"], "yogi"))
def test_eager_steps_one_after_the_other_have_the_bits_of_numpy(name):
    run = given("float64")
    tx = export.optax(ALL[name], lambda k: run.rates[int(k)])
    w = stepped(tx, jnp.asarray(run.weights), run.gradients[:100], lambda eager: eager)
    assert differing(w, taken(name, "float64")[0][100]) == 0


@pytest.mark.slow
def test_a_thousand_compiled_steps_stay_within_some_units_of_the_last_place():
    """All rules in one compilation, on the lanes whose gradients are of one size."""
    run = given("float64")
    rates, w, grads = jnp.asarray(run.rates), run.weights[:ORDINARY], run.gradients[:, :ORDINARY]
    made = {name: export.optax(rule, lambda k: rates[k], steps=STEPS) for name, rule in ALL.items()}

    def step(held, g):
        moved = {name: made[name].update(g, state, w) for name, (w, state) in held.items()}
        return {name: (optax.apply_updates(held[name][0], u), state) for name, (u, state) in moved.items()}, None

    begun = {name: (jnp.asarray(w), tx.init(w)) for name, tx in made.items()}
    found = jax.jit(lambda held: jax.lax.scan(step, held, grads)[0])(begun)
    paths = {name: taken(name, "float64")[0][:, :ORDINARY] for name in ALL}
    worst = {name: np.max(np.abs(found[name][0] - path[-1]) / np.abs(path).max(axis=0)) for name, path in paths.items()}
    assert max(worst.values()) <= 2e-15, worst


def close(a, b):
    return np.allclose(a, b, rtol=1e-14, atol=1e-15)


GRADS = drawn(*[(4,)] * 6)
START = np.ones(4)


@pytest.mark.slow
def test_it_jits_and_vmaps():
    tx = export.optax(adamw(), 0.1)
    assert close(stepped(tx, jnp.asarray(START), GRADS), here(adamw(), START, GRADS))
    mapped = optax.GradientTransformation(jax.vmap(tx.init), jax.vmap(tx.update))
    assert close(stepped(mapped, jnp.asarray(START), GRADS), here(adamw(), START, GRADS))


def test_shards_are_updated_where_they_lie():
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec
    tx = export.optax(adam(), 0.1)
    state = tx.init(jnp.asarray(START))
    places = type(state)(spec(), dict.fromkeys(state.slots, spec("i")))
    step = jax.shard_map(tx.update, mesh=mesh, in_specs=(spec("i"), places), out_specs=(spec("i"), places))
    updates, _ = jax.jit(step)(GRADS[0], state)
    assert close(START + updates, here(adam(), START, GRADS[:1]))


@pytest.mark.parametrize("schedule", [cosine_decay(0.1, steps=6), optax.cosine_decay_schedule(0.1, 6)])
def test_schedules_of_both_set_the_rate(schedule):
    w = stepped(export.optax(adam(), schedule), jnp.asarray(START), GRADS)
    assert close(w, here(adam(), START, GRADS, cosine_decay(0.1, steps=6)))


@pytest.mark.slow
def test_hyperparameters_are_injected():
    tx = optax.inject_hyperparams(export.optax, static_args="steps")(adam(), learning_rate=0.1)
    state, w = tx.init(jnp.asarray(START)), jnp.asarray(START)
    step = jax.jit(tx.update)
    updates, state = step(GRADS[0], state, w)
    w = optax.apply_updates(w, updates)
    state.hyperparams["learning_rate"] = jnp.asarray(0.01)
    updates, state = step(GRADS[1], state, w)
    w = optax.apply_updates(w, updates)
    assert close(w, here(adam(), START, GRADS[:2], lambda k: 0.1 if k == 0 else 0.01))


@pytest.mark.slow
def test_it_chains_masks_and_accumulates():
    a, b = START, 2.0 * START
    params, grads = {"a": a, "b": b}, [{"a": g, "b": -g} for g in GRADS]
    masked = optax.partition(
        {"ours": export.optax(adam(), 0.1), "fixed": optax.set_to_zero()}, {"a": "ours", "b": "fixed"}
    )
    tx = optax.chain(optax.clip_by_global_norm(1e9), masked)
    w = stepped(tx, jax.tree.map(jnp.asarray, params), grads)
    assert close(w["a"], here(adam(), a, GRADS))
    assert np.array_equal(w["b"], b)
    twice = optax.MultiSteps(export.optax(adam(), 0.1), every_k_schedule=2)
    means = [(x + y) / 2 for x, y in zip(GRADS[::2], GRADS[1::2], strict=True)]
    found = stepped(twice, jnp.asarray(START), GRADS)
    assert np.allclose(found, here(adam(), START, means), rtol=1e-6)  # MultiSteps adds up in float32


def test_rules_go_by_the_names_of_leaves():
    rule = sgd() + 0.5 * Weights(only="*.kernel")
    params = {"dense": {"bias": START, "kernel": START}}
    tx = export.optax(rule, 0.1)
    updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
    assert equal(updates["dense"]["kernel"], -0.05 * START)
    assert not np.any(updates["dense"]["bias"])


def test_parameters_are_needed_only_where_they_are_read():
    tx = export.optax(adam(), 0.1)
    updates, _ = tx.update(GRADS[0], tx.init(START))
    assert equal(START + updates, here(adam(), START, GRADS[:1]))
    tx = export.optax(adamw(), 0.1)
    with pytest.raises(ValueError, match="reads the parameters"):
        tx.update(GRADS[0], tx.init(START))


def test_fewer_bits_have_a_state_of_float32_and_are_rounded_once_a_step():
    w = jnp.asarray(START, jnp.bfloat16)
    tx, opt, mine = export.optax(adamw(), 0.01), Optimizer(adamw(), 0.01, engine="numpy"), np.ones(4, np.float32)
    state = tx.init(w)
    for g in GRADS:
        low = jnp.asarray(g, jnp.bfloat16)
        updates, state = tx.update(low, state, w)
        w = optax.apply_updates(w, updates)
        opt.step(mine, np.asarray(low, np.float32))
        mine[...] = np.asarray(jnp.asarray(mine, jnp.bfloat16), np.float32)
    assert w.dtype == jnp.bfloat16
    assert state.slots["ema"].dtype == updates.dtype == jnp.float32
    assert equal(np.asarray(w, np.float32), mine)


def test_after_the_end_of_a_table_nothing_is_guessed():
    tx = export.optax(momentum(cosine_decay(0.9, steps=5)), 0.1, steps=3)
    step, state = jax.jit(tx.update), tx.init(jnp.asarray(START))
    for k in range(4):
        updates, state = step(GRADS[k], state)
        assert np.isnan(updates).all() == (k == 3)


def test_plain_numbers_are_parameters():
    tx, params = export.optax(adam(), 0.25), {"w": 1.0}
    updates, _ = tx.update({"w": 2.0}, tx.init(params), params)
    assert np.asarray(updates["w"]) == pytest.approx(-0.25)


def test_the_state_is_plain():
    state = export.optax(adam(), 0.1).init({"w": jnp.asarray(START)})
    again = pickle.loads(pickle.dumps(state))
    assert jax.tree.structure(again) == jax.tree.structure(state)
    assert list(state.slots) == ["ema", "square_ema"]


class Erf(Rule):
    """What calls a function that JAX does not have."""

    @staticmethod
    def formula(x, w, state, c):
        return erf(x), state


@pytest.mark.parametrize(("do", "kind", "words"), [
    (lambda: export.optax(muon(), 0.1), TypeError, "looks at whole leaves"),
    (lambda: export.optax(Ema((0.9, 0.99)), 0.1), ValueError, "one number for each replica"),
    (lambda: export.optax("adam", 0.1), TypeError, "rule must be a Rule"),
    (lambda: export.optax(adam(), 0.1, steps=0), ValueError, "steps must be"),
    (lambda: export.optax(adam(), "fast"), TypeError, "learning_rate must be at least 0"),
    (lambda: export.optax(adam(), -0.1), ValueError, "learning_rate must be at least 0"),
    (lambda: export.optax(adam(), np.ones(2)), TypeError, "learning_rate must be .* single number"),
    (lambda: export.optax(adam(), jnp.ones(2)), TypeError, "learning_rate must be one number"),
    (lambda: export.optax(Erf(), 0.1).init(START), TypeError, "JAX has no erf"),
    (lambda: export.optax(adam(), 0.1).init(np.ones(3, complex)), TypeError, "real floating-point"),
    (lambda: export.optax(sgd() + Weights(only="x"), 0.1).init({"w": START}), ValueError, "only must name leaves"),
])  # fmt: skip
def test_refusals_say_why(do, kind, words):
    with pytest.raises(kind, match=words):
        do()
