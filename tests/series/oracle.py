"""The definitions, retyped slowly for one column: the weight of every value in every result, then weighted sums.

And what the tests of this folder share: the two engines, the lengths around block edges, the hypothesis settings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

FEW = settings(deadline=None, derandomize=True, max_examples=15)
SOME = settings(deadline=None, derandomize=True, max_examples=40)
MANY = settings(deadline=None, derandomize=True, max_examples=300)

ENGINES = ["numpy", "compiled"]
EDGES = [1, 2, 31, 32, 33, 64, 65, 511, 512, 513, 4096, 4097, 4098, 8191, 8192, 8193]

Numbers = Sequence[float]


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Within: NumPy alone, or the compiled loops for everything that they can do, however short."""
    with pytest.MonkeyPatch.context() as patch:
        if name == "numpy":
            for module in ("sweep", "scan"):
                patch.setattr(f"optimlab.series.{module}.compiled", lambda: None)
        else:
            pytest.importorskip("numba")
            patch.setattr("optimlab.series.sweep.COMPILED_FROM", 0)
        yield


class Column:
    """One column under one set of options: what weight each value has in each result.

    beta is one number or one a row; times are numbers; the first value of ``values`` that the class makes up itself
    is the start value, if there is one.
    """

    def __init__(
        self,
        present: Sequence[bool],
        beta: float | Numbers,
        *,
        start: str | float = "debiased",
        gaps: str = "decay",
        weights: Numbers | None = None,
        times: Numbers | None = None,
        spacing: str = "event",
    ) -> None:
        n = len(present)
        self.debiased = start == "debiased"
        self.prior = 0.0 if start == "zero" else None if isinstance(start, str) else start
        betas = [beta] * n if isinstance(beta, float) else list(beta)
        self.counted = [p and (weights is None or weights[i] > 0.0) for i, p in enumerate(present)]
        if times is None:
            self.factor = [b if p or gaps == "decay" else 1.0 for b, p in zip(betas, present, strict=True)]
            self.share = [1.0 if self.debiased and isinstance(beta, float) else 1.0 - b for b in betas]
        else:
            elapsed = [0.0] + [late - early for early, late in itertools.pairwise(times)]
            self.factor = [b**d for b, d in zip(betas, elapsed, strict=True)]
            self.share = [1.0] * n if spacing == "event" else self._elapsed_share(times, betas)
            self.counted = [c and s > 0.0 for c, s in zip(self.counted, self.share, strict=True)]
        if weights is not None:
            self.share = [s * w for s, w in zip(self.share, weights, strict=True)]

    def _elapsed_share(self, times: Numbers, betas: Numbers) -> list[float]:
        """1 - β^(time since the value before); the first value stands for as long as the next later one."""
        share = [0.0] * len(times)
        before = None if self.prior is None else times[0]
        for i, here in enumerate(self.counted):
            if not here:
                continue
            if before is None:
                later = [t for t, c in zip(times, self.counted, strict=True) if c and t > times[i]]
                share[i] = 1.0 - betas[i] ** (later[0] - times[i]) if later and self.debiased else 1.0
            else:
                share[i] = 1.0 - betas[i] ** (times[i] - before)
            before = times[i]
        return share

    def weights(self, t: int) -> list[float]:
        """Weight in the result at row t: of the start value, then of rows 0, 1, ..., t; up to a common factor."""
        result = [0.0] * (t + 2)
        after = 1.0  # what later rows leave of a weight
        if self.debiased:
            for i in range(t, -1, -1):
                result[i + 1] = after * self.share[i] if self.counted[i] else 0.0
                after *= self.factor[i]
            return result
        for i in range(t, -1, -1):
            if self.counted[i]:
                gain = self.share[i] / (self._faded(i) + self.share[i])
                result[i + 1] = after * gain
                after *= 1.0 - gain
        result[0] = after
        return result

    def _faded(self, i: int) -> float:
        """What the rows since the value before leave of the mass 1 that it had; 0 if there was none."""
        product = self.factor[i]
        for j in range(i - 1, -1, -1):
            if self.counted[j]:
                return product
            product *= self.factor[j]
        return 0.0 if self.prior is None else product

    def mean(self, x: Numbers, t: int, min_count: int = 1) -> float:
        """Σ w x / Σ w; NaN before the first value."""
        w, values, count = self._sample(x, t)
        if count < min_count or not w:
            return math.nan
        return math.fsum(a * b for a, b in zip(w, values, strict=True)) / math.fsum(w)

    def cov(self, x: Numbers, y: Numbers, t: int, *, bias: bool = False, min_count: int = 1) -> float:
        """Σ w (x-m)(y-n) / Σ w, or by pairs ½ Σ w_i w_j (x_i-x_j)(y_i-y_j) / Σ w_i w_j, which is without bias."""
        w, xs, count = self._sample(x, t)
        ys = self._sample(y, t)[1]
        if count < min_count or len(w) < 2:
            return 0.0 if bias and w and count >= min_count else math.nan
        total = math.fsum(w)
        m = math.fsum(a * b for a, b in zip(w, xs, strict=True)) / total
        n = math.fsum(a * b for a, b in zip(w, ys, strict=True)) / total
        products = math.fsum(a * (b - m) * (c - n) for a, b, c in zip(w, xs, ys, strict=True))
        if bias:
            return products / total
        older = [0.0, *np.add.accumulate(w)[:-1]]
        pairs = math.fsum(a * b for a, b in zip(w, older, strict=True))
        return products * total / (2.0 * pairs)

    def corr(self, x: Numbers, y: Numbers, t: int, min_count: int = 1) -> float:
        """cov / √(var var)."""
        xy, xx, yy = (self.cov(a, b, t, bias=True, min_count=min_count) for a, b in ((x, y), (x, x), (y, y)))
        return xy / math.sqrt(xx * yy) if xx > 0.0 and yy > 0.0 else math.nan

    def _sample(self, x: Numbers, t: int) -> tuple[list[float], list[float], int]:
        """Return weights and values of the result at row t, and how many of them are not the start value."""
        w = self.weights(t)
        rows = [i for i in range(t + 1) if self.counted[i]]
        weights, values = [w[i + 1] for i in rows], [float(x[i]) for i in rows]
        if self.prior is not None:
            weights, values = [w[0], *weights], [self.prior, *values]
        return weights, values, len(rows)


def series(rng: np.random.Generator, shape: int | tuple[int, ...], missing: float = 0.0) -> NDArray[np.float64]:
    """Values of unit spread around 3, a share of them missing."""
    x = 3.0 + rng.standard_normal(shape)
    x[rng.random(shape) < missing] = np.nan
    return x


def near(actual: Any, desired: Any, rtol: float = 1e-12, atol: float = 0.0) -> None:
    """Assert equal shapes, NaN in the same places, and the same values to the tolerance."""
    assert np.shape(actual) == np.shape(desired)
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, equal_nan=True)
