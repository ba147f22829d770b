"""Noisy curves whose truth is known: what a moving average should find is there to compare with.

Every curve takes an rng, the number n of samples, the standard deviation ``noise`` of each sample, the correlation
``phi`` of neighbouring ones in (-1, 1), 0 for white noise, and ``draws``, for values of shape (draws, n).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Range, generator, number, whole
from optimlab.extras import needed
from optimlab.typing import Floats, Rng

__all__ = ["Curve", "Observed", "ar1_noise", "bursts", "classic_curve", "parabola", "ramp", "sinusoid", "step"]


class Observed(TypedDict, total=False):
    """How a curve is observed."""

    noise: float
    phi: float
    draws: int | None


def ar1_noise(rng: Rng, n: int, *, phi: float, sd: float = 1.0, draws: int | None = None) -> Floats:
    """Draw AR(1) noise, ``e[i] = φ e[i-1] + sd √(1-φ²) z[i]`` with independent standard normal z.

    The start is drawn from the stationary distribution, so every sample has standard deviation `sd` (not each
    innovation), and samples k steps apart have correlation φᵏ. φ = 0 is white noise, made of the same random numbers;
    the first of many draws is what a single draw would be.

    Source
    ------
    Box and Jenkins, Time Series Analysis, the first-order autoregressive process.

    Examples
    --------
    >>> noise = ar1_noise(np.random.default_rng(1), 400, phi=0.9, sd=2.0, draws=1000)
    >>> noise.shape, bool(abs(noise.std() - 2.0) < 0.02)
    ((1000, 400), True)
    """
    size = whole("n", n, 1)
    shape = (size,) if draws is None else (whole("draws", draws, 1), size)
    correlation, deviation = _correlation(phi), number("sd", sd, NOT_NEGATIVE)
    noise = deviation * generator(rng).standard_normal(shape)
    return noise if correlation == 0.0 else _correlated(noise, correlation)


def _correlation(phi: float) -> float:
    return number("phi", phi, Range("in (-1, 1), for the noise to be stationary"))


def _correlated(noise: Floats, phi: float) -> Floats:
    """Filter white noise into AR(1) noise of the same standard deviation; the first sample is in balance already."""
    needed("scipy", "lab", "noise of a phi other than 0")
    from scipy.signal import lfilter

    noise[..., 1:] *= math.sqrt((1.0 - phi) * (1.0 + phi))
    filtered: Floats = np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=-1), dtype=np.float64)
    return filtered


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve, ``values = truth + noise``, with everything that is known about it.

    Parameters
    ----------
    name, description : str
        For file names and tables, and the curve in words, for a caption.
    x, truth, values : numpy.ndarray, shape (n,), and (n,) or (draws, n)
        Where the curve is sampled, a coordinate or the time in samples; the curve without noise, and as observed.
    noise_sd, phi : float
        Standard deviation of the noise of each sample, and correlation of neighbouring ones.

    Examples
    --------
    >>> curve = step(np.random.default_rng(0), 6, noise=0.0)
    >>> curve.truth
    array([0., 0., 0., 1., 1., 1.])
    >>> curve.with_noise(np.random.default_rng(0), 0.1, draws=2000).values.shape
    (2000, 6)
    """

    name: str
    description: str
    x: Floats
    truth: Floats
    values: Floats
    noise_sd: float
    phi: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "truth", "values"):
            if not isinstance(array := getattr(self, name), np.ndarray):
                raise TypeError(f"{name} must be a NumPy array; got {type(array).__name__}; use numpy.asarray")
        shape = self.x.shape
        if len(shape) != 1 or self.truth.shape != shape:
            raise ValueError(f"x and truth must have one shape (n,); got {shape} and {self.truth.shape}")
        if self.values.ndim not in (1, 2) or self.values.shape[-1] != self.x.size:
            raise ValueError(
                f"values must have the shape (n,) or (draws, n) with n = {self.x.size}; got {self.values.shape}"
            )
        number("noise_sd", self.noise_sd, NOT_NEGATIVE)
        _correlation(self.phi)

    def with_noise(self, rng: Rng, noise: float = 0.1, *, phi: float = 0.0, draws: int | None = None) -> Curve:
        """Observe the same truth again, ``values = truth + e``: a new curve; this one is unchanged."""
        deviation = number("noise", noise, NOT_NEGATIVE)
        errors = ar1_noise(rng, self.x.size, phi=phi, sd=deviation, draws=draws)
        return replace(self, values=self.truth + errors, noise_sd=deviation, phi=float(phi))


def _time(n: int) -> Floats:
    return np.arange(whole("n", n, 1), dtype=np.float64)


