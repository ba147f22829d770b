"""How long does a chain of saddles hold gradient descent, and what do momentum, scaling and noise change?

Exponentially long: with L/g = 4 and lr 1/8 SGD needs 5.7 times as many steps for each further saddle, 7.5 million for
the eighth. Momentum makes the factor smaller: EMA momentum 2.2, Nesterov 1.9, heavy ball 1.3. Linear in the saddles are
RMSprop, which comes no closer to the axis than about lr, nearly Adam, and SGD with a little noise.

Each saddle that is left pulls the later coordinates closer to theirs (Du et al. 2017): steps grow by the factor 1 + ρ,
ρ the decay's logarithm over the growth's. SGD's steps are computed exactly in logarithms; all else is simulated step by
step, until coordinates fall below what float64 can hold. Takes 10 s (--quick: 8 s).
"""

from __future__ import annotations

from math import e
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, FirstPassage, Optimizer, Rule, descend, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, legend_above, looks, mean_interval, rules_knob, study
from optimlab.lab.problems import GaussianNoise, Noisy, SaddleChain
from optimlab.lab.theory import chain_bound, chain_factor, chain_mean, linear_rule
from optimlab.typing import Floats

KNOBS = (
    rules_knob("sgd, heavy_ball(.9), nesterov(.9), momentum(.9), rmsprop(.9), adam"),
    Knob("ratio", (1.0, 2.0, 4.0), "L/g: how much steeper a saddle is uphill; the largest is for all rules", POSITIVE),
    Knob("lr", 0.125, "lr L: learning rate of linear rules", Range("in (0, 0.5)")),
    Knob("lr_other", 0.01, "learning rate of rules that scale the gradient", POSITIVE),
    Knob("noise", (1e-2, 1e-4), "sd of the gradient's noise, for SGD", POSITIVE),
    Knob("floor", 1e-2, "least size of a coordinate when its saddle's turn comes", Range("in (0, 1)")),
    Knob("saddles", 8, "saddles in the chain", Range("in [3, 16]")),
    Knob("starts", 40_000, "starts of SGD, uniform in [-1, 1]", quick=4000),
    Knob("runs", 400, "runs that are simulated", quick=100),
    Knob("steps", 40_000, "steps after which a simulation ends"),
)
TINY = 1e-300  # below it float64 keeps no digits


def chain(ratio: float, length: int) -> SaddleChain:
    """Return the chain with L = 1 and this L/g."""
    return SaddleChain(length, growth=1.0 / ratio)


def starts(run: Run, count: int, length: int) -> Floats:
    """Return starts that are uniform in [-1, 1]."""
    return run.rng.uniform(-1.0, 1.0, (count, length))


def factor(rule: Rule, lr: float, ratio: float) -> float:
    """1 + ρ = 1 - ln |z₋| / ln z₊, of the roots with which a coordinate decays and grows; NaN if there is no theory."""
    form = linear_rule(rule)
    if form is None:
        return np.nan
    decay, growth = form.mode(2.0 * lr).radius, form.mode(-2.0 * lr / ratio).radius
    return float(1.0 - np.log(decay) / np.log(growth))


def noisy_increment(noise: float, lr: float, ratio: float) -> float:
    """Mean steps for one more saddle: from a normal start of sd q, by the noise before and during it."""
    up, down = 1.0 + 2.0 * lr / ratio, 1.0 - 2.0 * lr
    q = lr * noise * np.sqrt(1.0 / (up**2 - 1.0) + 1.0 / (1.0 - down**2))
    return float((1.0 - np.log(q) + (np.euler_gamma + np.log(2.0)) / 2.0) / np.log(up) + 0.5)


def measure_descent(run: Run) -> pd.DataFrame:
    """Steps of SGD for every L/g, from logarithms."""
    o, rows = run.options, []
    for ratio in o.ratio:
        factor = float(chain_factor(o.lr, growth=1.0 / ratio, contraction=1.0))
        steps = chain(ratio, o.saddles).escapes(starts(run, o.starts, o.saddles), o.lr)
        for k in range(1, o.saddles + 1):
            mean = float(chain_mean(k, o.lr, growth=1.0 / ratio, contraction=1.0))
            rows.append((ratio, k, np.median(steps[:, k - 1]), *mean_interval(steps[:, k - 1]), mean, factor))
    return pd.DataFrame(rows, columns=["ratio", "saddle", "median", "mean", "low", "high", "theory", "factor"])


