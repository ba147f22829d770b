"""Random Hessians: symmetric Gaussian matrices (GOE) with a spectrum of given edge and shift."""

from __future__ import annotations

import math

import numpy as np

from optimlab.checks import generator, number, whole
from optimlab.typing import Floats, Rng

__all__ = ["goe_hessians"]


def goe_hessians(rng: Rng, draws: int, *, n: int, shift: float = 0.0) -> Floats:
    """H = (G + Gᵀ)/√(2n) + s I, G of independent N(0, 1): Hessians whose eigenvalues fill [s-2, s+2] for large n.

    Their elements have variance 1/n off the diagonal and 2/n on it; s, the shift, is added to every eigenvalue. They
    have shape (draws, n, n).

    Source
    ------
    Mehta, Random Matrices, 2004, chapter 2, the Gaussian orthogonal ensemble.

    Examples
    --------
    >>> spectra = np.linalg.eigvalsh(goe_hessians(np.random.default_rng(0), 5, n=200, shift=1.0))
    >>> spectra.shape, round(float(spectra.min()), 1), round(float(spectra.max()), 1)
    ((5, 200), -1.0, 3.0)
    """
    shape = (whole("draws", draws, 1), whole("n", n, 1), n)
    g = generator(rng).standard_normal(shape)
    hessians: Floats = (g + g.transpose(0, 2, 1)) / math.sqrt(2.0 * n)
    hessians[:, np.arange(n), np.arange(n)] += number("shift", shift)
    return hessians
