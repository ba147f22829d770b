"""The page's EMA of a series against the one step of the recurrence, bit by bit, and what is measured beside theory."""

import json
import math
from itertools import product

import numpy as np
import pytest

from optimlab import Decay, EmaState, ema, ema_std, fit_decay
from optimlab.lab.explorer.series_facts import facts
from optimlab.lab.problems import classic_curve, load_co2, load_seattle_weather, load_sunspots
from optimlab.lab.theory import start_lag
from optimlab.recurrence.step import START, fade, step
from tests.lab.explorer.javascript import differing, run

SERIES = {
    "classic": classic_curve().values,
    "seattle": load_seattle_weather()["temp_max"].to_numpy(),
    "sunspots": load_sunspots()["SUNACTIVITY"].to_numpy(),
    "co2": load_co2()["co2"].to_numpy(),
}
DECAYS = [{"beta": 0.0}, {"beta": 0.3}, {"beta": 0.98}, {"alpha": 1e-17}]
STARTS, GAPS = ("debiased", "zero", "first", 1.5), ("decay", "skip")
CASES = list(product(DECAYS, STARTS, GAPS))


def gappy(x):
    """With gaps at the start, alone, in a row, and an infinity for a while."""
    x = np.array(x)
    x[[0, 1, 7, 50]] = x[60:100] = math.nan
    return x


def stepped(x, decay, start, gaps):
    """Mean and deviation after each row, by the definition with Python's floats."""
    own, value = float(start != "debiased"), {"zero": 0.0}.get(start, start)
    prior = isinstance(value, float)
    state = (1.0, 1.0, value, 0.0, 0.0, value, 0.0, 0.0, 0.0) if prior else START
    share, states = decay.alpha if own else 1.0, []
    for xi in x.tolist():
        if xi == xi:
            state = step(state, xi, xi, decay.beta, share, 1.0, own, prior)[0]
        elif gaps == "decay":
            state = (fade(state[0], decay.beta), *state[1:])
        states.append(state)
    mean, count, moment, free = np.transpose(states)[[2, 4, 7, 8]]
    with np.errstate(all="ignore"):
        sd = np.sqrt(moment / free)
    return np.where(count + prior > 0, mean, math.nan), np.where(count + prior > 1, sd, math.nan)


@pytest.fixture(scope="module")
def found():
    """What the page makes of each series, and of one with more gaps."""
    code = """
    const each = (values) => data.cases.map(([decay, start, gaps]) => {
      const { mean, sd } = emaOf(values, { ...decay, start, gaps });
      return { mean, sd };
    });
    const own = Object.values(FACTS.series).map((fact) => seriesOf(fact).values);
    return { own, runs: [...own, data.gappy].map(each) };
    """
    return run(code, {"cases": CASES, "gappy": gappy(SERIES["seattle"])})


def test_every_series_decay_start_and_gap_has_the_bits_of_the_step(found):
    compared = 0
    for values, x in zip(found["own"], SERIES.values(), strict=True):
        assert differing(values, x) == 0
    for runs, x in zip(found["runs"], [*SERIES.values(), gappy(SERIES["seattle"])], strict=True):
        for (decay, start, gaps), one in zip(CASES, runs, strict=True):
            mean, sd = stepped(x, Decay(**decay), start, gaps)
            assert differing(one["mean"], mean) == differing(one["sd"], sd) == 0, (decay, start, gaps)
            compared += 2 * len(x)
    assert compared == 2 * 32 * 5880


def test_the_step_by_rows_is_the_state_of_a_stream():
    x = gappy(SERIES["sunspots"])
    for decay, start, gaps in CASES:
        state = EmaState(Decay(**decay), start=start, gaps=gaps)
        for xi in x.tolist():
            state.update(xi)
        mean, sd = stepped(x, Decay(**decay), start, gaps)
        assert differing([mean[-1], sd[-1]], [state.mean, state.std()]) == 0


def test_it_is_ema_to_the_last_digits(found):
    for runs, x in zip(found["runs"], SERIES.values(), strict=False):
        for (decay, start, gaps), one in zip(CASES, runs, strict=True):
            if decay == {"beta": 0.98} and start != 1.5:
                np.testing.assert_allclose(one["mean"], ema(x, 0.98, start=start, gaps=gaps), rtol=2e-15, atol=2e-15)
                np.testing.assert_allclose(one["sd"], ema_std(x, 0.98, start=start, gaps=gaps), rtol=1e-11)


def test_a_decay_has_the_bits_of_python_under_every_name():
    ways = [{"beta": beta} for beta in (0.0, 0.1, 0.5, 0.9, 0.999, 1 - 2.0**-53)]
    ways += [{"alpha": alpha} for alpha in (1.0, 0.7, 1e-17)] + [{"span": 1.0}, {"span": 19.0}, {"span": 1.5}]
    ways += [{"com": 0.0}, {"com": 0.3}, {"com": 1e9}, {"window": 1.0}, {"window": 1e6}]
    for way, found in zip(ways, run("return data.map(decayOf);", ways), strict=True):
        assert (found["beta"], found["alpha"]) == (Decay(**way).beta, Decay(**way).alpha), way


