"""A sweep as a file: what it means, and what is said of one that cannot be read."""

from pathlib import Path

import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps import Grid, matched
from optimlab.lab.sweeps.spec import Spec

EXAMPLE = Path(__file__).parents[3] / "studies/sweep.toml"
LEAST = {"problems": "bowl", "rules": "sgd"}


def test_the_example_says_what_it_means():
    plan = Spec.read(EXAMPLE).plan
    assert list(plan.problems) == ["rosenbrock", "beale", "beale + noise 0.1"]
    assert list(plan.contestants) == ["SGD", "heavy ball", "Nesterov", "Adam"]
    assert plan.grids["SGD"] == Grid.between(3e-4, 1.0, per_decade=4, extensions=3)
    assert (plan.seeds, plan.steps) == (tuple(range(20)), 1500)


def test_what_is_not_said_is_as_usual():
    assert (
        Spec.of(LEAST).plan.tasks()[0].key
        == Spec.of(LEAST | {"seeds": list(range(10)), "steps": 1000}).plan.tasks()[0].key
    )


def test_matched_rates_are_those_of_each_rule():
    given = {"rules": ["sgd", "heavy_ball(.5)"], "lr": [0.1, 0.2], "fairness": "matched"}
    assert Spec.of(LEAST | given).plan.grids == matched("sgd, heavy_ball(.5)", [0.1, 0.2])


WRONG = [
    ({"rule": "sgd"}, "'rule' is no key of a sweep; did you mean rules?"),
    ({"zzz": 1}, "'zzz' is no key of a sweep; there are by, executor, fairness"),
    ({"steps": 10.5}, "steps must be a whole number; got 10.5"), ({"steps": True}, "steps must be a whole number"),
    ({"steps": 0}, "steps must be a whole number of at least 1"),
    ({"seeds": "ten"}, "seeds must be how many, or a list of"),
    ({"seeds": [1, 1]}, "seeds must be a number of seeds"), ({"problems": []}, "problems must say at least one"),
    ({"problems": "bowll"}, "did you mean bowl"), ({"problems": [3]}, "surface must be a function"),
    ({"rules": "sdg"}, "did you mean sgd"),
    ({"fairness": "tune"}, "fairness must be one of tuned, same lr, matched; got 'tune'; did you mean tuned"),
    ({"by": "setled"}, "by must be one of settled, hit, final, best; got 'setled'; did you mean settled"),
    ({"lr": 0.1}, "lr must be a list of learning rates, or {from"), ({"lr": []}, "lr must hold at least one"),
    ({"lr": [0.1, "a"]}, "lr must"), ({"lr": [-1.0]}, "lr must be greater than 0"),
    ({"lr": {"from": 0.1, "too": 1.0}}, "'too' is no key of lr; did you mean to"),
    ({"lr": {"from": 0.1}}, "got no 'to'"),
    ({"lr": {"from": 1.0, "to": 0.1}}, "high must be at least low"), ({"lr": {"from": "a", "to": 1.0}}, "low must be"),
    ({"lr": {"from": 0.1, "to": 1.0, "per_decade": 0}}, "per_decade must be"),
    ({"lr": {"from": 0.1, "to": 1.0, "extensions": -1}}, "extensions must be"),
    ({"rules": "adam", "lr": [0.1], "fairness": "matched"}, "Adam: no effective learning rate"),
    ({"executor": [1]}, "executor must be a number of processes"), ({"store": 1}, "store must be the path of a file"),
    ({"store": ""}, "store must be the path of a file; got ''"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_word_is_said_with_what_is_allowed(wrong, said):
    with pytest.raises(StudyError) as caught:
        _ = Spec.of(LEAST | wrong).plan
    assert said in str(caught.value)


@pytest.mark.parametrize(("text", "said"), [
    ("problems = [", "Invalid value"), ("problems = 'bowl'\nrules = 'sgd'\nstep = 3", "'step' is no key"),
    ("\xff", "can't decode"), ("problems = 'bowll'\nrules = 'sgd'", "did you mean bowl"),
    ("rules = 'sgd'", "problems must say at least one; write problems = ['...']"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(tmp_path, text, said):
    path = tmp_path / "sweep.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StudyError, match=r"sweep\.toml: ") as caught:
        Spec.read(path)
    assert said in str(caught.value)


def test_a_file_that_is_not_there():
    with pytest.raises(
        StudyError, match=r"there is no file nowhere.toml; the one of the example is studies/sweep.toml"
    ):
        Spec.read(Path("nowhere.toml"))
