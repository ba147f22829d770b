"""The published spiral bit for bit, and the general one."""

import math

import numpy as np
import pytest

from optimlab.lab.problems import published_spiral, spiral


def test_the_published_stream_feeds_data_and_both_nets():
    legacy = np.random.RandomState(0)
    X, y = np.zeros((300, 2)), np.zeros(300, int)
    for j in range(3):
        cut = range(100 * j, 100 * (j + 1))
        r = np.linspace(0.0, 1, 100)
        t = np.linspace(j * 4, (j + 1) * 4, 100) + legacy.randn(100) * 0.2
        X[cut] = np.c_[r * np.sin(t), r * np.cos(t)]
        y[cut] = j
    published = published_spiral()
    np.testing.assert_array_equal(published.samples.X, X)
    np.testing.assert_array_equal(published.samples.y, y)
    for start in (published.sigmoid, published.relu):
        for name, shape in (("W1", (2, 50)), ("W2", (50, 50)), ("W3", (50, 3))):
            np.testing.assert_array_equal(start[name], 0.1 * legacy.randn(*shape))
            assert not start["b" + name[1]].any()


def test_check_sums_of_the_reference():
    published = published_spiral()
    assert published.samples.X.sum() == pytest.approx(-9.615827548938, abs=1e-12)
    sums = [start[f"W{i}"].sum() for start in (published.sigmoid, published.relu) for i in (1, 2, 3)]
    wanted = [-1.96796707, -5.26173030, -2.02664162, -1.49279082, 0.52376376, 1.02804191]
    np.testing.assert_allclose(sums, wanted, rtol=0, atol=5e-9)


def test_298_of_the_300_points_are_distinct():
    assert len(np.unique(published_spiral().samples.X, axis=0)) == 298


def test_arms_lie_evenly_around_the_origin_and_wind():
    X, y = spiral(np.random.default_rng(0), classes=4, points=9, noise=0.0, angle=3.0)
    radius, angle = np.hypot(*X.T).reshape(4, 9), np.arctan2(X[:, 0], X[:, 1]).reshape(4, 9)
    np.testing.assert_allclose(radius, np.tile(np.linspace(0, 1, 9), (4, 1)), atol=1e-15)
    wanted = np.arange(4)[:, None] * math.pi / 2 + 3.0 * radius
    np.testing.assert_allclose(np.exp(1j * angle[:, 1:]), np.exp(1j * wanted[:, 1:]), atol=1e-14)
    np.testing.assert_array_equal(y, np.repeat(np.arange(4), 9))


def test_the_least_spiral_is_one_point():
    X, y = spiral(np.random.default_rng(0), classes=1, points=1)
    np.testing.assert_array_equal(X, [[0.0, 0.0]])
    np.testing.assert_array_equal(y, [0])


def test_noise_is_in_the_angle_and_comes_from_the_generator():
    X, _ = spiral(np.random.default_rng(0), noise=0.5)
    np.testing.assert_allclose(np.hypot(*X.T), np.tile(np.linspace(0, 1, 100), 3))
    radius, e = np.tile(np.linspace(0, 1, 100), (3, 1)), np.random.default_rng(0).standard_normal((3, 100))
    theta = 2 * math.pi / 3 * np.arange(3)[:, None] + 4.0 * radius + 0.5 * e
    np.testing.assert_allclose(X[:, 0], (radius * np.sin(theta)).ravel(), atol=1e-15)
    np.testing.assert_allclose(X[:, 1], (radius * np.cos(theta)).ravel(), atol=1e-15)
    np.testing.assert_array_equal(X, spiral(np.random.default_rng(0), noise=0.5).X)
    assert not np.array_equal(X, spiral(np.random.default_rng(1), noise=0.5).X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spiral(np.random.default_rng(0), classes=0), ValueError, "classes must be a whole number"),
        (lambda: spiral(np.random.default_rng(0), points=1.5), TypeError, "points must be a whole number"),
        (lambda: spiral(np.random.default_rng(0), points=0), ValueError, "points must be a whole number of at least 1"),
        (lambda: spiral(np.random.default_rng(0), noise=-1), ValueError, "noise must be"),
        (lambda: spiral(np.random.default_rng(0), angle=math.nan), ValueError, "angle must be"),
        (lambda: spiral(0.5), TypeError, "rng must be a numpy.random.Generator"),
        (lambda: published_spiral(-1), ValueError, "seed must be"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
