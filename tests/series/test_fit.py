"""β from data, and the band: against theory, by simulation."""

import numpy as np
import pandas as pd
import pytest

from optimlab import Decay, ema, ema_band, ema_var, fit_decay
from optimlab.lab.problems import ar1_noise, load_co2, load_seattle_weather


def local_level(rng, q, n):
    return np.cumsum(rng.normal(0, np.sqrt(q), n)) + rng.normal(0, 1, n)


@pytest.mark.parametrize(("q", "beta"), [(0.01, 0.905), (0.1, 0.730), (1.0, 0.382)])
def test_finds_the_kalman_gain_of_a_local_level(q, beta):
    rng = np.random.default_rng(0)
    fits = [fit_decay(local_level(rng, q, 2000)) for _ in range(12)]
    betas = np.array([fit.decay.beta for fit in fits])
    errors = np.array([fit.standard_error for fit in fits])
    assert abs(betas.mean() - beta) < 4 * errors.mean() / np.sqrt(len(fits))
    assert np.std(betas, ddof=1) == pytest.approx(errors.mean(), rel=0.7)
    assert errors.mean() == pytest.approx(np.sqrt((1 - beta**2) / 2000), rel=0.25)  # ARIMA(0,1,1) asymptotics


def test_standard_error_matches_the_spread_over_many_series():
    rng = np.random.default_rng(1)
    fits = [fit_decay(local_level(rng, 0.1, 1000)) for _ in range(80)]
    spread = np.std([fit.decay.beta for fit in fits], ddof=1)
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(spread, rel=0.25)


def test_no_beta_nearby_forecasts_better():
    x = local_level(np.random.default_rng(2), 0.2, 800)
    fit = fit_decay(x)
    for beta in np.linspace(0, 0.995, 300):
        errors = x[1:] - ema(x, beta)[:-1]
        assert np.sqrt((errors**2).mean()) >= fit.rmse - 1e-12
    assert fit.forecasts == 799


def test_real_series():
    weather = fit_decay(load_seattle_weather()["temp_max"])
    assert weather.decay.beta == pytest.approx(0.13, abs=0.005)
    assert weather.rmse == pytest.approx(2.869, abs=5e-4)
    co2 = load_co2()["co2"]
    fit = fit_decay(co2)
    assert fit.decay == Decay(0.0)  # a trend: the last value forecasts best
    assert np.isnan(fit.standard_error)
    known = co2.notna().to_numpy()
    assert fit.forecasts == known[1:].sum()


def test_white_noise_wants_the_longest_memory():
    fit = fit_decay(np.random.default_rng(3).normal(size=3000))
    assert fit.decay.window > 300


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((3, 3)), "one series"),
        ([1.0, 2.0], "at least 3 values"),
        ([2.0, 2.0, np.nan, 2.0], "not all equal"),
        ([1.0, np.inf, 2.0], "infinity at index 1"),
    ],
)
def test_series_that_cannot_be_fitted(x, message):
    with pytest.raises(ValueError, match=message):
        fit_decay(x)
    with pytest.raises(ValueError, match="gaps='raise'"):
        fit_decay([1.0, 2.0, np.nan, 3.0], gaps="raise")


def brute_band(x, beta, phi, confidence):
    """The last limits from the definition, with all weights and the whole covariance matrix."""
    from scipy.stats import t as student

    n = len(x)
    w = beta ** np.arange(n - 1.0, -1.0, -1.0)
    w /= w.sum()
    mean = w @ x
    correlation = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))) if phi else np.eye(n)
    ratio = w @ correlation @ w
    variance = w @ (x - mean) ** 2 / (1 - ratio)
    s2, s3 = (w**2).sum(), (w**3).sum()
    degrees = (1 - s2) ** 2 / (s2 - 2 * s3 + s2**2) * (1 - phi**2) / (1 + phi**2)
    half = student.ppf(0.5 + confidence / 2, degrees) * np.sqrt(variance * ratio)
    return mean - half, mean + half


