"""How long a saddle holds each optimizer, and whether momentum really leaves it faster.

Steps from a distance eps to 1 on x² - y² for six rules beside their closed forms; from the saddle itself with noise; on
the monkey saddle, whose Hessian is 0; and an animation, saddle_escape.html, to step through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, FirstPassage, Optimizer, adam, descend, heavy_ball, momentum, nesterov, rmsprop, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import GaussianNoise, MonkeySaddle, Noisy, saddle
from optimlab.lab.theory import (
    descent_escape,
    ema_momentum_escape,
    heavy_ball_escape,
    monkey_escape,
    monkey_flow_time,
    nesterov_escape,
    noise_escape_mean,
    noise_escape_sd,
)
from optimlab.typing import Floats

LR, BETA, CURVATURE = 0.01, 0.9, 2.0
EPS = np.array([1e-2, 1e-4, 1e-6, 1e-8, 1e-12])
GD, HB, EMA, NAG, RMS, ADAM = "gradient descent", "heavy ball", "EMA momentum", "Nesterov", "RMSprop", "Adam"
RULES = {GD: sgd(), HB: heavy_ball(BETA), EMA: momentum(BETA), NAG: nesterov(BETA), RMS: rmsprop(0.9), ADAM: adam()}
COLOURS = dict(zip(RULES, ("black", "blue", "vermillion", "sky", "orange", "green"), strict=True))
STEPS = {
    GD: (233, 466, 698, 931, 1396),
    HB: (49, 95, 140, 185, 276),
    EMA: (276, 543, 811, 1079, 1615),
    NAG: (46, 89, 132, 174, 260),
    RMS: (72, 72, 72, 73, 73),
    ADAM: (76, 77, 77, 77, 78),
}
FORMULAS = {
    GD: (232.6, 465.1, 697.7, 930.2, 1395.3),
    HB: (48.8, 94.1, 139.4, 184.7, 275.3),
    EMA: (275.0, 542.9, 810.8, 1078.7, 1614.4),
}
MONKEY_EPS = np.array([0.1, 0.01, 0.001])
MONKEY = {GD: (303, 3305, 33307), HB: (57, 395, 3438), ADAM: (68, 73, 74), RMS: (59, 62, 62)}
NOISE = {0.1: (299.6, 299.9), 1e-3: (533.0, 532.4), 1e-6: (880.2, 881.3)}  # mean of 2000 runs, formula


def escape_steps(problem: Any, optimizer: Optimizer, start: Floats, axis: int) -> Floats:
    """Return the first step with a coordinate of size 1, for each replica; inf if there is none."""
    passage = FirstPassage(lambda w: np.abs(w[:, axis]), 1.0)
    descend(problem, optimizer, 50_000, start=start, record=Every(50_000), stop=passage, progress=False)
    steps: Floats = passage.steps
    return steps


def points(x: Any, y: Any) -> Floats:
    """Return points of shape (S, 2)."""
    return np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)), axis=-1)


def theory(name: str, eps: Any) -> Any:
    """Return the closed form of the steps, NaN for the adaptive rules."""
    if name == GD:
        return descent_escape(eps, LR, curvature=CURVATURE)
    forms = {HB: heavy_ball_escape, EMA: ema_momentum_escape, NAG: nesterov_escape}
    if name not in forms:
        return np.full(np.shape(eps), np.nan)
    return forms[name](eps, LR, curvature=CURVATURE, beta=BETA)


def distance_claims(run: Run) -> pd.DataFrame:
    """Measure the steps against the distance of the start."""
    rows = []
    for name, rule in RULES.items():
        steps = escape_steps(saddle(), Optimizer(rule, lr=LR, replicas=len(EPS)), points(0.0, EPS), axis=1)
        for i, eps in enumerate(EPS):
            expected = theory(name, eps)
            rows.append({"rule": name, "eps": eps, "steps": steps[i], "theory": float(expected)})
            said = f"{name}: steps from y = {eps:g} to 1 on x² - y², lr {LR:g}"
            run.claim(f"{name} {eps:g}", said, expected=STEPS[name][i], measured=steps[i])
            if name in FORMULAS:
                said = f"{name}, eps {eps:g}: the closed form as printed to a tenth"
                printed = FORMULAS[name][i]
                run.claim(f"{name} {eps:g} printed", said, expected=printed, measured=expected, tolerance=0.05)
            if not np.isnan(expected):
                said = f"{name}, eps {eps:g}: closed form within the last whole step"
                whole = (steps[i], steps[i] - 1.0, steps[i])
                run.claim(f"{name} {eps:g} formula", said, expected=expected, measured=whole)
    return pd.DataFrame(rows)


def form_claims(run: Run, table: pd.DataFrame) -> Floats:
    """Show that momentum's advantage is the factor 1/(1-β); return the steps of the EMA form at lr/(1-β)."""
    steps = {name: rows["steps"].to_numpy() for name, rows in table.groupby("rule")}
    scaled = Optimizer(momentum(BETA), lr=LR / (1.0 - BETA), replicas=len(EPS))
    found = escape_steps(saddle(), scaled, points(0.0, EPS), axis=1)
    said = "EMA momentum at lr/(1-β) against the heavy ball at lr: largest difference in steps"
    run.claim("EMA rescaled", said, expected=0.0, measured=float(np.abs(found - steps[HB]).max()))
    for eps, ema, descent in zip(EPS, steps[EMA], steps[GD], strict=True):
        said = (
            f"momentum leaves a saddle faster at the same lr: eps {eps:g}, steps of EMA momentum over gradient descent"
        )
        ratio = (ema / descent, (ema - 1.0) / descent, ema / (descent - 1.0))  # the last step is never a whole one
        expected = theory(EMA, eps) / theory(GD, eps)
        run.claim(f"EMA slower {eps:g}", said, expected=expected, measured=ratio, verdict="refuted")
    said = "all six rules from y = 0 exactly: largest |y| after 2000 steps"
    ends = [descend(saddle(), Optimizer(rule, lr=LR), 2000, start=np.array([0.5, 0.0]), progress=False).w[1]
            for rule in RULES.values()]  # fmt: skip
    run.claim("on the ridge", said, expected=0.0, measured=float(np.abs(ends).max()))
    return found


