"""The classic surfaces and the cliff: laws that hold for each, and every published number."""

import math

import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.lab.problems import Beale, Cliff, Himmelblau, MonkeySaddle, Rastrigin, Rosenbrock

SURFACES = [
    Rosenbrock(),
    Rosenbrock(5),
    Rosenbrock(3, a=0.0, b=2.0),
    Beale(),
    Himmelblau(),
    Rastrigin(1),
    Rastrigin(4),
    MonkeySaddle(),
    Cliff(),
    Cliff(height=2.0, steepness=15.0),
]
EVERY = pytest.mark.parametrize("f", SURFACES, ids=repr)
CHECKED = [surface for surface in SURFACES if surface.dimension < 4]
HALF = 0.51  # of a unit in the last printed digit


def rng():
    return np.random.default_rng(1)


def differences(function, w, h):
    """(function(w + h eⱼ) - function(w - h eⱼ)) / 2h for each j, on a new first axis."""
    return np.array([(function(w + e) - function(w - e)) / (2 * h) for e in h * np.eye(len(w))])


@EVERY
def test_the_gradient_is_that_of_the_value(f):
    for w in rng().uniform(-2, 2, (50, f.dimension)):
        expected = differences(f.value, w, 1e-5)
        np.testing.assert_allclose(f.gradient(w), expected, rtol=1e-6, atol=1e-6 * (1 + abs(expected).max()))
        assert check_gradient(f.value, f.gradient, w, rng=1).error < 1e-5


@EVERY
def test_replicas_are_points_one_by_one(f):
    points = rng().uniform(-2, 2, (3, 4, f.dimension))
    assert f.value(points).shape == (3, 4)
    for index in np.ndindex(3, 4):
        assert f.value(points)[index] == pytest.approx(f.value(points[index]), rel=1e-13)
        np.testing.assert_allclose(f.gradient(points)[index], f.gradient(points[index]), rtol=1e-13, atol=1e-13)


