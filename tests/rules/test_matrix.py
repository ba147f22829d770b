"""Muon and Adafactor: in lock-step with torch, optax and Keras, the iteration itself, and errors."""

import numpy as np
import pytest

from optimlab import (
    Clip,
    Ema,
    Gradient,
    Mean,
    Orthogonalize,
    Rms,
    Root,
    Square,
    Weights,
    adafactor,
    adamw,
    muon,
    nesterov,
)
from optimlab.optimizer import Optimizer
from optimlab.rules.matrix import IN_OUT, LIKE_ADAMW, OUT_IN, QUINTIC
from optimlab.rules.whole import excess
from optimlab.schedules.corrections import GradientShare, MeanShare, PowerDecay
from tests.engine.laws import same
from tests.rules.test_whole import of_optax, of_torch, optax  # noqa: F401
from tests.rules.wholes import far, stream, trajectory

SHAPES = [(7, 5), (5, 7), (6, 6), pytest.param((120, 90), marks=pytest.mark.slow)]
DOZAT = MeanShare(0.95) * Ema(0.95) + GradientShare(0.95) * Gradient()
"""optax's numerator: the mean of the step after this one and the gradient, each debiased."""


def of_scale(momentum, scale, **options):
    return (momentum | Orthogonalize(**options)) * scale


# ------------------------------------------------------------------ Muon


def test_the_probe_of_muon():
    """First row of W after each of two steps from arange(6)/10: computed by Keras 3.15.1, optax 0.2.8, torch 2.13."""
    w = np.arange(6.0).reshape(3, 2) / 10
    gradients = np.array([[[1, 2], [3, -1], [0.5, 0.2]], [[0.1, -2], [1, 1], [-0.5, 0.3]]])
    rows = {
        "keras": (muon(scale=LIKE_ADAMW, weight_decay=0.0), [(-0.01163, 0.07877), (-0.02010, 0.11365)], 6e-6),
        "optax": (of_scale(DOZAT, IN_OUT), [(-0.03357, 0.03871), (-0.05646, 0.09996)], 6e-6),
        "torch": (muon(weight_decay=0.0), [(-0.0409, 0.0230), (-0.0704, 0.1454)], 3e-3),
        "torch, match_rms": (
            muon(scale=LIKE_ADAMW, weight_decay=0.0),
            [(-0.01157, 0.07821), (-0.01993, 0.11286)],
            1e-3,
        ),
    }
    for rule, wanted, near in rows.values():
        assert np.abs(trajectory(rule, 0.1, w, gradients)[:, 0] - wanted).max() < near


@pytest.mark.parametrize("shape", SHAPES)
def test_muon_is_optax_s(optax, shape):  # noqa: F811
    w, gradients = stream(shape, 60)
    cases = [
        (of_scale(DOZAT, IN_OUT), {}),
        (of_scale(Ema(0.95, debias=True), IN_OUT), {"nesterov": False}),
        (of_scale(DOZAT, LIKE_ADAMW) + 0.1 * Weights(), {"consistent_rms": 0.2, "weight_decay": 0.1}),
    ]
    for rule, options in cases:
        theirs = of_optax(optax, optax.contrib.muon(0.1, **options), w, gradients)
        assert far(trajectory(rule, 0.1, w, gradients), theirs) < 1e-12


def test_polynomials_may_differ_from_step_to_step(optax):  # noqa: F811
    rows = ((4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037),
            (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012))  # fmt: skip
    w, gradients = stream((7, 5), 30)
    theirs = of_optax(optax, optax.contrib.muon(0.1, ns_coeffs="dion"), w, gradients)
    assert far(trajectory(of_scale(DOZAT, IN_OUT, polynomials=rows), 0.1, w, gradients), theirs) < 1e-12


