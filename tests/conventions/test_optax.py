"""optax's names: values that optax 0.2.8 printed, its own tests' cases, schedules, wrappers, and what is refused."""

import inspect
import pickle

import numpy as np
import pytest

from optimlab import Ema, Gradient, Optimizer, Schedule, Trace, Weights
from optimlab.conventions import optax

GRADIENTS = np.array([[0.5, -1], [-0.25, 2], [1, 0.1], [0.3, -0.4], [-0.2, 0.6]])


def run(optimizer, gradients, w=(1.0, -2.0), **words):
    """The parameters after each step."""
    w = np.array(w)
    return np.array([optimizer.step(w, np.asarray(g), **words).copy() for g in gradients])


ROWS = {
    "sgd mom": (optax.sgd(0.1, 0.9), ".95 -1.9 .93 -2.01 .812 -2.119"),
    "sgd nesterov": (optax.sgd(0.1, 0.9, nesterov=True), ".905 -1.81 .912 -2.109 .7058 -2.2171"),
    "rmsprop outside": (
        optax.rmsprop(0.1, eps_in_sqrt=False),
        ".683772253983 -1.68377224398 .831214201442 -1.96948652562 .549356279304 -1.98452794633",
    ),
    "rmsprop": (
        optax.rmsprop(0.1),
        ".683772297229 -1.68377224979 .831214227742 -1.96948653259 .549356308854 -1.98452795336",
    ),
    "rmsprop eps .1": (
        optax.rmsprop(0.1, eps=0.1),
        ".858578643763 -1.77639320225 .928251945192 -2.03677102421 .717842167643 -2.05035416983",
    ),
    "rmsprop centered mom": (
        optax.rmsprop(0.1, centered=True, momentum=0.9),
        ".666666740741 -1.66666668519 .51514524895 -1.65597538989 .0799033818328 -1.66160097127",
    ),
    "rmsprop corrected": (
        optax.rmsprop(0.1, bias_correction=True),
        ".900000002 -1.9000000005 .964268458568 -2.02453997007 .817539816266 -2.03237018187",
    ),
    "adam": (optax.adam(0.1), ".900000002 -1.900000001 .873366298708 -1.93661035347 .807555139677 -1.96773768948"),
    "adam eps .1": (
        optax.adam(0.1, eps=0.1),
        ".916666666667 -1.90909090909 .89541106023 -1.94352385766 .838240765947 -1.97241528671",
    ),
    "adam eps_root .1": (
        optax.adam(0.1, eps_root=0.1),
        ".915484575956 -1.90465374198 .894688365938 -1.94055335331 .835310795267 -1.97078843368",
    ),
    "adamw wd .1": (
        optax.adamw(0.1, weight_decay=0.1),
        ".890000002 -1.880000001 .854466298688 -1.89781035346 .78011047667 -1.90995958593",
    ),
    "amsgrad": (
        optax.amsgrad(0.1),
        ".900000002 -1.900000001 .878947370842 -1.93661035347 .813136211811 -1.96204478486",
    ),
    "nadam": (
        optax.nadam(0.1),
        ".852631581895 -1.85263158042 .869117942512 -1.94229685496 .76667132869 -1.96722863449",
    ),
    "adagrad": (
        optax.adagrad(0.1),
        ".915484586601 -1.90465374541 .954409529091 -1.9932152331 .870268899687 -1.9976389726",
    ),
    "adadelta": (
        optax.adadelta(1.0),
        ".996837785583 -1.99683773815 .998922872611 -2.0008783341 .994616156999 -2.00116104179",
    ),
    "adamax": (
        optax.adamax(0.1),
        ".900000002 -1.900000001 .878926297137 -1.92894736928 .835383862148 -1.94907820111",
    ),
    "radam": (optax.radam(0.1), ".95 -1.9 .939473684211 -1.95789473684 .895931248786 -1.99811613906"),
    "rprop as torch": (optax.rprop(0.1), ".9 -1.9 .9 -1.9 .85 -1.95"),
    "lion": (optax.lion(0.1, weight_decay=0.0), ".9 -1.9 1 -2 .9 -2.1 .8 -2 .9 -2.1"),
    "yogi": (
        optax.yogi(0.1),
        ".900396415528 -1.90015066153 .873881739183 -1.93673083519 .808208522834 -1.96781259632",
    ),
    "adabelief": (
        optax.adabelief(0.1),
        ".888888888889 -1.88888888889 .860518809596 -1.9279949866 .787054961682 -1.96127725267",
    ),
    "lamb": (optax.lamb(0.1), ".841886196048 -1.84188603793 .722748148606 -2.00565200232 .530027648229 -2.09680493503"),
    "ademamix": (
        optax.contrib.ademamix(0.1),
        ".899950002 -1.899950001 .8732846775 -1.936591975 .80737906 -1.967761875 "
        ".7403694613 -1.982657688 .6936010188 -2.008805082",
    ),
    "adopt": (
        optax.contrib.adopt(0.1),
        "1 -2 1.005 -2.01 .9976079288 -2.01999985 .9849557397 -2.025000117 .9775684476 -2.035500006",
    ),
    "adopt without clip": (
        optax.contrib.adopt(0.1, use_clipping=False),
        "1 -2 1.005 -2.02 .98949925 -2.03899985 .9695492498 -2.052100117 .9555939278 -2.069890006",
    ),
    "schedule-free": (
        optax.contrib.schedule_free_adamw(0.1),
        ".900000002 -1.900000001 .9347902769 -1.969559671 .8838215029 -1.991626089 "
        ".8494297733 -1.990833957 .8422616898 -2.008452449",
    ),
}