@pytest.mark.parametrize("phi", [0.0, 0.7, -0.4])
@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_band_is_its_definition(phi, n):
    x = np.random.default_rng(n).normal(size=n)
    band = ema_band(x, 0.9, phi=phi, confidence=0.9)
    np.testing.assert_allclose([band.lower[-1], band.upper[-1]], brute_band(x, 0.9, phi, 0.9), rtol=1e-9)
    assert band.mean[-1] == ema(x, 0.9)[-1]
    assert np.isnan(band.lower[0])


def test_band_counts_gaps_as_time_for_the_noise():
    x = np.random.default_rng(4).normal(size=40)
    x[[3, 4, 20]] = np.nan
    seen = np.flatnonzero(~np.isnan(x))
    w = 0.9 ** (39.0 - seen)
    w /= w.sum()
    ratio = w @ 0.5 ** np.abs(np.subtract.outer(seen, seen)) @ w
    variance = w @ (x[seen] - w @ x[seen]) ** 2 / (1 - ratio)
    wide, narrow = ema_band(x, 0.9, phi=0.5), ema_band(x, 0.9, phi=0.5, confidence=0.5)
    half = (wide.upper - wide.lower)[-1] / 2
    s2, s3 = (w**2).sum(), (w**3).sum()
    degrees = (1 - s2) ** 2 / (s2 - 2 * s3 + s2**2) * 0.6
    from scipy.stats import t as student

    assert half == pytest.approx(student.ppf(0.975, degrees) * np.sqrt(variance * ratio), rel=1e-9)
    assert narrow.upper[-1] < wide.upper[-1]


def test_band_goes_on_in_the_next_tile(monkeypatch):
    x = np.random.default_rng(8).normal(size=(90, 3))
    x[17:20, 1] = np.nan
    whole = ema_band(x, 0.9, phi=0.4)
    monkeypatch.setattr("optimlab.series.fit.TILE", 3 * 16)
    np.testing.assert_allclose(ema_band(x, 0.9, phi=0.4), whole, rtol=1e-12)


@pytest.mark.parametrize(("phi", "beta"), [(0.0, 0.9), (0.0, 0.98), (0.6, 0.98), (-0.5, 0.98)])
def test_band_covers_the_level_as_often_as_it_says(phi, beta):
    noise = ar1_noise(np.random.default_rng(5), 400, phi=phi, draws=3000)
    band = ema_band(noise, beta, phi=phi, axis=1)
    covered = ((band.lower < 0) & (band.upper > 0))[:, 399].mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_band_of_white_noise_is_the_variance_over_the_effective_samples():
    x = np.random.default_rng(6).normal(size=3000)
    band, decay = ema_band(x, 0.999, confidence=0.6827), Decay(0.999)
    half = np.sqrt(ema_var(x, decay)[-1] / decay.effective_samples(3000))
    assert (band.upper - band.lower)[-1] / 2 == pytest.approx(half, rel=2e-3)


def test_band_of_a_series_and_bad_arguments():
    x = pd.Series([1.0, 2.0, 4.0], index=list("abc"))
    assert all(isinstance(part, pd.Series) for part in ema_band(x, 0.5))
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\); got 95"):
        ema_band(x, 0.5, confidence=95)
    with pytest.raises(ValueError, match=r"phi must be in \(-1, 1\); got 1.0"):
        ema_band(x, 0.5, phi=1)


@pytest.mark.parametrize("beta", [1e-4, 1e-17, 0.999])
def test_two_values_have_one_degree_of_freedom(beta):
    from scipy.stats import t as student

    x = [1.0, 2.0]
    w = np.array([beta, 1.0]) / (1.0 + beta)
    half = student.ppf(0.975, 1) * np.sqrt(0.5 * (w**2).sum())
    band = ema_band(x, beta)
    assert (band.upper - band.lower)[-1] / 2 == pytest.approx(half, rel=1e-9)


def test_there_is_no_standard_error_at_the_longest_memory():
    fit = fit_decay(np.resize([1.0, -1.0], 400))  # the mean of all forecasts better than any later one
    assert fit.decay.window > 3000
    assert np.isnan(fit.standard_error)
