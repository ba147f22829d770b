"""First hit against settled: which optimizer is fastest depends on when one stops looking.

Five rules descend three surfaces at 45 learning rates each, and three criteria name the step at which f < 1e-6 was
reached: the first hit; held, from which it stayed so for 1000 steps; settled, from which it stayed so to the end. Adam
leaves again and again, in bursts that the last bit of every operation decides: so each run is made several times, half
of them in plain float64 from starts 1e-12 apart, half with each gradient taken a rounding error beside the weights.
"""

from __future__ import annotations

from itertools import product
from math import inf, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optimlab import History, Optimizer, adam, descend, heavy_ball, nesterov, rmsprop, sgd
from optimlab.lab.frame import PALETTE, Run, prediction_interval, study
from optimlab.lab.frame.claims import Verdict
from optimlab.lab.problems import Beale, Himmelblau, Rosenbrock, Rounded, hessian
from optimlab.lab.theory import heavy_ball_limit, heavy_ball_optimum
from optimlab.typing import Floats

Spread = tuple[float, float, float]

TARGET = 1e-6
HOLD = 1000
HORIZON = 20_000
RATES = 10.0 ** (-5 + np.arange(45) / 8)
SURFACES = {"Rosenbrock": Rosenbrock(), "Beale": Beale(), "Himmelblau": Himmelblau()}
RULES = {"SGD": sgd(), "HB": heavy_ball(0.9), "Nesterov": nesterov(0.9), "Adam": adam(), "RMSprop": rmsprop(0.9)}
COLOURS = dict(zip(RULES, ("black", "blue", "sky", "vermillion", "purple"), strict=True))

GROUP = ["surface", "rule", "arithmetic", "copy"]  # what makes 45 rows, one for each learning rate

# The reference sweep: steps until settled at the best learning rate, and that rate.
REFERENCE = {
    ("Rosenbrock", "SGD"): (8454, 0.00178),
    ("Rosenbrock", "HB"): (394, 0.00316),
    ("Rosenbrock", "Nesterov"): (1032, 0.00133),
    ("Rosenbrock", "Adam"): (15710, 0.00042),
    ("Beale", "SGD"): (527, 0.0316),
    ("Beale", "HB"): (292, 0.0075),
    ("Beale", "Nesterov"): (335, 0.0032),
    ("Beale", "Adam"): (167, 1.78),
    ("Beale", "RMSprop"): (9550, 0.00032),
    ("Himmelblau", "SGD"): (17, 0.0178),
    ("Himmelblau", "HB"): (171, 0.0237),
    ("Himmelblau", "Nesterov"): (33, 0.0133),
    ("Himmelblau", "Adam"): (173, 0.316),
    ("Himmelblau", "RMSprop"): (16916, 0.00018),
}
# Adam on Rosenbrock, by learning rate.
BURSTS: dict[float, dict[str, float]] = {
    0.001: {"first hit": 11240, "exits": 69, "last exit": 19596},
    0.01: {"first hit": 4215, "exits": 248},
    0.1: {"first hit": 1139, "exits": 47},
}
# What the reference says of the ranking: criterion, surface, rule, rank.
RANKS = (
    ("hit", "Rosenbrock", "Adam", 2),
    ("settled", "Rosenbrock", "Adam", 4),
    ("hit", "Himmelblau", "RMSprop", 1),
    ("settled", "Himmelblau", "RMSprop", 5),
)


MARKERS: dict[str, dict[str, Any]] = {
    "hit": {"marker": "o", "markersize": 11, "markerfacecolor": "white", "linestyle": "none"},
    "held": {"marker": "|", "markersize": 20, "markeredgewidth": 2, "linestyle": "none"},
    "settled": {"marker": "o", "markersize": 5, "linestyle": "none"},
}
TITLES = {
    "Rosenbrock": "Adam hits early, and leaves",
    "Beale": "rounding decides when Adam settles",
    "Himmelblau": "RMSprop hits first, settles last",
}


def descents(run: Run, names: tuple[str, str], rates: Floats, steps: int, copies: int) -> History:
    """Descend `copies` times at each rate, in plain arithmetic, then as often with other roundings."""
    surface, rule = SURFACES[names[0]], RULES[names[1]]
    lr = np.tile(rates, 2 * copies)
    plain = np.arange(len(lr))[:, None] < len(lr) // 2
    start = surface.start + np.where(plain, 1e-12, 0.0) * run.rng.normal(size=(len(lr), 2))
    problem = Rounded(surface, run.rng, np.where(plain, 0.0, 2.0**-52))
    title = f"{names[1]} on {names[0]}"
    return descend(problem, Optimizer(rule, lr, replicas=len(lr)), steps, start=start, progress=title)


