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
            patch.setattr("optimlab.series.sweep.compiled", lambda: None)
        else:
            pytest.importorskip("numba")
            patch.setattr("optimlab.series.sweep.COMPILED_FROM", 0)
            patch.setattr("optimlab.series.ema._short", lambda *_given: False)
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
        self.present = list(present)
        self.weight = [1.0] * n if weights is None else list(weights)
        self.counted = [p and v > 0.0 for p, v in zip(present, self.weight, strict=True)]
        if times is None:
            self.factor = [b if p or gaps == "decay" else 1.0 for b, p in zip(betas, present, strict=True)]
            self.share = [1.0 if self.debiased and isinstance(beta, float) else 1.0 - b for b in betas]
        else:
            elapsed = [0.0] + [late - early for early, late in itertools.pairwise(times)]
            self.factor = [b**d for b, d in zip(betas, elapsed, strict=True)]
            self.share = [1.0] * n if spacing == "event" else self._elapsed_share(times, betas)

    def _elapsed_share(self, times: Numbers, betas: Numbers) -> list[float]:
        """1 - β^(time since the value before); the first value stands for as long as the next later one."""
        share = [0.0] * len(times)
        before = None if self.prior is None else times[0]
        for i, here in enumerate(self.present):
            if not here:
                continue
            if before is None:
                later = [t for t, c in zip(times, self.present, strict=True) if c and t > times[i]]
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
                result[i + 1] = after * self.share[i] * self.weight[i] if self.counted[i] else 0.0
                after *= self.factor[i]
            return result
        gains = self._gains(t)
        for i in range(t, -1, -1):
            result[i + 1] = after * gains[i]
            after *= 1.0 - gains[i]
        result[0] = after
        return result

    def _gains(self, t: int) -> list[float]:
        """k = κ v / V of each row, where V ← V + κ (v - V) is the mean of the weights, of gain κ = s / (N + s)."""
        positive = [v for v, c in zip(self.weight, self.counted, strict=True) if c]
        known = False
        mean = positive[0] if self.prior is not None and positive else 0.0
        gains = []
        for i in range(t + 1):
            known = known or self.counted[i]
            if not self.present[i] or (self.prior is not None and not known):
                gains.append(0.0)
                continue
            faded = self._faded(i)
            gain = self.share[i] / (faded + self.share[i]) if faded + self.share[i] > 0.0 else 0.0
            mean += gain * (self.weight[i] - mean)
            gains.append(gain * self.weight[i] / mean if mean > 0.0 else 0.0)
        return gains

    def _faded(self, i: int) -> float:
        """What the rows since the value before leave of the mass 1 that it had; 0 if there was none."""
        product = self.factor[i]
        for j in range(i - 1, -1, -1):
            if self.present[j]:
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
        heavy = [i for i in rows if w[i + 1] > 0.0]  # a value that stands for no time is seen and has no weight
        if self.prior is None and any(self.share[i] <= 0.0 for i in rows):  # but before the first that has, it is none
            timed = [i for i in rows if self.share[i] > 0.0]
            rows = [i for i in rows if timed and i >= timed[0]]
        weights, values = [w[i + 1] for i in heavy], [float(x[i]) for i in heavy]
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
