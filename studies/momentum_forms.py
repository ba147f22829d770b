"""Two momentums of one name: what changes with the form, with the place of lr, and without a root.

1. The gradient's EMA, m ← βm + (1-β)g, and the form that accumulates, v ← βv + g: the same after lr·(1-β), and steps
   1/(1-β) times as long at the same lr; where each becomes unstable, found by bisection.
2. lr outside the buffer (w ← w - lr v, torch) or inside it (v ← βv - lr g, Keras, scikit-learn): the same until lr
   changes. Inside, the steps follow the EMA of lr, late by β/(1-β).
3. RMSprop's first step without bias correction, and what is left of it without the root.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import (
    Decay,
    Ema,
    Gradient,
    Optimizer,
    Root,
    Rule,
    Square,
    Trace,
    exponential_decay,
    heavy_ball,
    linear,
    momentum,
    nesterov,
    piecewise,
    rmsprop,
    sgd,
)
from optimlab.lab.frame import PALETTE, Run, study
from optimlab.lab.problems import ravine
from optimlab.lab.theory import Mode, ema_momentum_limit, heavy_ball_limit, heavy_ball_mode, nesterov_limit, start_lag
from optimlab.typing import Floats, Marks

BETA = 0.9
LAG = Decay(BETA).lag
BETAS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98])
# Rule of β, largest stable lr h of β, that at β = .9 as printed, and colour
FORMS: dict[str, tuple[Callable[[Any], Rule], Callable[[Any], Any], float, str]] = {
    "gradient's EMA": (momentum, ema_momentum_limit, 38.0, PALETTE["orange"]),
    "heavy ball": (heavy_ball, heavy_ball_limit, 3.8, PALETTE["blue"]),
    "gradient descent": (lambda beta: sgd(), lambda beta: heavy_ball_limit(0.0 * beta), 2.0, PALETTE["vermillion"]),
    "Nesterov": (nesterov, nesterov_limit, 1.3571, PALETTE["green"]),
}
SECTIONS, ROUNDS, LARGEST = 64, 6, 500.0  # 500 / 64⁶ = 7e-9
PLACES = {"outside": PALETTE["blue"], "inside": PALETTE["vermillion"]}
FACTORS = (0.85, 0.92, 0.95, 0.98, 0.99, 0.999, 1.01, 1.05)
FIRST = {0.9: (3.16, 0.005), 0.99: (10.0, 0.05), 0.999: (31.6, 0.05)}  # first step over lr, half of its last digit
SIZES = 10.0 ** np.arange(-3, 4)


def path(optimizer: Optimizer, gradient: Callable[[Floats], Any], steps: int) -> Floats:
    """Positions (steps + 1, 2) from (1, 1)."""
    w = np.ones(2)
    positions = [w.copy()]
    for _ in range(steps):
        optimizer.step(w, gradient(w))
        positions.append(w.copy())
    return np.array(positions)


def equality_claims(run: Run) -> pd.DataFrame:
    """Claim that both forms are one after lr·(1-β)."""
    problem, lr = ravine(10.0), 0.25
    shown: dict[str, Floats] = {}
    for beta in (0.5, 0.75, BETA):
        average = path(Optimizer(momentum(beta), lr), problem.gradient, 50)
        scaled = path(Optimizer(heavy_ball(beta), lr * (1.0 - beta)), problem.gradient, 50)
        same = path(Optimizer(heavy_ball(beta), lr), problem.gradient, 50)
        text = f"β = {beta:g}: both forms after lr·(1-β), 50 steps: largest difference (none but rounding)"
        worst = np.abs(average - scaled).max()
        run.claim(f"003-g {beta:g}", text, expected=0.0, measured=worst, tolerance=4 * 2.0**-52)
        swap_claims(run, beta, lr)
        shown |= {"EMA": average[:, 1], "scaled": scaled[:, 1], "same lr": same[:, 1]}
    return pd.DataFrame(shown)


def swap_claims(run: Run, beta: float, lr: float) -> None:
    """Claim what swapping the forms at the same lr does to the way down a slope."""
    ways = [1.0 - path(Optimizer(rule(beta), lr), np.ones_like, 200)[-1, 0] for rule in (heavy_ball, momentum)]
    text = f"β = {beta:g}: the accumulating form over the EMA at the same lr, way down a slope"
    run.claim(f"ratio {beta:g}", text, expected=1 / (1 - beta), measured=ways[0] / ways[1], tolerance=1e-9)
    theory = lr * (200 - start_lag(Decay(beta), 200, "zero")) / (1 - beta)
    text = f"β = {beta:g}: that way, lr (t - lag)/(1-β)"
    run.claim(f"way {beta:g}", text, expected=theory, measured=ways[0], tolerance=1e-9 * theory)


def bisected(rule: Callable[[Any], Rule]) -> tuple[Floats, Floats]:
    """Bracket the largest stable lr on ½w² for every β, in 64 sections a round; each (β,)."""
    low, high = np.zeros(len(BETAS)), np.full(len(BETAS), LARGEST)
    beta = tuple(np.repeat(BETAS, SECTIONS))
    for _ in range(ROUNDS):
        lr = low[:, None] + (high - low)[:, None] * np.arange(1, SECTIONS + 1) / SECTIONS
        first = grows(rule(beta), lr.ravel()).reshape(lr.shape).argmax(axis=1)
        low, high = np.where(first == 0, low, lr[np.arange(len(lr)), first - 1]), lr[np.arange(len(lr)), first]
    return low, high


def grows(rule: Rule, lr: Floats) -> Marks:
    """Whether w is larger after 2000 steps than after 1000; by then what is left of the stable root is .98¹⁰⁰⁰."""
    w = np.ones((len(lr), 1))
    optimizer = Optimizer(rule, lr, replicas=len(lr))
    largest = np.zeros((2, len(lr)))
    for t in range(2000):
        optimizer.step(w, w)
        if t % 1000 >= 900:
            np.maximum(largest[t // 1000], np.abs(w[:, 0]), out=largest[t // 1000])
    # A frozen replica counts as growing; one that has underflowed stands still as well, and does not
    growing: Marks = (largest[1] >= largest[0]) & (largest[0] > 1e-300)
    return growing


def limit_claims(run: Run) -> pd.DataFrame:
    """Claim the limits of stability."""
    tables = []
    for name, (rule, limit, printed, _) in run.progress(FORMS.items(), "forms"):
        low, high = bisected(rule)
        middle, theory = (low + high) / 2, np.broadcast_to(limit(BETAS), BETAS.shape)
        at = int(np.flatnonzero(BETAS == BETA)[0])
        text = f"{name}, β = .9: largest stable lr·h by bisection"
        run.claim(f"limit {name}", text, expected=printed, measured=middle[at], tolerance=5e-5)
        text = f"{name}: largest relative distance from the formula, twelve β from 0 to .98"
        worst = np.abs(middle / theory - 1.0).max()
        run.claim(f"limits {name}", text, expected=0.0, measured=worst, tolerance=1e-8)
        tables.append(pd.DataFrame({"form": name, "beta": BETAS, "limit": middle, "limit_theory": theory}))
    return pd.concat(tables)


def placed(place: str, schedule: Callable[[Any], Any]) -> Optimizer:
    """Heavy ball with lr outside or inside the buffer."""
    if place == "outside":
        return Optimizer(heavy_ball(BETA), schedule)
    return Optimizer(schedule * Gradient() | Trace(BETA), 1.0)


def strides(place: str, schedule: Callable[[Any], Any], steps: int) -> Floats:
    """Length of each step under a constant gradient of 1."""
    lengths: Floats = -np.diff(path(placed(place, schedule), np.ones_like, steps)[:, 0])
    return lengths


def drop_claims(run: Run) -> pd.DataFrame:
    """Claim what follows a drop of lr to a tenth under a constant gradient."""
    drop, at = piecewise([0.1, 0.01], at=[200]), 200  # after 200 steps β²⁰⁰ = 7e-10 of the start is left
    steps = {place: strides(place, drop, 400) for place in PLACES}
    after = np.arange(1, 201)
    expected = {"outside": np.full(200, 0.1), "inside": (0.01 + 0.09 * BETA**after) / (1 - BETA)}
    for place, lengths in steps.items():
        text = f"lr {place} drops to a tenth: lengths of the 200 steps after, largest distance from the closed form"
        worst = np.abs(lengths[at:] - expected[place]).max()
        run.claim(f"drop {place}", text, expected=0.0, measured=worst, tolerance=1e-9)
    text = "the drop comes late inside: extra way in old steps, (1-1/10) β/(1-β)"
    extra = (steps["inside"] - steps["outside"])[at:].sum() / (0.1 / (1 - BETA))
    run.claim("drop late", text, expected=0.9 * LAG, measured=extra, tolerance=1e-7)
    text = "before lr changes both are the same, up to rounding of the way of 200: largest difference"
    same = np.abs(steps["inside"] - steps["outside"])[:at].max()
    run.claim("same", text, expected=0.0, measured=same, tolerance=1e-13)
    return pd.DataFrame(steps)


def slope_claims(run: Run) -> pd.DataFrame:
    """Claim the lag behind a straight lr, and the ratio of steps under an exponential one."""
    for name, schedule, slope in (
        ("decay", linear(0.1, steps=400), -0.1 / 400),
        ("warm-up", linear(0.0, steps=400, final=0.1), 0.1 / 400),
    ):
        lag = (strides("inside", schedule, 400)[-1] * (1 - BETA) - schedule(399)) / -slope
        text = f"linear {name}: inside, the length of steps is late by β/(1-β) steps"
        run.claim(f"lag {name}", text, expected=LAG, measured=lag, tolerance=1e-8)
    return pd.DataFrame([ratio_claims(run, factor) for factor in FACTORS])


def ratio_claims(run: Run, factor: float) -> dict[str, float]:
    """Claim the ratio of steps under lr γᵏ after 100 steps: (1-xᵗ)/(1-x) over (1-βᵗ)/(1-β) with x = β/γ."""
    schedule, t, x = exponential_decay(0.1, factor, steps=1), 100, BETA / factor
    lengths = {place: strides(place, schedule, t) for place in PLACES}
    ratio = lengths["inside"][-1] / lengths["outside"][-1]
    theory = (1 - x**t) / (1 - x) * (1 - BETA) / (1 - BETA**t)
    text = f"lr times {factor:g} a step: length of the 100th step, inside over outside"
    run.claim(f"ratio {factor:g}", text, expected=theory, measured=ratio, tolerance=1e-6 * theory)
    if factor < BETA:
        text = f"lr times {factor:g} a step, faster than β: inside, steps shrink by β only"
        shrink = lengths["inside"][-1] / lengths["inside"][-2]
        run.claim(f"shrink {factor:g}", text, expected=BETA, measured=shrink, tolerance=1e-3)
    return {"factor": factor, "ratio": ratio, "ratio_theory": theory}


def coast_claims(run: Run) -> pd.DataFrame:
    """Claim where w goes on ½w² after lr drops to a hundredth at full speed."""
    lr, at, steps = (0.02, 0.0002), 9, 120
    paths: dict[str, Floats] = {}
    for place in PLACES:
        w = path(placed(place, piecewise(lr, at=[at])), np.array, steps)[:, 0]
        speed = w[at] - w[at - 1] if place == "inside" else (w[at] - w[at - 1]) * lr[1] / lr[0]
        mode = heavy_ball_mode(lr[1], BETA)
        theory = w[at] * Mode(mode.p, mode.q, 1.0 - lr[1] + BETA * speed / w[at]).values(np.arange(steps - at + 1))
        text = f"lr {place}, ½w²: way after lr fell to a hundredth, largest distance from the closed form"
        run.claim(f"coast {place}", text, expected=0.0, measured=np.abs(w[at:] - theory).max(), tolerance=1e-12)
        paths |= {place: w, f"{place}_theory": np.append(np.full(at, np.nan), theory)}
    text = "«a hundredth of lr stops it» (says about 1): w inside, 60 steps after the fall, over w at the fall"
    gone = paths["inside"][at + 60] / paths["inside"][at]
    expected = paths["inside_theory"][at + 60] / paths["inside_theory"][at]
    run.claim("coasts on", text, expected=expected, measured=gone, tolerance=1e-9, verdict="refuted")
    return pd.DataFrame(paths)


def first_step(rule: Rule, gradient: float) -> float:
    """Length of the first step over lr."""
    w = np.zeros(1)
    Optimizer(rule, 1.0).step(w, np.array([gradient]))
    return float(abs(w[0]))


def first_claims(run: Run) -> pd.DataFrame:
    """Claim RMSprop's first step: 1/√(1-ρ) times lr, with correction lr, without the root 1/gradient."""
    for rho, (printed, half) in FIRST.items():
        text = f"RMSprop, ρ = {rho:g}: first step over lr, 1/√(1-ρ)"
        run.claim(
            f"003-h first {rho:g}", text, expected=printed, measured=first_step(rmsprop(rho), 1.0), tolerance=half
        )
        corrected = Gradient() / (Square() | Ema(rho, debias=True) | Root(1e-8))
        text = f"RMSprop with bias correction, ρ = {rho:g}: first step over lr"
        run.claim(f"corrected {rho:g}", text, expected=1.0, measured=first_step(corrected, 1.0), tolerance=1e-7)
    rules = {
        "with root": rmsprop(BETA),
        "corrected": Gradient() / (Square() | Ema(BETA, debias=True) | Root(1e-8)),
        "without root": Gradient() / (Square() | Ema(BETA)),
    }
    table = pd.DataFrame({name: [first_step(rule, g) for g in SIZES] for name, rule in rules.items()})
    for name, power in (("with root", 0.0), ("without root", -1.0)):
        slope = np.polyfit(np.log(SIZES), np.log(table[name]), 1)[0]
        text = f"RMSprop {name}: the first step goes like the gradient to the power of"
        run.claim(f"003-h {name}", text, expected=power, measured=slope, tolerance=1e-5)
    return table.assign(gradient=SIZES)


