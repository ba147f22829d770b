import numpy as np
import pytest
from scipy import stats

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics import dkw_band, kaplan_meier

LEUKEMIA = ([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])  # relapsed, censored
SURVIVAL = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_kaplan_meier_s_curve_of_a_published_table():
    """Weeks in remission under 6-MP: E. J. Freireich et al., Blood 21 (1963), as textbooks print it."""
    relapsed, censored = LEUKEMIA
    times = [*relapsed, *[np.inf] * len(censored)]
    found = kaplan_meier(times, [100.0] * len(relapsed) + censored).set_index("time")
    for week, survival in SURVIVAL.items():
        assert 1 - found["share"][week] == pytest.approx(survival, abs=6e-4)
    greenwood = 0.448**2 * sum(d / (n * (n - d)) for d, n in
                               [(3, 21), (1, 17), (1, 15), (1, 12), (1, 11), (1, 7), (1, 6)])  # fmt: skip
    half = 1.96 * np.sqrt(greenwood) / (0.448 * abs(np.log(0.448)))
    expected = [1 - 0.448 ** np.exp(sign * half) for sign in (-1, 1)]
    assert found.loc[23, ["low", "high"]].to_list() == pytest.approx(expected, abs=1e-3)


def test_with_one_limit_for_all_it_is_the_share_of_all_runs():
    times = np.random.default_rng(0).exponential(10, 40)
    km, ecdf = kaplan_meier(times, 12.0), dkw_band(times, 12.0)
    for row in km.itertuples():
        assert row.share == pytest.approx(np.mean(times <= row.time) if row.time < 12 else np.mean(times <= 12))
    np.testing.assert_allclose(ecdf["share"], [(times <= t).mean() for t in ecdf["time"]])
    assert ecdf["time"].iloc[[0, -1]].to_list() == [0.0, 12.0]


def test_a_run_that_arrives_after_the_limit_did_not_arrive():
    assert dkw_band([3.0, 11.0, np.inf, np.nan], 10.0)["share"].iloc[-1] == 0.25
    assert kaplan_meier([3.0, 11.0, np.inf, np.nan], 10.0)["share"].iloc[-1] == 0.25


def test_none_arrives():
    assert dkw_band([np.inf, np.inf], 10.0)["share"].to_list() == [0.0, 0.0]
    assert kaplan_meier([np.inf, np.inf], 10.0)[["share", "low", "high"]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_the_band_holds_the_whole_curve_as_often_as_it_says():
    rng, hits = np.random.default_rng(1), []
    for times in rng.exponential(size=(200, 30)):
        band = dkw_band(times, 2.0, confidence=0.8)
        ends = np.append(band["time"].to_numpy()[1:], 2.0)  # F is least at a step's start, greatest at its end
        start, end = stats.expon.cdf(band["time"]), stats.expon.cdf(ends)
        hits.append(((band["low"] <= start) & (end <= band["high"])).all())
    assert wilson_interval(np.array(hits))[2] > 0.8
    assert wilson_interval(np.array(hits))[1] < 0.92


def test_greenwood_s_interval_covers_where_runs_are_censored():
    rng, hits = np.random.default_rng(2), []
    for times, watched in zip(rng.exponential(size=(150, 40)), rng.uniform(0.3, 3.0, (150, 40)), strict=True):
        table = kaplan_meier(times, watched, confidence=0.9)
        row = table[table["time"] <= 0.7].iloc[-1]
        hits.append(row["low"] <= stats.expon.cdf(0.7) <= row["high"])
    _, low, high = wilson_interval(np.array(hits))
    assert low < 0.9 < high


@pytest.mark.parametrize("call", [lambda t: dkw_band(t, 9.0), lambda t: kaplan_meier(t, 9.0)])
@pytest.mark.parametrize("times", [[], [[1.0]], [-1.0]])
def test_what_are_no_times_is_refused(call, times):
    with pytest.raises(ValueError, match="times must be one-dimensional, at least 1, none below 0"):
        call(times)


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(ValueError, match="limit must be greater than 0 and finite; got inf"):
        dkw_band([1.0], np.inf)