@EVERY
def test_dtype_is_kept_and_points_are_not_written_to(f):
    w = f.start.astype(np.float32)
    before = w.copy()
    assert f.value(w).dtype == f.gradient(w).dtype == np.float32
    assert f.value(f.start).dtype == f.gradient(f.start).dtype == np.float64
    np.testing.assert_allclose(f.gradient(w), f.gradient(w.astype(np.float64)), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(w, before)
    assert not np.shares_memory(f.gradient(w), w)


@EVERY
def test_a_diverged_run_is_data(f):
    far = np.full(f.dimension, 1e300)
    assert not abs(f.value(far)) < 1e299  # inf or NaN, without a warning
    assert f.gradient(far).shape == far.shape
    assert np.isnan(f.value(np.full(f.dimension, np.nan)))


@EVERY
def test_a_surface_is_a_value(f):
    assert eval(repr(f)) == f
    assert hash(f) == hash(eval(repr(f)))
    assert f.starts.shape[1:] == (f.dimension,)


@pytest.mark.parametrize("f", CHECKED, ids=repr)
def test_critical_points_are_critical_and_have_the_spectrum_that_differences_give(f):
    assert f.points
    for point in f.points:
        at = np.array(point.at)
        scale = max(1.0, *map(abs, point.curvatures))
        assert abs(f.gradient(at)).max() <= 1e-14 * scale * (1 + abs(at).max())
        assert point.value == f.value(at)
        spectrum = np.linalg.eigvalsh(differences(f.gradient, at, 1e-5))
        np.testing.assert_allclose(point.curvatures, spectrum, rtol=0, atol=1e-6 * scale)
        assert list(point.curvatures) == sorted(point.curvatures)


def test_rosenbrock():
    f = Rosenbrock()
    assert f.value([-1.2, 1.0]) == pytest.approx(24.2, rel=1e-15)
    assert f.value([-2.0, 2.0]) == 409.0
    (minimum,) = f.points
    assert (minimum.at, minimum.value) == ((1.0, 1.0), 0.0)
    np.testing.assert_allclose(differences(f.gradient, np.ones(2), 1e-6), [[802, -400], [-400, 200]], rtol=1e-8)
    low, high = minimum.curvatures
    assert (low, high) == pytest.approx((0.399361, 1001.600639), abs=HALF * 1e-6)
    assert high / low == pytest.approx(2508.01, abs=HALF * 1e-2)
    assert 2 / high == pytest.approx(0.00199680, abs=HALF * 1e-8)
    assert (2 / (math.sqrt(low) + math.sqrt(high))) ** 2 == pytest.approx(0.00383877, abs=HALF * 1e-8)
    rate = (math.sqrt(high / low) - 1) / (math.sqrt(high / low) + 1)
    assert rate**2 == pytest.approx(0.923225, abs=HALF * 1e-6)


def test_rosenbrock_in_more_dimensions():
    w = np.array([0.3, -0.7, 1.1, 0.2])
    terms = [100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2 for i in range(3)]
    assert Rosenbrock(4).value(w) == pytest.approx(sum(terms), rel=1e-14)
    for n in range(2, 8):  # Shang & Qiu: a second minimum from four dimensions on
        assert [point.kind for point in Rosenbrock(n).points] == ["minimum"] * (1 if n < 4 else 2)
        assert Rosenbrock(n).points[0].at == (1.0,) * n
    local = Rosenbrock(4).points[1]
    assert local.value == pytest.approx(3.701429, abs=HALF * 1e-6)
    assert local.at == pytest.approx((-0.7757, 0.6131, 0.3821, 0.1460), abs=HALF * 1e-4)


def test_rosenbrock_with_parameters():
    assert Rosenbrock(a=3.0, b=5.0).points[0].at == (3.0, 9.0)
    assert Rosenbrock(6, a=0.0).points[0].at == (0.0,) * 6
    assert Rosenbrock(3, a=2.0).points == ()
    assert Rosenbrock(a=2.0, b=10.0).value([1.0, 3.0]) == 41.0


def test_beale():
    f = Beale()
    assert f.value([1.0, 1.5]) == 41.25
    minimum, saddle, other = f.points
    assert (minimum.at, minimum.value) == ((3.0, 0.5), 0.0)
    # H = 2JᵀJ = [[3.15625, -11.4375], [-11.4375, 46.125]]; differences with a coarse step give 0.301493, 48.980099.
    trace, determinant = 49.28125, 14.765625
    exact = [(trace + sign * math.sqrt(trace**2 - 4 * determinant)) / 2 for sign in (-1, 1)]
    assert minimum.curvatures == pytest.approx(exact, rel=1e-13)
    assert minimum.curvatures == pytest.approx((0.301464, 48.979786), abs=HALF * 1e-6)
    assert minimum.curvatures[1] / minimum.curvatures[0] == pytest.approx(162.5, abs=HALF * 1e-1)
    assert (saddle.at, saddle.value) == ((0.0, 1.0), 14.203125)
    assert saddle.curvatures == pytest.approx((-27.75, 27.75), abs=1e-12)
    np.testing.assert_allclose(differences(f.gradient, np.array([0.0, 1.0]), 1e-6), [[0, 27.75], [27.75, 0]], atol=1e-8)
    assert other.kind == "saddle"


def test_beale_has_no_other_critical_points():
    """On x = r(y), where ∂f/∂x = 0, the slope of f along y changes sign at just two places but for y = 1."""
    y = np.concatenate([np.linspace(-50, 0.999, 200_001), np.linspace(1.001, 50, 200_001)])
    q = np.stack([1 - y, 1 - y**2, 1 - y**3])
    x = (np.array([1.5, 2.25, 2.625]) @ q) / (q * q).sum(axis=0)
    slope = Beale().gradient(np.stack([x, y], axis=1))
    np.testing.assert_allclose(slope[:, 0], 0.0, atol=1e-6)
    changes = y[:-1][np.sign(slope[:-1, 1]) != np.sign(slope[1:, 1])]
    changes = changes[abs(changes - 1.0) > 0.002]
    np.testing.assert_allclose(changes, [Beale().points[2].at[1], 0.5], atol=1e-3)


HIMMELBLAU = [
    ((3.0, 2.0), 0.0, (25.716, 82.284)),
    ((-2.805118, 3.131313), 0.0, (64.840, 80.550)),
    ((-3.779310, -3.283186), 0.0, (70.714, 133.786)),
    ((3.584428, -1.848127), 0.0, (28.691, 105.419)),
    ((3.385154, 0.073852), 13.311926, (-14.135, 97.548)),
    ((0.086678, 2.884255), 67.719150, (-31.707, 75.508)),
    ((-3.073026, -0.081353), 104.015163, (-39.651, 72.435)),
    ((-0.127961, -1.953715), 178.337239, (-50.610, 20.284)),
]


@pytest.mark.parametrize(("point", "published"), list(zip(Himmelblau().points, HIMMELBLAU, strict=False)))
def test_himmelblau(point, published):
    at, value, curvatures = published
    assert point.at == pytest.approx(at, abs=HALF * 1e-6)
    assert point.value == pytest.approx(value, abs=HALF * 1e-6)
    assert point.curvatures == pytest.approx(curvatures, abs=HALF * 1e-3)


def test_himmelblau_s_spectra_are_those_of_its_hessian():
    for point in Himmelblau().points:
        x, y = point.at
        h = [[12 * x * x + 4 * y - 42, 4 * (x + y)], [4 * (x + y), 12 * y * y + 4 * x - 26]]
        np.testing.assert_allclose(point.curvatures, np.linalg.eigvalsh(h), rtol=1e-13)


def test_himmelblau_in_all():
    f = Himmelblau()
    assert [point.kind for point in f.points] == ["minimum"] * 4 + ["saddle"] * 4 + ["maximum"]
    assert f.points[-1].at == pytest.approx((-0.270845, -0.923039), abs=HALF * 1e-6)
    assert f.points[-1].value == pytest.approx(181.616522, abs=HALF * 1e-6)


def test_himmelblau_descends_to_each_minimum_from_its_starts():
    f = Himmelblau()
    w = f.starts
    for _ in range(3000):
        w = w - 0.005 * f.gradient(w)
    expected = [f.minima[i].at for i in (0, 0, 1, 2, 3)]
    np.testing.assert_allclose(w, expected, atol=1e-9)


def test_rastrigin():
    minima = Rastrigin(1).minima
    assert len(minima) == 11
    right = minima[5:]
    places = [0.0, 0.994959, 1.989912, 2.984856, 3.979784, 4.974691]
    values = [0.0, 0.994959, 3.979831, 8.954601, 15.919244, 24.873723]
    assert [point.at[0] for point in right] == pytest.approx(places, abs=HALF * 1e-6)
    assert [point.value for point in right] == pytest.approx(values, abs=HALF * 1e-6)
    assert [point.at[0] for point in minima] == pytest.approx([-point.at[0] for point in minima[::-1]], abs=1e-15)
    assert right[0].curvatures[0] == pytest.approx(396.784, abs=HALF * 1e-3)
    assert right[0].curvatures[0] == pytest.approx(2 + 40 * np.pi**2, rel=1e-14)


def test_rastrigin_has_as_many_critical_points_as_its_slope_has_zeros():
    x = np.linspace(-5.12, 5.12, 20_000)  # 0 is not among them
    slope = Rastrigin(1).gradient(x[:, None])[:, 0]
    assert (np.sign(slope[1:]) != np.sign(slope[:-1])).sum() == len(Rastrigin(1).points) == 21


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_rastrigin_in_more_dimensions(dimension):
    f = Rastrigin(dimension)
    assert (len(f.points), len(f.minima)) == (21**dimension, 11**dimension)
    at = np.array([point.at for point in f.points])
    np.testing.assert_allclose(f.gradient(at), 0.0, atol=2e-12)
    np.testing.assert_allclose(f.value(at), [point.value for point in f.points], atol=1e-11)


def test_rastrigin_beyond_three_dimensions_names_the_global_minimum():
    (point,) = Rastrigin(7).points
    assert (point.at, point.value, point.kind) == ((0.0,) * 7, 0.0, "minimum")


def test_monkey_saddle_is_r3_cos_3_theta():
    f = MonkeySaddle()
    theta = np.radians(np.arange(0, 360, 7.5))
    on_circle = 0.8 * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    np.testing.assert_allclose(f.value(on_circle), 0.8**3 * np.cos(3 * theta), atol=1e-15)
    assert np.degrees(theta[f.value(on_circle) < -(0.8**3) * (1 - 1e-9)]).round(9).tolist() == [60.0, 180.0, 300.0]
    np.testing.assert_array_equal(differences(f.gradient, np.zeros(2), 1e-5), np.zeros((2, 2)))


def test_monkey_saddle_is_left_at_the_flow_s_pace():
    """From (-ε, 0) the flow reaches r = 1 at the time (1/ε - 1)/3; descent takes that over lr in steps."""
    w, steps = np.array([-0.01, 0.0]), 0
    while np.hypot(*w) < 1.0:
        w = w - 0.01 * MonkeySaddle().gradient(w)
        steps += 1
    assert steps == 3305


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rosenbrock(1), "dimension must be a whole number of at least 2; got 1"),
        (lambda: Rosenbrock(b=0.0), "b must be greater than 0 and finite; got 0.0"),
        (lambda: Rosenbrock(a=math.inf), "a must be a finite number; got inf"),
        (lambda: Rastrigin(0), "dimension must be a whole number of at least 1; got 0"),
        (lambda: Beale().value([1.0, 2.0, 3.0]), r"w must have shape \(..., 2\) for Beale\(\); got \(3,\)"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_points_of_different_lengths_are_of_the_wrong_kind():
    with pytest.raises(TypeError, match=r"w must be real numbers; got \[\[1\.0, 2\.0\], \[3\.0\]\]"):
        Beale().gradient([[1.0, 2.0], [3.0]])


def test_a_dimension_is_a_whole_number():
    with pytest.raises(TypeError, match="dimension must be a whole number"):
        Rosenbrock(2.5)
    with pytest.raises(TypeError, match="a must be a finite number; got"):
        Rosenbrock(a=[[1.0], [1.0, 2.0]])