def draw_forms(ax: Axes, forms: pd.DataFrame) -> None:
    """One swap of forms, with and without the factor."""
    ax.plot(forms["EMA"], color=PALETTE["orange"], linewidth=5, alpha=0.5, label="EMA form, lr")
    ax.plot(forms["scaled"], color=PALETTE["blue"], label="accumulating, lr (1-β)")
    ax.plot(forms["same lr"], ":", color=PALETTE["blue"], label="accumulating, the same lr")
    title = "One and the same after lr (1-β);\nat the same lr ten times the step (β = .9)"
    ax.set(title=title, xlabel="step", ylabel="w (curvature 10, lr = 0.25)", ylim=(-2.4, 2.4))
    ax.legend(loc="lower right")


def draw_limits(ax: Axes, limits: pd.DataFrame) -> None:
    """Limits of stability against β."""
    for name, (_, limit, _, colour) in FORMS.items():
        rows, beta = limits[limits["form"] == name], np.linspace(0.0, 0.98, 100)
        ax.plot(beta, np.broadcast_to(limit(beta), beta.shape), color=colour)
        ax.plot(rows["beta"], rows["limit"], "o", color=colour, label=name)
    title = "Momentum widens the stable range,\nNesterov's narrows it (dots bisected, lines theory)"
    ax.set(title=title, xlabel="β", ylabel="largest stable lr · curvature", yscale="log")
    ax.legend(loc="upper left")


