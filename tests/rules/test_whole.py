"""Rules of whole leaves: through every generic property, and in lock-step with the systems that have them."""

import copy
import pickle
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from optimlab import (
    ArrayRule,
    Centralize,
    ClipNorm,
    Constant,
    Delay,
    Ema,
    EpsHat,
    Gradient,
    Lookahead,
    Mass,
    Mean,
    Norm,
    Positive,
    Rate,
    Rms,
    Root,
    Size,
    Square,
    Trace,
    TrustRatio,
    Weights,
    adafactor,
    adam,
    adam_mini,
    adamw,
    agc,
    cautious_rescaled,
    clip_rms,
    lamb,
    lars,
    lion,
    mars,
    novograd,
    sgd,
    stable_adamw,
)
from optimlab.optimizer import Optimizer
from tests.engine.laws import same
from tests.rules.wholes import RULES, WHOLE, far, stream, trajectory

SHAPES = [(7, 5), pytest.param((120, 90), marks=pytest.mark.slow)]


def run(rule, start, gradients, **options):
    opt, params = Optimizer(rule, 0.1, **options), {"w": np.array(start, order="K")}
    for g in gradients:
        opt.step(params, {"w": g})
    return list(params.values()), opt


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resuming_is_not_stopping(name, dtype, tmp_path):
    w, gradients = stream((7, 5), 8, dtype=dtype)
    through = run(RULES[name], w, gradients, average=Ema(0.9, debias=True))
    params, opt = run(RULES[name], w, gradients[:4], average=Ema(0.9, debias=True))
    again = Optimizer(RULES[name], 0.1, average=Ema(0.9, debias=True))
    opt.save(tmp_path / "at.npz", {"w": params[0]})
    again.load(tmp_path / "at.npz")
    for g in gradients[4:]:
        again.step({"w": params[0]}, {"w": g})
    assert same(through, (params, again))
    assert params[0].dtype == dtype
    assert {x.dtype for slots in again.state.values() for x in slots.values()} <= {np.dtype(dtype)}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("shape", [(7, 5), (120, 90)])
def test_replicas_are_runs_of_their_own(name, shape):
    streams = [stream(shape, 5, seed) for seed in (0, 1)]
    both, opt = run(RULES[name], [w for w, _ in streams], map(np.array, zip(*[g for _, g in streams], strict=True)),
                    replicas=2)  # fmt: skip
    for r, (w, gradients) in enumerate(streams):
        alone, one = run(RULES[name], w, gradients)
        assert np.array_equal(both[0][r], alone[0])
        assert all(np.array_equal(opt.state["w"][slot][r], x) for slot, x in one.state["w"].items())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
@pytest.mark.parametrize("name", RULES)
def test_a_copy_goes_on_alike(name, copied):
    w, gradients = stream((7, 5), 8)
    through = run(RULES[name], w, gradients)
    params, opt = run(RULES[name], w, gradients[:4])
    other = copied(opt)
    assert copied(RULES[name]) == RULES[name]
    for g in gradients[4:]:
        other.step({"w": params[0]}, {"w": g})
    assert same(through, (params, other))


LAYOUTS = {
    "F": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(7, 5), (120, 90)])
def test_the_order_in_memory_changes_no_bit(name, layout, shape):
    w, gradients = stream(shape, 4)
    plain = run(RULES[name], w, gradients, average=Ema(0.5))
    opt, turned = Optimizer(RULES[name], 0.1, average=Ema(0.5)), {"w": LAYOUTS[layout](w)}
    for g in gradients:
        opt.step(turned, {"w": LAYOUTS[layout](g)})
    assert not turned["w"].flags.c_contiguous
    assert same(plain, (list(turned.values()), opt))


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("name", RULES)
def test_two_groups_are_two_optimizers(name, engine):
    w, gradients = stream((7, 5), 5)
    b, others = stream((9,), 5, seed=1)
    params = {"layer.W": w.copy(), "layer.b": b.copy()}
    opt = Optimizer({"*.W": RULES[name], "*": adamw()}, {"*.W": 0.1, "*": 0.01}, engine=engine, average=Ema(0.9))
    first, second = (
        Optimizer(rule, lr, engine=engine, average=Ema(0.9)) for rule, lr in ((RULES[name], 0.1), (adamw(), 0.01))
    )
    for g, h in zip(gradients, others, strict=True):
        opt.step(params, {"layer.W": g, "layer.b": h})
        first.step(w, g)
        second.step(b, h)
    assert np.array_equal(params["layer.W"], w)
    assert np.array_equal(params["layer.b"], b)
    with opt.averaged(params), first.averaged(w), second.averaged(b):
        assert np.array_equal(params["layer.W"], w)
        assert np.array_equal(params["layer.b"], b)


