"""Which optimizer is fastest to f < 1e-6, if one stops at the first hit, and if it has to stay there?

That is two rankings: on Rosenbrock's valley, each at its best of 45 learning rates, heavy ball 394 and Adam 395 hit
first, but Adam bursts out again and is settled after some 16 000 steps, as rounding errors have it. On Himmelblau's
surface RMSprop hits first (11) and settles last: it circles its minimum at ±lr/2.

Each run is made several times, half of them in plain float64 from starts 1e-12 apart, half with each gradient taken a
rounding error beside the weights. Up to which lr gradient descent is stable at a minimum, and RMSprop's circle small
enough, stands beside closed forms. Takes 90 s (--quick: 11 s).
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import History, Optimizer, descend, rmsprop, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, literal, looks, rules_knob, study
from optimlab.lab.play import paths, surface
from optimlab.lab.problems import Rounded, hessian
from optimlab.typing import Floats, Marks

KNOBS = (
    rules_knob("sgd, heavy_ball(.9), nesterov(.9), rmsprop(.9), adam"),
    Knob("surface", ("rosenbrock", "beale", "himmelblau"), "names, formulas in x and y, or file.py:name"),
    Knob("lr", (1e-5, 10**0.5), "least and largest learning rate", POSITIVE, count=2),
    Knob("rates", 45, "learning rates between them", Range("in [2, 200]")),
    Knob("target", 1e-6, "value to get below"),
    Knob("hold", 1000, "steps that it is held for, between hit and settled"),
    Knob("steps", 20_000, "steps of each run", quick=2500),
    Knob("copies", 4, "runs in plain arithmetic, and as many with other roundings", quick=1),
)
CRITERIA: dict[str, dict[str, Any]] = {  # how they are drawn
    "hit": {"marker": "o", "markersize": 11, "markerfacecolor": "white", "linestyle": "none"},
    "held": {"marker": "|", "markersize": 20, "markeredgewidth": 2, "linestyle": "none"},
    "settled": {"marker": "o", "markersize": 5, "linestyle": "none"},
}
GROUP = ["surface", "rule", "copy"]  # what makes a row for each learning rate
LR_DRAWN, STEPS_DRAWN = 1e-3, 2000  # of the paths over the contours


def descents(run: Run, name: str, label: str, rates: Floats) -> History:
    """Descend in plain arithmetic, a copy of all rates after the other, then as often with other roundings."""
    o, f, lr = run.options, surface(name), np.tile(rates, 2 * run.options.copies)
    plain = np.arange(len(lr))[:, None] < len(lr) // 2
    start = f.start + np.where(plain, 1e-12, 0.0) * run.rng.normal(size=(len(lr), 2))
    problem = Rounded(f, run.rng, np.where(plain, 0.0, 2.0**-52))
    optimizer = Optimizer(o.rules[label], lr, replicas=len(lr))
    return descend(problem, optimizer, o.steps, start=start, progress=f"{label} on {name}")


def sweep(run: Run) -> pd.DataFrame:
    """Return the step of each criterion for every surface, rule, learning rate and copy."""
    o, tables = run.options, []
    rates = np.geomspace(o.lr[0], o.lr[1], o.rates)
    for name in o.surface:
        for label in o.rules:
            trace = descents(run, name, label, rates)
            below = trace["value"] <= o.target
            columns = {"surface": name, "rule": label, "lr": np.tile(rates, 2 * o.copies)}
            columns |= {"copy": np.repeat(np.arange(2 * o.copies), o.rates), "hit": trace.first_hit(o.target)}
            columns |= {"held": trace.held(o.target, o.hold), "settled": trace.settled(o.target)}
            tables.append(pd.DataFrame(columns | {"exits": (below[:-1] & ~below[1:]).sum(axis=0)}))
    return pd.concat(tables, ignore_index=True)


def best(table: pd.DataFrame) -> pd.DataFrame:
    """Return the fastest learning rate by each criterion, for every surface, rule and copy."""
    columns, tables = [*GROUP, "lr"], []
    for name in CRITERIA:
        rows = table.loc[table.groupby(GROUP, sort=False)[name].idxmin(), [*columns, name]]
        tables.append(rows.set_axis([*columns, "steps"], axis=1).assign(criterion=name))
    return pd.concat(tables, ignore_index=True)


def measure_limits(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Largest lr at which SGD returns to a minimum, and f in RMSprop's circle w = ±lr/2, with theory."""
    rows, circles = [], []
    for name in run.options.surface:
        f = surface(name)
        for minimum in f.minima[:1]:
            at, h, target = np.array(minimum.at), hessian(f, np.array(minimum.at)), run.options.target - minimum.value
            stable, level = 2.0 / minimum.curvatures[-1], (np.trace(h) + 2 * abs(h[0, 1])) / 8
            lr = stable * np.linspace(0.99, 1.01, 400)
            start = np.tile(at + 1e-8 * np.linalg.eigh(h)[1][:, -1], (400, 1))
            end = descend(f, Optimizer(sgd(), lr, replicas=400), 400, start=start, progress=False).w
            said, back = f"SGD at the minimum of {name}: largest stable lr", np.linalg.norm(end - at, axis=1) < 1e-8
            rows.append((said, stable, *edge(lr, back)))
            limit = np.sqrt(max(target, 1e-300) / level)
            corners = f.value(at + limit / 2 * np.array([[1.0, 1.0], [1.0, -1.0]])).max() - minimum.value
            if not abs(corners - target) < 0.01 * target:
                continue  # so high, or so low, f is no longer its quadratic form
            lr = limit * np.geomspace(0.1, 10, 200)
            start = at + lr[:, None] * run.rng.normal(size=(200, 2))
            trace = descend(f, Optimizer(rmsprop(0.9), lr, replicas=200), 2500, start=start, progress=False)
            high = trace["value"][-1000:].max(axis=0) - minimum.value
            said = f"RMSprop at the minimum of {name}: largest lr that settles"
            rows.append((said, limit, *edge(lr, high <= target)))
            circles.append(pd.DataFrame({"surface": name, "lr": lr, "f": high, "theory": level * lr**2}))
    limits = pd.DataFrame(rows, columns=["what", "theory", "measured", "low", "high"])
    run.claim_rows(limits, "{what}", "{what}", expected="theory", measured=("measured", "low", "high"))
    circle = pd.concat(circles, ignore_index=True) if circles else pd.DataFrame()
    for name in dict.fromkeys(circle.get("surface", ())):
        part = circle[circle["surface"] == name]
        ratio = part["f"] / part["theory"]
        said = f"RMSprop circles the minimum of {name}: f over lr² (h₁₁ + h₂₂ + 2|h₁₂|)/8"
        run.claim(f"circle {name}", said, expected=1.0, measured=(ratio.median(), ratio.min(), ratio.max()),
                  tolerance=1e-4)  # fmt: skip
    return limits, circle


