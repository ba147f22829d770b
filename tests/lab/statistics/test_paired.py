from itertools import chain, combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics import bootstrap_interval, holm, paired_difference, paired_differences


def test_the_tests_of_a_paired_difference_by_hand():
    a, b = np.random.default_rng(0).normal([[0.7], [0.0]], size=(2, 9))
    found, d = paired_difference(a, b, confidence=0.9, rng=5), a - b
    flips = np.array(list(product([-1.0, 1.0], repeat=9))) @ d / 9
    assert found.flips == np.mean(np.abs(flips) >= abs(d.mean()) * (1 - 1e-12))
    assert found.sign == pytest.approx(2 * stats.binom.cdf(min((d > 0).sum(), (d < 0).sum()), 9, 0.5), rel=1e-12)
    assert found[:3] == bootstrap_interval(d, statistic=np.mean, confidence=0.9, rng=5)


def test_a_published_example_darwin_s_maize():
    """Fisher, The design of experiments (1935): 863 of 32768 flips have a sum at least as large, on each side."""
    d = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])  # eighths of an inch
    flips = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert flips.pvalue * 2**15 == pytest.approx(1726)
    found = paired_difference(d, np.zeros(15), rng=0)
    assert found.difference == pytest.approx(314 / 15)
    assert found.flips == pytest.approx(1726 / 2**15, abs=4 * np.sqrt(0.05 / 9999))  # 9999 flips drawn at random


def test_pairs_that_agree_say_nothing():
    assert paired_difference([1.0, 2.0], [1.0, 2.0], rng=0) == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_what_pairs_share_is_no_noise():
    rng = np.random.default_rng(1)
    luck, a, b = rng.normal(0, 100, 12), rng.normal(1, 0.1, 12), rng.normal(0, 0.1, 12)
    assert paired_difference(luck + a, luck + b, rng=0).flips < 1e-3
    assert paired_difference(luck + a, rng.permutation(luck) + b, rng=0).flips > 0.05


def test_no_difference_is_found_as_rarely_as_it_may():
    rng = np.random.default_rng(2)
    chances = [paired_difference(*rng.normal(size=(2, 7)), rng=rng)[3:] for _ in range(150)]
    for column in np.transpose(chances):
        assert wilson_interval(column <= 0.1)[1] < 0.1


def table():
    rng = np.random.default_rng(3)
    rows = [(p, r, s, rng.normal()) for p in "ab" for r in ("SGD", "Adam", "Lion") for s in range(6)]
    return pd.DataFrame(rows, columns=["problem", "rule", "seed", "final"])


def test_all_pairs_by_problem_with_holm_s_correction():
    frame = table()
    found = paired_differences(frame.sample(frac=1, random_state=0), "final", rng=0)
    assert len(found) == 6
    np.testing.assert_array_equal(found["holm"], holm(found["flips"]))
    one = found[
        (found["problem"] == "b") & (found["rule"].isin(["SGD", "Lion"])) & found["other"].isin(["SGD", "Lion"])
    ]
    runs = frame[frame["problem"] == "b"].set_index(["rule", "seed"])["final"]
    difference = (runs["SGD"] - runs["Lion"]).mean()
    assert one["difference"].item() == pytest.approx(difference * (1 if one["rule"].item() == "SGD" else -1))


def test_runs_that_diverged_are_counted_and_left_out():
    frame = table()
    frame.loc[0, "final"] = np.nan
    found = paired_differences(frame, "final", rng=0)
    assert found[["pairs", "lost"]].to_numpy().tolist() == [[5, 1], [5, 1], [6, 0], *[[6, 0]] * 3]


def test_a_rule_that_diverged_throughout_leaves_the_others_their_rows():
    rows = [("bowl", rule, seed, seed + k) for k, rule in enumerate(["SGD", "Adam"]) for seed in range(5)]
    frame = pd.DataFrame(rows, columns=["problem", "rule", "seed", "final"]).astype({"final": float})
    lost = frame[frame["rule"] == "SGD"].assign(rule="Lion", final=np.inf)
    found = paired_differences(pd.concat([frame, lost]), "final", rng=0).set_index("other")
    assert found["pairs"].tolist() == [5, 0, 0]
    assert found["lost"].tolist() == [0, 5, 5]
    assert found.loc["Lion", "difference"].isna().all()
    assert (found.loc["Lion", ["sign", "flips", "holm"]] == 1.0).all(axis=None)
    assert found.loc["Adam", "difference"] == [-1.0]


def test_two_rows_of_one_run_are_refused():
    with pytest.raises(ValueError, match="one row for each problem, rule and seed; choose one lr for each rule first"):
        paired_differences(pd.concat([table()] * 2), "final")


@pytest.mark.parametrize("pair", [([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0]), (np.ones((2, 2)), np.ones((2, 2)))])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(ValueError, match="first and second must be one-dimensional, equally long, of at least 2 pairs"):
        paired_difference(*pair)


def test_a_run_that_diverged_has_no_difference():
    with pytest.raises(ValueError, match="first and second must be finite"):
        paired_difference([1.0, np.inf], [1.0, 2.0])


def test_holm_is_the_closure_of_bonferroni():
    """A hypothesis falls if every set of hypotheses that it is in falls by Bonferroni's rule."""
    p = np.random.default_rng(4).uniform(0, 0.3, 5)
    sets = list(chain.from_iterable(combinations(range(5), size) for size in range(1, 6)))
    expected = [min(1.0, max(len(s) * p[list(s)].min() for s in sets if i in s)) for i in range(5)]
    np.testing.assert_allclose(holm(p), expected, rtol=1e-15)


def test_holm_as_r_prints_it():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09], rtol=1e-12)
    assert holm([]).shape == (0,)


def test_holm_keeps_the_chance_of_any_false_alarm():
    rng = np.random.default_rng(5)
    z = rng.normal(size=(3000, 1)) + rng.normal(size=(3000, 6))  # they depend on each other
    p = 2 * stats.norm.sf(np.abs(z) / np.sqrt(2))
    p[:, 5] = 1e-9  # one hypothesis is false
    alarms = np.array([(holm(row)[:5] <= 0.1).any() for row in p])
    assert wilson_interval(alarms)[1] < 0.1
    assert wilson_interval((p[:, :5] <= 0.1).any(axis=1))[1] > 0.1  # without it


@pytest.mark.parametrize("chances", [[0.5, 1.1], [-0.1], [np.nan], [[0.1]]])
def test_what_is_no_chance_is_refused(chances):
    with pytest.raises(ValueError, match="chances must be"):
        holm(chances)
