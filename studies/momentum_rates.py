"""How fast one mode falls at every lr and β: the plateau √β, critical damping, and small lr.

One eigendirection of a quadratic, ½w², under each form of momentum. What the roots are is read off the positions: a
sequence wₜ₊₁ = p wₜ - q wₜ₋₁ has wₜ² - wₜ₊₁ wₜ₋₁ = c qᵗ, and √q is the modulus of complex roots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Optimizer, Rule, heavy_ball, momentum, nesterov, sgd
from optimlab.lab.frame import PALETTE, Run, study
from optimlab.lab.theory import Mode, ema_momentum_mode, heavy_ball_mode, heavy_ball_plateau, nesterov_mode
from optimlab.typing import Floats

BETA = 0.9
BETAS = (0.25, 0.5, 0.9, 0.99)
# Rule of β, mode of (lr h, β), how much wider its range of lr is, and colour
FORMS: dict[str, tuple[Callable[[Any], Rule], Callable[[Any, Any], Mode], float, str]] = {
    "gradient descent": (lambda beta: sgd(), lambda a, beta: heavy_ball_mode(a, 0.0), 1.0, PALETTE["vermillion"]),
    "Nesterov": (nesterov, nesterov_mode, 1.0, PALETTE["green"]),
    "heavy ball": (heavy_ball, heavy_ball_mode, 1.0, PALETTE["blue"]),
    "gradient's EMA": (momentum, ema_momentum_mode, 10.0, PALETTE["orange"]),
}
DAMPING = {
    0.002: PALETTE["orange"],
    0.1: PALETTE["blue"],
    1.0: PALETTE["green"],
}  # lr h: over-, under-damped, far under


def modes(rule: Rule, lr_h: Any, steps: int) -> Floats:
    """Positions (steps + 1, S) from 1 on ½w², one column for each lr."""
    w = np.ones((len(lr_h), 1))
    optimizer = Optimizer(rule, lr_h, replicas=len(w))
    path = np.ones((steps + 1, len(w)))
    for t in range(steps):
        optimizer.step(w, w)
        path[t + 1] = w[:, 0]
    return path


def turan(path: Floats) -> Floats:
    """wₜ² - wₜ₊₁ wₜ₋₁."""
    return path[1:-1] ** 2 - path[2:] * path[:-2]


def recurrence(path: Floats) -> tuple[Floats, Floats]:
    """Return p and q from the first four positions."""
    first, second = turan(path[:4])
    q = second / first
    return (path[2] + q * path[0]) / path[1], q


def modulus_claims(run: Run) -> None:
    """Claim the modulus √β of complex roots, and that it does not depend on lr."""
    for beta in BETAS:
        low, high = heavy_ball_plateau(beta)
        lr_h = np.linspace(low, high, 42)[1:-1]
        for name, rule, widening in (("heavy ball", heavy_ball, 1.0), ("gradient's EMA", momentum, 1 - beta)):
            determinant = turan(modes(rule(beta), lr_h / widening, 60))
            modulus = (determinant[40] / determinant[0]) ** (1 / 80)
            interval = (float(np.median(modulus)), modulus.min(), modulus.max())
            text = f"«the modulus is 2√β», {name}, β = {beta:g} (says {2 * np.sqrt(beta):.3f}): at 40 lr of the plateau"
            run.claim(
                f"modulus {name} {beta:g}",
                text,
                expected=np.sqrt(beta),
                measured=interval,
                verdict="refuted",
                tolerance=1e-9,
            )
            text = f"{name}, β = {beta:g}: modulus at the 40 lr, largest over smallest"
            run.claim(
                f"flat {name} {beta:g}", text, expected=1.0, measured=modulus.max() / modulus.min(), tolerance=1e-9
            )


def nesterov_claims(run: Run) -> None:
    """Claim the modulus of Nesterov's momentum, which does depend on lr."""
    products = np.array([0.1, 0.5, 0.9])
    determinant = turan(modes(nesterov(BETA), products, 60))
    found = (determinant[40] / determinant[0]) ** (1 / 80)
    for a, modulus in zip(products, found, strict=True):
        text = f"Nesterov, β = .9, lr·h = {a:g}: modulus √(β (1 - lr h)), smaller than √β"
        run.claim(f"Nesterov {a:g}", text, expected=np.sqrt(BETA * (1 - a)), measured=modulus, tolerance=1e-9)


