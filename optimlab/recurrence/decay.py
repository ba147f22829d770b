"""One type for the decay of an EMA: β and the six other ways people say it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import POSITIVE, Hyperparameter, Range, number, numbers

__all__ = ["Beta", "Decay", "bias_correction"]


def _of_cutoff(cutoff: float) -> tuple[float, float]:
    """Solve cos ω = 1 - α²/(2(1-α)) for α, with 1 - cos ω = 2 sin²(ω/2)."""
    sine = math.sin(math.pi * cutoff)
    alpha = 2.0 * sine / (sine + math.hypot(1.0, sine))
    return alpha, 1.0 - alpha


_BETA = Range("in [0, 1)")
_FROM_0, _ABOVE_0, _FROM_1 = [
    Range(f"{words} (infinite means the running mean)") for words in ("at least 0", "greater than 0", "at least 1")
]
_WAYS: dict[str, tuple[Range, Callable[[float], tuple[float, float]]]] = {
    "beta": (_BETA, lambda b: (1.0 - b, b)),
    "alpha": (Range("in (0, 1]"), lambda a: (a, 1.0 - a)),
    "span": (_FROM_1, lambda n: (2.0 / (n + 1.0), (n - 1.0) / (n + 1.0))),
    "com": (_FROM_0, lambda c: (1.0 / (1.0 + c), c / (1.0 + c))),
    "halflife": (_ABOVE_0, lambda h: (-math.expm1(-math.log(2.0) / h), math.exp2(-1.0 / h))),
    "window": (_FROM_1, lambda n: (1.0 / n, (n - 1.0) / n)),
    "cutoff": (Range("in (0, 0.5] cycles per sample"), _of_cutoff),
}
"""What each name allows, and α and β from it, of which the smaller is right to the last digit."""


def _chosen(given: dict[str, Any]) -> tuple[str, float]:
    """Return the one parameter that was given, checked against its range."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise ValueError(f"exactly one of {', '.join(given)} must be given; got {', '.join(names) or 'none'}")
    name = names[0]
    try:
        return name, number(name, given[name], _WAYS[name][0])
    except ValueError as error:
        if name not in ("beta", "alpha"):
            raise
        raise ValueError(f"{error}; for the running mean (the limit {int(name == 'beta')}) give com=inf") from None


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Decay:
    """The decay β of ``m ← β m + (1-β) x``, made from any one of its seven names.

    Of its attributes ``beta`` and ``alpha`` = 1-β the smaller is kept as given, so neither loses digits:
    ``Decay(alpha=1e-17)`` is a valid, very long memory although its β rounds to 1.

    Parameters
    ----------
    beta : float, in [0, 1)
        Share of the old mean that is kept at each step.
    alpha : float, in (0, 1]
        Share of the new value, 1-β.
    span : float, at least 1
        Number N of equally weighted points with the same lag and the same noise: α = 2/(N+1).
    com : float, at least 0
        Centre of mass (mean age of the weights) in steps: α = 1/(1+com).
    halflife : float, greater than 0
        Steps after which a weight has halved: α = 1 - 2^(-1/halflife).
    window : float, at least 1
        The lecture's rule of thumb 1/(1-β): steps after which a weight has fallen to about 1/e.
    cutoff : float, in (0, 0.5]
        Frequency of the -3 dB point in cycles per sample.

    Raises
    ------
    ValueError
        If none or several are given, or one lies outside its range (NaN does always).
    TypeError
        If a value is not a real number.

    Notes
    -----
    ``com``, ``span``, ``halflife`` and ``window`` may be infinite: α = 0, with the debiased start the running mean.
    Two decays are equal if the larger of β and α is, as of ``Decay(0.9)`` and ``Decay(alpha=0.1)``. If the smaller is
    below 1/1024, so that the larger says less than 13 digits of it, it must be equal too.

    Examples
    --------
    >>> decay = Decay(0.9)
    >>> decay.lag, decay.window, decay.span
    (9.000000000000002, 10.000000000000002, 19.000000000000004)
    >>> Decay(span=19)
    Decay(alpha=0.1)
    >>> print(Decay(0.98).describe())
    β = 0.98, α = 0.02
      lag (mean age, com)        49 steps
      window 1/(1-β)             50 steps, they hold 63.6 % of the weight
      half-life                  34.31 steps
      same as a plain mean of    99 points (span)
      white noise kept           variance 0.0101, sd 0.1005
      -3 dB cutoff               0.003215 cycles per sample
      zero start within 1 %      after 228 steps
    """

    beta: float
    alpha: float

    def __init__(
        self,
        beta: float | None = None,
        *,
        alpha: float | None = None,
        span: float | None = None,
        com: float | None = None,
        halflife: float | None = None,
        window: float | None = None,
        cutoff: float | None = None,
    ) -> None:
        given = {"beta": beta, "alpha": alpha, "span": span, "com": com}
        given |= {"halflife": halflife, "window": window, "cutoff": cutoff}
        name, value = _chosen(given)
        alpha, beta = _WAYS[name][1](value)
        object.__setattr__(self, "beta", 1.0 - alpha if alpha <= 0.5 else beta)
        object.__setattr__(self, "alpha", alpha if alpha <= 0.5 else 1.0 - beta)

    @property
    def _said(self) -> tuple[float, float]:
        if min(self.beta, self.alpha) < 2.0**-10:
            return self.beta, self.alpha
        return (self.beta, 0.0) if self.beta >= 0.5 else (0.0, self.alpha)

    def __eq__(self, other: object) -> bool:
        return self._said == other._said if isinstance(other, Decay) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._said)

    def __repr__(self) -> str:
        """Return the shortest call that rebuilds the value."""
        if self.alpha == 0.0:
            return "Decay(com=float('inf'))"
        by_beta = self.beta < 1.0 and 1.0 - self.beta == self.alpha
        by_alpha = 1.0 - self.alpha == self.beta
        if by_beta and not (by_alpha and len(repr(self.alpha)) < len(repr(self.beta))):
            return f"Decay(beta={self.beta!r})"
        return f"Decay(alpha={self.alpha!r})"

    @property
    def lag(self) -> float:
        """β/(1-β): mean age of the weights, the lag behind a ramp, in steps (pandas: ``com``)."""
        return math.inf if self.alpha == 0.0 else self.beta / self.alpha

    com = lag

    @property
    def window(self) -> float:
        """1/(1-β): steps after which a weight has fallen to about 1/e."""
        return math.inf if self.alpha == 0.0 else 1.0 / self.alpha

    @property
    def span(self) -> float:
        """(1+β)/(1-β): points of the plain mean with the same lag and the same noise."""
        return math.inf if self.alpha == 0.0 else (1.0 + self.beta) / self.alpha

    @property
    def halflife(self) -> float:
        """ln ½ / ln β: steps after which a weight has halved (0 for β = 0)."""
        return math.inf if self.alpha == 0.0 else -math.log(2.0) / self.log_beta

    @property
    def cutoff(self) -> float:
        """Frequency of the -3 dB point in cycles per sample; NaN if β < 3-2√2 = 0.17 (there is none)."""
        if self.beta == 0.0:
            return math.nan
        sine = self.alpha / (2.0 * math.sqrt(self.beta))
        return math.asin(sine) / math.pi if sine <= 1.0 else math.nan

    @property
    def log_beta(self) -> float:
        """ln β to the last digit: ``log1p(-α)`` (-inf for β = 0)."""
        if self.beta == 0.0:
            return -math.inf
        return math.log1p(-self.alpha) if self.beta >= 0.5 else math.log(self.beta)

    def every(self, updates: float) -> Decay:
        """β^n: the decay with the same memory of a mean that takes one value in n, or of batches n times as large.

        Parameters
        ----------
        updates : float, greater than 0 and finite
            n; below 1 for more frequent updates or smaller batches.

        Returns
        -------
        Decay
            Its α is 1 - (1-α)ⁿ to the last digits, however small.

        Raises
        ------
        ValueError
            If ``updates`` is outside its range.

        Source
        ------
        Busbridge et al. 2023, "How to scale your EMA".

        Examples
        --------
        >>> Decay(0.5).every(2), Decay(alpha=1e-17).every(4)
        (Decay(beta=0.25), Decay(alpha=4e-17))
        """
        rate = number("updates", updates, POSITIVE) * self.log_beta
        if self.alpha == 0.0:
            return self
        return Decay(alpha=-math.expm1(rate)) if rate > -math.log(2.0) else Decay(math.exp(rate))

    @classmethod
    def of_samples(cls, halflife: float, *, batch: float) -> Decay:
        """α = 1 - 2^(-batch/halflife): a half-life in samples (tokens, images) at updates of a batch of them.

        Parameters
        ----------
        halflife : float, greater than 0
            Samples after which a weight has halved; see ``halflife_in_samples``.
        batch : float, greater than 0 and finite
            Samples in a batch.

        Returns
        -------
        Decay
            The decay for each update.

        Raises
        ------
        ValueError
            If an argument is outside its range.

        Source
        ------
        Marek et al. 2025, "Small batch size training for language models": the half-life of Adam's second moment in
        tokens stays when the batch changes.

        Examples
        --------
        >>> Decay.of_samples(1000, batch=500), Decay.of_samples(1000, batch=500).halflife_in_samples(500)
        (Decay(alpha=0.2928932188134525), 1000.0)
        """
        return cls(halflife=number("halflife", halflife, _ABOVE_0) / number("batch", batch, POSITIVE))

    def halflife_in_samples(self, batch: float) -> float:
        """Half-life · batch: samples after which a weight has halved; the inverse of ``of_samples``.

        Parameters
        ----------
        batch : float, greater than 0 and finite
            Samples in a batch.

        Returns
        -------
        float
            The half-life in samples.

        Raises
        ------
        ValueError
            If ``batch`` is outside its range.

        Examples
        --------
        >>> round(Decay(0.95).halflife_in_samples(512), 1)
        6918.9
        """
        return self.halflife * number("batch", batch, POSITIVE)

    def noise_gain(self, phi: float = 0.0) -> float:
        """(1-β)(1+φβ) / ((1+β)(1-φβ)): variance of the mean over the variance of its input.

        Parameters
        ----------
        phi : float, in (-1, 1)
            Coefficient of AR(1) noise; 0 is white noise.

        Returns
        -------
        float
            The ratio of variances, once the start is forgotten.

        Raises
        ------
        ValueError
            If ``phi`` is outside (-1, 1).

        Examples
        --------
        >>> round(Decay(0.9).noise_gain(), 4), round(Decay(0.9).noise_gain(phi=0.9), 2)
        (0.0526, 0.5)
        """
        phi = number("phi", phi, Range("in (-1, 1)"))
        return self.alpha * (1.0 + phi * self.beta) / ((1.0 + self.beta) * (1.0 - phi * self.beta))

    def effective_samples(self, t: float = math.inf) -> float:
        """(1+β)/(1-β) · (1-βᵗ)/(1+βᵗ): Kish's effective sample size (Σw)²/Σw² after t samples.

        Parameters
        ----------
        t : float, at least 1
            Number of samples seen, from the debiased start.

        Returns
        -------
        float
            Number of independent samples whose plain mean is as precise; between 1 and ``span``.

        Raises
        ------
        ValueError
            If ``t`` is below 1.

        Examples
        --------
        >>> Decay(0.9).effective_samples(1)
        1.0
        >>> round(Decay(0.9).effective_samples(), 6)
        19.0
        """
        t = number("t", t, Range("at least 1"))
        if self.alpha == 0.0:
            return t
        seen = -math.expm1(t * self.log_beta) if self.beta > 0.0 else 1.0
        return min(max(self.span * seen / (2.0 - seen), 1.0), t)

    def response(self, omega: ArrayLike) -> Any:
        """(1-β) / (1 - β e^(-iω)): complex frequency response.

        Parameters
        ----------
        omega : array_like
            Angular frequency in radians per sample.

        Returns
        -------
        complex or ndarray of complex
            Gain (modulus) and phase (argument).

        Examples
        --------
        >>> abs(Decay(0.9).response([0.0, np.pi])).round(4)
        array([1.    , 0.0526])
        """
        return self.alpha / (1.0 - self.beta * np.exp(-1j * np.asarray(omega, dtype=np.float64)))

    def group_delay(self, omega: ArrayLike) -> Any:
        """(β cos ω - β²) / (1 - 2β cos ω + β²): delay of a slow envelope at frequency ω, in steps.

        Parameters
        ----------
        omega : array_like
            Angular frequency in radians per sample.

        Returns
        -------
        float or ndarray
            Delay in steps; at ω = 0 it is ``lag``.

        Examples
        --------
        >>> round(float(Decay(0.9).group_delay(0.0)), 6)
        9.0
        """
        half = np.sin(0.5 * np.asarray(omega, dtype=np.float64)) ** 2
        above = self.beta * (self.alpha - 2.0 * half)
        return above / (self.alpha**2 + 4.0 * self.beta * half)

    def correction_steps(self, tol: float = 0.01) -> int:
        """⌈ln tol / ln β⌉: steps until the zero start's bias βᵗ is at most ``tol``.

        Parameters
        ----------
        tol : float, in (0, 1)
            Largest bias left, relative to the mean.

        Returns
        -------
        int
            Number of steps, at least 1.

        Raises
        ------
        ValueError
            If ``tol`` is outside (0, 1), or the memory is infinite (the bias never falls).

        Examples
        --------
        >>> [Decay(beta).correction_steps() for beta in (0.9, 0.98, 0.999)]
        [44, 228, 4603]
        """
        tol = number("tol", tol, Range("in (0, 1)"))
        if self.alpha == 0.0:
            raise ValueError("an infinite memory has no correction_steps: the bias of a zero start never falls")
        return max(1, math.ceil(math.log(tol) / self.log_beta))

    def describe(self) -> str:
        """Return what the decay means, in one line a meaning."""
        if self.alpha == 0.0:
            return "α = 0: infinite memory; with the debiased start the running mean"
        if self.alpha < 1e-300:
            return f"α = {self.alpha:.6g}: a memory longer than any series"
        held = -math.expm1(self.window * self.log_beta) if self.beta > 0.0 else 1.0
        gain = self.noise_gain()
        cutoff = "none (β is below 0.17)" if math.isnan(self.cutoff) else f"{self.cutoff:.4g} cycles per sample"
        return (
            f"β = {self.beta:.6g}, α = {self.alpha:.6g}\n"
            f"  lag (mean age, com)        {self.lag:.4g} steps\n"
            f"  window 1/(1-β)             {self.window:.4g} steps, they hold {100 * held:.1f} % of the weight\n"
            f"  half-life                  {self.halflife:.4g} steps\n"
            f"  same as a plain mean of    {self.span:.4g} points (span)\n"
            f"  white noise kept           variance {gain:.4g}, sd {math.sqrt(gain):.4g}\n"
            f"  -3 dB cutoff               {cutoff}\n"
            f"  zero start within 1 %      after {self.correction_steps()} steps"
        )