def last_factor(steps: Floats) -> tuple[float, float]:
    """Return Tₖ/Tₖ₋₁ of the last saddle, and what it may differ from 1 + ρ, since Tₖ = (1+ρ) Tₖ₋₁ + O(T₁)."""
    if steps.shape[1] < 2:
        return np.nan, 0.0
    return float(np.median(steps[:, -1] / steps[:, -2])), 2.0 * float(np.median(steps[:, 0] / steps[:, -2]))


def simulate(run: Run, rule: Rule, noise: float = 0.0) -> tuple[Floats, float]:
    """Return when each coordinate first reaches e, for the saddles that all leave; and how small the next became."""
    o, passage = run.options, FirstPassage(np.abs, e)
    problem = chain(max(o.ratio), o.saddles)
    seen = Noisy(problem, GaussianNoise(noise), run.rng) if noise else problem
    optimizer = Optimizer(rule, lr=o.lr_other if linear_rule(rule) is None else o.lr, replicas=o.runs)
    start, record = starts(run, o.runs, o.saddles), Every(o.steps)
    end = descend(seen, optimizer, o.steps, start=start, record=record, stop=passage, progress=False).w
    left = int(np.isfinite(passage.steps).all(axis=0).cumprod().sum())
    steps: Floats = passage.steps
    stuck = np.abs(end[:, min(left, o.saddles - 1)])[~np.isfinite(steps).all(axis=1)]
    return steps[:, :left], float(stuck.min(initial=np.inf))


def measure_rules(run: Run) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Send every rule through the same chain, and SGD with a floor and with noise; steps by label."""
    o, steps, rows = run.options, {}, []
    ratio, sgd_starts = max(o.ratio), starts(run, o.starts, o.saddles)
    ways: dict[str, tuple[Rule, Any]] = {label: (rule, 0.0) for label, rule in o.rules.items()}
    ways |= {f"SGD, noise {noise:g}": (sgd(), noise) for noise in o.noise}
    for label, (rule, noise) in run.progress(ways.items(), "rules"):
        if rule == sgd() and not noise:
            steps[label], size = chain(ratio, o.saddles).escapes(sgd_starts, o.lr), np.nan
        else:
            steps[label], size = simulate(run, rule, noise)
        left = steps[label].shape[1]
        exact = np.nan if noise or left < 3 else factor(rule, o.lr, ratio)
        rows.append((label, left, size, *last_factor(steps[label]), exact))
    steps[f"SGD, floor {o.floor:g}"] = chain(ratio, o.saddles).escapes(sgd_starts, o.lr, floor=o.floor)
    columns = ["rule", "left", "size", "factor", "tolerance", "theory"]
    return pd.DataFrame(rows, columns=columns), steps


def claim(run: Run, descent: pd.DataFrame, rules: pd.DataFrame) -> None:
    """Set means and factors beside their closed forms, and the logarithms beside float64."""
    said = "L/g = {ratio:g}: mean step at which SGD leaves saddle {saddle}"
    run.claim_rows(descent, "mean {ratio:g} {saddle}", said, expected="theory", measured=("mean", "low", "high"))
    more = {"expected": "theory", "measured": "factor", "tolerance": "tolerance"}
    run.claim_rows(rules, "factor {rule}", "{rule}: factor at saddle {left}, the last that it leaves", **more)
    under = rules[(rules["size"] < TINY) & rules["theory"].notna()].assign(zero=0.0)
    said = "{rule}: the next coordinate is below what float64 can hold, so that saddle {left} is its last"
    run.claim_rows(under, "underflow {rule}", said, expected="zero", measured="size", tolerance=TINY)


def claim_steps(run: Run, steps: dict[str, Floats]) -> None:
    """Set the steps for one more saddle, with a floor and with noise, beside theory."""
    o, ratio = run.options, max(run.options.ratio)
    increments = np.diff(np.median(steps[f"SGD, floor {o.floor:g}"], axis=0))
    each = float(np.ceil(np.log(e / o.floor) / np.log1p(2.0 * o.lr / ratio)))
    said = f"floor {o.floor:g}: steps for one more saddle, ⌈ln(e/floor)/ln(1 + 2 lr g)⌉"
    run.claim("floor", said, expected=each, measured=(increments.mean(), increments.min(), increments.max()))
    for noise in o.noise:
        found = np.diff(steps[f"SGD, noise {noise:g}"], axis=1)
        for k in range(4, found.shape[1] + 2, 2):
            expected, measured = noisy_increment(noise, o.lr, ratio), mean_interval(found[:, k - 2])
            said = f"noise of sd {noise:g}: mean steps for saddle {k} alone"
            run.claim(f"noise {noise:g} {k}", said, expected=expected, measured=measured)


def draw_descent(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Steps of SGD over the saddles, for every L/g."""
    for (ratio, rows), mark in zip(table.groupby("ratio"), "osD^vP*X" * 9, strict=False):
        times, bound = rows["factor"].iloc[0], float(chain_bound(1.0 / float(str(ratio)), 1.0))
        label = f"L/g = {ratio:g}: × {times:.2f} a saddle (lr → 0: {bound:g})"
        ax.plot(rows["saddle"], rows["median"], mark, color="black", label=label)
        line = rows["median"].iloc[-1] * times ** (rows["saddle"] - run.options.saddles)
        ax.plot(rows["saddle"], line, color="black")
    ax.set(yscale="log", xlabel="saddle", ylabel="median step at which it is left")
    ax.set_title(f"SGD at lr L = {run.options.lr:g}: exponential in the saddles")
    ax.legend(loc="upper left", title="line: theory's factor, which a larger lr only makes worse")


