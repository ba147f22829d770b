"""The cliff: where its wall stands, how steep it is, and how far it throws a step."""

import numpy as np
import pytest

from optimlab import ClipNorm, Optimizer, sgd
from optimlab.lab.problems import Cliff

CLIFFS = [Cliff(), Cliff(height=2.0, steepness=15.0), Cliff(height=1000.0, steepness=40.0), Cliff(1.0, 5000.0)]
EVERY = pytest.mark.parametrize("f", CLIFFS, ids=repr)


@EVERY
def test_the_gradient_at_the_wall_is_known_and_bounds_all(f):
    assert f.wall == f.height * f.steepness / 4 - 1
    np.testing.assert_allclose(f.gradient([[0.0, 0.0], [0.0, 3.0]]), [[f.wall, 0.0], [f.wall, 3.0]])
    x = np.linspace(-3, 3, 100_001)
    bend = f.gradient(np.stack([x, np.zeros_like(x)], axis=1))[:, 0] - (x - 1)
    assert bend.max() == pytest.approx(f.wall + 1, rel=1e-12)
    assert x[bend.argmax()] == pytest.approx(0.0, abs=1e-12)


@EVERY
def test_the_wall_is_as_high_as_it_says(f):
    reach = 40 / f.steepness
    for x in (-reach, reach):
        assert f.value([x, 0.0]) - (x - 1) ** 2 / 2 == pytest.approx(f.height * (x > 0), abs=1e-12 * f.height)


@EVERY
def test_three_critical_points(f):
    assert [point.kind for point in f.points] == ["minimum", "saddle", "minimum"]
    foot, top, behind = (point.at[0] for point in f.points)
    assert foot < 0 < top < 0.5 < behind <= 1.0
    x = np.sort(np.concatenate([np.linspace(-3, 3, 100_001), np.linspace(-0.2, 0.2, 100_002)]))
    signs = np.sign(f.gradient(np.stack([x, np.zeros_like(x)], axis=1))[:, 0])
    changes = (signs[1:] * signs[:-1] < 0).sum() + (signs == 0).any()
    assert changes == 3


def test_foot_and_top_are_where_the_logarithm_puts_them():
    f = Cliff(height=10.0, steepness=1000.0)
    at = np.log(10_000.0) / 1000.0
    assert [point.at[0] for point in f.points[:2]] == pytest.approx([-at, at], rel=2e-3)
    assert f.points[0].curvatures[1] == pytest.approx(1000.0, rel=0.02)


def test_a_step_from_the_wall_is_thrown_far_and_clipping_bounds_it():
    f, lr = Cliff(), 0.1
    lengths = {}
    for name, hooks in (("plain", []), ("clipped", [ClipNorm(1.0)])):
        w = np.array([0.0, 0.0])
        Optimizer(sgd(), lr=lr, hooks=hooks).step(w, f.gradient(w))
        lengths[name] = -w[0]
    assert lengths["plain"] == pytest.approx(lr * f.wall)
    assert lengths["clipped"] == pytest.approx(lr)


def test_a_descent_from_the_start_runs_into_the_wall():
    f, w, lr = Cliff(), Cliff().start, 0.1
    largest = 0.0
    for _ in range(100):
        gradient = f.gradient(w)
        largest = max(largest, abs(gradient[0]))
        w = w - lr * gradient
    assert largest > 10 * abs(f.gradient(f.start)[0])  # the gentle slope has at most 3


@pytest.mark.parametrize(
    ("height", "steepness"), [(0.01, 100.0), (1.0, 4.0), (10.0, 9.0), (1e300, 100.0), (1e-305, 1e305)]
)
def test_a_wall_must_stand_apart_from_the_bowl(height, steepness):
    with pytest.raises(ValueError, match=r"height must make height·steepness lie between 4 and exp\(steepness/2\)/2"):
        Cliff(height, steepness)


@pytest.mark.parametrize("name", ["height", "steepness"])
@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_bad_input_is_named(name, bad):
    with pytest.raises(ValueError, match=f"{name} must be greater than 0 and finite"):
        Cliff(**{name: bad})