def test_infinities_and_huge_values_are_those_of_the_step():
    x = np.array([1.0, math.inf, 2.0, -1e308, 1e308, 1e308, -math.inf, 3.0, 5e-324, 0.0, -0.0])
    ways = [(decay, start) for decay in ({"beta": 0.0}, {"beta": 0.9}) for start in STARTS]
    code = "return data.ways.map(([decay, start]) => emaOf(data.x, { ...decay, start }).mean);"
    for (decay, start), mean in zip(ways, run(code, {"ways": ways, "x": x}), strict=True):
        assert differing(mean, stepped(x, Decay(**decay), start, "decay")[0]) == 0, (decay, start)


def test_times_weights_and_half_life_are_those_of_ema():
    rng = np.random.default_rng(0)
    x, times = rng.normal(size=300), np.cumsum(rng.choice([0.0, 0.25, 1.0, 7.0], 300))
    x[rng.random(300) < 0.2] = math.nan
    code = """
    const timed = emaOf(data.x, { halflife: 3, times: data.times });
    return { mean: timed.mean, sd: timed.sd, weights: weightsOf(timed, 299), first: emaOf(data.x, data.first).mean,
             kept: weightsOf(emaOf(data.x, { beta: 0.99, start: "zero" }), 50) };
    """
    result = run(code, {"x": x, "times": times, "first": {"halflife": 3, "start": "first"}})
    np.testing.assert_allclose(result["mean"], ema(x, halflife=3.0, times=times), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(result["sd"], ema_std(x, halflife=3.0, times=times), rtol=1e-11)
    np.testing.assert_allclose(result["first"], ema(x, halflife=3.0, start="first"), rtol=1e-14, atol=1e-15)
    assert result["weights"].sum() == pytest.approx(1.0, abs=1e-14)
    assert result["weights"] @ np.nan_to_num(x) == pytest.approx(result["mean"][-1], abs=1e-14)
    assert (result["weights"][np.isnan(x)] == 0.0).all()
    seen = np.isfinite(x[:51])
    assert result["kept"].sum() < 1.0
    assert result["kept"] @ np.nan_to_num(x[:51]) == pytest.approx(ema(x, 0.99, start="zero")[50], abs=1e-15)
    assert (result["kept"] > 0.0).tolist() == seen.tolist()


def test_responses_measure_what_theory_says():
    betas, omegas = (0.3, 0.9, 0.98), (0.05, 0.7, math.pi / 2)
    code = """
    const told = (kind, more) => responseOf(kind, { steps: 3000, ...more }).told;
    const starts = ["debiased", "zero", "first"];
    return data.betas.map((beta) => ({
      sines: data.omegas.map((omega) => told("sine", { beta, omega })),
      ramps: starts.map((start) => responseOf("ramp", { beta, start, steps: 40 }).told[0]),
      steps: starts.map((start) => told("step", { beta, start })[0]),
    }));
    """
    for beta, result in zip(betas, run(code, {"betas": betas, "omegas": omegas}), strict=True):
        for omega, (amplitude, late) in zip(omegas, result["sines"], strict=True):
            answer = Decay(beta).response(omega)
            assert amplitude["theory"] == pytest.approx(abs(answer), rel=1e-13)
            assert late["theory"] == pytest.approx(-np.angle(answer) / omega, rel=1e-12)
            assert amplitude["measured"] == pytest.approx(amplitude["theory"], rel=1e-9)
            assert late["measured"] == pytest.approx(late["theory"], rel=1e-9)
        for start, lag in zip(("debiased", "zero", "first"), result["ramps"], strict=True):
            assert lag["theory"] == pytest.approx(start_lag(Decay(beta), 40, start), rel=1e-12)
            assert lag["measured"] == pytest.approx(lag["theory"], rel=1e-11)
        for share in result["steps"]:
            assert share["measured"] == pytest.approx(share["theory"], rel=1e-12)


def test_the_best_beta_is_that_of_the_fit():
    code = "return data.map((name) => bestBeta(seriesOf(FACTS.series[name]).values));"
    names = ["classic", "sunspots"]
    for name, result in zip(names, run(code, names), strict=True):
        fit = fit_decay(SERIES[name])
        assert result["best"]["beta"] == pytest.approx(fit.decay.beta, abs=1e-4), name
        assert math.sqrt(result["best"]["error"]) == pytest.approx(fit.rmse, rel=1e-9), name
        expected = [np.nanmean((SERIES[name][1:] - ema(SERIES[name], beta)[:-1]) ** 2) for beta in result["betas"]]
        np.testing.assert_allclose(result["errors"], expected, rtol=1e-11)


def test_what_makes_no_average_is_said():
    code = """
    return data.map((how) => {
      try { emaOf(Float64Array.of(1), how); return null; } catch (error) { return error.message; }
    });
    """
    ways = [{}, {"beta": 0.5, "alpha": 0.5}, {"beta": 1.0}, {"alpha": 0.0}, {"span": 0.5}, {"beta": math.nan}]
    said = run(code, [*ways, {"beta": 0.5, "times": [0.0], "start": "zero"}])
    assert all(said), said
    assert "exactly one of" in said[0]
    assert "below 1" in said[2]


def test_facts_are_small_and_labelled():
    code = """
    return Object.values(FACTS.series).map(seriesOf).map((one) => [one.label(0), one.label(one.values.length - 1)]);
    """
    ends = [["0", "364"], ["2012-01-01", "2015-12-31"], ["1700", "2008"], ["1958-03-29", "2001-12-29"]]
    assert run(code) == ends
    assert len(json.dumps(facts(), separators=(",", ":"), ensure_ascii=False).encode()) < 16_000
