"""Runs are paired by seed, and what stands beside a run changes no bit of it."""

from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import Ema, Optimizer, adam, descend
from optimlab.lab.contestants import contestants
from optimlab.lab.frame import StudyError
from optimlab.lab.problems import Quadratic, Rosenbrock, bowl
from optimlab.lab.sweeps import OnNet, OnSurface, Task, problem, sweep
from optimlab.lab.sweeps.nets import PairedBatches
from optimlab.lab.sweeps.problems import PairedNoise
from optimlab.lab.sweeps.task import COLUMNS, runs

PROBLEMS = ("rosenbrock + noise 0.1", "ravine(10, 3)", "surface('sin(x)**2 + y**4', target=0.1)", "spiral(hidden=5)",
            "xor(hidden=3)", "digits(hidden=5, batch=16)")  # fmt: skip
RULES = "sgd, adam, heavy_ball(.5) | Sign()"


def rows(*given, **more):
    """The numbers of a sweep by problem, rule, rate and seed."""
    frame = sweep(*given, progress=False, **more)
    return {tuple(row[:4]): row[4:] for row in frame.itertuples(index=False, name=None)}


def test_noise_is_that_of_the_seed_whoever_runs():
    """At the minimum of a bowl a gradient is the noise alone."""
    wide = OnSurface("bowl", noise=1.0, spread=0.0, start=(0.0, 0.0)).seen([4, 0, 9], copies=5)
    lone = OnSurface("bowl", noise=1.0, spread=0.0, start=(0.0, 0.0)).seen([9], copies=1)
    drawn = []
    for _ in range(7):
        found = wide.gradient(np.zeros((15, 2))).reshape(5, 3, 2)
        assert (found == found[0]).all()
        assert (found[0, 2] == lone.gradient(np.zeros((1, 2)))[0]).all()
        assert len(np.unique(found[0])) == 6
        drawn.append(found[0])
    assert len(np.unique(drawn)) == 42


@pytest.mark.parametrize("block", [1, 7, 64, 10_000])
def test_how_much_noise_is_drawn_at_once_changes_no_bit(block):
    plain, other = PairedNoise([2, 5], 3), PairedNoise([2, 5], 3, block=block)
    for _ in range(30):
        assert (plain.next() == other.next()).all()
    assert other.numbers.size <= max(block, 6)


def test_batches_are_those_of_the_seed():
    both, lone = PairedBatches([3, 8], 2, samples=10, size=4), PairedBatches([8], 1, samples=10, size=4)
    for _ in range(5):
        found = both.next()
        assert (found[:2] == found[2:]).all()
        assert (found[1] == lone.next()[0]).all()


@pytest.mark.parametrize("text", PROBLEMS)
def test_a_replica_is_the_run_alone(text):
    one, rates, seeds = contestants("adam")["Adam"], [0.01, 0.1, 1.0], [5, 0, 3]
    together = runs(problem(text), one, rates, seeds=seeds, steps=25)
    assert len(np.unique(together["final"])) > 6
    for i, (lr, seed) in enumerate((lr, seed) for lr in rates for seed in seeds):
        if i % 2:
            alone = runs(problem(text), one, [lr], seeds=[seed], steps=25)
            assert {name: column[i] for name, column in together.items()} == {k: v[0] for k, v in alone.items()}


def test_neither_order_nor_company_changes_a_bit():
    places = (PROBLEMS[0], PROBLEMS[3])
    found = rows(places, RULES, lr=[0.01, 0.1, 0.5], seeds=3, steps=30)
    turned = rows(places[::-1], "adam, heavy_ball(.5) | Sign(), sgd", lr=[0.5, 0.01, 0.1], seeds=[2, 0, 1], steps=30)
    assert {key: turned[key] for key in found if key in turned} == {key: found[key] for key in turned if key in found}
    assert len(set(found) & set(turned)) >= 2 * 3 * 3 * 3
    single = rows(PROBLEMS[0], "adam", lr=[0.1], seeds=[1], steps=30)
    assert single == {key: found[key] for key in single}


