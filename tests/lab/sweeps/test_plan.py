"""Grids, what is planned, and how a grid grows."""

import warnings

import numpy as np
import pytest

from optimlab import adam
from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps import BorderWarning, Grid, OnSurface, Plan, Store, sweep


def rates(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame["lr"].unique().tolist()


def test_a_grid_between_two_rates_has_as_many_to_a_decade():
    assert Grid.between(1e-3, 1.0, per_decade=1).rates == (0.001, 0.01, 0.1, 1.0)
    assert Grid.between(0.2, 0.2).rates == (0.2,)
    assert Grid.between(0.1, 0.95, per_decade=1).rates == (0.1, 1.0)
    np.testing.assert_allclose(Grid.between(1e-5, 3.2, per_decade=8).rates, 10.0 ** (np.arange(-40, 6) / 8), rtol=1e-11)


@pytest.mark.parametrize("wrong", [[], [0.1, 0.1], [0.0], [-1.0], [np.nan], [np.inf], ["a"], [[0.1]], "0.1"])
def test_what_is_no_grid(wrong):
    with pytest.raises((ValueError, TypeError), match="lr"):
        sweep("bowl", "sgd", lr=wrong)


def test_a_grid_grows_by_its_own_ratio_until_the_best_is_within():
    """SGD on x² is fastest at lr 1/2, which is beyond the grid."""
    frame = sweep("bowl", "sgd", lr=Grid([0.01, 0.03], 8), seeds=1, steps=300)
    assert rates(frame) == pytest.approx([0.01, 0.03, 0.09, 0.27, 0.81])
    low = sweep("bowl", "sgd", lr=Grid([1.1, 2.2], 8), seeds=1, steps=60)
    assert rates(low) == pytest.approx([0.275, 0.55, 1.1, 2.2])


def test_all_rules_of_a_problem_are_tuned_on_as_many():
    frame = sweep("bowl, ravine(10)", "sgd, momentum", lr=Grid([0.1, 0.2], 3), seeds=2, steps=100)
    for problem in ("bowl", "ravine(10)"):
        each = [rates(frame, problem=problem, rule=rule) for rule in ("SGD", "EMA momentum")]
        assert each[0] == each[1]
        assert len(each[0]) > 2
    assert len(frame) == frame[["problem", "rule", "lr", "seed"]].drop_duplicates().shape[0]


def test_what_may_not_grow_further_is_said():
    with pytest.warns(
        BorderWarning, match="^SGD on bowl is best at lr 0.0333333, the largest of its grid: a higher one"
    ):
        frame = sweep("bowl", "sgd", lr=Grid([0.003, 0.01], 1), seeds=2, steps=50)
    assert rates(frame) == pytest.approx([0.003, 0.01, 0.1 / 3])
    with pytest.warns(BorderWarning, match="is best at lr 1.1, the least of its grid: a lower one"):
        sweep("bowl", "sgd", lr=Grid([1.1, 2.2], 0), seeds=2, steps=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rates(sweep("bowl", "sgd", lr=0.01, seeds=2, steps=5)) == [0.01]  # a grid of one has no edge


def test_what_is_asked_says_where_a_grid_grows():
    """On a noisy bowl small rates end lowest, and large ones are there first."""
    given = {"lr": Grid([0.1, 0.2, 0.4], 1), "seeds": 8, "steps": 200}
    place = OnSurface("bowl", noise=0.5, target=0.3)
    with pytest.warns(BorderWarning, match="the least of its grid"):
        assert min(rates(sweep(place, "sgd", **given, by="final"))) < 0.1
    assert min(rates(sweep(place, "sgd", **given, by="hit"))) == 0.1


def test_rates_that_are_new_alone_are_run(tmp_path):
    kept = tmp_path / "store.sqlite"
    with pytest.warns(BorderWarning):
        sweep("bowl", "sgd", lr=Grid([0.01, 0.03], 1), seeds=2, steps=100, store=kept)
    with Store(kept) as store:
        first = store.tasks()
    assert [list(lr) for lr in first["config.lr"]] == [[0.01, 0.03], pytest.approx([0.09])]
    frame = sweep("bowl", "sgd", lr=Grid([0.01, 0.03], 9), seeds=2, steps=100, store=kept)
    with Store(kept) as store:
        second = store.tasks()
    assert set(first["key"]) < set(second["key"])
    finished = dict(zip(second["key"], second["finished"], strict=True))
    assert [finished[key] for key in first["key"]] == first["finished"].tolist()
    plain = sweep("bowl", "sgd", lr=Grid([0.01, 0.03], 9), seeds=2, steps=100)
    assert frame.equals(plain)


def test_a_store_serves_other_names_of_the_same():
    with Store() as store:
        first = sweep("bowl", "sgd, adam", lr=[0.01, 0.3, 0.9], seeds=2, steps=60, store=store)
        mine = OnSurface("bowl", name="my bowl")
        again = sweep(mine, {"mine": adam()}, lr=[0.01, 0.3, 0.9], seeds=2, steps=60, store=store)
        assert len(store.tasks()) == 2
    assert again[["problem", "rule"]].drop_duplicates().to_numpy().tolist() == [["my bowl", "mine"]]
    assert again["final"].tolist() == first.loc[first["rule"] == "Adam", "final"].tolist()


BAD = [
    ({"problems": []}, "at least one problem"), ({"rules": []}, "at least one rule"), ({"seeds": 0}, "seeds must be"),
    ({"seeds": [1, 1]}, "seeds must be"), ({"seeds": 2.5}, "seeds must be"), ({"seeds": True}, "seeds must be"),
    ({"seeds": [-1]}, "each of seeds"), ({"steps": 0}, "steps must be"), ({"lr": {"Adam": [0.1]}}, "none for SGD"),
    ({"problems": "bowl, bowl"}, "the problem bowl stands twice"),
    ({"problems": OnSurface("bowl", spread=0.0)}, "bowl: nothing is drawn, so 2 seeds are one run; give seeds=1"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[said for _, said in BAD])
def test_what_is_no_plan(wrong, said):
    given = {"problems": "bowl", "rules": "sgd", "lr": [0.1], "seeds": 2, "steps": 5} | wrong
    with pytest.raises((ValueError, TypeError), match=said):
        Plan.of(given.pop("problems"), given.pop("rules"), **given)


def test_the_remedies_for_what_draws_nothing():
    assert len(sweep(OnSurface("bowl", spread=0.0), "sgd", lr=[0.1], seeds=1, steps=5)) == 1
    assert len(sweep(OnSurface("bowl", spread=0.1), "sgd", lr=[0.1], seeds=2, steps=5)) == 2


def test_a_problem_that_cannot_travel_runs_here_and_is_named_elsewhere():
    place = OnSurface(lambda x, y: x * x + y * y, target=1e-6, name="own")
    assert np.isfinite(sweep(place, "sgd", lr=[0.25], seeds=2, steps=50)["settled"]).all()
    with pytest.raises(StudyError, match=r"SGD over own cannot be sent to another process.*or run it here"):
        sweep(place, "sgd", lr=[0.25], seeds=2, steps=50, executor=1)
