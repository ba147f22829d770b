"""How long a saddle holds an optimizer: noise alone, the monkey saddle, a chain of saddles.

Along the direction that leads down, f = -½ h y², and distances are in units of the radius at which the saddle counts as
left, so that the escape is the first step with |y| ≥ 1. The steps here are real numbers; a run takes whole ones, that
is up to one more. ``curvature`` is h, the size of the negative curvature. With momentum: ``Mode.escape``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.theory.domain import Distances, Ordinals, Positive, formula

__all__ = ["chain_bound", "chain_factor", "chain_mean", "monkey_escape", "noise_escape_mean", "noise_escape_sd"]


@formula
def noise_escape_mean(sd: Positive, lr: Positive, *, curvature: Positive) -> Any:
    """E[T] = [ln(1/q) + (γ + ln 2)/2] / ln λ, λ = 1 + lr h, q = lr sd/√(λ² - 1): steps from y = 0 to |y| = 1.

    Gradient descent that starts on the saddle is pushed off by the gradient's noise alone: white and Gaussian, of
    standard deviation sd so small that q ≪ 1.

    Source
    ------
    yₜ → λᵗ q Z with Z ~ N(0, 1), and E ln|Z| = -(γ + ln 2)/2, γ Euler's constant.

    Examples
    --------
    >>> noise_escape_mean([0.1, 1e-3, 1e-6], 0.01, curvature=2.0).round(1)
    array([299.9, 532.4, 881.3])
    """
    growth = 1.0 + lr * curvature
    q = lr * sd / np.sqrt(growth * growth - 1.0)
    return (np.log(1.0 / q) + (np.euler_gamma + np.log(2.0)) / 2.0) / np.log(growth)


@formula
def noise_escape_sd(lr: Positive, *, curvature: Positive) -> Any:
    """π / (√8 ln λ), λ = 1 + lr h: standard deviation of the steps from y = 0, whatever the noise.

    As for `noise_escape_mean`, with Var ln|Z| = π²/8.

    Examples
    --------
    >>> print(f"{noise_escape_sd(0.01, curvature=2.0):.1f}")
    56.1
    """
    return np.pi / (np.sqrt(8.0) * np.log1p(lr * curvature))


@formula
def monkey_escape(eps: Distances, lr: Positive) -> Any:
    """(1/eps - 1)/(3 lr) + ln(1/eps): steps of gradient descent from (-eps, 0) on f = x³ - 3xy², to first order in lr.

    Source
    ------
    u = -x follows 1/uₖ₊₁ = 1/uₖ - 3 lr + 9 lr² uₖ - ..., and Σ 3 lr uₖ → ln(1/eps). The Hessian at the origin is 0: the
    saddle is not strict, and 1/eps is in the place of ln(1/eps).

    Examples
    --------
    >>> monkey_escape([0.1, 0.01, 0.001], 0.01).round(1)
    array([  302.3,  3304.6, 33306.9])
    """
    return (1.0 / eps - 1.0) / (3.0 * lr) + np.log(1.0 / eps)


@formula
def chain_factor(lr: Positive, *, growth: Positive, contraction: Positive) -> Any:
    """1 + ρ, ρ = -ln(1 - 2 lr L)/ln(1 + 2 lr g): the factor by which the step of escape grows from saddle to saddle.

    The coordinate that leaves its saddle sees -g w² and grows by 1 + 2 lr g a step, all later ones see L w² and shrink
    by 1 - 2 lr L: the longer a saddle lasts, the closer to the axis the next one begins. g is ``growth``, L
    ``contraction``, and lr is below 1/(2L).

    Source
    ------
    Du, Jin, Lee, Jordan, Póczos & Singh 2017, "Gradient descent can take exponential time to escape saddle points",
    section 4: there the bound, the limit for lr → 0; with both logarithms it is exact.

    Examples
    --------
    >>> L = 1.0
    >>> chain_factor(1 / (8 * L), growth=[1.0, 0.5, 0.25], contraction=L).round(3)
    array([2.289, 3.442, 5.745])
    """
    shrink, grow = _rates(lr, growth, contraction)
    return 1.0 - shrink / grow


@formula
def chain_bound(growth: Positive, contraction: Positive) -> Any:
    """(L + g)/g: the least factor from saddle to saddle, whatever the learning rate; g and L as for `chain_factor`.

    Source
    ------
    Du et al. 2017, section 4; from -ln(1-x) ≥ x ≥ ln(1+x).

    Examples
    --------
    >>> chain_bound([1.0, 0.5, 0.25], 1.0)
    array([2., 3., 5.])
    """
    return (contraction + growth) / growth


@formula
def chain_mean(saddle: Ordinals, lr: Positive, *, growth: Positive, contraction: Positive) -> Any:
    """E[Tₖ] = (2/a + ½) [(1+ρ)ᵏ - 1]/ρ, a = ln(1 + 2 lr g): mean step at which gradient descent leaves saddle k.

    The mean is over starts that are uniform in [-1, 1] in every coordinate; a saddle is left at |w| = e. lr, g and L
    as for `chain_factor`.

    Source
    ------
    Tₖ = (1+ρ) Tₖ₋₁ + (1 - ln|uₖ|)/a, rounded up, which adds ½ on average; -ln|u| has mean 1 for u uniform in [-1, 1].

    Examples
    --------
    >>> chain_mean([1, 2, 8], 0.125, growth=1.0, contraction=1.0).round(1)
    array([   9.5,   31.1, 5528.7])
    """
    shrink, grow = _rates(lr, growth, contraction)
    rho = -shrink / grow
    return (2.0 / grow + 0.5) * np.expm1(saddle * np.log1p(rho)) / rho


def _rates(lr: Any, growth: Any, contraction: Any) -> tuple[Any, Any]:
    """Return ln(1 - 2 lr L) and ln(1 + 2 lr g)."""
    if not (2.0 * lr * contraction < 1.0).all():
        raise ValueError(f"lr must be below 1/(2 contraction), beyond which coordinates change their sign; got {lr}")
    return np.log1p(-2.0 * lr * contraction), np.log1p(2.0 * lr * growth)