@pytest.mark.parametrize("name", RULES)
def test_hooks_and_the_average_see_such_leaves_as_others(name):
    w, gradients = stream((7, 5), 6)
    hooks = [ClipNorm(1.0), Lookahead(2, share=0.5)]
    opt = Optimizer(RULES[name], 0.1, hooks=hooks, average=Ema(0.9, debias=True))
    plain, slow, v, mean = Optimizer(RULES[name], 0.1), w.copy(), w.copy(), np.zeros_like(w)
    for k, g in enumerate(gradients):
        opt.step(w, g)
        plain.step(v, g / max(1.0, np.linalg.norm(g)))
        if k % 2:
            slow += 0.5 * (v - slow)
            v[:] = slow
        mean += Ema(0.9, debias=True).coefficients(k + 1)[0] * (v - mean)
    assert np.allclose(w, v, rtol=1e-9, atol=1e-12)
    with opt.averaged(w):
        assert np.allclose(w, mean, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_gradients_of_zeros_and_weights_of_zeros_do_no_harm(name):
    for start in (np.zeros((7, 5)), stream((7, 5), 0)[0]):
        _, (g,) = stream((7, 5), 1)
        params, opt = run(RULES[name], start, [np.zeros((7, 5)), g, np.zeros((7, 5))])
        assert np.isfinite(params[0]).all()
        assert all(np.isfinite(x).all() for x in opt.state["w"].values())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", RULES)
def test_what_is_not_finite_is_refused_and_changes_nothing(name, bad):
    w, gradients = stream((7, 5), 4)
    params, opt = run(RULES[name], w, gradients)
    before = copy.deepcopy((params, opt))
    wrong = gradients[0].copy()
    wrong[2, 3] = bad
    with pytest.raises(FloatingPointError, match=r"'w'"):
        opt.step({"w": params[0]}, {"w": wrong})
    assert same(before, (params, opt))


@pytest.mark.parametrize("name", RULES)
def test_a_replica_that_diverges_leaves_the_others_alone(name):
    w, gradients = stream((2, 7, 5), 5)
    gradients[2][0, 1, 1] = np.nan
    params, opt = run(RULES[name], w, gradients, replicas=2)
    alone, _ = run(RULES[name], w[1], [g[1] for g in gradients])
    assert opt.diverged.tolist() == [True, False]
    assert np.isfinite(params[0]).all()
    assert np.array_equal(params[0][1], alone[0])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 4), (4, 1)])
@pytest.mark.parametrize("name", RULES)
def test_leaves_that_are_empty_or_have_one_number(name, shape):
    w, gradients = stream(shape, 3)
    params, opt = run(RULES[name], w, gradients)
    assert params[0].shape == shape
    assert np.isfinite(params[0]).all()
    assert all(np.isfinite(x).all() for x in opt.state["w"].values())


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
@pytest.mark.parametrize("name", WHOLE)
def test_leaves_of_any_number_of_axes(name, shape):
    w, gradients = stream(shape, 3)
    params, opt = run(WHOLE[name], w, gradients)
    one, alone = run(WHOLE[name], w[np.newaxis], [g[np.newaxis] for g in gradients], replicas=1)
    assert np.isfinite(params[0]).all()
    assert np.array_equal(params[0], one[0][0])
    assert all(x.shape == alone.state["w"][slot].shape[1:] for slot, x in opt.state["w"].items())


@pytest.mark.parametrize("name", RULES)
def test_whole_numbers_are_refused(name):
    with pytest.raises(TypeError, match="float"):
        Optimizer(RULES[name], 0.1).step(np.ones((3, 2), int), np.ones((3, 2)))


RATES = {
    "lars": 10.0,
    "muon": 0.1,
    "muon, in out": 0.1,
    "adafactor": 0.1,
    "muon, like adamw": 0.2,
}  # of steps relative to the weights, or small ones
NO_DESCENT = {"centralized", "mean"}  # they leave a direction alone


@pytest.mark.parametrize("name", sorted(RULES.keys() - NO_DESCENT))
def test_it_goes_down_a_valley(name):
    w, (target,) = stream((4, 3), 1)
    start, curvature = np.linalg.norm(w - target), np.linspace(1.0, 3.0, 12).reshape(4, 3)
    opt = Optimizer(RULES[name], lambda k: RATES.get(name, 0.03) * 0.99**k)
    for _ in range(400):
        opt.step(w, curvature * (w - target))
    assert np.linalg.norm(w - target) < 0.5 * start


