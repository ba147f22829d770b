import numpy as np
import pandas as pd
import pytest

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics import performance_profile, ranking


def runs(problems=4, seeds=5, rules=3):
    rng = np.random.default_rng(0)
    rows = [(p, r, s) for p in range(problems) for s in range(seeds) for r in [f"rule {k}" for k in range(rules)]]
    frame = pd.DataFrame(rows, columns=["problem", "rule", "seed"])
    hit = rng.integers(1, 30, len(frame)).astype(float)
    hit[rng.random(len(frame)) < 0.3] = np.inf
    hit[:3] = np.inf, np.nan, np.inf  # an instance that none solves
    return frame.assign(hit=hit)


def test_the_profile_is_dolan_and_more_s():
    frame = runs()
    found = performance_profile(frame, tau_max=6.0)
    assert (found.groupby("rule")["tau"].min() == 1.0).all()
    assert (found.groupby("rule")["tau"].max() == 6.0).all()
    instances = [dict(zip(part["rule"], part["hit"].fillna(np.inf), strict=True))
                 for _, part in frame.groupby(["problem", "seed"])]  # fmt: skip
    for row in found.itertuples():
        solved = [one[row.rule] < np.inf and one[row.rule] <= row.tau * min(one.values()) * (1 + 1e-12)
                  for one in instances]  # fmt: skip
        assert row.share == np.mean(solved)
        assert (row.low, row.high) == wilson_interval(np.array(solved), 0.95)[1:]


def test_between_two_rows_nothing_changes():
    """The rows hold all steps: a finer τ finds nothing between them."""
    frame = runs()
    tau = performance_profile(frame, tau_max=6.0)["tau"].unique()
    wide = frame.pivot_table("hit", ["problem", "seed"], "rule", aggfunc="first", dropna=False)
    ratios = wide.div(wide.min(axis=1), axis=0).to_numpy().ravel()
    assert set(ratios[(ratios < 6.0) & (ratios > 1.0)]) <= set(tau)


def test_failures_never_count_and_a_missing_run_is_one():
    frame = runs()
    far = performance_profile(frame, tau_max=1e9).groupby("rule").last()["share"]
    solved = np.isfinite(frame["hit"]).groupby(frame["rule"]).mean()
    np.testing.assert_allclose(far, solved)
    fewer = frame[~((frame["rule"] == "rule 1") & (frame["seed"] == 0))]
    assert performance_profile(fewer, tau_max=1e9).groupby("rule").last()["share"]["rule 1"] <= 0.8


@pytest.mark.parametrize(("frame", "more", "said"), [
    (runs().assign(hit=0.0), {}, "column hit must be greater than 0, for ratios; got 0"),
    (runs(), {"tau_max": 1.0}, "tau_max must be greater than 1 and finite; got 1.0"),
    (pd.concat([runs(), runs()]), {}, "one row for each problem, rule and seed; choose one lr for each rule first"),
    (runs().drop(columns="seed"), {}, "it lacks seed"),
])  # fmt: skip
def test_what_has_no_profile_is_refused(frame, more, said):
    with pytest.raises(ValueError, match=said):
        performance_profile(frame, **more)


def test_ranks_are_those_of_each_instance():
    frame = runs().assign(hit=lambda table: table["hit"].fillna(np.inf))
    found = ranking(frame, "hit", rng=0)
    ranks = frame.groupby(["problem", "seed"])["hit"].rank()
    expected = ranks.groupby(frame["rule"]).mean().sort_values()
    assert list(found["rule"]) == list(expected.index)
    np.testing.assert_allclose(found["rank"], expected)
    assert ((found["low"] < found["rank"]) & (found["rank"] < found["high"])).all()
    assert found["rank"].sum() == pytest.approx(6.0)


def test_intervals_of_ranks_cover():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        [(p, r, s) for p in range(2) for s in range(15) for r in "ab"], columns=["problem", "rule", "seed"]
    )
    hits = []
    for _ in range(60):
        frame = rows.assign(final=rng.normal(size=len(rows)))
        one = ranking(frame, "final", confidence=0.9, rng=rng).set_index("rule").loc["a"]
        hits.append(one["low"] <= 1.5 <= one["high"])
    _, low, high = wilson_interval(np.array(hits))
    assert low < 0.9
    assert high > 0.86
