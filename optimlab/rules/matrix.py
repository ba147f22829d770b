"""Rules of matrices: orthogonalised momentum (Muon), and a second moment that is kept as rows and columns (Adafactor)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from optimlab.checks import POSITIVE, Hyperparameter, Range, number
from optimlab.finite import norm
from optimlab.rules.algebra import ArrayRule, Arrays, Rule
from optimlab.rules.averages import Beta, Ema
from optimlab.rules.basic import nesterov
from optimlab.rules.elementwise import Clip, Gradient, Root, Square, Weights
from optimlab.rules.whole import Mean, Rms, Size, clip_rms
from optimlab.typing import Array, Count

__all__ = ["QUINTIC", "IN_OUT", "LIKE_ADAMW", "OUT_IN", "Orthogonalize", "PowerDecay", "adafactor", "muon"]

Polynomial = tuple[float, float, float]
QUINTIC: Final[tuple[Polynomial, ...]] = ((3.4445, -4.7750, 2.0315),) * 5
"""Muon's polynomial, five times: steep at 0, so that singular values from 0.01 to 1 end between about 0.7 and 1.2."""


@dataclass(frozen=True, repr=False)
class Orthogonalize(ArrayRule):
    """X = x/(‖x‖ + ε);  X ← a X + (b A + c A²) X, A = X Xᵀ, for each (a, b, c): all singular values towards 1.

    The Newton-Schulz iteration, in the dtype of the parameters; a matrix with more rows than columns is transposed
    meanwhile.

    Parameters
    ----------
    polynomials : tuple of (float, float, float)
        (a, b, c) of each step.
    eps : float, greater than 0, sequence of float, shape (S,), or schedule
        ε; of zeros it makes zeros.

    Source
    ------
    Jordan 2024, "Muon: an optimizer for hidden layers in neural networks". torch computes in bfloat16: about 3 digits.

    Examples
    --------
    >>> import numpy as np
    >>> y = Orthogonalize().of(np.array([[3.0, 0.0], [0.0, 0.1]]), None, (1e-8,))
    >>> y.round(3)
    array([[0.697, 0.   ],
           [0.   , 1.129]])
    """

    polynomials: tuple[Polynomial, ...] = QUINTIC
    eps: Hyperparameter = 1e-8
    ranges: ClassVar[dict[str, Range]] = {"eps": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        rows: Any = self.polynomials
        if not isinstance(rows, tuple) or not all(isinstance(row, tuple) and len(row) == 3 for row in rows):
            raise TypeError(f"polynomials must be a tuple of (a, b, c), one a step, such as QUINTIC; got {rows!r}")
        held = tuple([tuple([number("polynomials", x) for x in row]) for row in rows])
        object.__setattr__(self, "polynomials", held)

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 2:
            raise ValueError(f"Orthogonalize is for matrices, arrays with two axes; got shape {shape}")
        return shape

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        tall = x.shape[0] > x.shape[1]
        matrix = (x.T if tall else x) / (x.dtype.type(norm([x], None)) + c[0])
        gram, power = (np.empty((len(matrix), len(matrix)), x.dtype) for _ in range(2))
        for a, b, quintic in self.polynomials:
            np.matmul(matrix, matrix.T, out=gram)  # BLAS halves the work of a product with the own transpose
            np.matmul(gram, gram.T, out=power)
            power *= quintic
            gram *= b
            gram += power
            matrix = a * matrix + gram @ matrix
        return matrix.T if tall else matrix


OUT_IN: Final[Rule] = Size(0) / Size(1) | Clip(1.0, math.inf) | Root()
"""√max(1, rows/columns): Muon's scale for weights (out, in), as in torch and in the original."""
IN_OUT: Final[Rule] = Size(1) / Size(0) | Clip(1.0, math.inf) | Root()
"""√max(1, columns/rows): the same for weights (in, out), as in optax."""
LIKE_ADAMW: Final[Rule] = 0.2 * (Size(1) * (Size(0) / Size(1) | Clip(1.0, math.inf)) | Root())
"""0.2 √max(rows, columns): steps of the RMS of AdamW's (arXiv 2502.16982), Keras's and torch's match_rms_adamw."""


def muon(beta: Beta = 0.95, scale: Rule = OUT_IN, *, weight_decay: Hyperparameter = 0.1) -> Rule:
    """v ← β v + g;  w ← w - lr (scale · orthogonalised(g + β v) + λ w): momentum with singular values of about 1.

    torch and Keras the same, with an EMA or a trace, which have one direction; optax debiases both terms. It is for
    matrices: give vectors another rule by name. ``scale`` is ``OUT_IN``, ``IN_OUT``, ``LIKE_ADAMW`` or a rule of your
    own.

    Parameters
    ----------
    beta : float, in [0, 1], Decay, sequence of float, shape (S,), or schedule
        β.
    scale : Rule
        What the orthogonalised momentum is multiplied by.
    weight_decay : float
        λ.

    Source
    ------
    Jordan 2024, "Muon: an optimizer for hidden layers in neural networks"; Liu et al. 2025, arXiv 2502.16982.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer, adamw
    >>> params = {"W": np.eye(3, 2), "b": np.zeros(3)}
    >>> opt = Optimizer({"W": muon(), "*": adamw()}, lr={"W": 0.02, "*": 1e-3})
    >>> opt.step(params, {"W": np.ones((3, 2)), "b": np.ones(3)})["b"]
    array([-0.001, -0.001, -0.001])
    """
    return (nesterov(beta) | Orthogonalize()) * scale + weight_decay * Weights()


@dataclass(frozen=True)
class PowerDecay:
    """β = 1 - t^(-c), t = k + 1: the decay of Adafactor's second moment, a mean that forgets ever more slowly.

    Parameters
    ----------
    exponent : float, in (0, 1]
        c; 1 is the plain mean.

    Examples
    --------
    >>> [float(PowerDecay(0.5)(k)) for k in (0, 3)]
    [0.0, 0.5]
    """

    exponent: float = 0.8

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponent", number("exponent", self.exponent, Range("in (0, 1]")))

    def __call__(self, k: Count) -> Any:
        """Return β at k = t - 1."""
        return 1.0 - np.power(k + 1.0, -self.exponent)


def adafactor(
    decay: Beta = PowerDecay(), limit: Hyperparameter = 1.0, *, least: float = 1e-3, eps: Hyperparameter = 1e-30
) -> Rule:
    """u = g / √(R C / mean(R));  w ← w - lr max(RMS(w), ε₂) u / max(1, RMS(u)/d): a second moment of rows and columns.

    R and C are the EMAs of the means of g² + ε over rows and over columns, d the limit, ε₂ the least. Of a vector R C /
    mean(R) is the EMA itself: one rule is for all leaves. torch, Keras and the paper take min(lr, 1/√t) for lr: pass
    that as a schedule. torch has no ε but bounds R C / mean(R) from below; optax keeps the whole EMA of matrices with
    fewer than 128 rows or columns.

    Parameters
    ----------
    decay : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β of the second moment.
    limit : float, greater than 0
        d.
    least : float, at least 0
        ε₂.
    eps : float, greater than 0
        ε.

    Source
    ------
    Shazeer & Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost", arXiv 1804.04235, algorithm 4.

    Examples
    --------
    >>> adafactor().shapes((300, 200)), adafactor().shapes((300,))
    (((300, 1), (1, 200)), ((1,), (300,)))
    """
    square = Square() + eps
    rows, columns = square | Mean(-1) | Ema(decay), square | Mean(-2) | Ema(decay)
    update = Gradient() / (rows / (rows | Mean(-2)) | Root()) / (columns | Root())
    return (update | clip_rms(limit)) * (Weights() | Rms() | Clip(least, math.inf))
