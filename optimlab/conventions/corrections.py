"""What systems that keep moments without correction multiply the learning rate by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

__all__ = ["Correction", "RootCorrection"]


@final
@dataclass(frozen=True)
class Correction:
    """1 - βᵗ, t = k + 1, rounded as those systems do; ``bias_correction`` has the digits that this loses near β = 1.

    Parameters
    ----------
    beta : float, in [0, 1)
        β.

    Examples
    --------
    >>> Correction(0.5)(0), Correction(0.5)(1)
    (0.5, 0.75)
    """

    beta: float

    def __call__(self, k: Any) -> Any:
        """Return the factor at update k."""
        return 1.0 - self.beta ** (k + 1)


@final
@dataclass(frozen=True)
class RootCorrection:
    """√(1 - βᵗ), t = k + 1.

    Parameters
    ----------
    beta : float, in [0, 1)
        β.

    Examples
    --------
    >>> float(RootCorrection(0.75)(0))
    0.5
    """

    beta: float

    def __call__(self, k: Any) -> Any:
        """Return the factor at update k."""
        return np.sqrt(Correction(self.beta)(k))
