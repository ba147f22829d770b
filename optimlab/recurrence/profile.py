"""What the weights of a mean amount to: how late it is, how many values it is worth, how wide it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimlab.typing import Floats

__all__ = ["Profile"]


@dataclass(frozen=True)
class Profile:
    """Lag Σwᵢ(t-i)/Σw, effective samples (Σw)²/Σw², relative width σ/t of the weights w₁, ..., w_t of a mean.

    Parameters
    ----------
    t : int
        How many values there were.
    lag : float
        Mean age of the weights in updates: how far the mean is behind a steady drift.
    samples : float
        Kish's effective sample size: how many independent values have a plain mean as precise.
    width : float
        Standard deviation of the weights' place as a share of t (σ_rel of Karras et al. 2024); NaN where weights of
        both signs have none.

    Source
    ------
    Kish 1965, "Survey sampling"; Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion
    models", section 3.1.

    Examples
    --------
    >>> Profile.of(np.ones(4))
    Profile(t=4, lag=1.5, samples=4.0, width=0.2795084971874737)
    """

    t: int
    lag: float
    samples: float
    width: float

    @classmethod
    def of(cls, weights: Floats) -> Profile:
        """Return the profile of weights, shape (t,); those of replicas have no one profile.

        Raises
        ------
        ValueError
            If the weights are those of several replicas.

        Examples
        --------
        >>> Profile.of(np.array([0.0, 0.5, 0.5])).lag
        0.5
        """
        if weights.ndim != 1:
            raise ValueError(f"one mean has a profile; got {weights.shape[1]} replicas; describe a gain of one number")
        age, total = np.arange(len(weights) - 1.0, -1.0, -1.0), float(weights.sum())
        lag = float(weights @ age) / total
        spread = float(weights @ (age - lag) ** 2) / total
        width = math.sqrt(spread) / len(weights) if spread >= 0.0 else math.nan
        return cls(len(weights), lag, total * total / float(weights @ weights), width)

    def __str__(self) -> str:
        """Return the three numbers, in one line each."""
        return (
            f"after {self.t} updates\n"
            f"  lag (mean age)             {self.lag:.4g} updates\n"
            f"  as precise as the mean of  {self.samples:.4g} of them\n"
            f"  relative width             {self.width:.4g} of the run"
        )
