import numpy as np
import pandas as pd
import pytest

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics import good_range


def curve(rng, rates=25, seeds=9, noise=0.0):
    """Losses (log10 lr)² + 1: twice the best within one decade of lr = 1."""
    lr = np.geomspace(1e-3, 1e3, rates)
    rows = pd.MultiIndex.from_product([lr, range(seeds)], names=["lr", "seed"]).to_frame(index=False)
    clean = np.log10(rows["lr"]) ** 2 + 1
    return rows.assign(problem="bowl", rule="SGD", final=clean * np.exp(noise * rng.normal(size=len(rows))))


def test_the_width_of_a_parabola_is_known():
    found = good_range(curve(np.random.default_rng(0)), rng=0).iloc[0]
    assert found["best"] == pytest.approx(1.0)
    assert found["decades"] == pytest.approx(9 * 0.25)  # points at -1, -0.75, ..., 1, each a quarter of a decade
    assert (found["low"], found["high"]) == pytest.approx((2.25, 2.25))
    assert found["share"] == pytest.approx(9 / 25)
    assert not found["edge"]
    wider = good_range(curve(np.random.default_rng(0)), factor=5.0, rng=0)["decades"].item()
    assert wider == pytest.approx(17 * 0.25)  # (log lr)² + 1 ≤ 5


def test_a_grid_that_is_not_even_weighs_its_points_by_their_cells():
    frame = pd.DataFrame({"problem": "a", "rule": "b", "lr": [0.01, 0.1, 100.0], "seed": 0, "final": [9.0, 1.0, 9.0]})
    assert good_range(frame, rng=0)["decades"].item() == pytest.approx(0.5 + 1.5)


def test_what_diverged_is_not_good_and_an_open_end_is_said():
    frame = curve(np.random.default_rng(0))
    worse = frame.assign(final=frame["final"].where(frame["lr"] < 2.0))
    assert good_range(worse, rng=0)["decades"].item() == pytest.approx(6 * 0.25)
    assert good_range(frame[frame["lr"] < 2.0], rng=0)["edge"].item()
    assert good_range(frame.assign(final=np.nan), rng=0)["decades"].item() == 0.0


def test_the_interval_covers():
    rng = np.random.default_rng(1)
    truth = good_range(curve(rng, 13, 3), factor=2.5, rng=0)["decades"].item()
    hits, widths = [], []
    for _ in range(50):
        found = good_range(curve(rng, 13, 15, 0.3), factor=2.5, confidence=0.9, rng=rng).iloc[0]
        hits.append(found["low"] <= truth <= found["high"])
        widths.append(found["high"] - found["low"])
    assert wilson_interval(np.array(hits))[2] > 0.9
    assert 0.0 < np.mean(widths) < 2.0


@pytest.mark.parametrize(("change", "said"), [
    (lambda f: f[f["lr"] == 1.0], "SGD on bowl must have at least 2 learning rates"),
    (lambda f: f.drop(index=0), "each with the same seeds"),
    (lambda f: f.assign(final=-1.0), "losses of at least 0"),
    (lambda f: f.drop(columns="lr"), "it lacks lr"),
])  # fmt: skip
def test_what_has_no_range_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        good_range(change(curve(np.random.default_rng(0))))
