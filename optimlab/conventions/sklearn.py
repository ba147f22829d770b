"""scikit-learn's optimizers of nets, by its names: the learning rate inside the buffer, ε̂ without correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optimlab.checks import choice
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules.averages import Trace
from optimlab.rules.elementwise import Gradient, Rate, Root, Square

__all__ = ["AdamOptimizer", "Correction", "InverseScaling", "RootCorrection", "SGDOptimizer"]


@spelled("scikit-learn")
def SGDOptimizer(
    learning_rate_init: float = 0.1,
    lr_schedule: str = "constant",
    momentum: float = 0.9,
    nesterov: bool = True,
    power_t: float = 0.5,
) -> Optimizer:
    """v ← μ v + η g;  w ← w - v, with Nesterov's momentum w ← w - (μ v + η g): η is inside the buffer.

    Steps that were taken at another learning rate go on at that rate; with torch and optax they follow the new one.

    learning_rate_init is η, momentum μ. lr_schedule: "invscaling": η / (k + 1)^power_t at the update of index k.
    The nets count samples instead, at the end of each pass over the data: there it is their
    ``learning_rate="invscaling"``, and so is "adaptive". nesterov: whether the step looks ahead. power_t: the
    exponent of "invscaling".

    Returns
    -------
    Optimizer
        The same bits as scikit-learn's, in float64 and in float32.

    Source: scikit-learn 1.9.1, ``sklearn/neural_network/_stochastic_optimizers.py``, ``SGDOptimizer``.

    Examples
    --------
    >>> SGDOptimizer().rule
    (Rate() * Gradient() | Gradient() + 0.9 * Trace(0.9)) / Rate()
    >>> SGDOptimizer(nesterov=False).rule
    (Rate() * Gradient() | Trace(0.9)) / Rate()
    """
    if lr_schedule == "adaptive":
        raise ValueError(
            "lr_schedule must be 'constant' or 'invscaling'; 'adaptive' needs a net that watches its loss: "
            "MLPClassifier(solver=solver(SGDOptimizer()), learning_rate='adaptive') of optimlab.plug.sklearn"
        )
    scaling = choice("lr_schedule", lr_schedule, ("constant", "invscaling")) == "invscaling"
    step = Gradient() + momentum * Trace(momentum) if nesterov else Trace(momentum)
    lr: Any = InverseScaling(learning_rate_init, power_t) if scaling else learning_rate_init
    return Optimizer((Rate() * Gradient() | step) / Rate(), lr)


@spelled("scikit-learn")
def AdamOptimizer(
    learning_rate_init: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """w ← w - η √(1-β₂ᵗ) / (1-β₁ᵗ) · m / (√v + ε), m and v the means that start at 0, without correction.

    This ε is the paper's ε̂ (end of section 2), as if Adam's were 1/√(1-β₂ᵗ) times as large: 31.6 times in the first
    step. TensorFlow 1 and Keras do the same.

    learning_rate_init is η, beta_1 β₁, beta_2 β₂, epsilon ε.

    Returns
    -------
    Optimizer
        In float64 the same bits as scikit-learn's, whose last operations are done in float64 for float32 weights too.

    Source: scikit-learn 1.9.1, ``sklearn/neural_network/_stochastic_optimizers.py``, ``AdamOptimizer``.

    Examples
    --------
    >>> AdamOptimizer(beta_1=0.5, beta_2=0.75).rule
    Rate() * RootCorrection(beta=0.75) / Correction(beta=0.5) * (0.5 * Gradient() | Trace(0.5)) \
/ (0.25 * Square() | Trace(0.75) | Root(1e-08)) / Rate()
    """
    mean = (1.0 - beta_1) * Gradient() | Trace(beta_1)
    spread = (1.0 - beta_2) * Square() | Trace(beta_2) | Root(epsilon)
    rate = Rate() * RootCorrection(beta_2) / Correction(beta_1)
    return Optimizer(rate * mean / spread / Rate(), learning_rate_init)


@final
@dataclass(frozen=True)
class InverseScaling:
    """η / (k + 1)^p: scikit-learn's "invscaling".

    Parameters
    ----------
    learning_rate_init : float greater than 0
        η.
    power_t : float
        p.

    Examples
    --------
    >>> InverseScaling(0.5, 0.5)(3)
    0.25
    """

    learning_rate_init: float
    power_t: float

    def __call__(self, k: Any) -> Any:
        """Return the learning rate at update k."""
        return self.learning_rate_init / (k + 1) ** self.power_t


@final
@dataclass(frozen=True)
class Correction:
    """1 - βᵗ, t = k + 1, rounded as scikit-learn does; ``bias_correction`` has the digits that this loses near β = 1.

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
