import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from optimlab.lab.frame import style
from optimlab.lab.statistics import dkw_band, draw_ecdf, draw_profile, draw_sensitivity, performance_profile


@pytest.fixture
def ax():
    with style():
        yield Figure().subplots()


def test_a_profile_draws_each_share_as_it_is(ax):
    rows = {"problem": ["a", "a", "b", "b"], "rule": ["SGD", "$Adam"] * 2, "seed": 0, "hit": [20.0, 10.0, 7.0, np.inf]}
    table = performance_profile(pd.DataFrame(rows))
    draw_profile(ax, table, {"SGD": {"color": "red", "linestyle": "--"}})
    for line, (_, part) in zip(ax.lines, table.groupby("rule", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), part[["tau", "share"]])
        assert line.get_drawstyle() == "steps-post"
    assert (ax.lines[0].get_color(), ax.lines[0].get_linestyle()) == ("red", "--")
    assert ax.get_legend().get_texts()[1].get_text() == r"\$Adam"
    ax.figure.canvas.draw()


def test_arrivals_draw_their_bands(ax):
    table = dkw_band([3.0, 5.0, np.inf], 9.0)
    draw_ecdf(ax, {"SGD": table, "Adam": table})
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), table["share"])
    assert len(ax.collections) == 2
    ax.figure.canvas.draw()


def test_sensitivity_draws_medians_and_leaves_out_what_diverged(ax):
    rows = {"rule": "SGD", "lr": np.repeat([0.1, 1.0, 10.0], 3), "seed": [0, 1, 2] * 3}
    frame = pd.DataFrame(rows | {"final": [1.0, 2.0, 4.0, 2.0, 3.0, np.inf, 1.0, np.nan, np.inf]})
    draw_sensitivity(ax, frame)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0.1, 2.0], [1.0, 3.0]])
    ax.figure.canvas.draw()


def test_where_no_median_is_finite_single_runs_set_no_scale(ax):
    rows = {"rule": "SGD", "lr": np.repeat([0.1, 1.0], 3), "seed": [0, 1, 2] * 2}
    draw_sensitivity(ax, pd.DataFrame(rows | {"hit": [7.0, np.inf, np.inf] * 2}), "hit")
    assert ax.get_yscale() == "linear"
    ax.figure.canvas.draw()
