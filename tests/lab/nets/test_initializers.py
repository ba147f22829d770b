"""Every initialiser has the distribution of its formula, for every dtype and replica, and names bad arguments."""

import math

import numpy as np
import pytest
from scipy import stats

from optimlab.lab.nets import initializers as init
from optimlab.lab.theory import truncated_variance

SHAPE = (300, 200)
FANS = {  # standard deviation from (fan_in, fan_out), by the papers' formulas
    init.lecun_normal: lambda m, n: math.sqrt(1 / m),
    init.lecun_uniform: lambda m, n: math.sqrt(1 / m),
    init.glorot_normal: lambda m, n: math.sqrt(2 / (m + n)),
    init.glorot_uniform: lambda m, n: math.sqrt(2 / (m + n)),
    init.he_normal: lambda m, n: math.sqrt(2 / m),
    init.he_uniform: lambda m, n: math.sqrt(2 / m),
}
PLAIN = {
    init.uniform: stats.uniform(-1.0, 2.0),
    init.normal: stats.norm(),
    init.truncated_normal: stats.truncnorm(-2.0, 2.0),
    init.corrected_truncated_normal: stats.truncnorm(-2.0, 2.0, scale=truncated_variance() ** -0.5),
}
EVERY = [*PLAIN, *FANS, init.orthogonal, init.variance_scaling]


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("draw", PLAIN, ids=lambda draw: draw.__name__)
def test_plain_distributions_pass_kolmogorov_and_smirnov(draw):
    w = draw(SHAPE, rng(1))
    assert stats.kstest(w.ravel(), PLAIN[draw].cdf).pvalue > 1e-4
    variance = PLAIN[draw].var()
    fourth = PLAIN[draw].moment(4)
    assert abs((w**2).mean() - variance) < 3.9 * math.sqrt((fourth - variance**2) / w.size)