def draw_rules(ax: Axes, run: Run, rules: pd.DataFrame, steps: dict[str, Floats]) -> None:
    """Steps of every rule over the saddles; where a line ends, why."""
    known = looks(run.options.rules)
    greys = iter(("--", ":", "-.") * 9)
    sizes = dict(zip(rules["rule"], rules["size"], strict=True))
    for label, found in steps.items():
        colour, dash = (known[label].colour, known[label].dash) if label in known else ("#777777", next(greys))
        median = np.median(found, axis=0)
        ax.plot(np.arange(1, len(median) + 1), median, dash, marker="o", color=colour, label=label, markersize=4)
        if 0 < len(median) < run.options.saddles:
            why = "below float64" if sizes[label] < TINY else f"beyond {run.options.steps} steps"
            why = f"{label}: saddle {len(median) + 1} is {why}"
            ax.plot(len(median), median[-1], "x", color=colour, markersize=11, markeredgewidth=2.5, label=why)
    ax.set(yscale="log", xlabel="saddle", ylabel="median step at which it is left")
    ax.set_title(f"L/g = {max(run.options.ratio):g}: noise or scaling break the exponential")
    legend_above(ax)


def answer(run: Run, rules: pd.DataFrame, steps: dict[str, Floats]) -> None:
    """Say how many steps the saddles cost each rule."""
    last, ratio = run.options.saddles, max(run.options.ratio)
    columns = sorted({1, 2, last // 2, last})
    rows = [[label, *(np.median(found[:, k - 1]) if k <= found.shape[1] else np.nan for k in columns)]
            for label, found in steps.items()]  # fmt: skip
    table = pd.DataFrame(rows, columns=["median step", *(f"saddle {k}" for k in columns)])
    table["times the one before"] = [last_factor(found)[0] for found in steps.values()]
    words = ", ".join(f"{row[0]} {row[-1]:.3g}" for row in table.itertuples(index=False) if np.isfinite(row[-1]))
    run.answer(
        f"With L/g = {ratio:g} the last saddle is left after this many times the steps of the one before: {words}. "
        f"Steps in proportion to the saddles would be {last / (last - 1):.3g} times as many.",
        table,
    )


def main(run: Run) -> None:
    """Run the study."""
    descent = measure_descent(run)
    rules, steps = measure_rules(run)
    claim(run, descent, rules)
    claim_steps(run, steps)
    answer(run, rules, steps)
    medians = pd.DataFrame({label: pd.Series(np.median(found, axis=0)) for label, found in steps.items()})
    tall = medians.set_index(medians.index + 1).melt(var_name="rule", value_name="median", ignore_index=False).dropna()
    tables = {"medians": descent, "rules": rules, "steps": tall.rename_axis("saddle")}
    for name, table in tables.items():
        run.table(table, name)
    run.draw(
        lambda ax: draw_descent(ax, run, descent),
        lambda ax: draw_rules(ax, run, rules, steps),
        size=(7.2, 5.4),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