def edge(lr: Floats, good: Marks) -> tuple[float, float, float]:
    """Return the largest learning rate of the good ones, with the first that is not."""
    low, high = sorted((float(lr[good].max(initial=lr[0])), float(lr[np.logical_not(good)].min(initial=lr[-1]))))
    return (low + high) / 2, low, high


def draw_criteria(ax: Axes, run: Run, name: str, fastest: pd.DataFrame) -> None:
    """Fastest steps of every rule by each criterion."""
    rules = list(run.options.rules)
    for y, (label, look) in enumerate(reversed(looks(run.options.rules).items())):
        rows = fastest[(fastest["surface"] == name) & (fastest["rule"] == label)]
        for criterion, style in CRITERIA.items():
            steps = rows["steps"][(rows["criterion"] == criterion) & (rows["steps"] < inf)]
            ax.plot(np.maximum(steps, 1), [y] * len(steps), color=look.colour, **style)
            if criterion == "settled" and not len(steps):
                ax.text(1.2, y + 0.25, f"never settled in {run.options.steps} steps", color=look.colour, fontsize=9)
    ax.set(xscale="log", xlim=(1, 1.3 * run.options.steps), ylim=(-0.6, len(rules) + 0.1))
    ax.set(yticks=range(len(rules)), yticklabels=[literal(label, 16) for label in reversed(rules)])
    ax.set_xlabel(f"steps at the best of {run.options.rates} learning rates, one mark a rounding")
    for said, style in zip(("first hit", f"held {run.options.hold} steps", "settled"), CRITERIA.values(), strict=True):
        ax.plot([], [], color="#777777", label=said, **style)
    ax.legend(loc="upper center", ncols=3, fontsize=9)
    ax.set_title(f"{literal(name)}, best lr for each: a hit is not the end")