def draw_drop(ax: Axes, drop: pd.DataFrame) -> None:
    """Lengths of steps around a drop of lr."""
    steps = np.arange(-20, 61)
    for place, colour in PLACES.items():
        ax.plot(steps, drop[place].iloc[180:261], ".-", color=colour, label=f"lr {place} the buffer")
    title = f"lr falls to a tenth: inside the buffer\n{0.9 * LAG:.1f} old steps late"
    ax.set(title=title, xlabel="step after the drop", ylabel="length of the step (gradient 1)", ylim=(0, 1.1))
    ax.legend(loc="upper right")


def draw_ratios(ax: Axes, ratios: pd.DataFrame) -> None:
    """Ratio of steps under an exponential lr."""
    factor, t = np.linspace(0.84, 1.06, 200), 100
    x = BETA / factor
    ax.plot(factor, (1 - x**t) / (1 - x) * (1 - BETA) / (1 - BETA**t), color=PALETTE["black"], label="theory")
    ax.plot(ratios["factor"], ratios["ratio"], "o", color=PALETTE["vermillion"], label="measured")
    ax.axvline(BETA, color="#666666", linestyle=":", label="β")
    title = "lr shrinks faster than β: inside, the steps\ndo not follow (after 100 steps)"
    ax.set(title=title, xlabel="factor on lr per step", ylabel="step inside / step outside", yscale="log")
    ax.legend(loc="upper right")


