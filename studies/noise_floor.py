"""Where does an optimizer stop at a constant learning rate, and what does an average of its iterates change?

At a floor: on a noisy quadratic SGD ends at E w² = lr c / (h (2 - lr h)), and momentum that steps 1/(1-β) times as far
at the floor of a learning rate as much higher. An average has the floor of a lower one, a long one that of (1-γ)/h.

Curvature h, gradients h w + e with e of variance c (Zhang et al. 2019): the place where each linear rule ends is known
in closed form, and stands beside its simulation. Takes 8 s (--quick: 4 s).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, Optimizer, Rule, descend, ema, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, StudyError, legend_above, looks, mean_interval, rules_knob, study
from optimlab.lab.problems import NoisyQuadratic
from optimlab.lab.theory import linear_rule, lr_equal_to_average, stationary_covariance
from optimlab.typing import Floats

KNOBS = (
    rules_knob("sgd, heavy_ball(.9), nesterov(.9)"),
    Knob("lr", (0.03, 0.1, 0.3, 1.0), "learning rates", POSITIVE),
    Knob("gamma", (0.9, 0.97), "decays of the averages of SGD's iterates", Range("in (0, 1)")),
    Knob("curvature", 1.0, "curvature h", POSITIVE),
    Knob("noise", 1.0, "variance c of the gradient's noise", POSITIVE),
    Knob("start", 5.0, "w at the start of the runs that are drawn"),
    Knob("runs", 500, "independent runs", quick=200),
    Knob("steps", 3000, "steps that are averaged, after 800", quick=1500),
)
SETTLE, LONGEST = 800, 30_000


def descents(run: Run, rule: Rule, lr: Floats, steps: int, start: float) -> Floats:
    """Return w, of shape (steps + 1, learning rates, runs)."""
    o, rates = run.options, np.repeat(lr, run.options.runs)
    problem = NoisyQuadratic((o.curvature,), (o.noise,)).seen(run.rng)
    w = np.full((len(rates), 1), start)
    record = Every(1, at=lambda w: w[:, 0].copy())
    history = descend(problem, Optimizer(rule, rates, replicas=len(rates)), steps, start=w, record=record)
    return history["at"].reshape(steps + 1, len(lr), o.runs)


def floors(run: Run, rule: Rule, lr: Floats, gamma: float) -> tuple[Any, Any, Any]:
    """E w² for each lr with its interval: time averages of the iterates, or of their average, after the descent."""
    before = settling(run, rule, lr, gamma)
    square = ema(descents(run, rule, lr, before + run.options.steps, 0.0), gamma, axis=0)[before:] ** 2
    parts = [part.mean(axis=(0, 2)) for part in np.array_split(square, min(4, len(square)))]
    drifts = parts[-1] > 2.0 * parts[0] if linear_rule(rule) is None else np.zeros(len(lr), bool)
    floor, low, high = (np.where(drifts, np.inf, found) for found in mean_interval(square.mean(axis=0), axis=1))
    return floor, low, high


def settling(run: Run, rule: Rule, lr: Floats, gamma: float) -> int:
    """Steps before the measurement; of a linear rule as many as its slowest mode needs to fall to e⁻⁴."""
    if (linear := linear_rule(rule)) is None:
        return SETTLE
    form = type(linear)(linear.beta, linear.trace, linear.gradient, average=gamma)
    slowest = float(np.abs(np.linalg.eigvals(form.matrices(lr, run.options.curvature)[0])).max())
    needed = int(np.ceil(-4.0 / np.log(slowest))) if slowest < 1.0 else LONGEST + 1
    if needed > LONGEST:
        raise StudyError(f"at lr {min(lr):g} the slowest mode is not settled in {LONGEST} steps; take a larger --lr")
    return max(SETTLE, needed)


def closed_form(rule: Rule, lr: Floats, run: Run, gamma: float = 0.0) -> tuple[Floats, Floats]:
    """E w² of the iterates and of their average, from the Lyapunov equation; inf where a rule diverges."""
    linear = linear_rule(rule)
    if linear is None:
        return np.full(len(lr), np.nan), np.full(len(lr), np.nan)
    form = replace(linear, average=gamma)
    covariance = stationary_covariance(form, lr, run.options.curvature, noise=run.options.noise)
    return covariance[:, 0, 0], covariance[:, 2, 2]


def measure(run: Run) -> pd.DataFrame:
    """Floors of each rule, and of averages of SGD, over the learning rates."""
    lr = np.array(run.options.lr)
    cases = [(label, rule, 0.0) for label, rule in run.options.rules.items()]
    cases += [(f"average of SGD, γ {gamma:g}", sgd(), gamma) for gamma in run.options.gamma]
    rows = []
    for label, rule, gamma in cases:
        expected = closed_form(rule, lr, run, gamma)[gamma > 0.0]
        stable = lr[~np.isinf(expected)]
        found = iter(np.transpose(floors(run, rule, stable, gamma)) if len(stable) else ())
        for rate, theory in zip(lr, expected, strict=True):
            floor = (np.inf,) * 3 if np.isinf(theory) else next(found)
            rows.append((label, rate, theory, *floor))
    return pd.DataFrame(rows, columns=["rule", "lr", "theory", "measured", "low", "high"])


def claim(run: Run, table: pd.DataFrame) -> None:
    """Set the floors beside the closed forms, and a decayed learning rate beside the average that it equals."""
    stable = table[np.isfinite(table["theory"])]
    said = "{rule}, lr {lr:g}: stationary E w²"
    run.claim_rows(stable, "{rule} {lr:g}", said, expected="theory", measured=("measured", "low", "high"))
    h, lr = run.options.curvature, min(0.5 / run.options.curvature, max(run.options.lr))
    for gamma in run.options.gamma:
        lower = float(lr_equal_to_average(lr, h, gamma=gamma))
        floor = tuple(number[0] for number in floors(run, sgd(), np.array([lower]), 0.0))
        average = closed_form(sgd(), np.array([lr]), run, gamma)[1][0]
        said = f"SGD decayed from lr {lr:g} to {lower:.4g}: its floor, beside that of an average of γ {gamma:g}"
        run.claim(f"decay = average {gamma:g}", said, expected=average, measured=floor)


def draw_descent(ax: Axes, run: Run) -> None:
    """E w² over the steps: runs that settle."""
    o, lr = run.options, sorted(run.options.lr)[-3:][0]
    for label, look in looks(o.rules).items():
        w = descents(run, o.rules[label], np.array([lr]), 150, o.start)
        ax.plot((w**2).mean(axis=(1, 2)), color=look.colour, linestyle=look.dash, label=label)
        floor = closed_form(o.rules[label], np.array([lr]), run)[0][0]
        ax.axhline(floor, color=look.colour, linestyle=":", linewidth=1)
    ax.set(yscale="log", xlabel="step", ylabel=f"mean w² of {o.runs} runs")
    ax.set_title(f"From w = {o.start:g} at lr {lr:g}: down, and no further (dotted: theory)")
    ax.legend()


def draw_floors(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Floors over the learning rate."""
    fine = np.geomspace(min(run.options.lr), max(run.options.lr), 200)
    for label, look in looks(run.options.rules).items():
        line = closed_form(run.options.rules[label], fine, run)[0]
        ax.plot(fine, line, color=look.colour, linestyle=look.dash, label=label)
        dots = table[table["rule"] == label]
        ax.plot(dots["lr"], dots["measured"], "o", color=look.colour)
    for gamma, style in zip(run.options.gamma, ("--", "-.", ":", "-") * 9, strict=False):
        label = f"average of SGD, γ {gamma:g}"
        ax.plot(fine, closed_form(sgd(), fine, run, gamma)[1], color="#777777", linestyle=style, label=label)
        dots = table[table["rule"] == label]
        ax.plot(dots["lr"], dots["measured"], "D", color="#777777", markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="learning rate (line: theory, dots: simulated)", ylabel="stationary E w²")
    ax.set_title("A constant learning rate leaves a floor")
    legend_above(ax)


