"""Rules of matrices: orthogonalized momentum (Muon), and a second moment kept as rows and columns (Adafactor)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar, Final

import numpy as np

from optimlab.checks import POSITIVE, Hyperparameter, Range, number
from optimlab.recurrence.decay import Beta
from optimlab.rules.algebra import ArrayRule, Arrays, Rule
from optimlab.rules.averages import Ema
from optimlab.rules.basic import nesterov
from optimlab.rules.elementwise import Clip, Gradient, Root, Square, Weights
from optimlab.rules.whole import Mean, Norm, Rms, Size, excess
from optimlab.schedules.corrections import PowerDecay
from optimlab.typing import Array

__all__ = ["IN_OUT", "LIKE_ADAMW", "OUT_IN", "QUINTIC", "Orthogonalize", "adafactor", "muon"]

QUINTIC: Final = ((3.4445, -4.7750, 2.0315),) * 5
"""Muon's polynomial five times: steep at 0, so that singular values from 0.01 to 1 end between 0.68 and 1.13."""


@dataclass(frozen=True, repr=False)
class Orthogonalize(ArrayRule):
    """X = x/(‖x‖ + ε), then X ← a X + (b A + c A²) X, A = X Xᵀ, for each (a, b, c): all singular values towards 1.

    The Newton-Schulz iteration, of matrices, in the dtype of the parameters; torch computes in bfloat16. ε > 0 may be a
    schedule. Source: Jordan 2024, "Muon: an optimizer for hidden layers in neural networks".

    >>> import numpy as np
    >>> Orthogonalize().of(np.array([[3.0, 0.0], [0.0, 0.1]]), None, (1e-8,)).round(3)
    array([[0.697, 0.   ],
           [0.   , 1.129]])
    """

    polynomials: tuple[tuple[float, float, float], ...] = QUINTIC
    eps: Hyperparameter = 1e-8
    ranges: ClassVar[dict[str, Range]] = {"eps": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.polynomials
        if not (isinstance(given, tuple) and all(isinstance(row, tuple) and len(row) == 3 for row in given)):
            raise TypeError(f"polynomials must be a tuple of (a, b, c), one for each step, as QUINTIC; got {given!r}")
        rows = tuple([tuple([number("polynomials", x) for x in row]) for row in given])
        object.__setattr__(self, "polynomials", rows)

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 2:
            raise ValueError(f"Orthogonalize is for matrices, arrays with two axes; got shape {shape}")
        return shape

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        wide = x.T if x.shape[0] > x.shape[1] else x
        y: Array = wide / (Norm().of(x, w, ()) + c[0])
        gram, power = (np.empty((len(y), len(y)), x.dtype) for _ in range(2))
        for a, b, c2 in self.polynomials:
            np.matmul(y, y.T, out=gram)
            np.matmul(gram, gram.T, out=power)  # symmetric: BLAS takes half the time for a matrix and its transpose
            power *= c2
            gram *= b
            gram += power
            y = a * y + gram @ y
        return y if wide is x else y.T


OUT_IN: Final[Rule] = Size(0) / Size(1) | Clip(1.0, inf) | Root()
"""√max(1, rows/columns): Muon's scale for weights (out, in), of the original and torch."""
IN_OUT: Final[Rule] = Size(1) / Size(0) | Clip(1.0, inf) | Root()
"""√max(1, columns/rows): the same for weights (in, out), as in optax."""
LIKE_ADAMW: Final[Rule] = 0.2 * (Size(1) * (Size(0) / Size(1) | Clip(1.0, inf)) | Root())
"""0.2 √max(rows, columns), steps with the RMS of AdamW's: of Keras, and torch's ``match_rms_adamw``."""


def muon(beta: Beta = 0.95, scale: Rule = OUT_IN, *, weight_decay: Hyperparameter = 0.1) -> Rule:
    """w ← w - lr (scale · orthogonalized(g + β v) + λ w), v ← β v + g. Source: Jordan 2024; Liu et al. 2025.

    arXiv 2502.16982. torch and Keras the same; optax debiases v and g. Of matrices: other leaves get another rule by
    name. The scale is ``OUT_IN``, ``IN_OUT`` or ``LIKE_ADAMW`` of ``optimlab.rules.matrix``, or a rule of your own.

    >>> import numpy as np
    >>> from optimlab import Optimizer, adamw
    >>> params = {"W": np.eye(3, 2), "b": np.zeros(3)}
    >>> opt = Optimizer({"W": muon(), "*": adamw()}, lr={"W": 0.02, "*": 1e-3})
    >>> opt.step(params, {"W": np.ones((3, 2)), "b": np.ones(3)})["b"]
    array([-0.001, -0.001, -0.001])
    """
    return (nesterov(beta) | Orthogonalize()) * scale + weight_decay * Weights()


def adafactor(exponent: float = 0.8, limit: Hyperparameter = 1.0, *, least: float = 1e-3, eps: float = 1e-30) -> Rule:
    """w ← w - lr max(RMS(w), ε₂) u / max(1, RMS(u)/d), u = g / √(R C / mean(R)). Source: Shazeer & Stern 2018.

    arXiv 1804.04235, algorithm 4. R and C are EMAs, of β = 1 - t^-exponent, of the means of g² over rows and columns
    + ε; of a vector R C / mean(R) is the EMA of g² + ε. torch, Keras and the paper take min(lr, 1/√t) for lr: give
    that as a schedule. optax keeps all numbers of matrices with a side below 128.

    >>> adafactor().shapes((300, 200)), adafactor().shapes((300,))
    (((300, 1), (1, 200)), ((1,), (300,)))
    """
    decay, square = PowerDecay(number("exponent", exponent, Range("in (0, 1]"))), Square()
    eps, least = number("eps", eps, POSITIVE), number("least", least, POSITIVE)
    rows, columns = (square | Mean(-1)) + eps | Ema(decay), (square | Mean(-2)) + eps | Ema(decay)
    update = Gradient() / (rows / (rows | Mean(-2)) | Root()) / (columns | Root())
    return update * ((Weights() | Rms() | Clip(least, inf)) / (update | excess(Rms(), limit)))