def sweep(run: Run, steps: int) -> pd.DataFrame:
    """Return the step of each criterion for every surface, rule, learning rate and copy."""
    tables = []
    for surface, rule in product(SURFACES, RULES):
        copies = 10 if rule == "Adam" and not run.quick else 2
        trace = descents(run, (surface, rule), RATES, steps, copies)
        columns = {"surface": surface, "rule": rule, "lr": np.tile(RATES, 2 * copies)}
        columns |= {"copy": np.repeat(np.arange(2 * copies), len(RATES))}
        columns |= {"arithmetic": np.repeat(["plain", "rounded"], copies * len(RATES))}
        columns |= {"hit": trace.first_hit(TARGET), "held": trace.held(TARGET, HOLD), "settled": trace.settled(TARGET)}
        tables.append(pd.DataFrame(columns | {"x": trace.w[:, 0], "y": trace.w[:, 1]}))
    return pd.concat(tables, ignore_index=True)


def best(table: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """Return the fastest learning rate of every surface, rule and copy, where there is one."""
    rows: pd.DataFrame = table.loc[table.groupby(GROUP)[criterion].idxmin()]
    return rows[rows[criterion] < inf]


def on_grid(lr: float) -> float:
    """Return the learning rate of the sweep that is printed as `lr`."""
    return float(RATES[abs(np.log(RATES / lr)).argmin()])


def at(table: pd.DataFrame, surface: str, rule: str, lr: float | None = None) -> pd.DataFrame:
    """Return the rows of a surface and a rule, at all learning rates or at one."""
    rows = table[(table["surface"] == surface) & (table["rule"] == rule)]
    return rows if lr is None else rows[rows["lr"] == on_grid(lr)]


def spread(samples: Any) -> Spread:
    """Return the median of runs, with the least and the largest."""
    values = np.asarray(samples, dtype=np.float64)
    return float(np.quantile(values, 0.5, method="nearest")), float(values.min()), float(values.max())


def compare(run: Run, id: str, statement: str, pair: tuple[float, Any], verdict: Verdict = "reproduced") -> None:  # noqa: A002
    """Claim that a number, the first of the pair, lies in the range of runs that differ in rounding alone."""
    run.claim(id, statement, expected=pair[0], measured=spread(pair[1]), verdict=verdict)


def geometry_claims(run: Run) -> None:
    """Claim what is known of Rosenbrock's valley."""
    f = SURFACES["Rosenbrock"]
    low, high = f.minima[0].curvatures
    tuning = heavy_ball_optimum(low, high)
    h = 1e-6 * np.eye(2)
    matrix = (f.gradient(1 + h) - f.gradient(1 - h)) / 2e-6
    numbers = {
        "f(-1.2, 1)": (24.2, f.value([-1.2, 1.0]), 1e-12),
        "f(-2, 2)": (409.0, f.value([-2.0, 2.0]), 1e-12),
        "f(1, 1)": (0.0, f.value([1.0, 1.0]), 0.0),
        "∂²f/∂x²": (802.0, matrix[0, 0], 1e-5),
        "∂²f/∂x∂y": (-400.0, matrix[0, 1], 1e-5),
        "∂²f/∂y²": (200.0, matrix[1, 1], 1e-5),
        "least eigenvalue": (0.399361, low, 1e-6),
        "largest eigenvalue": (1001.600639, high, 1e-6),
        "condition number": (2508.01, high / low, 1e-2),
        "largest stable lr of gradient descent": (0.00199680, heavy_ball_limit(0.0) / high, 1e-8),
        "best lr of the heavy ball": (0.00383877, tuning.lr, 1e-8),
        "best β of the heavy ball": (0.923225, tuning.beta, 1e-6),
    }
    for name, (expected, measured, unit) in numbers.items():
        statement = f"{name}, Rosenbrock's function at (1, 1) if not said otherwise"
        run.claim(f"Rosenbrock {name}", statement, expected=expected, measured=measured, tolerance=0.5 * unit)


def stability_claim(run: Run) -> None:
    """Claim up to which learning rate gradient descent returns to Rosenbrock's minimum, from close by."""
    f = SURFACES["Rosenbrock"]
    rates = 0.002 * np.linspace(0.99, 1.01, 400)
    start = np.tile([1 - 2e-8, 1 + 1e-8], (400, 1))
    end = descend(f, Optimizer(sgd(), rates, replicas=400), 400, start=start, progress=False).w
    stable = np.hypot(*(end - 1).T) < np.hypot(*(start - 1).T)
    statement = "largest learning rate with which gradient descent returns to Rosenbrock's minimum"
    compare(run, "stability limit", statement, (0.00199680, (rates[stable].max(), rates[~stable].min())))


def cycle_claims(run: Run) -> pd.DataFrame:
    """Claim RMSprop's limit cycle w = ±lr/2: f = lr² (h₁₁ + h₂₂ + 2|h₁₂|)/8, and the rates with which it is small."""
    tables = []
    for name, f in SURFACES.items():
        minimum = np.array(f.minima[0].at)
        level = (np.trace(h := hessian(f, minimum)) + 2 * abs(h[0, 1])) / 8
        limit = sqrt(TARGET / level)
        rates = limit * np.geomspace(0.1, 10, 200)
        start = minimum + rates[:, None] * run.rng.normal(size=(200, 2))
        optimizer = Optimizer(rmsprop(0.9), rates, replicas=200)
        values = descend(f, optimizer, 2500, start=start, progress=False)["value"][-HOLD:]
        small = values.max(axis=0) <= TARGET
        compare(run, f"cycle {name}", f"f over lr² in RMSprop's limit cycle on {name}", (level, values / rates**2))
        statement = f"RMSprop settles on {name} up to lr = √(8·1e-6 / (h₁₁ + h₂₂ + 2|h₁₂|))"
        compare(run, f"cycle limit {name}", statement, (limit, (rates[small].max(), rates[~small].min())))
        tables.append(pd.DataFrame({"surface": name, "lr": rates, "f": values.max(axis=0), "theory": level * rates**2}))
    return pd.concat(tables, ignore_index=True)


def cell_claims(run: Run, table: pd.DataFrame, criterion: str, horizon: int) -> None:
    """Claim the reference's cells for the rules that settle for good, as far as the horizon allows."""
    winners = best(table[table["arithmetic"] == "rounded"], criterion)
    for (surface, rule), (steps, lr) in REFERENCE.items():
        if rule == "Adam" or steps + HOLD > horizon:
            continue
        cell = f"{surface} {rule}"
        statement = f"{rule} on {surface}, lr = {lr:g}: step from which f < 1e-6 is {criterion} in {horizon} steps"
        compare(run, f"steps {cell}", statement, (steps, at(table, surface, rule, lr)[criterion]))
        statement = f"{rule} on {surface}: fastest of 45 learning rates by f < 1e-6 {criterion}"
        compare(run, f"rate {cell}", statement, (on_grid(lr), at(winners, surface, rule)["lr"]))


def hit_claims(run: Run, table: pd.DataFrame) -> None:
    """Claim what is the same for every rounding and seen within 2500 steps: first hits, and Adam's first stays."""
    hits, stays = best(table, "hit"), best(table, "held")
    for surface, rule, steps, lr in (("Rosenbrock", "Adam", 395, 1.33), ("Himmelblau", "RMSprop", 11, 0.316)):
        rows, name = at(hits, surface, rule), f"{rule} on {surface}"
        compare(run, f"hit {surface}", f"{name}: first hit", (steps, rows["hit"]))
        compare(run, f"hit rate {surface}", f"{name}: learning rate that hits first", (on_grid(lr), rows["lr"]))
    for surface in ("Beale", "Himmelblau"):
        steps, lr = REFERENCE[surface, "Adam"]
        statement = f"Adam on {surface}, lr = {lr:g}: step from which f < 1e-6 for {HOLD} steps"
        compare(run, f"held {surface}", statement, (steps, at(table, surface, "Adam", lr)["held"]))
    statement = f"Adam on Himmelblau: fastest learning rate by f < 1e-6 for {HOLD} steps"
    compare(run, "held rate", statement, (on_grid(0.316), at(stays, "Himmelblau", "Adam")["lr"]))


def long_claims(run: Run, table: pd.DataFrame) -> None:
    """Claim what takes 20 000 steps: ranks and ends; and that Adam's cells are artefacts of rounding."""
    rows = at(table, "Rosenbrock", "Adam", 0.00042)
    compare(run, "hit 0.00042", "Adam's first hit on Rosenbrock, lr = 0.00042", (15710, rows["hit"]))
    rounded, settled = table[table["arithmetic"] == "rounded"], best(table, "settled")
    for surface in SURFACES:
        found = at(settled, surface, "Adam")["settled"]
        statement = f"Adam on {surface}: fewest steps until settled, in each run of 45 learning rates"
        compare(run, f"steps {surface} Adam", statement, (REFERENCE[surface, "Adam"][0], found), "artefact")
    for criterion, surface, rule, rank in RANKS:
        medians = best(rounded, criterion).groupby(["surface", "rule"])[criterion].median()[surface].rank()
        statement = f"{rule}'s rank on {surface} by f < 1e-6 {criterion}"
        compare(run, f"rank {criterion} {rule}", statement, (rank, medians[rule]))
    rows = at(rounded, "Himmelblau", "RMSprop", 0.316)
    for letter, place in (("x", 3.15), ("y", 2.14)):
        statement = f"RMSprop on Himmelblau, lr = 0.316, leaves again: {letter} at the end, two decimals"
        compare(run, f"RMSprop's end {letter}", statement, (place, rows[letter].round(2)))


def width_claims(run: Run, table: pd.DataFrame) -> None:
    """Claim how many learning rates work on Beale; and that RMSprop's "never" on Rosenbrock is too few steps."""
    widths = table["settled"].lt(inf).groupby([table[name] for name in GROUP]).sum().astype(float)
    statement = "learning rates of 45 with which {} settles on {} within 20 000 steps"
    compare(run, "width SGD", statement.format("SGD", "Beale"), (13, widths.loc["Beale", "SGD"]))
    adam_width = prediction_interval(widths.loc["Beale", "Adam", "plain"])
    adam_statement = statement.format("Adam", "Beale") + "; the interval is for one further run"
    run.claim("width Adam", adam_statement, expected=30, measured=adam_width, verdict="artefact")
    compare(run, "never", statement.format("RMSprop", "Rosenbrock"), (0, widths.loc["Rosenbrock", "RMSprop"]))
    trace = descents(run, ("Rosenbrock", "RMSprop"), RATES[[6]], 60_000, copies=2)
    statement = "share of RMSprop's runs that settle on Rosenbrock at lr = 5.6e-5, given 60 000 steps"
    compare(run, "never, in time", statement, (1, np.isfinite(trace.settled(TARGET)).mean()), "artefact")


def burst_claims(run: Run, steps: int) -> Floats:
    """Claim Adam's bursts on Rosenbrock over all roundings; return f of one run at lr = 0.1."""
    rates = [*BURSTS, on_grid(1.33)]
    trace = descents(run, ("Rosenbrock", "Adam"), np.array(rates), steps, copies=50)
    below, hit = trace["value"] <= TARGET, trace.first_hit(TARGET)
    leaves = below[:-1] & ~below[1:]
    after = np.where(np.arange(steps + 1)[:, None] >= hit, trace["value"], -inf)
    found = {"first hit": hit, "exits": leaves.sum(axis=0), "last exit": steps - leaves[::-1].argmax(axis=0)}
    for i, (lr, numbers) in enumerate(BURSTS.items()):
        for name, number in numbers.items():
            statement = f"Adam on Rosenbrock, lr = {lr:g}, {steps} steps: {name} of the set f < 1e-6"
            verdict: Verdict = "reproduced" if name == "first hit" else "artefact"
            compare(run, f"burst {lr:g} {name}", statement, (number, found[name][i :: len(rates)]), verdict)
    statement = "largest f after the first hit, lr = 0.1; the interval is for one further run"
    peak = prediction_interval(after.max(axis=0)[2 :: len(rates)])
    run.claim("burst 0.1 peak", statement, expected=0.77, measured=peak, verdict="artefact")
    statement = "Adam on Rosenbrock, lr = 1.33: share of the runs that leave f < 1e-6 after their first hit"
    left = float((after.max(axis=0)[3 :: len(rates)] > TARGET).mean())
    run.claim("burst 1.33 leaves", statement, expected=1.0, measured=left)
    statement = "Adam at lr = 1.33 ends at (-0.51, 0.27): share of the runs that do, to two decimals"
    ends = (trace.w[3 :: len(rates)].round(2) == (-0.51, 0.27)).all(axis=1)
    run.claim("burst 1.33 end", statement, expected=0.0, measured=float(ends.mean()), verdict="artefact")
    plain: Floats = trace["value"][:, 2]
    return plain


def draw_criteria(ax: Axes, table: pd.DataFrame, surface: str, horizon: int) -> None:
    """Fastest steps of every rule by each criterion."""
    for y, rule in enumerate(reversed(RULES)):
        found = {name: at(best(table, name), surface, rule)[name] for name in MARKERS}
        colour = PALETTE[COLOURS[rule]]
        for name, style in MARKERS.items():
            ax.plot(found[name], [y] * len(found[name]), color=colour, **style)
        if not len(found["settled"]):
            ax.text(10, y, f"never settled in {horizon} steps", va="center", color=colour)
    ax.set(xscale="log", xlim=(8, 1.3 * horizon), ylim=(-0.6, 4.6), yticks=range(5), yticklabels=list(reversed(RULES)))
    title = f"{surface}: {TITLES[surface]}" if horizon == HORIZON else f"{surface}, only {horizon} steps"
    ax.set(xlabel="steps at the best of 45 learning rates", title=title)


def draw_width(ax: Axes, table: pd.DataFrame) -> None:
    """Which learning rates work on Beale: share of runs by criterion."""
    for y, rule in enumerate(reversed(RULES)):
        rows = at(table, "Beale", rule)
        hit, settled = (rows[name].lt(inf).groupby(rows["lr"]).mean() for name in ("hit", "settled"))
        colour = PALETTE[COLOURS[rule]]
        ax.scatter(RATES, [y] * len(RATES), 44 * (hit > 0), facecolors="none", edgecolors=colour, linewidths=0.7)
        ax.scatter(RATES, [y] * len(RATES), 36 * settled, color=colour, edgecolors="none")
    ax.set(xscale="log", yticks=range(5), yticklabels=list(reversed(RULES)), ylim=(-0.6, 4.6))
    ax.set(title="Beale: Adam works at the most learning rates,\nif not in every run")
    ax.set_xlabel("learning rate (ring: hits; filled: share that settles)")


def draw_burst(ax: Axes, values: Floats) -> None:
    """One run of Adam, step by step."""
    first = int((values <= TARGET).argmax())
    ax.semilogy(values, color=PALETTE["vermillion"], linewidth=0.6)
    ax.axhline(TARGET, color=PALETTE["black"], linewidth=1, label=f"target {TARGET:g}")
    ax.plot(first, TARGET, color=PALETTE["black"], label=f"first hit, step {first}", **MARKERS["hit"])
    ax.legend(loc="lower right")
    ax.set(title="Adam on Rosenbrock, lr = 0.1:\na plot that ends at the first hit hides the bursts")
    ax.set(xlabel="step", ylabel="f")


def draw_cycle(ax: Axes, cycles: pd.DataFrame) -> None:
    """RMSprop's limit cycle against the learning rate."""
    for (surface, rows), name in zip(cycles.groupby("surface", sort=False), ("blue", "green", "orange"), strict=True):
        ax.loglog(rows["lr"], rows["theory"], color=PALETTE[name])
        ax.loglog(rows["lr"][::10], rows["f"][::10], "o", color=PALETTE[name], markersize=4, label=surface)
    ax.axhline(TARGET, color=PALETTE["black"], linewidth=1)
    ax.set(title="RMSprop circles its minimum at ±lr/2:\nabove f = 1e-6 it never settles")
    ax.set(xlabel="learning rate (line: theory, dots: measured)", ylabel="f in the cycle")
    ax.legend(loc="upper left")


def draw(table: pd.DataFrame, cycles: pd.DataFrame, burst: Floats, horizon: int) -> Figure:
    """All panels."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5))
    for ax, surface in zip(axes[0], SURFACES, strict=True):
        draw_criteria(ax, table, surface, horizon)
    labels = ("first hit", f"held for {HOLD} steps", f"settled, in each run of {horizon} steps")
    handles = [Line2D([], [], color="#555555", **style) for style in MARKERS.values()]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    draw_width(axes[1, 0], table)
    draw_burst(axes[1, 1], burst)
    draw_cycle(axes[1, 2], cycles)
    return figure


def main(run: Run) -> None:
    """Run the study."""
    horizon = 2500 if run.quick else HORIZON
    geometry_claims(run)
    stability_claim(run)
    cycles = cycle_claims(run)
    table = sweep(run, horizon)
    cell_claims(run, table, "held" if run.quick else "settled", horizon)
    hit_claims(run, table)
    if run.quick:
        burst = descents(run, ("Rosenbrock", "Adam"), np.array([0.1]), HORIZON, copies=1)["value"][:, -1]
    else:
        long_claims(run, table)
        width_claims(run, table)
        burst = burst_claims(run, horizon)
    run.say(
        "Adam reaches 1e-6 early, and bursts out again; when, and whether before the end, rounding errors decide.\n"
        "RMSprop circles its minimum at ±lr/2, and settles only where that circle lies below the target."
    )
    run.table(table, "sweep")
    run.table(cycles, "cycle")
    run.figure(draw(table, cycles, burst, horizon), "settling")


if __name__ == "__main__":
    raise SystemExit(study(main))