def plateau_claims(run: Run) -> None:
    """Claim both ends of the plateau, by where the roots turn complex."""
    for beta in BETAS:
        low, high = heavy_ball_plateau(beta)
        for end, theory in (("lower", low), ("upper", high)):
            lr_h = theory * np.linspace(0.99, 1.01, 200)
            p, q = recurrence(modes(heavy_ball(beta), lr_h, 3))
            inside = p**2 < 4.0 * q
            turn = int(np.flatnonzero(np.diff(inside))[0])
            interval = (lr_h[turn : turn + 2].mean(), lr_h[turn], lr_h[turn + 1])
            text = f"heavy ball, β = {beta:g}: {end} end of the plateau, (1 {'-' if end == 'lower' else '+'} √β)²"
            run.claim(f"{end} end {beta:g}", text, expected=theory, measured=interval)


def damping_claims(run: Run) -> pd.DataFrame:
    """Claim the best β for a mode at a given lr, (1-√(lr h))², and what small lr makes of momentum."""
    beta, tables = np.linspace(0.002, 0.998, 499), []
    for lr_h in (0.01, 0.04, 0.25):
        p, q = recurrence(modes(heavy_ball(tuple(beta)), np.full(len(beta), lr_h), 3))
        rate = np.abs(p + np.sqrt((p**2 - 4.0 * q).astype(complex))) / 2.0  # p > 0 here
        text = f"heavy ball, lr·h = {lr_h:g}: the best β of 499, (1 - √(lr h))²: critical damping"
        best = (1 - np.sqrt(lr_h)) ** 2
        run.claim(f"damping {lr_h:g}", text, expected=best, measured=beta[rate.argmin()], tolerance=0.002)
        theory = heavy_ball_mode(lr_h, beta).radius
        tables.append(pd.DataFrame({"lr_h": lr_h, "beta": beta, "rate": rate, "rate_theory": theory}))
    for beta_, lr_h in ((0.5, 1e-4), (0.9, 1e-4), (0.9, 1e-5)):
        path = modes(heavy_ball(beta_), np.array([lr_h]), 1000)[:, 0]
        text = f"heavy ball, β = {beta_:g}, lr·h = {lr_h:g}: it is gradient descent with lr/(1-β): 1 - rate over lr·h"
        effective = (1 - path[-1] / path[-2]) / lr_h
        allowed = 2 * lr_h * beta_ / (1 - beta_) ** 3  # twice the next term of the series
        run.claim(
            f"effective {beta_:g} {lr_h:g}", text, expected=1 / (1 - beta_), measured=effective, tolerance=allowed
        )
    return pd.concat(tables)