def test_starts_are_the_same_for_all():
    seen = [OnSurface("beale").seen([1, 2], copies).start for copies in (1, 3)]
    assert (seen[1] == np.tile(seen[0], (3, 1))).all()
    assert OnSurface("beale", spread=0.0).seen([7], 1).start.tolist() == [[1.0, 1.5]]
    nets = [OnNet("xor", 3).seen([1, 2], copies).start for copies in (1, 3)]
    assert (nets[1] == np.tile(nets[0], (3, 1))).all()
    assert (nets[0][0] != nets[0][1]).any()


def test_hit_and_settled_are_those_of_a_history():
    """Adam bursts: on a valley's floor it leaves the target again after a first hit."""
    place, rates = OnSurface("rosenbrock", spread=0.3, target=1e-3), np.array([0.03, 0.1, 0.3, 1.0])
    found = runs(place, contestants("adam")["Adam"], rates, seeds=range(5), steps=900)
    optimizer = Optimizer(adam(), np.repeat(rates, 5), replicas=20)
    history = descend(place.seen(range(5), 4), optimizer, 900, progress=False)
    np.testing.assert_array_equal(found["hit"], history.first_hit(1e-3))
    np.testing.assert_array_equal(found["settled"], history.settled(1e-3))
    np.testing.assert_array_equal(found["final"], history["value"][-1])
    np.testing.assert_array_equal(found["best"], history.best)
    assert (found["hit"] < found["settled"]).any()
    assert np.isfinite(found["settled"]).any()