@pytest.mark.parametrize("name", RULES)
def test_it_is_written_as_mathematics(name):
    text = RULES[name].latex()
    assert text.count(r"&\leftarrow") >= 1 + len(RULES[name].slots)
    assert r"\infty" not in text


def test_an_axis_is_part_of_what_is_written():
    assert Mean(-1).latex() != Mean(-2).latex()
    assert r"\mathrm{Mean}\left(g, -1\right)" in Mean(-1).latex()


# ------------------------------------------------------------------ atoms


def test_reductions_are_numpys():
    x = stream((6, 4, 3), 0)[0]
    for axis in (None, 0, -1, (0, 2), (-3, -2, -1)):
        keep = axis is not None
        assert np.allclose(Mean(axis).of(x, x, ()), x.mean(axis=axis, keepdims=keep), rtol=1e-14, atol=1e-16)
        norm = np.sqrt((x * x).sum(axis=axis, keepdims=keep))
        assert np.allclose(Norm(axis).of(x, x, ()), norm, rtol=1e-14)
        assert np.allclose(Rms(axis).of(x, x, ()), np.sqrt((x * x).mean(axis=axis, keepdims=keep)), rtol=1e-14)
        assert float(Size(axis).of(x, x, ())) == x.size / x.mean(axis=axis).size
        assert np.shape(Norm(axis).of(x, x, ())) == Norm(axis).shape(x.shape, x.shape)


def test_norms_do_not_overflow_where_they_need_not():
    x = np.full((2, 2), 1e30, np.float32)
    assert np.isclose(float(Norm().of(x, x, ())), 2e30)
    assert np.allclose(Norm(-1).of(x, x, ()), np.sqrt(2.0) * 1e30)
    assert np.isclose(float(Norm().of(x.astype(float) * 1e200, x, ())), 2e230)


def test_an_axis_before_the_first_has_length_one():
    x = stream((5,), 0)[0]
    assert np.array_equal(Mean(-2).of(x, x, ()), x)
    assert Mean(-2).shape((5,), (5,)) == (5,)
    assert float(Size(-2).of(x, x, ())) == 1.0


@pytest.mark.parametrize("axis", [1.0, True, "0", (0, None), [0]])
def test_an_axis_is_a_whole_number(axis):
    with pytest.raises(TypeError, match="axis must be None, a whole number or a tuple of such"):
        Mean(axis)


def test_an_axis_that_a_leaf_lacks_is_refused_with_a_remedy_that_works():
    params = {"W": np.ones((3, 2)), "b": np.ones(3)}
    with pytest.raises(
        ValueError, match=r"'b'.*Mean\(1\) is for arrays with such an axis.*give it another rule"
    ) as info:
        Optimizer(adam_mini(axis=1), 0.1).step(params, params)
    assert "{'b': adamw(), \"*\": ...}" in str(info.value)
    Optimizer({"b": adamw(), "*": adam_mini(axis=1)}, 0.1).step(params, {"W": np.ones((3, 2)), "b": np.ones(3)})


def test_centralized_gradients_are_optax_s():
    """The values of optax's own test of ``centralize``."""
    assert Centralize().of(np.array([[1.0, 2.0], [3.0, 4.0]]), None, ()).tolist() == [[-0.5, 0.5], [-0.5, 0.5]]
    assert Centralize().of(np.array([1.0, 2.0]), None, ()).tolist() == [1.0, 2.0]
    cube = np.arange(1.0, 9.0).reshape(2, 2, 2)
    assert Centralize().of(cube, None, ()).reshape(2, 4).tolist() == [[-1.5, -0.5, 0.5, 1.5]] * 2


def test_a_trust_ratio_makes_steps_as_long_as_the_weights():
    w, (g,) = stream((4, 3), 1)
    step = w - Optimizer(TrustRatio(0.5), 1.0).step(w.copy(), g)
    assert np.isclose(np.linalg.norm(step), 0.5 * np.linalg.norm(w))
    assert np.allclose(np.cross(step.ravel()[:3], g.ravel()[:3]), 0.0)
    still = Optimizer(TrustRatio(0.5), 1.0).step(np.zeros((4, 3)), g)
    assert np.array_equal(still, -g)