def draw_coast(ax: Axes, coast: pd.DataFrame) -> None:
    """Where w goes after the drop."""
    for place, colour in PLACES.items():
        ax.plot(coast[place], color=colour, label=f"lr {place} the buffer")
        ax.plot(coast[f"{place}_theory"].iloc[::6], "o", color=colour, markersize=4)
    ax.axvline(9, color="#666666", linestyle=":", label="lr falls to 1/100")
    title = "Inside the buffer speed outlives lr:\nw coasts past the minimum (dots: theory)"
    ax.set(title=title, xlabel="step", ylabel="w on ½w²")
    ax.legend(loc="upper right")


def draw_first(ax: Axes, first: pd.DataFrame) -> None:
    """RMSprop's first step against the gradient."""
    for name, colour in (("with root", "blue"), ("corrected", "green"), ("without root", "vermillion")):
        ax.plot(first["gradient"], first[name], "o-", color=PALETTE[colour], label=name)
    title = "RMSprop's first step: 3.16 lr uncorrected;\nwithout the root it grows as gradients shrink (ρ = .9)"
    ax.set(title=title, xlabel="gradient", ylabel="first step / lr", xscale="log", yscale="log")
    ax.legend(loc="upper right")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    tables = {
        "forms": equality_claims(run),
        "limits": limit_claims(run),
        "drop": drop_claims(run),
        "ratios": slope_claims(run),
        "coast": coast_claims(run),
        "first": first_claims(run),
    }
    drawings = (draw_forms, draw_limits, draw_drop, draw_ratios, draw_coast, draw_first)
    figure, axes = plt.subplots(2, 3, figsize=(17, 10.5))
    for draw, ax, (name, table) in zip(drawings, axes.flat, tables.items(), strict=True):
        draw(ax, table)
        run.table(table, name)
    run.say(
        "Say which momentum: at the same lr the accumulating form's steps are 1/(1-β) times as long, and its stable\n"
        "range is as much narrower. With lr inside the buffer every change of lr comes β/(1-β) steps late."
    )
    run.figure(figure, "momentum_forms")


if __name__ == "__main__":
    raise SystemExit(study(main))