def draw_width(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Which learning rates work on the second surface: share of runs that settle."""
    name, rules = run.options.surface[:2][-1], list(run.options.rules)
    for y, (label, look) in enumerate(reversed(looks(run.options.rules).items())):
        rows = table[(table["surface"] == name) & (table["rule"] == label)]
        hit, settled = (rows[key].lt(inf).groupby(rows["lr"]).mean() for key in ("hit", "settled"))
        ax.scatter(hit.index, [y] * len(hit), 44 * (hit > 0), facecolors="none", edgecolors=look.colour, linewidths=0.7)
        ax.scatter(hit.index, [y] * len(hit), 36 * settled, color=look.colour, edgecolors="none")
        if not hit.any():
            ax.text(hit.index[0], y, f"no hit in {run.options.steps} steps", color=look.colour, fontsize=9, va="center")
    ax.set(xscale="log", yticks=range(len(rules)), ylim=(-0.6, len(rules) - 0.4))
    ax.set(yticklabels=[literal(label, 16) for label in reversed(rules)])
    ax.set(
        title=f"{literal(name)}: learning rates that work",
        xlabel="learning rate (ring: hits; filled: share that settles)",
    )


def draw_burst(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """The run that left most often after an early hit, step by step."""
    early = table[(table["hit"] < 0.1 * run.options.steps) & (table["surface"] == run.options.surface[0])]
    row = (early if len(early) else table).sort_values("exits").iloc[-1]
    values = descents(run, row["surface"], row["rule"], np.array([row["lr"]]))["value"][:, -1]
    ax.plot(values, color=looks(run.options.rules)[row["rule"]].colour, linewidth=0.6)
    ax.axhline(run.options.target, color="#D55E00", linewidth=1, label=f"target {run.options.target:g}")
    hits = np.flatnonzero(values <= run.options.target)
    if len(hits):
        ax.plot(hits[0], run.options.target, color="#D55E00", label=f"first hit, step {hits[0]}", **CRITERIA["hit"])
    ax.set(yscale="log", xlabel="step", ylabel="f")
    ax.set_title(f"{row['rule']} on {literal(row['surface'], 20)}, lr {row['lr']:.3g}: what a first hit hides")
    ax.legend(loc="lower right", facecolor="white", frameon=True)


def draw_circle(ax: Axes, run: Run, circle: pd.DataFrame) -> None:
    """RMSprop's circle against the learning rate."""
    for (name, rows), mark in zip(circle.groupby("surface", sort=False), "osD^v*" * 9, strict=False):
        ax.loglog(rows["lr"], rows["theory"], color="#E69F00")
        ax.loglog(rows["lr"][::10], rows["f"][::10], mark, color="#E69F00", markersize=6, label=literal(str(name)))
    ax.axhline(run.options.target, color="#D55E00", linewidth=1)
    ax.set(title="RMSprop circles its minimum at ±lr/2:\nabove the target it never settles")
    ax.set(xlabel="learning rate (line: theory, dots: measured)", ylabel="f in the circle")
    ax.legend(loc="upper left")


def answer(run: Run, fastest: pd.DataFrame) -> None:
    """Say who is first by each criterion."""
    o, words = run.options, []
    middle = fastest.groupby(["criterion", "surface", "rule"], sort=False)["steps"].median()
    for key, said in (("hit", "by the first hit"), ("settled", f"by where it stays to the end, step {o.steps}")):
        order = middle[key, o.surface[0]].sort_values()
        names = ", ".join(f"{rule} {steps:.0f}" for rule, steps in order.items() if steps < inf)
        words.append(f"{said}: {names or f'none in {o.steps} steps'}")
    shown = [(name, key) for name in o.surface for key in ("hit", "settled")]
    wide = pd.DataFrame({f"{literal(name, 14)} {key}": middle[key, name] for name, key in shown})
    run.answer(
        f"On {run.options.surface[0]}, f < {run.options.target:g}, each at the best of {run.options.rates} learning "
        f"rates, {words[0]}; {words[1]}.",
        wide.replace(inf, np.nan).rename_axis("rule").reset_index(),
    )


def main(run: Run) -> None:
    """Run the study."""
    limits, circle = measure_limits(run)
    table = sweep(run)
    fastest = best(table)
    answer(run, fastest)
    for frame, name in ((table, "sweep"), (fastest, "best"), (limits, "limits"), (circle, "circle")):
        run.table(frame, name)
    names, rules = run.options.surface, run.options.rules
    run.draw(
        *(lambda ax, name=name: draw_criteria(ax, run, name, fastest) for name in names),
        *(paths(name, rules, lr=LR_DRAWN, steps=STEPS_DRAWN).panels()[0] for name in names),
        lambda ax: draw_width(ax, run, table),
        lambda ax: draw_burst(ax, run, table),
        *([lambda ax: draw_circle(ax, run, circle)] if len(circle) else []),
        columns=3,
        size=(6.4, 5.4),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