def noise_claims(run: Run) -> pd.DataFrame:
    """Start on the saddle and let noise decide: mean and sd of the steps against their closed forms."""
    runs = 500 if run.quick else 2000
    sd = float(noise_escape_sd(LR, curvature=CURVATURE))
    run.claim("sd printed", "closed form of the sd of the steps", expected=56.1, measured=sd, tolerance=0.05)
    rows, sds = [], []
    for noise, (measured, printed) in run.progress(NOISE.items(), "noise levels"):
        problem = Noisy(saddle(), GaussianNoise((0.0, noise)), run.rng)
        steps = escape_steps(problem, Optimizer(sgd(), lr=LR, replicas=runs), np.zeros((runs, 2)), axis=1)
        mean = mean_interval(steps)
        expected = float(noise_escape_mean(noise, LR, curvature=CURVATURE))
        said = f"noise sd {noise:g}: mean of the steps from the saddle itself, whole steps"
        run.claim(f"noise {noise:g}", said, expected=expected, measured=mean, tolerance=1.0)
        said = f"noise sd {noise:g}: closed form of the mean"
        run.claim(f"noise {noise:g} printed", said, expected=printed, measured=expected, tolerance=0.05)
        said = f"noise sd {noise:g}: mean of an earlier 2000 runs, which has a 99.99 % error of its own"
        own_error = 3.89 * sd / np.sqrt(2000.0)
        run.claim(f"noise {noise:g} earlier", said, expected=measured, measured=mean, tolerance=own_error)
        spread = tuple(np.sqrt(mean_interval((steps - steps.mean()) ** 2)))
        run.claim(f"noise {noise:g} sd", f"noise sd {noise:g}: sd of the steps", expected=sd, measured=spread)
        sds.append(spread)
        rows += [{"noise": noise, "run": i, "steps": s} for i, s in enumerate(steps)]
    middle, low, high = np.mean(sds, axis=0)  # an interval of the mean that is wider than it need be
    said = "mean over the noise levels of the sd of the steps; an earlier 2000 runs had 55 to 58"
    run.claim("sd earlier", said, expected=56.5, measured=(middle, low, high), tolerance=1.5)
    return pd.DataFrame(rows)


def monkey_claims(run: Run) -> pd.DataFrame:
    """Measure the saddle that is not strict, from (-eps, 0)."""
    rows = []
    for name, reference in MONKEY.items():
        optimizer = Optimizer(RULES[name], lr=LR, replicas=len(MONKEY_EPS))
        steps = escape_steps(MonkeySaddle(), optimizer, points(-MONKEY_EPS, 0.0), axis=0)
        for i, eps in enumerate(MONKEY_EPS):
            rows.append({"rule": name, "eps": eps, "steps": steps[i]})
            said = f"{name} on the monkey saddle: steps from (-{eps:g}, 0) to x = -1"
            run.claim(f"monkey {name} {eps:g}", said, expected=reference[i], measured=steps[i])
    for i, (eps, flow) in enumerate(zip(MONKEY_EPS, (300, 3300, 33300), strict=True)):
        time = float(monkey_flow_time(eps)) / LR
        said = f"monkey saddle, eps {eps:g}: time of the flow over lr"
        run.claim(f"monkey flow {eps:g}", said, expected=flow, measured=time, tolerance=1e-9 * flow)
        said = f"monkey saddle, eps {eps:g}: flow time over lr plus ln(1/eps), within the last whole step"
        whole = (rows[i]["steps"], rows[i]["steps"] - 1.0, rows[i]["steps"])
        run.claim(f"monkey first order {eps:g}", said, expected=float(monkey_escape(eps, LR)), measured=whole)
    return pd.DataFrame(rows)