@pytest.mark.parametrize(("optimizer", "printed"), ROWS.values(), ids=list(ROWS))
def test_printed_values(optimizer, printed):
    expected = np.array(printed.split(), float).reshape(-1, 2)
    found = run(optimizer, GRADIENTS[: len(expected)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.5 * np.vectorize(last_digit)(printed.split()).max())


def last_digit(word):
    """The unit of the last digit that was printed."""
    return max(10.0 ** -len(word.partition(".")[2]), 1e-12) if "." in word else 1e-12


def test_the_warm_up_of_schedule_free_whose_rates_optax_has_in_float32():
    printed = "1 -2 1.025934569 -2.051853573 .9528934811 -2.060781957 .9115190409 -2.05065247 .9039072165 -2.064948228"
    found = run(optax.contrib.schedule_free_adamw(0.1, warmup_steps=2), GRADIENTS)
    np.testing.assert_allclose(found.ravel(), np.array(printed.split(), float), rtol=2e-8)


def test_muon_on_a_matrix():
    w = np.arange(6.0).reshape(3, 2) / 10
    opt = optax.contrib.muon(0.1)
    first = opt.step(w, np.array([[1, 2], [3, -1], [0.5, 0.2]]))[0].copy()
    second = opt.step(w, np.array([[0.1, -2], [1, 1], [-0.5, 0.3]]))[0]
    np.testing.assert_allclose([first, second], [[-0.03357, 0.03871], [-0.05646, 0.09996]], atol=5e-6)


START, GOAL = [-1.0, 10.0, 1.0], np.array([1.0, -1.0, 1.0])
PARABOLA = {
    **dict.fromkeys(("adam", "adamax", "adamw", "adan", "amsgrad", "yogi", "rprop", "adadelta"), 0.1),
    **dict.fromkeys(("adabelief", "nadam"), 0.01),
    **dict.fromkeys(("rmsprop", "radam"), 0.005),
    **dict.fromkeys(("adagrad", "sm3", "lars"), 1.0),
    **dict.fromkeys(("lamb", "novograd"), 0.001),
}


def parabola(w):
    return 2 * (w - GOAL)


def rosenbrock(w):
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lr"), PARABOLA.items())
@pytest.mark.parametrize(("slope", "start", "goal"), [(parabola, START, GOAL), (rosenbrock, [0.0, 0.0], 1.0)])
def test_ten_thousand_steps_come_to_the_minimum(name, lr, slope, start, goal):
    optimizer, w = getattr(optax, name)(lr), np.array(start)
    for _ in range(10_000):
        optimizer.step(w, slope(w))
    np.testing.assert_allclose(w, goal, atol=3e-2)


def test_steps_of_one_length_come_as_near_as_that():
    optimizer, w = optax.sign_sgd(0.1), np.array(START)
    for _ in range(200):
        optimizer.step(w, parabola(w))
    np.testing.assert_allclose(w, GOAL, atol=0.1)


class TestRelations:
    def test_corrected_rms_with_eps_outside_is_adam_without_a_mean(self):
        rms = optax.rmsprop(0.1, decay=0.999, eps_in_sqrt=False, bias_correction=True)
        np.testing.assert_allclose(run(rms, GRADIENTS), run(optax.adam(0.1, b1=0.0), GRADIENTS), rtol=1e-14)

    def test_optimistic_gradient(self):
        found = run(optax.optimistic_gradient_descent(1.0), [[2.0], [3.0], [4.0]], [0.0])
        assert np.diff(found[:, 0], prepend=0.0).tolist() == [-2, -4, -5]

    def test_optimistic_adam_measures_its_optimism_in_parameters(self):
        old = optax.optimistic_adam(0.1, optimism=0.05)
        np.testing.assert_allclose(
            run(old, GRADIENTS), run(optax.optimistic_adam_v2(0.1, beta=0.5), GRADIENTS), rtol=1e-14
        )
        assert optax.optimistic_adam(0.1).rule == optax.optimistic_adam_v2(0.1).rule

    def test_polyak_reaches_the_minimum_of_the_norm_in_one_step(self):
        np.testing.assert_allclose(run(optax.polyak_sgd(), [[1.0, -1.0]], [1.0, -1.0], loss=2.0), 0.0, atol=1e-15)

    def test_a_schedule_of_the_rate_is_inside_the_buffers(self):
        rates = optax.piecewise_constant_schedule(0.1, {1: 0.1})
        inside = run(optax.rmsprop(rates, decay=0.0, eps=0.0, momentum=0.9), np.ones((3, 1)), [0.0])
        np.testing.assert_allclose(inside[:, 0], [-0.1, -0.2, -0.3], rtol=1e-14)
        outside = run(optax.sgd(rates, momentum=0.9), np.ones((3, 1)), [0.0])
        np.testing.assert_allclose(outside[:, 0], [-0.1, -0.119, -0.1461], rtol=1e-14)

    def test_fromage_shrinks_by_the_root(self):
        w, g, lr = np.array([3.0, 4.0]), np.array([0.0, 2.0]), 0.75
        expected = (w - lr * 5 / 2 * g) / np.sqrt(1 + lr**2)
        np.testing.assert_allclose(optax.fromage(lr).step(w, g), expected, rtol=1e-15)

    def test_adafactor_without_factors_keeps_one_number_for_each(self):
        g = np.random.default_rng(0).standard_normal((4, 2, 3))
        slots = optax.adafactor(0.1), optax.adafactor(0.1, min_dim_size_to_factor=2)
        for opt, shapes in zip(slots, ([(2, 3), (2, 3)], [(2, 1), (1, 3)]), strict=True):
            w = np.ones((2, 3))
            for x in g:
                opt.step(w, x)
            assert [slot.shape for slot in opt.state["params"].values()] == shapes

    def test_decay_of_leaves_by_names_and_by_marks(self):
        marks = {"a": {"weight": True, "bias": False}, "b": [True, False]}
        assert optax.adamw(0.1, mask=marks).rule == optax.adamw(0.1, mask=["a.weight", "b.0"]).rule
        assert optax.lion(0.1, mask=False).rule == optax.lion(0.1).rule.parts[0] + 1e-3 * Weights(only=())
        w = {"a": np.ones(1), "b": np.ones(1)}
        optax.lars(1.0, 0.5, ["a"], momentum=0.0, trust_ratio_mask=["b"]).step(w, {"a": np.ones(1), "b": np.ones(1)})
        np.testing.assert_allclose([w["a"][0], w["b"][0]], [-0.5, 1 - 0.001])

    def test_muon_leaves_other_leaves_to_adamw(self):
        opt = optax.contrib.muon(0.1, muon_weight_dimension_numbers="W", adam_learning_rate=0.2)
        w, b = {"W": np.eye(2), "b": np.ones(2)}, np.ones(2)
        opt.step(w, {"W": np.eye(2), "b": np.array([1.0, -2.0])})
        optax.nadamw(0.2, weight_decay=0.0).step(b, np.array([1.0, -2.0]))
        assert np.array_equal(w["b"], b)
        assert not np.array_equal(w["W"], np.eye(2))


class TestTransforms:
    def test_clips(self):
        g = [np.array([500.0, 5.0]), np.array([300.0, 3.0])]
        ones = optax.chain(optax.clip(1.0), optax.sgd(1.0)).step([np.zeros(2), np.zeros(2)], g)
        assert np.array_equal(ones, -np.ones((2, 2)))
        for i in range(1, 6):
            w = [np.zeros(2), np.zeros(2)]
            optax.chain(optax.clip_by_global_norm(1 / i), optax.clip_by_global_norm(1 / i), optax.sgd(1.0)).step(w, g)
            np.testing.assert_allclose(np.linalg.norm(w), 1 / i, rtol=1e-14)
        same = optax.chain(optax.clip_by_global_norm(1e6), optax.sgd(1.0)).step([np.zeros(2), np.zeros(2)], g)
        assert np.array_equal(same, -np.array(g))

    @pytest.mark.parametrize(("limit", "total", "clipped"), [(np.inf, 7.0, 0), (0.0, 0.0, 3), (1.25, 1.75, 3)])
    def test_clip_of_each_example(self, limit, total, clipped):
        grads = {"g": np.array([[0, 0, 0], [0, 3, 4], [4, 0, 3], [3, 4, 0.0]])}
        found, count = optax.per_example_global_norm_clip(grads, limit)
        assert found["g"].tolist() == [total] * 3
        assert count == clipped

    def test_centralize(self):
        def centred(x):
            return -Optimizer(optax.centralize(), 1.0).step(np.zeros_like(x), x)

        assert centred(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[-0.5, 0.5], [-0.5, 0.5]]
        assert centred(np.array([1.0, 2.0])).tolist() == [1, 2]
        assert centred(np.arange(1.0, 9.0).reshape(2, 2, 2)).reshape(2, 4).tolist() == [[-1.5, -0.5, 0.5, 1.5]] * 2

    def test_ema(self):
        values = [[5.0], [7.0]]
        raw, corrected = (Optimizer(optax.ema(0.9, debias), 1.0) for debias in (False, True))
        np.testing.assert_allclose(np.diff(run(raw, values, [0.0])[:, 0], prepend=0.0), [-0.5, -1.15])
        np.testing.assert_allclose(np.diff(run(corrected, values, [0.0])[:, 0], prepend=0.0), [-5, -6.0526315789])
        assert optax.trace(0.9) == Trace(0.9)
        assert optax.ema(0.9) == Ema(0.9, debias=True)
        assert optax.add_decayed_weights(0.1) == Gradient() + 0.1 * Weights()

    def test_block_rms_and_units(self):
        w, g = np.full((2, 3), 2.0), np.array([[3.0, 0, 0.001], [4, 0, 0]])
        found = 2.0 - Optimizer(optax.clip_by_block_rms(1.0), 1.0).step(w, g)
        np.testing.assert_allclose(found, g / np.sqrt(np.mean(g**2)))
        w = np.full((2, 3), 2.0)
        found = 2.0 - Optimizer(optax.adaptive_grad_clip(0.1), 1.0).step(w, g)
        limit = 0.1 * np.sqrt(8.0)
        np.testing.assert_allclose(found, g * [limit / 5, 1, 1], atol=1e-15)

    def test_apply_if_finite(self):
        opt, w = optax.apply_if_finite(optax.sgd(1.0), 2), np.zeros(1)
        found = [opt.step(w, np.array([g])).item() for g in (1.0, np.nan, np.nan, 1.0, np.nan, np.nan)]
        assert found == [-1, -1, -1, -2, -2, -2]
        with pytest.raises(FloatingPointError):
            opt.step(w, np.array([np.nan]))
        assert opt.hooks[0].total == 5
        assert w == -2

    def test_skip_large_updates(self):
        opt, w = optax.chain(optax.skip_large_updates(100.0), optax.sgd(1.0)), np.zeros(1)
        found = [opt.step(w, np.array([g])).item() for g in (11.0, 10.0, 9.0, np.inf, np.nan)]
        assert found == [0, 0, -9, -9, -9]

    def test_multi_steps(self):
        opt = optax.MultiSteps(optax.sgd(1.0), 4)
        assert run(opt, [[1.0], [2.0], [3.0], [6.0]], [0.0]).ravel().tolist() == [0, 0, 0, -3]
        total = optax.MultiSteps(optax.sgd(1.0), lambda k: np.where(np.asarray(k) < 2, 1, 3), use_grad_mean=False)
        assert run(total, np.ones((5, 1)), [0.0]).ravel().tolist() == [-1, -2, -2, -2, -5]
        skips = optax.MultiSteps(optax.sgd(1.0), 2, should_skip_update_fn=optax.skip_not_finite())
        assert run(skips, [[1.0], [np.nan], [3.0]], [0.0]).ravel().tolist() == [0, 0, -2]

    def test_lookahead(self):
        found = run(optax.lookahead(optax.sgd(0.5), 3, 1 / 3), np.full((6, 1), 2.0), [3.0])
        np.testing.assert_allclose(found.ravel(), [2, 1, 2, 1, 0, 1], atol=1e-15)

    def test_plateau(self):
        opt, w = optax.chain(optax.contrib.reduce_on_plateau(patience=5, cooldown=5), optax.sgd(1.0)), np.zeros(1)
        rates = [opt.step(w, np.zeros(1), loss=1.0) is w and round(opt.lr, 12) for _ in range(26)]
        assert [i + 1 for i in range(1, 26) if rates[i] < rates[i - 1]] == [6, 16, 26]

    def test_incremental_update(self):
        new = {"a": np.ones(2), "b": [np.zeros(1)]}
        found = optax.incremental_update(new, {"b": [np.ones(1)], "a": np.zeros(2)}, 0.1)
        assert found["a"].tolist() == [0.1, 0.1]
        assert found["b"][0] == pytest.approx(0.9)

    def test_noise_is_that_of_its_seed_and_fades(self):
        def noise(key, steps=200):
            opt = optax.noisy_sgd(1.0, 0.25, 1.0, key)
            return np.diff(run(opt, np.zeros((steps, 50)), np.zeros(50)), axis=0, prepend=np.zeros((1, 50)))

        assert np.array_equal(noise(1, 3), noise(1)[:3])
        assert not np.array_equal(noise(1, 3), noise(2, 3))
        unit = noise(3) * np.sqrt(np.arange(1, 201.0))[:, None] / 0.5
        assert abs(unit.std() - 1) < 0.02
        assert abs(unit.mean()) < 0.03

    def test_wrappers_leave_the_optimizer_that_they_are_given(self):
        inner = optax.adam(0.1)
        outer = optax.MultiSteps(inner, 2)
        assert inner.hooks == ()
        assert len(outer.hooks) == 1


VALUES = {
    "exponential": (optax.exponential_decay(1.0, 2, 0.5), "1 .707107 .5 .353553"),
    "staircase": (optax.exponential_decay(1.0, 2, 0.5, staircase=True), "1 1 .5 .5 .25 .25"),
    "late and bounded": (
        optax.exponential_decay(1.0, 1, 0.5, transition_begin=2, end_value=0.2),
        "1 1 1 .5 .25 .2 .2",
    ),
    "warm-up cosine": (
        optax.warmup_cosine_decay_schedule(0.0, 1.0, 2, 8, 0.1),
        "0 .5 1 .939711 .775 .55 .325 .160289 .1 .1",
    ),
    "warm-up exponential": (
        optax.warmup_exponential_decay_schedule(0.0, 1.0, 2, 1, 0.5, end_value=0.2),
        "0 .5 1 .5 .25 .2",
    ),
    "sgdr": (
        optax.sgdr_schedule(
            [{"init_value": 0.0, "peak_value": p, "warmup_steps": 1, "decay_steps": 4} for p in (1, 0.5)]
        ),
        "0 1 .75 .25 0 .5 .375 .125 0",
    ),
    "one run of sgdr": (
        optax.sgdr_schedule([{"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 0, "decay_steps": 2}]),
        "1 .5 0",
    ),
    "one-cycle": (
        optax.cosine_onecycle_schedule(10, 1.0),
        ".04 .28 .76 1 .950485 .811746 .611262 .388742 .188258 .049519 4e-06",
    ),
    "linear one-cycle": (
        optax.linear_onecycle_schedule(10, 1000, pct_final=0.7, div_factor=10, final_div_factor=100),
        "100 400 700 1000 775 550 325 100 67 34 1 1",
    ),
    "short one-cycle": (
        optax.cosine_onecycle_schedule(5, 1000, pct_start=0.4, div_factor=10, final_div_factor=100),
        "100 550 1000 750.25 250.75 1 1",
    ),
    "piecewise": (optax.piecewise_constant_schedule(0.1, {3: 2.0, 6: 0.5}), ".1 .1 .1 .2 .2 .2 .1 .1"),
    "interpolated": (
        optax.piecewise_interpolate_schedule("linear", 200, {5: 1.5, 10: 0.25}),
        "200 220 240 260 280 300 255 210 165 120 75 75",
    ),
    "polynomial": (optax.polynomial_schedule(1.0, 0.0, 2, 4, transition_begin=1), "1 1 .5625 .25 .0625 0 0"),
    "linear": (optax.linear_schedule(1.0, 0.0, 4), "1 .75 .5 .25 0 0"),
    "no boundaries": (optax.piecewise_constant_schedule(0.5), ".5 .5"),
    "nothing between": (optax.piecewise_interpolate_schedule("cosine", 0.5), ".5 .5"),
    "constant": (optax.constant_schedule(0.5), ".5 .5"),
    "joined": (optax.join_schedules([optax.linear_schedule(1.0, 0.0, 2), lambda k: 5.0 + k], [3]), "1 .5 0 5 6"),
}


class TestSchedules:
    @pytest.mark.parametrize(("schedule", "printed"), VALUES.values(), ids=list(VALUES))
    def test_printed_values(self, schedule, printed):
        expected = np.array(printed.split(), float)
        np.testing.assert_allclose(schedule(np.arange(len(expected))), expected, atol=5e-7)
        assert isinstance(schedule, Schedule)

    def test_cosines_with_an_exponent(self):
        cosine = optax.cosine_decay_schedule(0.1, 100, exponent=2)
        expected = [0.1, 0.09516553580760956, 0.025, 0.0021446612663567066, 0]
        np.testing.assert_allclose(cosine([0, 10, 50, 75, 100]), expected, rtol=2e-7)  # printed from float32
        warm = optax.warmup_cosine_decay_schedule(0.2, 1.21, 50, 100, -3, exponent=2)
        np.testing.assert_allclose(warm([0, 10, 50, 75, 100]), [0.2, 0.402, 1.21, -1.9475, -3], rtol=1e-13)

    def test_schedules_travel(self):
        for name, (schedule, _) in VALUES.items():
            if name != "joined":
                assert pickle.loads(pickle.dumps(schedule)) == schedule


class TestScheduleFree:
    def test_of_a_rate_of_nearly_nothing_the_parameters_to_evaluate_stay(self):
        opt, w = optax.contrib.schedule_free_sgd(1e-300), np.array([1.0, -2.0])
        opt.step(w, np.ones(2))
        assert optax.contrib.schedule_free_eval_params(opt, w).tolist() == [1, -2]

    def test_the_weight_of_a_point_is_that_of_the_largest_rate_so_far(self):
        rates = optax.piecewise_constant_schedule(0.1, {2: 3.0, 4: 0.1})  # .1 .1 .3 .3 .03 ...
        opt = optax.contrib.schedule_free(optax.sgd(rates), rates, b1=0.0, weight_lr_power=1.0)
        w = np.array([1.0, -2.0])
        z = np.array([opt.step(w, g).copy() for g in GRADIENTS])
        weights = np.array([0.1, 0.3, 0.3, 0.3, 0.3])
        expected = (weights[:, None] * z).sum(axis=0) / weights.sum()
        np.testing.assert_allclose(optax.contrib.schedule_free_eval_params(opt, w), expected, rtol=1e-13)


def test_rprop_is_what_optax_keeps_and_emits_a_step_later():
    released, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    gradients = np.random.default_rng(0).standard_normal((200, 5)) + 0.3
    gradients[::7, 2] = 0.0
    w, opt = np.ones(5), optax.rprop(0.01, 0.4, 1.3)
    with jax.enable_x64(True):
        rule = released.rprop(0.01, 0.4, 1.3)
        params = jax.numpy.ones(5)
        state, theirs = rule.init(params), np.ones(5)
        for g in gradients:
            emitted, state = rule.update(jax.numpy.asarray(g), state, params)
            theirs = theirs - np.asarray(state[0].prev_updates)
            opt.step(w, g)
            np.testing.assert_allclose(w, theirs, rtol=1e-12)
    assert not np.allclose(-np.asarray(emitted), np.asarray(state[0].prev_updates))


class TestBadInput:
    @pytest.mark.parametrize(("call", "said"), [
        (lambda: optax.adam(0.1, betas=(0.5, 0.9)), r"optax's adam has no argument 'betas'.*write b1=0.5, b2=0.9"),
        (lambda: optax.adamw(0.1, wd=0.1), r"no argument 'wd' \(the papers'\); write weight_decay=0.1"),
        (lambda: optax.rmsprop(0.1, alpha=0.9), "write decay=0.9"),
        (lambda: optax.adam(0.1, mu_dtype="bfloat16"), "leave mu_dtype out: it says how the other system computes"),
        (lambda: optax.adafactor(dtype_momentum="float32"), "leave dtype_momentum out"),
        (lambda: optax.adamw(0.1, mask=abs), r"mask must be a tree of booleans or names.*mask=function\(params\)"),
        (lambda: optax.chain(optax.centralize(), optax.sgd(0.1)), r"Optimizer\(rule \| sgd\(0.1\).rule, 0.1\)"),
        (lambda: optax.chain(optax.clip(1.0)), r"the last of transforms must be an optimizer such as sgd\(0.1\)"),
        (lambda: optax.chain(), "the last of transforms must be an optimizer"),
    ])  # fmt: skip
    def test_the_wrong_kind(self, call, said):
        with pytest.raises(TypeError, match=said):
            call()

    @pytest.mark.parametrize(("call", "said"), [
        (lambda: optax.adadelta(), "learning_rate must be .* got None.*give learning_rate=1.0"),
        (lambda: optax.contrib.dog(init_step=("distance", 1.0)), r"init_step\[0\] must be one of 'heuristic'; got"),
        (lambda: optax.polyak_sgd(variant="sgd"), "variant must be one of 'sps', 'sps+"),
        (lambda: optax.contrib.muon(0.1, preconditioning="aol"), "preconditioning must be one of 'frobenius'"),
        (lambda: optax.contrib.muon(0.1, "square"), "ns_coeffs must be one of 'standard', 'dion'"),
        (lambda: optax.contrib.muon(0.1, "dion", 6), "ns_coeffs must have a row for each of ns_steps=6; got 5"),
        (lambda: optax.piecewise_interpolate_schedule("cubic", 1.0), "interpolate_type must be one of"),
        (lambda: optax.contrib.muon(0.1).step(np.ones(2), np.ones(2)), "muon_weight|matrices"),
        (lambda: optax.polyak_sgd().step(np.ones(2), np.ones(2)), "needs the loss of each step"),
    ])  # fmt: skip
    def test_the_wrong_value(self, call, said):
        with pytest.raises(ValueError, match=said):
            call()

    def test_the_remedies(self):
        w = {"w": np.ones(2)}
        optax.adamw(0.1, mask=dict.fromkeys(w, True)).step(w, w)
        Optimizer(optax.centralize() | optax.sgd(0.1).rule, 0.1).step(w, w)
        optax.adadelta(learning_rate=1.0).step(w, w)
        optax.polyak_sgd().step(w, w, loss=2.0)


def test_every_name_has_a_docstring_that_says_what_it_is():
    for name in optax.__all__:
        made = getattr(optax, name)
        assert inspect.getdoc(made), name