@pytest.mark.parametrize("fn", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("shape", [(7, 5), (5, 7), (6, 6), (40, 30)])
def test_muon_is_torch_s_as_far_as_bfloat16_goes(fn, shape):
    torch = pytest.importorskip("torch")
    w, gradients = stream(shape, 20)
    theirs = of_torch(lambda p: torch.optim.Muon([p], lr=0.02, adjust_lr_fn=fn), w, gradients)
    scale = OUT_IN if fn == "original" else LIKE_ADAMW
    assert far(trajectory(muon(scale=scale), 0.02, w, gradients), theirs) < 1e-2


@pytest.mark.slow
def test_muon_is_keras_s():
    pytest.importorskip("jax")
    ops = pytest.importorskip("keras").ops
    from keras.optimizers import Muon

    peer, (x,) = Muon(), stream((7, 5), 1, dtype=np.float32)[1]
    theirs = np.asarray(peer.zeropower_via_newtonschulz5(ops.convert_to_tensor(x), 5))
    assert far(Orthogonalize(eps=1e-7).of(x, x, (np.float32(1e-7),)), theirs) < 1e-5


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_singular_values_follow_the_polynomial(shape):
    x = stream(shape, 0)[0]
    u, s, v = np.linalg.svd(x, full_matrices=False)
    s /= np.linalg.norm(x) + 1e-8
    for a, b, c in QUINTIC:
        s = a * s + b * s**3 + c * s**5
    assert np.allclose(Orthogonalize().of(x, x, (1e-8,)), (u * s) @ v, rtol=1e-9, atol=1e-11)


def test_the_range_that_its_comment_tells():
    s = np.linspace(0.01, 1.0, 100_001)
    for a, b, c in QUINTIC:
        s = a * s + b * s**3 + c * s**5
    assert round(s.min(), 2) == 0.68
    assert round(s.max(), 2) == 1.13


def test_the_given_matrix_is_not_changed():
    x = stream((5, 4), 0)[0]
    before = x.copy()
    Orthogonalize().of(x, x, (1e-8,))
    assert np.array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_step_orthogonalizes_but_divides(dtype):
    x = stream((5, 4), 0, dtype=dtype)[0]
    y = Orthogonalize(()).of(x, x, (dtype(1e-8),))
    assert y.dtype == dtype
    assert np.isclose(np.linalg.norm(y), 1.0)


# ------------------------------------------------------------------ Adafactor


def unfactored():
    update = Gradient() / (Square() + 1e-30 | Ema(PowerDecay(0.8)) | Root())
    return update * ((Weights() | Rms() | Clip(1e-3, np.inf)) / (update | excess(Rms(), 1.0)))


@pytest.mark.parametrize("shape", [*SHAPES, (6,)])
def test_adafactor_is_optax_s(optax, shape):  # noqa: F811
    w, gradients = stream(shape, 200)
    theirs = of_optax(optax, optax.adafactor(0.1, min_dim_size_to_factor=1), w, gradients)
    near = 1e-6  # optax's decay is computed in float32
    assert far(trajectory(adafactor(), 0.1, w, gradients), theirs) < near


@pytest.mark.parametrize("shape", [*SHAPES, (6,)])
def test_adafactor_is_optax_s_with_a_decay_in_float64(optax, shape):  # noqa: F811
    jnp, factored = pytest.importorskip("jax.numpy"), optax.scale_by_factored_rms

    def decay(step, exponent):
        return 1.0 - jnp.asarray(step + 1, jnp.float64) ** -exponent

    w, gradients = stream(shape, 200)
    chain = optax.chain(
        factored(min_dim_size_to_factor=1, decay_rate_fn=decay), optax.clip_by_block_rms(1.0), optax.scale(0.1),
        optax.scale_by_param_block_rms(), optax.scale(-1.0),
    )  # fmt: skip
    assert far(trajectory(adafactor(), 0.1, w, gradients), of_optax(optax, chain, w, gradients)) < 1e-12


def test_optax_keeps_all_of_small_matrices(optax):  # noqa: F811
    w, gradients = stream((7, 5), 50)
    theirs = of_optax(optax, optax.adafactor(0.1), w, gradients)
    assert far(trajectory(unfactored(), 0.1, w, gradients), theirs) < 1e-6
    assert far(trajectory(adafactor(), 0.1, w, gradients), theirs) > 1e-2


def relative(k):
    """The rate of torch and Keras: min(lr, 1/√t)."""
    return np.minimum(0.1, 1.0 / np.sqrt(k + 1.0))


@pytest.mark.parametrize("shape", [*SHAPES, (6,), (2, 3, 4)])
def test_adafactor_is_torch_s(shape):
    torch = pytest.importorskip("torch")
    w, gradients = stream(shape, 200)
    theirs = of_torch(lambda p: torch.optim.Adafactor([p], lr=0.1), w, gradients)
    assert far(trajectory(adafactor(), relative, w, gradients), theirs) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(7, 5), (6,)])
def test_adafactor_is_keras_s(shape):
    pytest.importorskip("jax")
    keras = pytest.importorskip("keras")
    w, gradients = stream(shape, 100, dtype=np.float32)
    variable, peer = keras.Variable(w), keras.optimizers.Adafactor(0.1, relative_step=False)
    for g in gradients:
        peer.apply([keras.ops.convert_to_tensor(g)], [variable])
    ours = trajectory(adafactor(), relative, w, gradients)[-1]
    assert far(ours, np.asarray(variable.value)) < 1e-5


def test_of_a_vector_nothing_is_lost():
    w, gradients = stream((9,), 20)
    assert np.array_equal(trajectory(adafactor(), 0.1, w, gradients), trajectory(unfactored(), 0.1, w, gradients))


