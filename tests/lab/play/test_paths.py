"""Rules run over a surface as `descend` lets them, and what became of each is said and drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import optimlab.lab
from optimlab import Every, Optimizer, adam, constant, cosine_decay, descend, heavy_ball, rmsprop, sgd
from optimlab.lab import paths as from_lab
from optimlab.lab.frame import StudyError, look
from optimlab.lab.play import paths
from optimlab.lab.problems import Himmelblau, Rosenbrock, bowl, saddle


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_way_is_that_of_the_one_loop():
    found = paths("rosenbrock", "adam", lr=0.05, steps=80, start=(-1.0, 0.5)).frame()
    optimizer = Optimizer(adam(), lr=0.05)
    twin = descend(Rosenbrock(), optimizer, 80, start=np.array([-1.0, 0.5]), record=Every(1, w=np.copy))
    np.testing.assert_array_equal(found[["x", "y"]], twin["w"])
    np.testing.assert_array_equal(found["value"], twin["value"])
    assert found["step"].tolist() == list(range(81))
    assert set(found["rule"]) == {"Adam"}


RULES = [
    "sgd, heavy_ball(0.8)", [sgd(), heavy_ball(0.8)], ["sgd", heavy_ball(0.8)], (sgd(), "heavy_ball(0.8)"),
    {"SGD": sgd(), "heavy ball β 0.8": heavy_ball(0.8)},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(RULES)))
def test_rules_may_be_texts_or_objects(number):
    options = {"start": (1.0, 0.6), "steps": 5}
    expected = paths("bowl", RULES[0], **options).frame()
    for surface in ("bowl", bowl(), "x**2 + y**2", lambda x, y: x**2 + y**2, lambda w: (w**2).sum()):
        found = paths(surface, RULES[number], **options).frame()
        pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


def test_one_rule_alone_may_stand_for_itself():
    assert paths(saddle(), adam(), steps=2).table()["rule"].tolist() == ["Adam"]


def test_a_schedule_may_be_the_learning_rate():
    lr = cosine_decay(0.1, steps=20)
    assert "cosine_decay(0.1, steps=20)" in paths("bowl", "sgd", lr=lr, steps=20).said


def test_noise_is_the_same_for_each_rule_and_each_seed():
    options = {"steps": 20, "noise": 0.3, "lr": 0.05}
    found = paths("bowl", {"a": sgd(), "b": sgd()}, **options).frame()
    a, b = (found[found["rule"] == label].drop(columns="rule").reset_index(drop=True) for label in "ab")
    assert a.equals(b)
    assert not found.equals(paths("bowl", {"a": sgd(), "b": sgd()}, seed=1, **options).frame())


WENT = [  # surface, rule, options, what became of it
    ("saddle", "sgd", {}, "left downhill"),
    ("bowl", "sgd", {"lr": 1.1}, "diverged"),
    ("himmelblau", "sgd", {"lr": 0.1}, "diverged"),
    ("bowl", "sgd", {"lr": 0.1}, "arrived"),
    ("rosenbrock", "adam", {}, "under way"),
    ("x**2 + y**2", "sgd", {"lr": 0.1}, "under way"),  # whose minimum nobody knows
    ("rastrigin", "adam", {}, "in a local minimum"),
]


@pytest.mark.parametrize("number", range(len(WENT)))
def test_what_became_of_a_rule_is_said(number):
    name, rule, options, status = WENT[number]
    found = paths(name, rule, **options)
    row = found.table().iloc[0]
    assert row["status"] == status
    low, high = np.reshape(found.scene.box, (2, 2)).T
    points = found.frame()[["x", "y"]].to_numpy()
    outside = ((points < low) | (points > high)).any(axis=1)
    if status in ("left downhill", "diverged"):
        assert outside[-1]
        assert not outside[-2]
        assert (row["value"] < found.frame()["value"][0]) == (status == "left downhill")
    else:
        assert not outside[-1]


def test_arrived_means_from_then_on():
    found = paths("himmelblau", "heavy_ball", lr=0.005, steps=500)
    step, values = found.table()["steps"][0], found.frame()["value"]
    level = 1e-3 * values[0]
    assert values[step - 1] > level
    assert (values[step:] <= level).all()


def test_the_distance_is_that_to_the_nearest_minimum():
    found = paths("himmelblau", "rmsprop", steps=50)
    end = found.frame()[["x", "y"]].to_numpy()[-1]
    expected = min(np.hypot(*(end - point.at)) for point in Himmelblau().minima)
    assert found.table()["distance"][0] == pytest.approx(expected, rel=1e-15)
    alone = paths("saddle", "sgd", steps=50)
    end = alone.frame()[["x", "y"]].to_numpy()[-1]
    assert alone.table()["distance"][0] == pytest.approx(np.hypot(*(end - (0.9, 0.01))), rel=1e-15)


@pytest.mark.parametrize("kind", ["contour", "surface"])
@pytest.mark.parametrize("name", ["saddle", "himmelblau", "x**2 * y"])
def test_every_rule_is_drawn_in_its_colour_and_the_start_is_said(kind, name):
    rules = {"SGD": sgd(), "RMSprop": rmsprop(), "Adam": adam()}
    figure = paths(name, rules, steps=40).plot(kind)
    assert len(figure.axes) == 2
    for ax in figure.axes:
        handles, texts = ax.get_legend_handles_labels()
        for label, rule in rules.items():
            drawn = next(h for h, text in zip(handles, texts, strict=True) if text.startswith(label))
            assert to_hex(drawn.get_color()).upper() == look(rule).colour
        box = ax.get_legend().get_window_extent(figure.canvas.get_renderer())
        assert not box.overlaps(ax.patch.get_window_extent()) or kind == "surface"
    assert any(text.startswith("start (") for text in figure.axes[0].get_legend_handles_labels()[1])
    figure.canvas.draw()


def test_the_loss_has_a_logarithmic_axis_where_it_is_positive():
    assert paths("rosenbrock", "adam", steps=20).plot().axes[1].get_yscale() == "log"
    assert paths("saddle", "adam").plot().axes[1].get_yscale() == "linear"


@pytest.mark.parametrize(("lr", "said"), [
    (np.float32(0.5), "lr 0.5, 3 steps"), (lambda k: 0.5, "lr <lambda>, 3 steps"),
    (constant(0.5), "lr constant(0.5), 3 steps"),
])  # fmt: skip
def test_the_learning_rate_is_said_as_it_was_given(lr, said):
    found = paths("saddle", {"mine": "adam"}, lr=lr, steps=3)
    assert repr(found) == f"<Paths of mine over saddle from (0.9, 0.01), {said}>"


def test_an_animation_begins_at_the_start_and_ends_with_the_figure():
    found = paths("saddle", "adam, sgd", steps=100)
    figure, draw, frames = found.animation(10)
    trails = figure.axes[0].lines[:2]
    whole = [trail.get_xydata().copy() for trail in trails]
    upper, lower = (axes.get_position() for axes in figure.axes)
    assert upper.y0 > lower.y1  # one above the other: on a phone both are readable
    draw(0)
    assert [len(trail.get_xdata()) for trail in trails] == [1, 1]
    draw(frames - 1)
    for trail, expected in zip(trails, whole, strict=True):
        np.testing.assert_array_equal(trail.get_xydata(), expected)


@pytest.mark.parametrize(("options", "error", "said"), [
    ({"start": (1.0,)}, StudyError, r"start must be two finite numbers, x and y; got \(1.0,\)"),
    ({"start": (np.inf, 0.0)}, StudyError, "start must be two finite numbers"),
    ({"steps": 0}, ValueError, "steps must be"),
    ({"lr": -1.0}, ValueError, "lr must be"),
    ({"noise": -1.0}, ValueError, "noise must be"),
    ({"noise": [0.1, 0.2]}, TypeError, "noise must be at least 0 and finite, a single number"),
    ({"rules": []}, StudyError, "rules must have at least one rule; got none"),
    ({"rules": {}}, StudyError, "rules must have at least one rule; got none"),
    ({"surface": "sadle"}, StudyError, "did you mean saddle"),
    ({"rules": "adm"}, StudyError, "did you mean adam"),
    ({"rules": "sgd, sgd"}, StudyError, "SGD stands twice"),
])  # fmt: skip
def test_what_cannot_be_run_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        paths(**{"surface": "saddle", "rules": "sgd"} | options)


def test_the_laboratory_has_it_in_one_line():
    assert from_lab is paths
    with pytest.raises(AttributeError, match=r"module 'optimlab.lab' has no attribute 'pahts'"):
        _ = optimlab.lab.pahts
