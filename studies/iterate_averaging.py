"""Is it better to average the iterates, or to lower the learning rate?

Over many curvatures the average wins: that of SGD at lr 0.5, γ = 0.98, is at twice the floor after 308 updates, SGD at
lr 0.151, which has the same floor, after 826. In one dimension neither wins: there the lower rate forgets the start as
fast as the average, within 2 %.

SGD and others see the gradients h w + e, first one curvature from the floor on, then h = c = 1/i at once (Zhang et al.
2019) from w = 1. All curves are exact for linear rules, and simulated. Takes 25 s (--quick: 8 s).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.optimize import brentq

from optimlab import Ema, Every, Optimizer, Rule, constant, descend, ema, inverse_time_decay, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab import theory
from optimlab.lab.frame import Knob, Run, StudyError, legend_above, look, looks, mean_interval, rules_knob, study
from optimlab.lab.problems import NoisyQuadratic, noisy_quadratic
from optimlab.lab.theory import LinearRule, linear_rule, lr_equal_to_average, sgd_variance, transient
from optimlab.typing import Floats

KNOBS = (
    rules_knob("sgd, heavy_ball(.9)"),
    Knob("lr", 0.5, "learning rate of SGD; linear rules get the one with the same step in the long run", POSITIVE),
    Knob("gamma", 0.98, "decay γ of the average", Range("in (0, 1)")),
    Knob("dimension", 100, "number of curvatures 1/i"),
    Knob("batch", 16.0, "batch, by which the noise is divided there", POSITIVE),
    Knob("steps", 2000, "updates over many curvatures", Range("at least 10 and finite")),
    Knob("runs", 1000, "independent runs; ten times as many in one dimension", quick=150),
)
GREY = "#777777"


class Curve(NamedTuple):
    """Loss after each update from the first on: exact, NaN where nothing is known, and that of each run; its look."""

    exact: Floats
    simulated: Floats
    colour: str
    dash: str


def one_curvature(run: Run) -> dict[str, Curve]:
    """E w² of a stationary SGD that is averaged, or decayed to the rate of the same floor, or decayed as 1/k."""
    o, steps = run.options, 300
    floor, lower = float(sgd_variance(o.lr, 1.0)), float(lr_equal_to_average(o.lr, 1.0, gamma=o.gamma))
    best = theory.best_decay(1.0, start=floor)
    kinds = (
        (f"lr {o.lr:g} as before", constant(o.lr), 0.0, "black", "-"),
        (f"average, γ {o.gamma:g}", constant(o.lr), o.gamma, "black", "--"),
        (f"lr {lower:.3g}", constant(lower), 0.0, GREY, "-"),
        ("lr ∝ 1/k", inverse_time_decay(best.initial, best.rate), 0.0, GREY, ":"),
    )
    curves = {}
    for name, rates, gamma, colour, dash in kinds:
        exact = transient(LinearRule(average=gamma), rates(np.arange(steps)), 1.0, start=np.sqrt(floor))
        start = np.sqrt(floor) * run.rng.normal(size=(10 * o.runs, 1))
        optimizer = Optimizer(sgd(), rates, replicas=len(start))
        problem, record = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng), Every(1, at=lambda w: w[:, 0].copy())
        way = descend(problem, optimizer, steps, start=start, record=record)["at"][1:]
        curves[name] = Curve(exact.average_square[1:], ema(way, gamma, axis=0) ** 2, colour, dash)
    return curves


def many_curvatures(run: Run, lower: float) -> dict[str, Curve]:
    """Loss of each rule and of the average of its iterates, and of SGD at the lower rate."""
    o, curves, h = run.options, {}, spectrum(run)
    cases = [(rule, None, found) for rule, found in zip(o.rules.values(), looks(o.rules).values(), strict=True)]
    for rule, lr, found in [*cases, (sgd(), lower, look(sgd())._replace(colour=GREY))]:
        linear, exact = linear_rule(rule), np.full((2, o.steps), np.nan)
        if linear is not None:
            lr = lr or o.lr / float(linear.gain)
            moments = transient(replace(linear, average=o.gamma), np.full((o.steps, 1), lr), h, noise=h / o.batch)
            exact = np.array([(h * s / 2).sum(axis=-1)[1:] for s in (moments.square, moments.average_square)])
        losses, name = simulated(run, rule, lr or o.lr), f"{found.name}, lr {lr or o.lr:.3g}"
        curves[name] = Curve(exact[0], losses[0], found.colour, found.dash)
        curves[f"average of {name}"] = Curve(exact[1], losses[1], found.colour, "--" if found.dash == "-" else ":")
    return curves


def simulated(run: Run, rule: Rule, lr: float) -> Floats:
    """Loss of iterates and average after each update, shape (2, steps, runs)."""
    o, problem = run.options, noisy_quadratic(run.options.dimension, batch=run.options.batch).seen(run.rng)
    optimizer = Optimizer(rule, lr, average=Ema(o.gamma, debias=True), replicas=o.runs)

    def averaged(w: Floats) -> Any:
        with optimizer.averaged(w):
            return problem.value(w)

    w = descend(problem, optimizer, 1, start=np.ones((o.runs, o.dimension)), record=Every(1)).w
    title = f"steps of {rule!r}"
    way = descend(problem, optimizer, o.steps - 1, start=w, record=Every(1, average=averaged), progress=title)
    return np.array([way["value"], way["average"]])


def spectrum(run: Run) -> Floats:
    """Return the curvatures, which are also the variances of the noise."""
    return 1.0 / np.arange(1, run.options.dimension + 1)


def equal_floor(run: Run) -> tuple[float, float]:
    """Return the rate at which SGD has the floor of the average, over all curvatures, and that loss."""
    o, h = run.options, spectrum(run)
    goal = float((h / 2 * theory.averaged_sgd_variance(o.lr, h, gamma=o.gamma, noise=h / o.batch)).sum())
    if not np.isfinite(goal):
        raise StudyError(f"--lr must be below 2, where SGD is stable; got {o.lr:g}")
    excess = lambda lr: float((h / 2 * sgd_variance(lr, h, noise=h / o.batch)).sum()) - goal  # noqa: E731
    return float(brentq(excess, 1e-9, o.lr, xtol=1e-14)), goal


def first(losses: Floats, goal: float) -> float:
    """Return the first update after which a loss is at most the goal, NaN if none is, or if the last is not."""
    return float(np.argmax(losses <= goal)) + 1.0 if losses[-1] <= goal else np.nan


def table_of(curves: dict[str, Curve]) -> pd.DataFrame:
    """Return a row for each curve and some of its updates."""
    rows = []
    for name, curve in curves.items():
        for t in sorted({t for t in (10, 100, 1000) if t < len(curve.exact)} | {len(curve.exact)}):
            rows.append((name, t, curve.exact[t - 1], *mean_interval(curve.simulated[t - 1])))
    return pd.DataFrame(rows, columns=["curve", "update", "exact", "simulated", "low", "high"])


def delays(curves: dict[str, Curve], goal: float) -> pd.DataFrame:
    """Return how many updates each curve takes to a loss: exact, and simulated with its interval."""
    rows = []
    for name, curve in curves.items():
        mean, low, high = (first(losses, goal) for losses in mean_interval(curve.simulated, axis=1))
        end = curve.simulated[-1].mean()
        rows.append((name, end, first(curve.exact, goal), mean, low, high if high == high else np.inf))
    return pd.DataFrame(rows, columns=["curve", "loss at the end", "exact", "updates", "low", "high"])


def claim(run: Run, tables: dict[str, pd.DataFrame], delay: pd.DataFrame) -> None:
    """Set curves and delays beside what is exact; in one dimension the average forgets as the lower rate does."""
    o, interval = run.options, ("simulated", "low", "high")
    for where, table in tables.items():
        said = f"{where}, {{curve}}: loss after {{update}} updates"
        run.claim_rows(table, f"{where}: {{curve}} {{update}}", said, expected="exact", measured=interval)
    said = "{curve}: updates to twice the common floor"
    reached = delay.dropna()
    run.claim_rows(reached, "delay {curve}", said, expected="exact", measured=("updates", "low", "high"))
    lower, K = float(lr_equal_to_average(o.lr, 1.0, gamma=o.gamma)), int(np.ceil(32.0 / (1.0 - o.gamma)))
    means = transient(LinearRule(average=o.gamma), np.full(K, o.lr), 1.0, noise=0.0).average_mean
    measured = np.log(abs(means[K] / means[3 * K // 4])) / (K - 3 * K // 4) / np.log(1.0 - lower)
    said = "one curvature: speed at which the start is forgotten, average over the lower rate of the same floor"
    slow, fast = sorted((o.gamma, abs(1.0 - o.lr)), reverse=True)
    expected = np.log(slow) / np.log(1.0 - lower)
    if fast < 0.9 * slow:  # else both fade together, and neither alone sets the speed by the end of the run
        run.claim("one dimension", said, expected=expected, measured=float(measured), tolerance=1e-6)


def draw(ax: Axes, curves: dict[str, Curve], title: str, goal: float) -> None:
    """Exact curves, and the simulated dots on them."""
    for name, curve in curves.items():
        k, fill = np.arange(1, len(curve.exact) + 1), curve.colour if curve.dash == "-" else "white"
        kind: dict[str, Any] = {"mfc": fill, "markersize": 5}
        dots = np.unique(np.geomspace(3, len(k), 10).astype(int))
        ax.plot(k, curve.exact, color=curve.colour, linestyle=curve.dash)
        ax.plot(dots, curve.simulated[dots - 1].mean(axis=1), "o", color=curve.colour, **kind)
        ax.plot([], [], "o", color=curve.colour, linestyle=curve.dash, label=name, **kind)
    ax.set(xscale="log", yscale="log", xlabel="update (line: exact, dots: simulated)", title=title)
    ax.set_ylabel("loss, h = c = 1/i (dotted: twice the floor)" if goal else "E w², h = c = 1, from the floor on")
    if goal:
        ax.axhline(goal, color=GREY, linestyle=":", linewidth=1)
    legend_above(ax)


def main(run: Run) -> None:
    """Run the study."""
    o = run.options
    lower, floor = equal_floor(run)
    one, many = one_curvature(run), many_curvatures(run, lower)
    delay = delays(many, 2.0 * floor)
    tables = {"one curvature": table_of(one), f"{o.dimension} curvatures": table_of(many)}
    claim(run, tables, delay)
    there = delay.dropna(subset="updates")
    words = ", ".join(f"{name} after {n:.0f}" for name, n in zip(there["curve"], there["updates"], strict=True))
    text = f"""The average (γ {o.gamma:g}) of SGD at lr {o.lr:g} has the floor of SGD at lr {lower:.3g}, a loss of
        {floor:.3g}. At twice that are: {words or "none"}; others are not within {o.steps} updates."""
    shown = delay.drop(columns=["exact", "low", "high"])
    run.answer(text, shown.rename(columns={"updates": "updates to twice the floor"}))
    run.table(pd.concat(tables, names=["problem", None]).reset_index(0), "curves")
    run.table(delay, "delays")

    run.draw(
        lambda ax: draw(ax, one, "One curvature: averaging and decaying are two ways down", 0.0),
        lambda ax: draw(ax, many, f"{o.dimension} curvatures, from w = 1: an average ends lower", 2.0 * floor),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