def bias_correction(beta: ArrayLike | Decay, t: ArrayLike) -> Any:
    """1 - βᵗ: what the zero-started EMA after t samples is divided by.

    Exact to the last digit also for β → 1, where the textbook's ``1 - beta**t`` loses half of them:
    with α = 1-β it is computed as ``-expm1(t · log1p(-α))``.

    Parameters
    ----------
    beta : Decay or array_like of float, in [0, 1)
        Decay. A ``Decay`` keeps an α that is too small for β to show.
    t : array_like of number, at least 0
        Number of samples seen.

    Returns
    -------
    float or ndarray of float64
        1 - βᵗ, broadcast over ``beta`` and ``t``; 0 at t = 0.

    Raises
    ------
    ValueError
        If a β is outside [0, 1) or NaN, or a t is negative or NaN.

    Source
    ------
    Kingma & Ba 2015, "Adam", section 3.

    Examples
    --------
    >>> bias_correction(0.9, [1, 2])
    array([0.1 , 0.19])
    >>> bias_correction(1 - 2.0**-40, 1) == 2.0**-40
    True
    """
    steps = numbers("t", t, Range("at least 0"))
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(beta, Decay):
            log_beta: Any = beta.log_beta
        else:
            betas = numbers("beta", beta, _BETA)
            log_beta = np.where(betas >= 0.5, np.log1p(betas - 1.0), np.log(betas))
        result = np.where(steps == 0.0, 0.0, -np.expm1(steps * log_beta))
    return result if result.ndim else float(result)


Beta = Hyperparameter | Decay
"""A decay that may be a schedule, or one for each replica."""