def test_what_is_clipped_has_the_limit_and_what_is_not_stays():
    w, (g,) = stream((4, 3), 1)
    for rule, size in ((clip_rms(0.5), Rms()), (clip_rms(50.0), Rms())):
        step = -Optimizer(rule, 1.0).step(np.zeros((4, 3)), g)
        limit = 0.5 if rule == clip_rms(0.5) else float(size.of(g, w, ()))
        assert np.isclose(float(size.of(step, w, ())), limit)
    ratio = Norm(-1).of(w - Optimizer(agc(0.1), 1.0).step(w.copy(), g), w, ()) / Norm(-1).of(w, w, ())
    assert np.allclose(ratio, 0.1)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("limit", clip_rms),
        ("limit", agc),
        ("eps", lambda x: agc(eps=x)),
        ("floor", lambda x: cautious_rescaled(adam(), x)),
        ("coefficient", lambda x: lars(coefficient=x)),
        ("eps", lambda x: adafactor(eps=x)),
        ("limit", lambda x: adafactor(limit=x)),
        ("exponent", adafactor),
    ],
)
def test_what_is_divided_by_is_not_zero(name, make):
    with pytest.raises(ValueError, match=rf"{name} must be .*got 0\.0"):
        make(0.0)
    w, (g,) = stream((4, 3), 1)
    assert np.isfinite(Optimizer(make(0.5), 0.1).step(w, g)).all()


@dataclass(frozen=True, repr=False)
class Backwards(ArrayRule):
    """A view of what it is given."""

    @staticmethod
    def of(x, w, c):
        return x[::-1]


def test_what_a_rule_hands_on_unchanged_is_not_overwritten():
    gradients = [np.array([k, 10.0 * k]) for k in (1.0, 2.0, 3.0, 4.0)]
    twice = trajectory(Delay() | Backwards() | Delay(), 1.0, np.zeros(2), gradients)
    assert np.diff(twice, axis=0).tolist() == [[0.0, 0.0], [-10.0, -1.0], [-20.0, -2.0]]
    late = trajectory((Rate() * Gradient() | Backwards() | Delay()) / Rate(), 1.0, np.zeros(2), gradients)
    assert np.diff(late, axis=0).tolist() == [[-10.0, -1.0], [-20.0, -2.0], [-30.0, -3.0]]


# ------------------------------------------------------------------ lock-step


@pytest.fixture(scope="module")
def optax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", before)


def of_optax(optax, optimizer, w, gradients):
    state, found, update = optimizer.init(w), [], pytest.importorskip("jax").jit(optimizer.update)
    for g in gradients:
        steps, state = update(g, state, w)
        w = np.asarray(optax.apply_updates(w, steps))
        found.append(w)
    return np.array(found)


LR_INSIDE = (Rate() * (Gradient() + 0.1 * Weights() | TrustRatio(1e-3)) | Trace(0.9)) / Rate()
OPTAX = {
    "lars": (lars(weight_decay=0.1), lambda o: o.lars(0.1, weight_decay=0.1)),
    "lars, lr inside": (LR_INSIDE, lambda o: o.lars(0.1, weight_decay=0.1)),
    "lamb": (lamb(weight_decay=0.1), lambda o: o.lamb(0.1, weight_decay=0.1)),
    "novograd": (
        novograd(0.9, 0.25, 1e-6, weight_decay=0.1), lambda o: o.novograd(0.1, weight_decay=0.1),
    ),
    "agc": (agc(0.1, axis=0) | sgd(), lambda o: o.chain(o.adaptive_grad_clip(0.1), o.sgd(0.1))),
    "clip_rms": (clip_rms(0.5) | sgd(), lambda o: o.chain(o.clip_by_block_rms(0.5), o.sgd(0.1))),
    "centralized": (Centralize() | adam(), lambda o: o.chain(o.centralize(), o.adam(0.1))),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTAX)
@pytest.mark.parametrize("shape", [*SHAPES, (6,)])
def test_in_lock_step_with_optax(optax, name, shape):
    rule, make = OPTAX[name]
    w, gradients = stream(shape, 200)
    ours, theirs = trajectory(rule, 0.1, w, gradients), of_optax(optax, make(optax), w, gradients)
    assert far(ours, theirs) < 1e-11


def test_lr_inside_the_buffer_is_optax_s_lars_while_lr_changes(optax):
    w, gradients = stream((7, 5), 100)

    def falling(k):
        return 10.0 - 0.09 * k

    theirs = of_optax(optax, optax.lars(falling, weight_decay=0.1), w, gradients)
    assert far(trajectory(LR_INSIDE, falling, w, gradients), theirs) < 1e-11
    assert far(trajectory(lars(weight_decay=0.1), falling, w, gradients), theirs) > 1e-3


def test_the_probe_of_lamb():
    """p = (1, -2), three gradients, lr 0.1, no decay: computed by optax 0.2.8."""
    found = trajectory(lamb(), 0.1, np.array([1.0, -2.0]), np.array([[0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]]))
    wanted = [(0.841886196048, -1.84188603793), (0.722748148606, -2.00565200232), (0.530027648229, -2.09680493503)]
    assert np.allclose(found, wanted, rtol=1e-11)