@pytest.mark.parametrize("draw", FANS, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("shape", [(300, 200), (50, 400), (1000, 30)])
def test_scaled_distributions_have_their_shape_and_variance(draw, shape):
    w, sd = draw(shape, rng(2)), FANS[draw](*shape)
    uniform = draw.__name__.endswith("uniform")
    cdf = stats.uniform(-math.sqrt(3) * sd, 2 * math.sqrt(3) * sd).cdf if uniform else stats.norm(0, sd).cdf
    assert stats.kstest(w.ravel(), cdf).pvalue > 1e-4
    kurtosis = 1.8 if uniform else 3.0
    assert abs((w**2).mean() / sd**2 - 1) < 3.9 * math.sqrt((kurtosis - 1) / w.size)


@pytest.mark.parametrize(("mode", "n"), [("fan_in", 300), ("fan_out", 200), ("fan_avg", 250)])
@pytest.mark.parametrize("law", ["normal", "uniform", "truncated_normal"])
def test_variance_scaling_has_the_variance_of_its_mode_in_every_law(law, mode, n):
    w, sd = init.variance_scaling(SHAPE, rng(6), mode=mode, law=law, gain=1.5), 1.5 / math.sqrt(n)
    laws = {
        "normal": stats.norm(0, sd),
        "uniform": stats.uniform(-math.sqrt(3) * sd, 2 * math.sqrt(3) * sd),
        "truncated_normal": stats.truncnorm(-2.0, 2.0, scale=sd * truncated_variance() ** -0.5),
    }
    assert laws[law].std() == pytest.approx(sd, rel=1e-12)
    assert stats.kstest(w.ravel(), laws[law].cdf).pvalue > 1e-4


def test_words_and_gains_of_variance_scaling_are_checked():
    for options, message in (
        ({"mode": "fan"}, "mode must be one of 'fan_in', 'fan_out', 'fan_avg'; got 'fan'"),
        ({"law": "cauchy"}, "law must be one of 'normal', 'uniform', 'truncated_normal'; got 'cauchy'"),
        ({"gain": -1.0}, "gain must be at least 0 and finite; got -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            init.variance_scaling((3, 3), rng(), **options)


def test_bounds_are_exact():
    assert abs(init.uniform(10**6, rng(), limit=0.3)).max() <= 0.3
    assert abs(init.truncated_normal(10**6, rng(), scale=0.3)).max() <= 0.6
    assert abs(init.glorot_uniform((100, 50), rng())).max() <= math.sqrt(6 / 150)
    assert abs(init.he_uniform((100, 50), rng(), slope=0.2)).max() <= math.sqrt(6 / (1.04 * 100))


def test_truncation_keeps_what_lies_inside():
    whole, cut = init.normal(10_000, rng(5)), init.truncated_normal(10_000, rng(5))
    inside = abs(whole) <= 2
    assert np.array_equal(whole[inside], cut[inside])
    assert 0.03 < 1 - inside.mean() < 0.06
    assert init.corrected_truncated_normal(9, rng(5)) == pytest.approx(cut[:9] / truncated_variance() ** 0.5, rel=1e-14)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (7, 7), (4, 6, 5), (2, 3, 5, 6)])
def test_orthogonal(shape):
    w = init.orthogonal(shape, rng(3), factor=1.5)
    assert w.shape == shape
    assert np.linalg.svd(w, compute_uv=False) == pytest.approx(1.5, rel=1e-12)
    assert len({round(float(each[0, 0]), 9) for each in w.reshape(-1, *shape[-2:])}) == math.prod(shape[:-2])


def test_orthogonal_is_uniform_over_rotations():
    first = init.orthogonal((20_000, 3, 3), rng(4))[:, 0, 0]  # a coordinate of a random direction in space: U(-1, 1)
    assert stats.kstest(first, stats.uniform(-1, 2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("draw", EVERY, ids=lambda draw: draw.__name__)
def test_same_seed_same_weights_and_float32_rounds_them(draw):
    w = draw((4, 6, 5), rng(7))
    assert w.dtype == np.float64
    assert w.flags.c_contiguous
    assert np.array_equal(w, draw((4, 6, 5), rng(7)))
    assert not np.array_equal(w, draw((4, 6, 5), rng(8)))
    single = draw((4, 6, 5), rng(7), dtype=np.float32)
    assert single.dtype == np.float32
    assert np.array_equal(single, w.astype(np.float32))
    assert not np.array_equal(w[0], w[1])


def test_legacy_generator_gives_published_numbers():
    assert np.array_equal(
        init.normal((2, 50), np.random.RandomState(0), sd=0.1), 0.1 * np.random.RandomState(0).randn(2, 50)
    )


@pytest.mark.parametrize(
    ("name", "slope"),
    [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None), ("selu", None), ("leaky_relu", 0.2)],
)
def test_gains_are_those_of_torch(name, slope):
    torch = pytest.importorskip("torch")
    assert init.gain(name, slope=slope) == pytest.approx(torch.nn.init.calculate_gain(name, slope), rel=1e-15)


def test_fans():
    assert init.fans((5, 3, 2)) == (3, 2)
    for shape in [(3,), 3, (0, 3), (3, 0)]:
        with pytest.raises(ValueError, match=r"shape must be \(..., fan_in, fan_out\)"):
            init.fans(shape)


@pytest.mark.parametrize("draw", EVERY, ids=lambda draw: draw.__name__)
def test_bad_arguments_are_named(draw):
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, a seed or None; got '0'"):
        draw((3, 3), "0")
    with pytest.raises(TypeError, match="dtype must be float32 or float64; got int64"):
        draw((3, 3), rng(), dtype=np.int64)
    for size in (2.5, True, "2", None):
        with pytest.raises(TypeError, match="shape must be a whole number of at least 0; got"):
            draw((3, size), rng())
    with pytest.raises(TypeError, match="dtype must be float32 or float64; got 'double trouble'"):
        draw((3, 3), rng(), dtype="double trouble")
    with pytest.raises(ValueError, match="shape must be"):
        draw((3, -1), rng())


@pytest.mark.parametrize("draw", [d for d in EVERY if d is not init.normal], ids=lambda draw: draw.__name__)
def test_the_legacy_generator_is_for_the_normal_only(draw):
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        draw((3, 3), np.random.RandomState(0))


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (init.uniform, "limit"),
        (init.normal, "sd"),
        (init.truncated_normal, "scale"),
        (init.corrected_truncated_normal, "sd"),
        (init.orthogonal, "factor"),
    ],
)
def test_bad_scales_are_named(draw, name):
    for value, error in ((-1.0, ValueError), (math.nan, ValueError), (10**400, ValueError)):
        with pytest.raises(error, match=f"{name} must be at least 0 and finite"):
            draw((3, 3), rng(), **{name: value})
    for value in ("1", b"1", True, None, 1j, object()):
        with pytest.raises(TypeError, match=f"{name} must be at least 0 and finite"):
            draw((3, 3), rng(), **{name: value})


def test_weights_beyond_float32_are_inf():
    assert np.isinf(init.normal(3, rng(), sd=1e300, dtype=np.float32)).all()


def test_the_gain_of_a_steep_leaky_relu_is_small():
    assert init.gain("leaky_relu", slope=1e200) == pytest.approx(math.sqrt(2) * 1e-200)


def test_bad_activations_are_named():
    with pytest.raises(TypeError, match=r"activation must be one of 'linear', .*; got \['relu'\]"):
        init.gain(["relu"])
    with pytest.raises(ValueError, match=r"activation must be one of 'linear', .*; got 'none'"):
        init.gain("none")
    with pytest.raises(ValueError, match="slope must be None for 'relu'"):
        init.gain("relu", slope=0.1)
    with pytest.raises(ValueError, match="slope must be a finite number; got inf"):
        init.he_normal((3, 3), rng(), slope=math.inf)