def test_its_state_is_a_row_and_a_column():
    w, gradients = stream((300, 200), 2)
    opt = Optimizer(adafactor(), 0.1)
    for g in gradients:
        opt.step({"W": w}, {"W": g})
    rows, columns = opt.state["W"].values()
    assert (rows.shape, columns.shape) == ((300, 1), (1, 200))
    share = 2.0**-0.8
    expected = (1 - share) * gradients[0] ** 2 + share * gradients[1] ** 2
    assert np.allclose(rows, expected.mean(axis=1, keepdims=True), rtol=1e-12)
    assert np.allclose(columns, expected.mean(axis=0, keepdims=True), rtol=1e-12)


def test_a_second_moment_of_one_row_and_one_column_is_kept_whole():
    g = np.outer([1.0, 2.0, 3.0], [1.0, -0.5])  # g² has rank 1
    step = -Optimizer((Gradient() / _root()), 1.0).step(np.zeros((3, 2)), g)
    assert np.allclose(step, np.sign(g), rtol=1e-12)


def _root():
    rows, columns = Square() | Mean(-1), Square() | Mean(-2)
    return rows * columns / (rows | Mean(-2)) | Root()


# ------------------------------------------------------------------ groups, errors


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_a_matrix_rule_is_for_matrices_and_says_what_to_do(shape):
    params, gradients = ({"W": np.ones((4, 3)), "b": np.ones(shape)} for _ in range(2))
    with pytest.raises(ValueError, match=r"parameter 'b': Orthogonalize is for matrices") as info:
        Optimizer(muon(), 0.1).step(params, gradients)
    assert f"got shape {shape}" in str(info.value)
    assert "{'b': adamw(), \"*\": ...}" in str(info.value)
    assert np.array_equal(params["W"], np.ones((4, 3)))
    Optimizer({"b": adamw(), "*": muon()}, 0.1).step(params, gradients)
    assert (params["W"] < 1.0).all()
    assert (params["b"] < 1.0).all()


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_vector_is_refused_with_replicas_too(replicas):
    w = np.ones((3,) if replicas is None else (2, 3))
    with pytest.raises(ValueError, match="Orthogonalize is for matrices"):
        Optimizer(muon(), 0.1, replicas=replicas).step(w, w.copy())


def test_muon_for_matrices_and_adamw_for_the_rest_of_a_net():
    shapes = {"0.W": (5, 4), "0.b": (5,), "1.W": (3, 5), "1.b": (3,)}
    streams = {name: stream(shape, 6, seed) for seed, (name, shape) in enumerate(shapes.items())}
    both = {name: w.copy() for name, (w, _) in streams.items()}
    opt = Optimizer({"*.W": muon(), "*": adamw()}, {"*.W": 0.02, "*": 1e-3})
    for k in range(6):
        opt.step(both, {name: gradients[k] for name, (_, gradients) in streams.items()})
    for name, (w, gradients) in streams.items():
        rule, lr = (muon(), 0.02) if name.endswith("W") else (adamw(), 1e-3)
        assert np.array_equal(both[name], trajectory(rule, lr, w, gradients)[-1])
    again = Optimizer({"*.W": muon(), "*": adamw()}, {"*.W": 0.02, "*": 1e-3})
    other = {name: np.zeros_like(w) for name, w in both.items()}
    again.load_state_dict(opt.state_dict(both), other)
    for one, params in ((opt, both), (again, other)):
        one.step(params, {name: gradients[0] for name, (_, gradients) in streams.items()})
    assert same((list(both.values()), opt), (list(other.values()), again))


@pytest.mark.parametrize("polynomials", [((1.0, 2.0),), (1.0, 2.0, 3.0), [(1, 2, 3)], 5])
def test_polynomials_are_rows_of_three(polynomials):
    with pytest.raises(TypeError, match=r"polynomials must be a tuple of \(a, b, c\), one for each step, as QUINTIC"):
        Orthogonalize(polynomials)
    Orthogonalize(QUINTIC)


def test_numbers_of_a_polynomial_are_checked():
    with pytest.raises(ValueError, match="polynomials must be a finite number"):
        Orthogonalize(((1.0, np.inf, 0.0),))
    with pytest.raises(ValueError, match="eps must be greater than 0"):
        Orthogonalize(eps=0.0)


def test_momentum_of_replicas_may_differ():
    w, gradients = stream((2, 4, 3), 5)
    both = trajectory(muon([0.9, 0.5]), 0.1, w, gradients, replicas=2)
    for r, beta in enumerate((0.9, 0.5)):
        assert np.array_equal(both[:, r], trajectory(muon(beta), 0.1, w[r], [g[r] for g in gradients]))


def test_any_momentum_can_be_orthogonalized():
    assert muon(0.9, weight_decay=0.1) == (nesterov(0.9) | Orthogonalize()) * OUT_IN + 0.1 * Weights()
    w, gradients = stream((4, 3), 3)
    assert np.isfinite(trajectory((Ema(0.9) | Orthogonalize()) * 0.1, 0.1, w, gradients)).all()