def of_torch(make, w, gradients):
    torch = pytest.importorskip("torch")
    p = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimizer, found = make(p), []
    for g in gradients:
        p.grad = torch.from_numpy(g.copy())
        optimizer.step()
        found.append(p.detach().numpy().copy())
    return np.array(found)


def mini(o, p):
    module = SimpleNamespace(named_parameters=lambda: [("norm", p)])
    return o.AdamMini(module, lr=0.01)


ROOT = (Square() | Ema(0.99, debias=True)) + Constant(1e-15) / Mass(0.99) | Root(EpsHat(1e-8, 0.99))
MARS = mars().parts[0] | mars().parts[1] | Ema(0.95, debias=True) / ROOT
"""ε before the correction, and 1e-15 inside the root."""
PYTORCH_OPTIMIZER = {
    "stable_adamw": (stable_adamw(), lambda o, p: o.StableAdamW([p], lr=0.01)),
    "adam_mini": (adam_mini(), mini),
    "mars": (MARS, lambda o, p: o.MARS([p], lr=0.01, optimize_1d=True)),
    "cautious, n/(Σ+1)": (
        lion() * (lion() * Gradient() | Positive())
        / ((lion() * Gradient() | Positive() | Mean()) + 1.0 / Size()),
        lambda o, p: o.Lion([p], lr=0.01, weight_decay=0.0, cautious=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PYTORCH_OPTIMIZER)
@pytest.mark.parametrize("shape", [*SHAPES, (6,)])
def test_in_lock_step_with_pytorch_optimizer(name, shape):
    peer = pytest.importorskip("pytorch_optimizer")
    rule, make = PYTORCH_OPTIMIZER[name]
    dtype, limit = (np.float32, 1e-5) if name == "adam_mini" else (np.float64, 1e-11)
    w, gradients = stream(shape, 200, dtype=dtype)
    assert far(trajectory(rule, 0.01, w, gradients), of_torch(lambda p: make(peer, p), w, gradients)) < limit


def test_the_probe_of_mars():
    """p = (1, -2), five gradients, lr 0.1: computed by pytorch_optimizer 4.1.0."""
    gradients = np.array([[0.5, -1.0], [-0.25, 2.0], [1.0, 0.1], [0.3, -0.4], [-0.2, 0.6]])
    wanted = [
        (0.9000000224, -1.900000011), (0.8620714717, -1.907357475), (0.7945284788, -1.893434426),
        (0.7391712901, -1.860404362), (0.7111565812, -1.861241673),
    ]  # fmt: skip
    assert np.allclose(trajectory(MARS, 0.1, np.array([1.0, -2.0]), gradients), wanted, rtol=1e-9)


def test_cautious_steps_are_the_authors_():
    """Their code: mask = (u * g > 0); mask /= mask.mean().clamp(min=1e-3); p -= lr * u * mask."""
    w, gradients = stream((7, 5), 50)
    ours, m, p = trajectory(cautious_rescaled(Ema(0.9)), 0.1, w, gradients), np.zeros_like(w), w.copy()
    for g, found in zip(gradients, ours, strict=True):
        m = 0.9 * m + 0.1 * g
        mask = (m * g > 0).astype(float)
        p -= 0.1 * m * mask / max(mask.mean(), 1e-3)
        assert np.allclose(found, p, rtol=1e-12)


def test_a_leaf_without_axes_is_averaged():
    opt, w = Optimizer(lamb(), 0.5, average=Ema(0.0)), {"w": np.array(2.0)}
    opt.step(w, {"w": np.array(1.0)})
    with opt.averaged(w):
        assert w["w"] == 1.0


def test_a_state_that_would_overflow_is_refused():
    opt, w = Optimizer(Square() * Square() | Ema(0.9) | Rms(), 1.0), np.ones(2)
    with pytest.raises(FloatingPointError, match="state 'ema' of 'params' would be infinite"):
        opt.step(w, np.full(2, 1e100))
    np.testing.assert_array_equal(w, 1.0)


@pytest.mark.parametrize("axis", [0, (0,), -1, None])
def test_weights_of_some_leaves_have_the_shape_of_each(axis):
    rule = Gradient() / ((Weights(only="a") | Norm(axis)) + 1.0)
    params = {"a": np.zeros((2, 2)), "b": np.ones((2, 2))}
    Optimizer(rule, 1.0).step(params, {name: np.ones((2, 2)) for name in params})
    np.testing.assert_array_equal(params["a"], -1.0)
    np.testing.assert_array_equal(params["b"], 0.0)
