"""What the page says beside a path: theory and path agree, and what cannot be run leaves the rest alone."""

import numpy as np

from tests.lab.explorer.javascript import run

RUN = """
  const arena = new Arena();
  const setting = { ...optimizersView.defaults, steps: 500, ...data.setting };
  const [found] = arena.update(setting, [{ text: data.text, lr: data.lr }]);
  const steady = setting.schedule === "constant";
  const told = { ...found, surface: arena.surface, lr: data.lr, noise: setting.noise, steady };
  return { error: found.error, surfaceError: arena.surfaceError, ...(found.run && theoryFacts(told)) };
"""


def facts(text, lr, **setting):
    """The facts of a rule on a surface: {what: (predicted, measured)}."""
    found = run(RUN, {"text": text, "lr": lr, "setting": setting})
    return {what: (predicted, measured) for what, predicted, measured in found["facts"]}


def test_contraction_on_the_ravine_is_as_predicted():
    for text, lr in [("sgd", 0.015), ("heavy_ball", 0.002)]:
        predicted, found = facts(text, lr, surface="ravine")["contraction per step"]
        assert abs(predicted - found) < 2e-3
    predicted, found = facts("sgd", 0.0205, surface="ravine")["growth per step"]
    assert abs(predicted - found) < 1e-9


def test_a_saddle_is_left_when_it_is_predicted():
    for text, lr in [("sgd", 0.005), ("heavy_ball", 0.0005)]:
        predicted, found = facts(text, lr, surface="saddle", steps=2000)["steps to leave the saddle"]
        assert predicted == found
    _, found = facts("sgd", 0.0001, surface="saddle", steps=100)["steps to leave the saddle"]
    assert found == "more than 100"


def test_the_noise_floor_is_as_predicted():
    predicted, found = facts("sgd", 0.01, surface="ravine", noise=0.3, steps=5000)["noise floor of f"]
    assert abs(found / predicted - 1) < 0.2


def test_the_noise_floor_is_above_the_minimum_where_the_run_is():
    predicted, found = facts("sgd", 0.002, surface="rastrigin", noise=0.1, steps=5000)["noise floor of f"]
    assert abs(found / predicted - 1) < 0.2


def test_a_start_that_never_leaves_a_saddle_has_no_predicted_step():
    predicted, found = facts("sgd", 0.05, surface="saddle", start=[0.5, 0.0])["steps to leave the saddle"]
    assert (np.isnan(predicted), found) == (True, "more than 500")


def test_under_a_schedule_theory_has_the_limit_alone():
    assert [*facts("sgd", 0.015, surface="ravine", schedule="linear")] == ["largest stable lr at the minimum"]


def test_a_rule_without_linear_theory_has_no_facts():
    assert facts("adam", 0.01, surface="ravine") == {}
    assert facts("sgd", 0.01, surface="monkey") == {}


def test_an_error_is_told_and_the_surface_stays():
    found = run(RUN, {"text": "Ema(", "lr": 0.1, "setting": {"surface": "ravine"}})
    assert "there is the end" in found["error"]
    found = run(RUN, {"text": "sgd", "lr": 0.001, "setting": {"surface": "x +"}})
    assert "there is the end" in found["surfaceError"]
    assert "largest stable lr at the minimum" in [what for what, *_ in found["facts"]]


def test_what_has_not_changed_is_not_computed_again():
    code = """
      const arena = new Arena();
      const setting = { ...optimizersView.defaults, steps: 10 };
      const two = [{ text: "sgd", lr: 0.1 }, { text: "adam", lr: 0.1 }];
      const before = arena.update(setting, two);
      const after = arena.update(setting, [two[0], { text: "adam", lr: 0.2 }]);
      return before.map((run, i) => run === after[i]);
    """
    assert run(code, None) == [True, False]
