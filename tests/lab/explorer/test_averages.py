"""The page's averages and decays on the noisy quadratic against the theory in Python, and its runs bit by bit."""

import numpy as np
import pytest

from optimlab import (
    ConstantGain,
    DebiasedGain,
    PowerGain,
    TailGain,
    UniformGain,
    cosine_decay,
    inverse_time_decay,
    linear,
)
from optimlab.lab.theory import (
    averaged_sgd_variance,
    averaged_square,
    best_decay_variance,
    lr_equal_to_average,
    merge_crossover,
    merge_over_decay,
    sgd_variance,
)
from tests.lab.explorer.javascript import differing, run

SETTING = {"lr": 0.1, "now": 300, "window": 100, "betas": [0.9, 0.98], "gamma": 6.94, "curvature": 1.0}
MODES = [{"h": 1.0, "noise": 1.0, "start": 2.0}, {"h": 0.01, "noise": 0.01, "start": 1.0}]
RUNS, TIMES, SEED = 40, [0, 1, 17, 300, 400], 7
CODE = """
const { setting, modes, runs, times, seed } = data;
const noise = bitNoise(seed, runs * (setting.now + setting.window) * modes.length);
const ways = waysOf(setting).map((way) => ({
  ...way, squares: modes.map((mode) => exactSquares(way, mode)), lag: lagOf(way.gains), parts: lossParts(way, modes),
  loss: exactLoss(way, modes), found: measuredLoss(way, modes, { runs, times, noise }),
}));
const { lr, now, window, curvature } = setting;
const fall = decaysOf(setting)["1/t decay"];
const best = { gains: new Float64Array(50).fill(1), rates: Float64Array.from({ length: 50 }, (_, i) => fall(i)) };
return { ways, noise: Float64Array.from(noise), from: decayedFrom(ways[0], modes, setting),
         best: exactSquares(best, { h: 1, noise: 1, start: sgdVariance(lr, 1, 1) })[50] };
"""


@pytest.fixture(scope="module")
def found():
    """Everything that the page computes of one setting."""
    return run(CODE, {"setting": SETTING, "modes": MODES, "runs": RUNS, "times": TIMES, "seed": SEED})


def expected_ways():
    """Gain and learning rates of each way, by Python's own gains and schedules."""
    now, window, lr = SETTING["now"], SETTING["window"], SETTING["lr"]
    rates, later = np.full(now + window, lr), np.arange(window)
    gains = [ConstantGain(0.0), DebiasedGain(0.9), DebiasedGain(0.98), UniformGain(), TailGain(now), PowerGain(6.94)]
    falls = (
        linear(lr, steps=window + 1)(later + 1),
        cosine_decay(lr, steps=window + 1)(later + 1),
        inverse_time_decay(lr / 2, lr / 2)(later),
    )
    return [*((gain, rates) for gain in gains), *((ConstantGain(0.0), np.append(rates[:now], fall)) for fall in falls)]


def test_gains_and_rates_have_the_bits_of_python(found):
    for way, (gain, rates) in zip(found["ways"], expected_ways(), strict=True):
        assert differing(way["gains"], [gain.at(t) for t in range(1, len(rates) + 1)]) == 0, way["name"]
        assert differing(way["rates"], rates) == 0, way["name"]


def test_the_exact_curve_is_the_theory_of_weights_after_every_update(found):
    for way, (gain, rates) in zip(found["ways"], expected_ways(), strict=True):
        for t in (1, 2, 50, 300, 400):
            for mode, squares in zip(MODES, way["squares"], strict=True):
                theory = averaged_square(
                    gain.weights(t), rates[:t], mode["h"], noise=mode["noise"], start=mode["start"]
                )
                assert squares[t] == pytest.approx(theory, rel=1e-12), (way["name"], t)
        losses = sum(0.5 * mode["h"] * squares for mode, squares in zip(MODES, way["squares"], strict=True))
        np.testing.assert_allclose(way["loss"], losses, rtol=1e-15)
        assert way["parts"]["lag"] + way["parts"]["noise"] == pytest.approx(losses[-1], rel=1e-12)
        assert way["lag"] == pytest.approx(gain.describe(400).lag, rel=1e-12)