def scan(run: Run) -> pd.DataFrame:
    """Measure the rate of every form at 2100 lr, β = .9, and claim it where it is not on the plateau."""
    tables = []
    for name, (rule, mode, widening, _) in FORMS.items():
        lr_h = np.arange(1, 2101) / 500.0 * widening
        size = np.abs(modes(rule(BETA), lr_h, 700))
        with np.errstate(invalid="ignore"):  # 0 where a single step arrives
            rate = (size[600:].max(axis=0) / size[100:201].max(axis=0)) ** (1 / 500)
        theory = mode(lr_h, BETA).radius
        tables.append(pd.DataFrame({"form": name, "lr_h": lr_h, "rate": rate, "rate_theory": theory}))
        edge = np.flatnonzero((theory > 1.001) & (theory < 1.3))[:: 1 + len(lr_h) // 200]
        text = f"{name}, β = .9: rate beyond the edge of stability, largest distance from the spectral radius"
        worst = np.abs(rate - theory)[edge].max() if len(edge) else np.nan
        run.claim(f"beyond {name}", text, expected=0.0, measured=worst, tolerance=1e-6)
    return pd.concat(tables)


def draw_rates(ax: Axes, rates: pd.DataFrame) -> None:
    """Rate of one mode against lr h."""
    for name, (_, mode, widening, colour) in FORMS.items():
        lr_h = np.geomspace(1e-4, 50.0, 3000)
        ax.plot(lr_h, mode(lr_h, BETA).radius, color=colour, label=name)
        rows = rates[rates["form"] == name]
        shown = np.unique(
            np.searchsorted(rows["lr_h"], np.geomspace(0.002 * widening, 4.2 * widening, 30)).clip(0, 2099)
        )
        ax.plot(rows["lr_h"].iloc[shown], rows["rate"].iloc[shown], "o", color=colour, markersize=4)
    ax.axhline(1.0, color="#666666", linewidth=1.0)
    ax.text(4.6, 0.92, "plateau √β", color=PALETTE["blue"])
    title = "On the plateau lr does not matter; Nesterov is\nstable to 1.36, the EMA to 38 (dots measured, β = .9)"
    ax.set(
        title=title, xlabel="lr · curvature", ylabel="factor per step", xscale="log", ylim=(0.62, 1.16), xlim=(5e-4, 50)
    )
    ax.legend(loc="lower left")


def draw_damping(ax: Axes, damping: pd.DataFrame) -> None:
    """Rate against β."""
    for (lr_h, rows), colour in zip(damping.groupby("lr_h"), ("blue", "vermillion", "green"), strict=True):
        ax.plot(rows["beta"], rows["rate_theory"], color=PALETTE[colour], label=f"lr · curvature = {lr_h:g}")
        ax.plot(rows["beta"].iloc[5::20], rows["rate"].iloc[5::20], "o", color=PALETTE[colour], markersize=4)
    beta = np.linspace(0, 1, 200)
    ax.plot(beta, np.sqrt(beta), ":", color="#666666", label="√β")
    title = "Too much momentum is as slow as none:\nthe best β is (1 - √(lr h))² (dots measured)"
    ax.set(title=title, xlabel="β", ylabel="factor per step", ylim=(0.4, 1.02))
    ax.legend(loc="lower right")


def draw_portrait(ax: Axes) -> None:
    """Phase portraits of three lr."""
    for lr_h, colour in DAMPING.items():
        w = modes(heavy_ball(BETA), np.array([lr_h]), 80)[:, 0]
        ax.plot(w[1:], np.diff(w), "o-", color=colour, markersize=3, linewidth=1.0, label=f"lr · curvature = {lr_h:g}")
    ax.plot(0, 0, "k*", markersize=12)
    title = "Overdamped it creeps, underdamped it circles\n(heavy ball, β = .9, 80 steps from w = 1)"
    ax.set(title=title, xlabel="w", ylabel="step just made")
    ax.legend(loc="upper left")


def draw_envelope(ax: Axes) -> None:
    """Distances of three lr under one envelope."""
    t = np.arange(151)
    for lr_h, colour in ((0.01, "orange"), (0.1, "blue"), (1.0, "green")):
        w = np.abs(modes(heavy_ball(BETA), np.array([lr_h]), 150)[:, 0])
        ax.plot(
            t, np.where(w > 0.0, w, np.nan), color=PALETTE[colour], linewidth=1.2, label=f"lr · curvature = {lr_h:g}"
        )
    ax.plot(t, BETA ** (t / 2), "k--", label="√βᵗ")
    title = "A hundred times the lr, and the same decay:\nfaster circles, one envelope √βᵗ"
    ax.set(title=title, xlabel="step", ylabel="|w|", yscale="log", ylim=(1e-6, 5))
    ax.legend(loc="lower left")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    modulus_claims(run)
    nesterov_claims(run)
    plateau_claims(run)
    damping, rates = damping_claims(run), scan(run)
    figure, axes = plt.subplots(2, 2, figsize=(13, 10.5))
    draw_rates(axes[0, 0], rates)
    draw_damping(axes[0, 1], damping)
    draw_portrait(axes[1, 0])
    draw_envelope(axes[1, 1])
    run.say(
        "Where the roots are complex a mode falls by √β a step, whatever lr: not by 2√β, which would grow for β > ¼.\n"
        "For lr there is a best β, (1 - √(lr h))²; below it momentum is a larger lr, above it the mode circles."
    )
    run.table(rates, "rates")
    run.table(damping, "damping")
    run.figure(figure, "momentum_rates")


if __name__ == "__main__":
    raise SystemExit(study(main))