def sector_claims(run: Run) -> None:
    """Claim that starts all around the monkey saddle leave it in three directions."""
    radius = 0.2
    angles = np.deg2rad(np.arange(1.5, 360.0, 3.0))
    record = Every(1, at=np.array)
    optimizer = Optimizer(sgd(), lr=LR, replicas=len(angles))
    passage = FirstPassage(lambda w: np.hypot(w[:, 0], w[:, 1]), 1.0)
    start = radius * points(np.cos(angles), np.sin(angles))
    trace = descend(MonkeySaddle(), optimizer, 5000, start=start, record=record, stop=passage, progress=False)
    ends = trace["at"][passage.steps.astype(int), np.arange(len(angles))]
    directions = np.rad2deg(np.arctan2(ends[:, 1], ends[:, 0])) % 360.0
    bound = np.rad2deg(np.arcsin(radius**3)) / 3.0  # the flow keeps r³ sin 3θ
    for k, sector in enumerate((60.0, 180.0, 300.0)):
        inside = directions[40 * k : 40 * (k + 1)]
        said = f"monkey saddle: direction in which starts between {sector - 60:g}° and {sector + 60:g}° leave, degrees"
        measured = (float(inside.mean()), float(inside.min()), float(inside.max()))
        run.claim(f"sector {sector:g}", said, expected=sector, measured=measured, tolerance=0.0)
        said = f"monkey saddle: largest angle to {sector:g}° at r = 1, degrees"
        off = float(np.abs(inside - sector).max())
        run.claim(f"sector {sector:g} spread", said, expected=0.0, measured=off, tolerance=1.1 * bound)


def draw_distances(ax: Axes, table: pd.DataFrame, scaled: Floats) -> None:
    """Steps against the distance of the start."""
    fine = np.geomspace(EPS[-1], EPS[0], 50)
    for name, rows in table.groupby("rule", sort=False):
        colour = PALETTE[COLOURS[str(name)]]
        ax.plot(rows["eps"], rows["steps"], "o" if rows["theory"].notna().all() else "s:", color=colour, label=name)
        ax.plot(fine, theory(str(name), fine), color=colour)
    ring: dict[str, Any] = {"markersize": 13, "markerfacecolor": "none", "color": PALETTE["vermillion"]}
    ax.plot(EPS, scaled, "o", label="EMA, lr/(1-β)", **ring)
    ax.set(xscale="log", yscale="log", xlabel="distance eps of the start (lines: theory)", ylabel="steps to |y| = 1")
    ax.set_title("At equal lr, EMA momentum is slower than gradient descent")
    ax.set_ylim(30, 9000)
    ax.legend(ncols=2, loc="upper right")


def draw_noise(ax: Axes, table: pd.DataFrame) -> None:
    """Distribution of the steps with noise."""
    levels = list(NOISE)
    for k, noise in enumerate(levels):
        steps = table["steps"][table["noise"] == noise]
        colour = PALETTE[("blue", "green", "purple")[k]]
        ax.hist(steps, bins=40, density=True, color=colour, alpha=0.55, label=f"noise sd {noise:g}")
        mean, sd = noise_escape_mean(noise, LR, curvature=CURVATURE), noise_escape_sd(LR, curvature=CURVATURE)
        ax.errorbar(mean, 0.0115, xerr=sd, fmt="D", color=PALETTE["black"], capsize=4, markersize=5)
    ax.plot([], [], "D-", color=PALETTE["black"], markersize=5, label="theory: mean ± sd")
    ax.set(title="From the saddle itself, noise sets the time", ylabel="density", ylim=(0.0, 0.0165))
    ax.set(xlabel="steps of gradient descent to |y| = 1")
    ax.legend(ncols=2, loc="upper center")


def draw_monkey(ax: Axes, table: pd.DataFrame) -> None:
    """Steps on the monkey saddle."""
    for name, rows in table.groupby("rule", sort=False):
        ax.plot(rows["eps"], rows["steps"], "o:", color=PALETTE[COLOURS[str(name)]], label=name)
    fine = np.geomspace(1e-3, 0.1, 30)
    ax.plot(fine, monkey_escape(fine, LR), color=PALETTE["black"], label="theory, 1/(3 lr eps)")
    ax.set(xscale="log", yscale="log", title="Monkey saddle: 1/eps in place of ln(1/eps)", ylim=(30, 2e5))
    ax.set(xlabel="distance eps of the start", ylabel="steps to x = -1")
    ax.legend(loc="upper right")