def draw_equal(ax: Axes, run: Run) -> None:
    """The learning rate that an average amounts to."""
    h, gamma = run.options.curvature, 1.0 - np.geomspace(1e-4, 0.9, 200)
    for lr, style in zip((1.5 / h, 0.5 / h, 0.05 / h), ("-", "--", "-."), strict=True):
        ax.plot(1 - gamma, lr_equal_to_average(lr, h, gamma=gamma), style, color="black", label=f"lr = {lr:g}")
    ax.plot(1 - gamma, (1 - gamma) / h, ":", color="#777777", label="(1-γ)/h")
    ax.set(xscale="log", yscale="log", xlabel="1-γ of the average", ylabel="learning rate of the same floor")
    ax.set_title("An average amounts to a lower learning rate")
    ax.legend()


def answer(run: Run, table: pd.DataFrame) -> None:
    """Say where the rules end."""
    lr, h = sorted(run.options.lr)[len(run.options.lr) > 1], run.options.curvature
    ends = table[table["lr"] == lr]
    words = ", ".join(f"{row.rule} at {row.measured:.3g}" for row in ends.itertuples() if np.isfinite(row.measured))
    text = f"At lr {lr:g} the runs stop falling at E w² of: {words}."
    if lr * h < 2.0:
        equal = (f"{float(lr_equal_to_average(lr, h, gamma=g)):.3g} (γ = {g:g})" for g in run.options.gamma)
        text += f" An average of SGD's iterates ends where SGD with a lower lr does: {', '.join(equal)}."
    wide = table.pivot_table("measured", "rule", "lr", sort=False)
    run.answer(text, wide.rename(columns="lr {:g}".format).reset_index().rename(columns={"rule": "E w² measured"}))


def main(run: Run) -> None:
    """Run the study."""
    table = measure(run)
    if not np.isfinite(table["measured"]).any():
        raise StudyError("nothing settles at these learning rates; take a smaller --lr")
    claim(run, table)
    answer(run, table)
    run.table(table, "floors")
    run.draw(
        lambda ax: draw_descent(ax, run),
        lambda ax: draw_floors(ax, run, table),
        lambda ax: draw_equal(ax, run),
        columns=3,
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
