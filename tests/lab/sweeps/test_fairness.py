"""At which learning rate a rule is judged, and by which seeds."""

import numpy as np
import pandas as pd
import pytest

from optimlab import heavy_ball, momentum
from optimlab.lab.frame import StudyError, median_interval
from optimlab.lab.sweeps import Grid, best, gains, matched, same, sweep, tuned
from optimlab.lab.sweeps.fairness import rated

RATES = (0.01, 0.1, 1.0)


def table(settled, rules=("A",), rates=RATES, seeds=4, **more):
    """A sweep's table on one problem, of numbers in the order rule, rate, seed."""
    places = pd.MultiIndex.from_product([["bowl"], rules, rates, range(seeds)], names=["problem", "rule", "lr", "seed"])
    return places.to_frame(index=False).assign(settled=np.ravel(settled).astype(float), final=0.0, **more)


def test_the_best_has_the_least_median_then_the_most_runs_then_the_least_end():
    inf = np.inf
    [row] = rated(table([[9, 9, 1, 1], [4, 4, 4, 4], [3, 3, 99, 99]])).itertuples()
    assert (row.lr, row.settled, row.edge) == (0.1, 4.0, "")
    [row] = rated(table([[inf] * 4, [inf, inf, inf, 8], [inf] * 4])).itertuples()
    assert (row.lr, row.reached) == (0.1, 0.25)
    [row] = rated(table([[inf] * 4] * 3).assign(final=np.repeat([3.0, 2.0, 1.0], 4))).itertuples()
    assert (row.lr, row.edge) == (1.0, "high")
    [row] = rated(table([[inf] * 4] * 3).assign(final=np.repeat([np.nan, 2.0, np.inf], 4))).itertuples()
    assert row.lr == 0.1


@pytest.mark.parametrize(("settled", "edge"), [([1, 2, 3], "low"), ([2, 1, 3], ""), ([3, 2, 1], "high")])
def test_an_edge_is_said_where_it_is_the_best(settled, edge):
    assert best(table(np.repeat(settled, 4)))["edge"].tolist() == [edge]
    assert best(table([1] * 4, rates=(0.1,)))["edge"].tolist() == [""]


def test_the_interval_is_that_of_the_median():
    numbers = np.random.default_rng(0).exponential(size=9)
    [row] = best(table(numbers, rates=(0.1,), seeds=9)).itertuples()
    assert (row.settled, row.low, row.high) == median_interval(numbers, 0.95)
    [row] = best(table(numbers[:4], rates=(0.1,))).itertuples()
    assert (row.low, row.high) == (numbers[:4].min(), numbers[:4].max())
    numbers[:6] = np.inf
    [row] = best(table(numbers, rates=(0.1,), seeds=9)).itertuples()
    assert (row.settled, row.high, row.reached) == (np.inf, np.inf, 1 / 3)


def test_who_picks_does_not_see_what_is_reported():
    """On its tuning seeds the first rate is the best, on the others the last."""
    frame = table([[1, 1, 9, 9], [5, 5, 5, 5], [9, 9, 1, 1]], noted=np.arange(12))
    found = tuned(frame)
    assert found["lr"].tolist() == [0.01, 0.01]
    assert found["seed"].tolist() == [2, 3]
    assert found["settled"].tolist() == [9, 9]
    assert found["noted"].tolist() == [2, 3]
    assert list(found.columns) == list(frame.columns)
    with pytest.raises(StudyError, match=r"at least 2 in all; got seed \[0\]"):
        tuned(frame[frame["seed"] == 0])


def test_picking_the_best_of_many_is_no_skill():
    """Rates that differ in nothing: the best of 50 looks better than the mean when judged where it was picked."""
    numbers = np.random.default_rng(1).normal(100.0, 10.0, (200, 50, 4))
    frame = table(numbers, rules=range(200), rates=np.arange(1, 51) / 100)
    assert rated(frame)["settled"].mean() < 95.0
    assert abs(tuned(frame)["settled"].mean() - 100.0) < 4 * 10.0 / np.sqrt(2 * 200)


def test_one_rate_for_all_is_best_for_all_together():
    frame = table([[1, 1], [4, 4], [9, 9], [9, 9], [4, 4], [1, 1]], rules=("A", "B"), seeds=2)
    assert same(frame)["lr"].tolist() == [0.1, 0.1]
    assert tuned(frame)["lr"].tolist() == [0.01, 1.0]
    other = frame[(frame["rule"] == "A") | (frame["lr"] != 0.1)]
    assert same(other)["lr"].unique().tolist() == [0.01]
    with pytest.raises(StudyError, match="no learning rate in common"):
        same(frame[(frame["rule"] == "A") == (frame["lr"] == 0.1)])


def test_one_effective_rate_makes_two_forms_of_momentum_one():
    """EMA momentum at lr 10 times that of the heavy ball is the same run, to rounding."""
    rules = [momentum(0.9), heavy_ball(0.9)]
    assert gains(rules) == pytest.approx({"EMA momentum": 1.0, "heavy ball": 10.0})
    rates = matched(rules, Grid([0.003, 0.01, 0.03, 0.1], 0))
    assert rates["heavy ball"].rates == pytest.approx([0.0003, 0.001, 0.003, 0.01])
    frame = sweep("rosenbrock + noise 0.01", rules, lr=rates, seeds=4, steps=300)
    ema, ball = (frame[frame["rule"] == rule].reset_index() for rule in rates)
    np.testing.assert_allclose(ema["final"], ball["final"], rtol=1e-9)
    found = same(frame, by="final", gains=gains(rules)).groupby("rule")["lr"].unique()
    assert found["EMA momentum"] == pytest.approx(10 * found["heavy ball"])


def test_without_a_gain_there_is_no_effective_rate():
    with pytest.raises(StudyError, match=r"^Adam, 0\.5\*momentum: no effective learning rate"):
        gains("sgd, adam, 0.5*momentum")