def test_decaying_now_is_the_decay_itself_and_the_best_one_is_that_of_theory(found):
    for t in (10, 300):
        rates = np.append(np.full(t, 0.1), linear(0.1, steps=101)(np.arange(1, 101)))
        weights = ConstantGain(0.0).weights(t + 100)
        theory = sum(
            0.5 * m["h"] * averaged_square(weights, rates, m["h"], noise=m["noise"], start=m["start"]) for m in MODES
        )
        assert found["from"][t] == pytest.approx(theory, rel=1e-12)
    assert found["best"] == pytest.approx(best_decay_variance(50, 1.0, start=sgd_variance(0.1, 1.0)), rel=1e-12)


def test_noise_is_that_of_the_generator_and_the_runs_are_those_of_python(found):
    words = np.random.default_rng(SEED).bit_generator.random_raw(-(-found["noise"].size // 16))
    noise = (
        np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little").reshape(-1, 4).sum(axis=1) - 2.0
    )
    assert differing(found["noise"], noise[: found["noise"].size]) == 0
    e = noise[: found["noise"].size].reshape(-1, len(MODES), RUNS)
    for way in found["ways"]:
        loss = np.zeros((len(TIMES), RUNS))
        for j, mode in enumerate(MODES):
            w = mean = np.full(RUNS, np.sqrt(mode["start"]))
            for i in range(len(e) + 1):
                if i in TIMES:
                    loss[TIMES.index(i)] += 0.5 * mode["h"] * mean * mean
                if i < len(e):
                    w = w - way["rates"][i] * (mode["h"] * w + np.sqrt(mode["noise"]) * e[i, j])
                    mean = mean + way["gains"][i] * (w - mean)
        assert differing(way["found"]["mean"], loss.cumsum(axis=1)[:, -1] / RUNS) == 0, way["name"]
        np.testing.assert_allclose(way["found"]["error"], loss.std(axis=1) / np.sqrt(RUNS - 1), rtol=1e-9, atol=1e-15)


def test_many_runs_are_as_exact_as_their_error_says():
    code = CODE.replace("noise: Float64Array.from(noise), ", "")
    ways = run(code, {"setting": SETTING, "modes": MODES, "runs": 2000, "times": [100, 400], "seed": 1})["ways"]
    for way in ways:
        off = (way["found"]["mean"] - way["loss"][[100, 400]]) / way["found"]["error"]
        assert np.abs(off).max() < 4.0, (way["name"], off)
        assert (way["found"]["error"] < 0.05 * way["loss"][[100, 400]]).all()


def test_closed_forms_are_those_of_the_theory():
    xs, excesses, lrs = [0.5, 2.0, 10.0, 50.0, 400.0], [0.0, 1.0, 100.0], [1e-3, 0.1, 1.0, 1.9]
    code = """
    return {
      ratio: data.xs.map((x) => data.excesses.map((s) => mergeOverDecay(x, s))), crossover: data.xs.map(mergeCrossover),
      sgd: data.lrs.map((lr) => sgdVariance(lr, 1, 0.3)), unstable: sgdVariance(2, 1, 1),
      mean: data.lrs.map((lr) => averagedVariance(lr, 1, { beta: 0.98, noise: 0.3 })),
      equal: data.lrs.map((lr) => lrOfAverage(lr, 1, 0.98)),
    };
    """
    found = run(code, {"xs": xs, "excesses": excesses, "lrs": lrs})
    np.testing.assert_allclose(found["ratio"], [merge_over_decay(x, excesses) for x in xs], rtol=1e-12)
    np.testing.assert_allclose(found["crossover"], merge_crossover(xs), rtol=1e-12)
    np.testing.assert_allclose(found["sgd"], sgd_variance(lrs, 1.0, noise=0.3), rtol=1e-14)
    np.testing.assert_allclose(found["mean"], averaged_sgd_variance(lrs, 1.0, gamma=0.98, noise=0.3), rtol=1e-13)
    np.testing.assert_allclose(found["equal"], lr_equal_to_average(lrs, 1.0, gamma=0.98), rtol=1e-13)
    assert found["unstable"] == np.inf