REFERENCE = [  # the learning rate is 10 to the power of so many eighths
    ("beale", "sgd", -12, 527), ("beale", "heavy_ball(.9)", -17, 292), ("beale", "nesterov(.9)", -20, 335),
    ("himmelblau", "sgd", -14, 17), ("himmelblau", "nesterov(.9)", -15, 33), ("himmelblau", "adam", -4, 173),
    ("rosenbrock", "heavy_ball(.9)", -20, 394),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rule", "eighths", "steps"), REFERENCE)
def test_steps_are_those_that_were_measured_elsewhere(name, rule, eighths, steps):
    place, [one] = OnSurface(name, spread=0.0), contestants(rule).values()
    found = runs(place, one, [10 ** (eighths / 8)], seeds=[0], steps=steps + 100)
    assert found["settled"].tolist() == [steps]


def test_divergence_is_data():
    found = sweep("bowl", "sgd", lr=[0.1, 0.25, 3.0], seeds=2, steps=900).set_index(["lr", "seed"])
    assert found["diverged"].tolist() == [False] * 4 + [True] * 2
    assert (found.loc[3.0, ["final", "hit", "settled"]] == np.inf).all(axis=None)
    assert np.isfinite(found.loc[3.0, "best"]).all()
    assert (found.loc[0.25, "settled"] < 20).all()


def test_a_run_whose_weights_overflow_in_one_step_has_diverged_though_its_value_is_finite():
    found = runs(OnSurface("bowl"), contestants("sgd")["SGD"], [0.25, 1e308], seeds=[0], steps=5)
    assert found["diverged"].tolist() == [False, True]
    assert found["final"][1] == np.inf
    assert np.isfinite(found["best"][1])


def test_what_runs_away_below_every_target_has_diverged():
    place = OnSurface("saddle", target=-1.0)
    found = runs(place, contestants("sgd")["SGD"], [0.1, 2.0], seeds=[0], steps=5000)
    assert found["diverged"].all()
    assert np.isfinite(found["best"]).all()
    assert (found["hit"] < 100).all()
    assert (found["settled"] == found["final"]).all()
    assert (found["final"] == np.inf).all()
    found = runs(OnSurface("saddle", target=-1e308), contestants("sgd")["SGD"], [1e200], seeds=[0], steps=9)
    assert (found["hit"] == np.inf).all()  # -inf is no success


def test_a_run_that_ends_as_none_moves_any_more_is_whole():
    found = runs(OnSurface("bowl"), contestants("sgd")["SGD"], [3.0], seeds=[0, 1], steps=10**9)
    assert found["diverged"].all()


def test_the_value_is_looked_at_as_often_as_a_problem_says():
    place = OnNet("digits", 5, batch=16, target=1.5)
    found = runs(place, contestants("adam")["Adam"], [0.03], seeds=[0, 1], steps=123)
    assert (found["hit"] % 10 == 0).all()
    assert np.isfinite(found["settled"]).all()


def test_a_task_is_named_by_what_its_rows_depend_on():
    def task(place="beale", rule="adam", lr=(0.1, 0.2), seeds=(0, 1), steps=5, rule_label=""):
        [one] = contestants(rule).values()
        return Task(place if isinstance(place, OnSurface) else problem(place), one, lr, seeds, steps, rule_label)

    keys = [
        task(), task("bowl"), task("bowl + noise 0.1"), task(OnSurface("bowl", spread=0.2)), task(lr=(0.1,)),
        task(OnSurface("bowl", target=1.0)), task(OnSurface("bowl", start=(1, 2))),
        task(OnSurface(Quadratic((1.0, 2.0)))), task("spiral()"), task("xor()"),
        task("digits(batch=8)"), task("digits(batch=9)"),
        task(rule="adam(.8)"),
        task(seeds=(1, 0)), task(steps=6),
    ]  # fmt: skip
    assert len({each.key for each in keys}) == len(keys)
    assert task(" beale ", rule="adam( .9 )", rule_label="A").key == task().key
    assert task(OnSurface(bowl())).key == task("bowl(2)").key
    assert tuple(task().run()[0]) == COLUMNS


def test_a_function_of_ones_own_has_a_key_once_it_has_a_name():
    def mine(x, y):
        return x * x + y * y

    with pytest.raises(StudyError, match="give it a name, name='mine'"):
        _ = OnSurface(mine, target=1.0).config
    assert OnSurface(mine, target=1.0, name="mine").config["own"] == "mine"

    class Ours(Rosenbrock):
        """A class of a user's, whose text says nothing of its code."""

    with pytest.raises(StudyError, match="give it a name"):
        _ = OnSurface(Ours()).config


@dataclass(frozen=True)
class Slow:
    """A β that a store can tell from another."""

    far: float

    def __call__(self, k):
        return self.far + 0.0 * k


def test_a_rule_with_a_function_in_it_has_no_key_and_runs_without_a_store(tmp_path):
    rules = {"slow": Ema(lambda k: 0.9 + 0.0 * k), "quick": Ema(lambda k: 0.1 + 0.0 * k)}
    given = {"lr": [0.1], "seeds": 1, "steps": 9}
    with pytest.raises(StudyError, match=r"cannot tell slow from another by Ema\(<function.*a frozen dataclass"):
        sweep("bowl", rules, **given, store=tmp_path / "s.db")
    plain = sweep("bowl", rules, **given)
    assert plain["final"].nunique() == 2
    told = {"slow": Ema(Slow(0.9)), "quick": Ema(Slow(0.1))}
    assert sweep("bowl", told, **given, store=tmp_path / "s.db").equals(plain)


def test_another_version_of_the_library_is_another_key(monkeypatch):
    one = Task(problem("bowl"), contestants("sgd")["SGD"], (0.1,), (0,), 5)
    before = one.key
    monkeypatch.setattr("optimlab.lab.sweeps.task.__version__", "0.0")
    assert one.key != before


def test_a_file_is_known_by_its_content(tmp_path):
    file = tmp_path / "own.py"
    file.write_text("def valley(x, y):\n    return x**2 + 9 * y**2\n")
    first = OnSurface(f"{file}:valley", target=1e-3).config
    file.write_text("def valley(x, y):\n    return x**2 + 8 * y**2\n")
    second = OnSurface(f"{file}:valley", target=1e-3).config
    assert first.pop("file") != second.pop("file")
    assert first == second
    assert first["surface"] == "own.py:valley"