def paths(eps: float, steps: int) -> dict[str, Floats]:
    """Return the way of each rule from (0.9, eps), shape (steps + 1, 2); after |y| = 1 it stays."""
    found = {}
    for name, rule in RULES.items():
        record = Every(1, at=np.array)
        start = np.array([0.9, eps])
        way = descend(saddle(), Optimizer(rule, lr=LR), steps, start=start, record=record, progress=False)["at"]
        out = np.abs(way[:, 1]) >= 1.0
        way[out] = way[out.argmax()] if out.any() else 0.0
        found[name] = way
    return found


def draw_contour(ax: Axes) -> None:
    """Contours of x² - y²."""
    x, y = np.meshgrid(np.linspace(-1.0, 1.05, 120), np.linspace(-0.1, 1.1, 120))
    levels = np.linspace(-1.3, 1.3, 14)
    ax.contourf(x, y, saddle().value(np.stack([x, y], axis=-1)), levels, cmap="Greys", alpha=0.5)
    ax.axhline(1.0, color=PALETTE["black"], linestyle="--", linewidth=1.0)
    ax.set(xlim=(-1.0, 1.05), ylim=(-0.1, 1.1), xlabel="x, uphill", ylabel="y, downhill")
    ax.grid(visible=False)


def draw_paths(ax: Axes) -> None:
    """Ways over the contour, until |y| = 1."""
    draw_contour(ax)
    for name, way in paths(1e-2, 300).items():
        wide = 4.0 if name == GD else 1.8
        style = "--" if name == EMA else "-"
        ax.plot(way[:, 0], way[:, 1], style, color=PALETTE[COLOURS[name]], linewidth=wide, label=name, alpha=0.9)
    ax.plot(0.9, 0.01, "k*", markersize=12)
    ax.set_title("Ways from ★ = (0.9, 0.01) to |y| = 1, lr 0.01")
    ax.legend(loc="center left", ncols=1, frameon=True)


def animate(run: Run) -> None:
    """Write the animation: the ways, and |y| over the steps."""
    import matplotlib.pyplot as plt

    ways = paths(1e-2, 300)
    stride = 50 if run.quick else 6
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.4))
    draw_contour(left)
    trails, heights = {}, {}
    for name in ways:
        style: dict[str, Any] = {"color": PALETTE[COLOURS[name]], "marker": "o", "markevery": [-1]}
        (trails[name],) = left.plot([], [], **style)
        (heights[name],) = right.plot([], [], label=name, **style)
    right.set(xlim=(0, 300), ylim=(5e-3, 1.6), yscale="log", xlabel="step", ylabel="|y|")
    right.axhline(1.0, color=PALETTE["black"], linestyle="--", linewidth=1.0)
    right.legend(loc="lower right")
    figure.suptitle("Leaving the saddle x² - y²: who is where after how many steps")
    run.animation(figure, _frames(ways, trails, heights, left, stride), frames=300 // stride + 1, name="saddle_escape")


def _frames(
    ways: dict[str, Floats], trails: dict[str, Any], heights: dict[str, Any], ax: Axes, stride: int
) -> Callable[[int], Any]:
    def draw(k: int) -> Any:
        t = k * stride
        for name, way in ways.items():
            trails[name].set_data(way[: t + 1, 0], way[: t + 1, 1])
            heights[name].set_data(np.arange(t + 1), np.abs(way[: t + 1, 1]))
        ax.set_title(f"step {t}")
        return ()

    return draw


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    distances = distance_claims(run)
    scaled = form_claims(run, distances)
    noise, monkey = noise_claims(run), monkey_claims(run)
    sector_claims(run)
    figure, axes = plt.subplots(2, 2, figsize=(13, 9.5))
    draw_distances(axes[0, 0], distances, scaled)
    draw_paths(axes[0, 1])
    draw_noise(axes[1, 0], noise)
    draw_monkey(axes[1, 1], monkey)
    run.say(
        "Momentum by itself leaves a saddle no faster: its EMA form is slower than gradient descent, and the heavy\n"
        "ball is fast because it steps 1/(1-β) times as far. Adam and RMSprop do not care how close they begin."
    )
    run.table(distances, "distances")
    run.table(noise, "noise")
    run.table(monkey, "monkey")
    run.figure(figure, "saddle_escape")
    animate(run)


if __name__ == "__main__":
    raise SystemExit(study(main))
