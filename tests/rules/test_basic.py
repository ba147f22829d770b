"""The lecture's optimizers against the papers, the released libraries' numbers, and the libraries themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import (
    Clip,
    DebiasedGain,
    Decay,
    Ema,
    FirstValueGain,
    Gradient,
    InversePowerGain,
    PowerGain,
    Root,
    ShareGain,
    Square,
    TailGain,
    Trace,
    UniformGain,
    WarmUpGain,
    WeightedGain,
    Weights,
    adam,
    adamw,
    bias_correction,
    heavy_ball,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)
from optimlab.optimizer import Optimizer
from tests import oracles

PROBE = [(0.5, -1.0), (-0.25, 2.0), (1.0, 0.1)]
B1, B2 = 0.9, 0.999


def dampened(k):
    return np.where(np.asarray(k) == 0, 1.0, 0.5)[()]


def eps_hat(k):
    return np.sqrt(1 - B2 ** (k + 1)) / (1 - B1 ** (k + 1))


def debias_next(k):
    return B1 / (1 - B1 ** (k + 2))


def debias_now(k):
    return (1 - B1) / (1 - B1 ** (k + 1))


CENTRED = (Square() | Ema(0.9)) - (Ema(0.9) | Square())
V_HAT = Square() | Ema(B2, debias=True)

ROWS = {  # rules.md, table 2d: numbers that the named libraries printed
    "heavy ball (torch, optax)": (heavy_ball(0.9), "0.95 -1.9 0.93 -2.01 0.812 -2.119"),
    "nesterov (torch, optax)": (nesterov(0.9), "0.905 -1.81 0.912 -2.109 0.7058 -2.2171"),
    "dampening 0.5 (torch)": (dampened * Gradient() | Trace(0.9), "0.95 -1.9 0.9175 -1.91 0.83825 -1.924"),
    "L2 0.01 (torch)": (
        Gradient() + 0.01 * Weights() | Trace(0.9),
        "0.949 -1.898 0.927151 -2.004302 0.806559749 -2.107969498",
    ),
    "momentum (autograd)": (momentum(0.9), "0.995 -1.99 0.993 -2.001 0.9812 -2.0119"),
    "rmsprop (torch)": (
        rmsprop(0.9),
        "0.683772253983 -1.68377224398 0.831214201442 -1.96948652562 0.549356279304 -1.98452794633",
    ),
    "rmsprop, eps inside (optax, keras)": (
        Gradient() / ((Square() | Ema(0.9)) + 1e-8 | Root()),
        "0.683772297229 -1.68377224979 0.831214227742 -1.96948653259 0.549356308854 -1.98452795336",
    ),
    "rmsprop, eps 0.1 (torch)": (
        rmsprop(0.9, eps=0.1),
        "0.806287056639 -1.75974692665 0.899031389409 -2.00974692665 0.679149042491 -2.02282171381",
    ),
    "rmsprop, eps 0.1 inside (optax)": (
        Gradient() / ((Square() | Ema(0.9)) + 0.1 | Root()),
        "0.858578643763 -1.77639320225 0.928251945192 -2.03677102421 0.717842167643 -2.05035416983",
    ),
    "centred, momentum (torch)": (
        Gradient() / (CENTRED | Root(1e-8)) | Trace(0.9),
        "0.666666688889 -1.66666667778 0.5151451678 -1.65597537466 0.0799032698983 -1.66160094894",
    ),
    "centred, momentum, eps inside (optax, keras)": (
        Gradient() / (CENTRED + 1e-8 | Root()) | Trace(0.9),
        "0.666666740741 -1.66666668519 0.51514524895 -1.65597538989 0.0799033818328 -1.66160097127",
    ),
    "rmsprop, debiased, eps inside (optax)": (
        Gradient() / ((Square() | Ema(0.9, debias=True)) + 1e-8 | Root()),
        "0.900000002 -1.9000000005 0.964268458568 -2.02453997007 0.817539816266 -2.03237018187",
    ),
    "rmsprop from 1 (autograd)": (
        Gradient() / (Square() | Ema(0.9, first=1.0) | Root(1e-8)),
        "0.94801247605 -1.900000001 0.975310030273 -2.07541160332 0.867154510961 -2.08465265818",
    ),
    "adam (torch, optax, autograd)": (
        adam(),
        "0.900000002 -1.900000001 0.873366298708 -1.93661035347 0.807555139677 -1.96773768948",
    ),
    "adam, eps hat (keras, sklearn)": (
        eps_hat * (Ema(B1) / (Square() | Ema(B2) | Root(1e-8))),
        "0.900000063246 -1.90000003162 0.873366374352 -1.93661037915 0.807555232496 -1.967737711",
    ),
    "adam, eps 0.1 (torch, optax)": (
        adam(eps=0.1),
        "0.916666666667 -1.90909090909 0.89541106023 -1.94352385766 0.838240765947 -1.97241528671",
    ),
    "adam, eps hat 0.1 (keras, sklearn)": (
        eps_hat * (Ema(B1) / (Square() | Ema(B2) | Root(0.1))),
        "0.98634729405 -1.97597469266 0.982347709936 -1.99113830888 0.964848714718 -2.00403469447",
    ),
    "adam, eps_root 0.1 (optax)": (
        Ema(B1, debias=True) / (V_HAT + 0.1 | Root(1e-8)),
        "0.915484575956 -1.90465374198 0.894688365938 -1.94055335331 0.835310795267 -1.97078843368",
    ),
    "adamw 0.1 (torch, optax)": (
        adamw(weight_decay=0.1),
        "0.890000002 -1.880000001 0.854466298688 -1.89781035346 0.78011047667 -1.90995958593",
    ),
    "adam with L2 0.1 (torch)": (
        Gradient() + 0.1 * Weights() | adam(),
        "0.900000001667 -1.90000000083 0.854441367462 -1.92501787846 0.781504399863 -1.94161889386",
    ),
    "nadam (optax)": (
        (debias_next * Ema(B1) + debias_now * Gradient()) / (V_HAT | Root(1e-8)),
        "0.852631581895 -1.85263158042 0.869117942512 -1.94229685496 0.76667132869 -1.96722863449",
    ),
    "adagrad (torch)": (
        Gradient() / (Square() | Trace(1.0) | Root(1e-10)),
        "0.90000000002 -1.90000000001 0.944721359562 -1.98944271911 0.857434203475 -1.99391038962",
    ),
    "adagrad from 0.1, eps inside (optax, keras)": (
        Gradient() / ((Square() | Trace(1.0, first=0.1)) + 1e-7 | Root()),
        "0.915484586601 -1.90465374541 0.954409529091 -1.9932152331 0.870268899687 -1.9976389726",
    ),
}


@pytest.mark.parametrize("engine", ["numpy", pytest.param("fused", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ROWS)
def test_three_steps_give_the_numbers_that_the_library_printed(name, engine):
    if engine == "fused":
        pytest.importorskip("numba")
    rule, printed = ROWS[name]
    w = np.array([1.0, -2.0])
    optimizer = Optimizer(rule, 0.1, engine=engine)
    path = []
    for g in PROBE:
        optimizer.step(w, np.array(g))
        path += w.tolist()
    for found, text in zip(path, printed.split(), strict=True):
        twelfth_digit = 10.0 ** (math.floor(math.log10(abs(float(text)))) - 11)
        assert abs(found - float(text)) <= 0.51 * twelfth_digit


BETAS = st.floats(1e-3, 0.9999)  # a step leaves an error of 1e-16 of the mean before, in one at least β times as large
ORACLES = {
    "sgd": (sgd, oracles.sgd, {}),
    "momentum": (momentum, oracles.momentum, {"beta": BETAS}),
    "heavy_ball": (heavy_ball, oracles.heavy_ball, {"beta": st.floats(0.0, 0.99)}),
    "nesterov": (nesterov, oracles.nesterov, {"beta": st.floats(0.0, 0.99)}),
    "rmsprop": (rmsprop, oracles.rmsprop, {"beta": BETAS, "eps": st.floats(1e-8, 1.0)}),
    "adam": (adam, oracles.adam, {"beta1": BETAS, "beta2": BETAS, "eps": st.floats(1e-8, 1.0)}),
    "adamw": (
        adamw,
        oracles.adam,
        {"beta1": BETAS, "beta2": BETAS, "eps": st.floats(1e-8, 1.0), "weight_decay": st.floats(0.0, 0.5)},
    ),
}


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_two_hundred_steps_are_those_of_the_paper(name, data):
    make, oracle, choices = ORACLES[name]
    chosen = {key: data.draw(choice, label=key) for key, choice in choices.items()}
    lr, seed = data.draw(st.floats(1e-4, 0.5)), data.draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    gradients = generator.standard_normal((200, 3)) * generator.choice([1e-3, 1.0, 1e3], (200, 1))
    w = generator.standard_normal(3)
    expected = oracle(w.tolist(), gradients.tolist(), lr, **chosen)
    optimizer = Optimizer(make(**chosen), lr)
    for g in gradients:
        optimizer.step(w, g)
    np.testing.assert_allclose(w, expected, rtol=1e-9, atol=1e-9 * lr * np.abs(gradients).sum())


def rosenbrock(w):
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


PEERS = {
    "sgd": (sgd(), 1e-4, "SGD", {}, "sgd", {}),
    "heavy_ball": (heavy_ball(), 1e-5, "SGD", {"momentum": 0.9}, "sgd", {"momentum": 0.9}),
    "nesterov": (
        nesterov(), 1e-5, "SGD", {"momentum": 0.9, "nesterov": True}, "sgd", {"momentum": 0.9, "nesterov": True},
    ),
    "rmsprop": (
        rmsprop(0.99), 1e-3, "RMSprop", {"alpha": 0.99}, "rmsprop", {"decay": 0.99, "eps_in_sqrt": False},
    ),
    "adam": (adam(), 1e-2, "Adam", {}, "adam", {}),
    "adamw": (adamw(weight_decay=0.1), 1e-2, "AdamW", {"weight_decay": 0.1}, "adamw", {"weight_decay": 0.1}),
}  # fmt: skip


def ours(rule, lr, gradients_at=None):
    w, path = np.array([-1.2, 1.0]), []
    optimizer = Optimizer(rule, lr)
    for k in range(1000):
        optimizer.step(w, rosenbrock(w) if gradients_at is None else rosenbrock(gradients_at[k]))
        path.append(w.copy())
    return np.array(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_thousand_steps_on_rosenbrock_in_lock_step_with_torch(name):
    torch = pytest.importorskip("torch")
    rule, lr, peer, options, _, _ = PEERS[name]
    w = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer, path = getattr(torch.optim, peer)([w], lr=lr, **options), []
    for _ in range(1000):
        w.grad = torch.from_numpy(rosenbrock(w.detach().numpy()))
        optimizer.step()
        path.append(w.detach().numpy().copy())
    np.testing.assert_allclose(ours(rule, lr), np.array(path), rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore")
def test_a_thousand_steps_on_rosenbrock_in_lock_step_with_optax(name):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    rule, lr, _, _, peer, options = PEERS[name]
    jax.config.update("jax_enable_x64", True)
    try:
        optimizer = getattr(optax, peer)(lr, **options)
        w, path = jax.numpy.array([-1.2, 1.0]), []
        state, update = optimizer.init(w), jax.jit(optimizer.update)
        for _ in range(1000):
            step, state = update(jax.numpy.asarray(rosenbrock(np.asarray(w))), state, w)
            w = w + step
            path.append(np.asarray(w))
    finally:
        jax.config.update("jax_enable_x64", False)
    np.testing.assert_allclose(ours(rule, lr), np.array(path), rtol=1e-10)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.999, 1 - 2.0**-40])
@pytest.mark.parametrize("t", [1, 2, 10, 10**6])
def test_the_correction_is_exact(beta, t):
    (k,) = Ema(beta, debias=True).coefficients(t)
    assert k == pytest.approx(Decay(beta).alpha / bias_correction(beta, t), rel=4e-16)
    assert Ema(beta).coefficients(t) == (Decay(beta).alpha,)


FROM_NOTHING = [
    DebiasedGain(0.9), DebiasedGain(0.9995), DebiasedGain(1 - 2.0**-40), DebiasedGain(Decay(alpha=1e-17)),
    DebiasedGain(Decay(com=math.inf)), DebiasedGain(lambda k: 0.9 - 0.5 / (k + 1)), FirstValueGain(0.999),
    UniformGain(), PowerGain(6.94), ShareGain(0.1), WarmUpGain(0.9999), TailGain(2), InversePowerGain(0.5),
    WeightedGain(lambda k: (k + 1.0) ** 3),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gain", FROM_NOTHING)
@pytest.mark.parametrize("x", [1e-10, 1.0, 1 / 3, 1e30])
def test_the_mean_of_equal_numbers_is_that_number(gain, x, dtype):
    w, x = np.zeros(1, dtype), np.array([x], dtype)
    optimizer = Optimizer(Ema(gain), 1.0, average=Ema(gain))
    for _ in range(300):
        w[:] = 0.5 * x
        optimizer.step(w, x)
        assert optimizer.state["params"]["ema"] == x
    with optimizer.averaged(w):
        assert w == 0.5 * x - x


def steps_of(rule):
    w, optimizer = np.zeros(2), Optimizer(rule, 0.1)
    for g in PROBE:
        optimizer.step(w, np.array(g))
    return w.tolist()


def test_a_decay_may_be_given_by_any_of_its_names():
    for name in ("alpha", "span", "com", "halflife", "window", "cutoff"):
        decay = Decay(**{name: 0.25 if name in ("alpha", "cutoff") else 7.5})
        assert Ema(decay).coefficients(1) == (decay.alpha,)
        for make in (Trace, momentum, heavy_ball, nesterov, rmsprop, adam, adamw):
            assert steps_of(make(decay)) == pytest.approx(steps_of(make(decay.beta)), rel=1e-13)
        assert steps_of(adam(0.9, decay)) == pytest.approx(steps_of(adam(0.9, decay.beta)), rel=1e-13)
    assert Trace(Decay(com=math.inf)) == Trace(1.0)
    assert repr(Ema(Decay(span=19))) == "Ema(Decay(alpha=0.1))"


def test_a_scheduled_beta_is_corrected_by_the_product():
    rule = Ema(lambda k: [0.5, 0.75, 0.25][k], debias=True)
    gains = [1.0, 0.25 / (1 - 0.375), 0.75 / (1 - 0.5 * 0.75 * 0.25)]
    assert [rule.coefficients(t)[0] for t in (3, 1, 2, 3)] == pytest.approx(
        [gains[2], gains[0], gains[1], gains[2]], rel=4e-16
    )


def test_each_replica_has_the_product_of_its_own_scheduled_beta():
    def beta(k):
        return np.array([0.5, 0.75, 0.25]) / (k + 1)

    for steps in ([3, 1, 2], [2, 2, 2], [4, 9, 1]):
        (together,) = Ema(beta, debias=True).coefficients(np.array(steps))
        for i, t in enumerate(steps):
            (alone,) = Ema(lambda k, i=i: float(beta(k)[i]), debias=True).coefficients(t)
            assert together[i] == alone
            product = math.prod([beta(k)[i] for k in range(t)])
            assert alone == pytest.approx((1 - beta(t - 1)[i]) / (1 - product), rel=1e-15)


@pytest.mark.parametrize("gain", [UniformGain(), PowerGain(0.0), lambda k: k / (k + 1)])
def test_the_running_mean_is_an_ema(gain):
    w = np.zeros(1)
    optimizer = Optimizer(Ema(gain), 1.0)
    for x in (3.0, 5.0, 10.0):
        before = w.copy()
        optimizer.step(w, np.array([x]))
    assert (before - w)[0] == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Ema(1.0), ValueError, r"beta must be in \[0, 1\); got 1.0"),
        (lambda: Ema(math.nan), ValueError, r"beta must be in \[0, 1\); got nan"),
        (lambda: Ema("0.9"), TypeError, r"beta must be in \[0, 1\); got '0.9'"),
        (lambda: Ema(False), TypeError, r"beta must be in \[0, 1\); got False"),
        (lambda: Ema([True, False]), TypeError, r"beta must be in \[0, 1\); got \[True, False\]"),
        (lambda: Ema(0.9, 0.999), TypeError, "positional"),
        (lambda: Ema(0.9, debias=0.999), TypeError, "debias must be True or False; got 0.999"),
        (lambda: Ema(0.9, debias="yes"), TypeError, "debias must be True or False; got 'yes'"),
        (lambda: Ema(0.9, first="x"), TypeError, "first must be a finite number; got 'x'"),
        (lambda: Ema(0.9, first=math.nan), ValueError, "first must be a finite number; got nan"),
        (lambda: Ema(0.9, first=[1.0, 2.0]), TypeError, "first must be a finite number, a single number"),
        (lambda: Trace(0.9, 1.0), TypeError, "positional"),
        (lambda: Trace(0.9, first=math.inf), ValueError, "first must be a finite number; got inf"),
        (lambda: Trace(0.9, first=True), TypeError, "first must be a finite number; got True"),
        (lambda: Ema([[0.9]]), ValueError, r"beta must be a number or one number for each replica; got shape \(1, 1\)"),
        (lambda: Ema(Decay(com=math.inf)), ValueError, r"infinite memory; for a plain mean give UniformGain\(\)"),
        (lambda: Ema(UniformGain(), debias=True), ValueError, r"debias=True goes with a β; .* got UniformGain\(\)"),
        (lambda: Ema(PowerGain(1.0), first=2.0), ValueError, r"first must be 0 with PowerGain\(gamma=1.0\)"),
        (lambda: Ema(0.9, debias=True, first=1.0), ValueError, r"first must be 0 with DebiasedGain\(beta=0.9\)"),
        (lambda: Ema(lambda k: 1.5).coefficients(1), ValueError, "from its schedule at k = 0"),
        (lambda: Ema(lambda k: 1.0).coefficients(1), ValueError, r"at k = 0, must be in \[0, 1\); got 1.0"),
        (
            lambda: Ema(lambda k: np.array([0.5, 1.0])).coefficients(3),
            ValueError,
            r"at k = 2, must be in \[0, 1\); got 1.0",
        ),
        (lambda: Ema(lambda k: 0.5 + 0.5 * (k > 0), debias=True).coefficients(2), ValueError, "at k = 1, must be in"),
        (lambda: Ema(lambda k: math.nan).coefficients(1), ValueError, "got nan"),
        (lambda: Trace(lambda k: 1.1).coefficients(1), ValueError, r"at k = 0, must be in \[0, 1\]; got 1.1"),
        (
            lambda: Root(lambda k: -1.0).coefficients(1),
            ValueError,
            "eps, from its schedule at k = 0, must be at least 0",
        ),
        (lambda: ((lambda k: math.inf) * Gradient()).coefficients(1), ValueError, "number, from its schedule"),
        (lambda: Trace(1.1), ValueError, r"beta must be in \[0, 1\]; got 1.1"),
        (lambda: Root(-1e-8), ValueError, "eps must be at least 0 and finite"),
        (lambda: Clip(1.0, 0.0), ValueError, "low must be at most high; got low=1.0, high=0.0"),
        (lambda: Clip([0.0, 1.0], 0.5), ValueError, "low must be at most high"),
        (lambda: Clip(math.nan, 0.0), ValueError, "low must be a number; got nan"),
        (lambda: Clip(0.0, math.nan), ValueError, "high must be a number; got nan"),
        (lambda: Clip(lambda k: math.nan, 0.0).coefficients(1), ValueError, "low, from its schedule at k = 0, must be"),
        (lambda: True * Gradient(), TypeError, "number must be a finite number; got True"),
        (lambda: adam(beta2=-0.1), ValueError, r"beta must be in \[0, 1\)"),
        (lambda: 2j * Gradient(), TypeError, "number must be a finite number; got 2j"),
        (lambda: math.inf * Gradient(), ValueError, "number must be a finite number; got inf"),
    ],
)
def test_errors_say_what_is_allowed_and_what_was_given(make, error, message):
    with pytest.raises(error, match=message):
        make()


ADAGRAD = Gradient() / (Square() | Trace(1.0) | Root(1e-8))
REACHES = [(heavy_ball(), 0.001), (nesterov(), 0.001), (momentum(), 0.01), (rmsprop(), 0.005), (adam(), 0.1),
           (adamw(weight_decay=1e-4), 0.1), (ADAGRAD, 1.0)]  # fmt: skip


@pytest.mark.parametrize(("rule", "lr"), REACHES, ids=str)
def test_it_reaches_the_minimum_of_a_parabola(rule, lr):
    w, target = np.array([-1.0, 10.0, 1.0]), np.array([1.0, -1.0, 1.0])
    optimizer = Optimizer(rule, lr)
    for _ in range(10000):
        optimizer.step(w, 2 * (w - target))
    assert np.abs(w - target).max() < 3e-2


@pytest.mark.parametrize(("rule", "lr"), REACHES, ids=str)
def test_it_reaches_the_minimum_of_rosenbrock(rule, lr):
    w = np.zeros(2)
    optimizer = Optimizer(rule, lr)
    for _ in range(10000):
        optimizer.step(w, rosenbrock(w))
    assert np.abs(w - 1.0).max() < 3e-2


def test_a_rule_with_a_schedule_may_run_again_from_the_start():
    rule = Ema(lambda k: k / (k + 1.0), debias=True)
    first = [rule.coefficients(t) for t in range(1, 200)]
    assert [rule.coefficients(t) for t in range(1, 200)] == first