def _exact(name: str, description: str, x: Floats, truth: Floats) -> Curve:
    return Curve(name, description, x, truth, truth.copy(), noise_sd=0.0)


def parabola(rng: Rng, n: int = 365, *, start: float = -1.0, stop: float = 1.0, **observed: Unpack[Observed]) -> Curve:
    """Draw the parabola ``1 - x²`` with noise, at n equal steps of x from `start` to `stop`.

    From -1 to 1 it starts at 0, where the zero start of an average hardly shows; with ``start=0`` it starts at 1, where
    it shows most.

    Examples
    --------
    >>> parabola(0, 5, noise=0.0).values, float(parabola(0, start=0.0).truth[0])
    (array([0.  , 0.75, 1.  , 0.75, 0.  ]), 1.0)
    """
    first, last = number("start", start), number("stop", stop)
    x = np.linspace(first, last, whole("n", n, 1))
    curve = _exact("parabola", f"1 - x² for x from {first:g} to {last:g}", x, 1.0 - x**2)
    return curve.with_noise(rng, **observed)


def step(rng: Rng, n: int = 365, *, at: int | None = None, height: float = 1.0, **observed: Unpack[Observed]) -> Curve:
    """Draw a step with noise: 0 before sample `at`, by default the middle, n // 2, and `height` from it on.

    Examples
    --------
    >>> step(0, 5, noise=0.0, at=3, height=2.0).values
    array([0., 0., 0., 2., 2.])
    """
    time = _time(n)
    jump = time.size // 2 if at is None else whole("at", at, 0, time.size - 1)
    level = number("height", height)
    curve = _exact("step", f"a step from 0 to {level:g} at sample {jump}", time, np.where(time < jump, 0.0, level))
    return curve.with_noise(rng, **observed)


def ramp(rng: Rng, n: int = 365, *, slope: float = 0.01, **observed: Unpack[Observed]) -> Curve:
    """Draw a ramp with noise, ``slope · t``: an average of weights with mean age L follows it L samples late.

    Examples
    --------
    >>> ramp(0, 4, noise=0.0, slope=0.5).values
    array([0. , 0.5, 1. , 1.5])
    """
    time, rise = _time(n), number("slope", slope)
    return _exact("ramp", f"a ramp that rises by {rise:g} per sample", time, rise * time).with_noise(rng, **observed)


def sinusoid(
    rng: Rng, n: int = 365, *, period: float = 73.0, amplitude: float = 1.0, **observed: Unpack[Observed]
) -> Curve:
    """Draw a sinusoid with noise, ``amplitude · sin(2π t / period)``, the period at least 2 samples.

    A shorter period could not be told from a longer one.

    Examples
    --------
    >>> sinusoid(0, 5, noise=0.0, period=4).values.round(12) + 0.0
    array([ 0.,  1.,  0., -1.,  0.])
    """
    time = _time(n)
    cycle = number("period", period, Range("a finite number of at least 2 samples"))
    size = number("amplitude", amplitude)
    truth = size * np.sin(2.0 * np.pi * time / cycle)
    curve = _exact("sinusoid", f"a sinusoid of amplitude {size:g} and period {cycle:g}", time, truth)
    return curve.with_noise(rng, **observed)


def bursts(rng: Rng, n: int = 365, *, every: int = 73, width: int = 5, **observed: Unpack[Observed]) -> Curve:
    """Draw short bursts with noise: 1 in the last `width` of every `every` samples, 0 in the others.

    Examples
    --------
    >>> bursts(0, 8, noise=0.0, every=4, width=1).values
    array([0., 0., 0., 1., 0., 0., 0., 1.])
    """
    time, gap = _time(n), whole("every", every, 1)
    length = whole("width", width, 1, gap)
    truth = np.where(time % gap < gap - length, 0.0, 1.0)
    curve = _exact("bursts", f"bursts of {length} samples every {gap} samples", time, truth)
    return curve.with_noise(rng, **observed)


def classic_curve() -> Curve:
    """Return the classic example: 365 samples of ``1 - x²``, x from -1 to 1, with white noise of deviation 0.1.

    The noise is always the same, from NumPy's legacy generator with seed 0, ``numpy.random.RandomState(0)``: the
    published values of the curve and its averages were made with it, and the newer generators do not give these
    numbers. For other noise use `parabola` or `Curve.with_noise`.

    Examples
    --------
    >>> classic_curve().values[:3].round(6)
    array([0.176405, 0.050975, 0.119731])
    """
    x = np.linspace(-1.0, 1.0, 365)
    truth = 1.0 - x**2
    values = truth + 0.1 * np.random.RandomState(0).randn(x.size)
    return Curve("classic", "1 - x² for x from -1 to 1, 365 samples", x, truth, values, noise_sd=0.1)
