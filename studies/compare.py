"""Which optimizer is best, tuned and untuned, how sure is that, and where does plain SGD win?

Over eight problems and 20 seeds Nesterov's momentum has the best mean rank, 2.1 of 5, if each rule is tuned on other
seeds, before Adam (2.7). Plain SGD wins on a bowl, with noise too, and on Himmelblau's surface; in a ravine and on a
net it takes 4 to 6 times as long as the best. At the learning rates that Keras sets Adam settles nowhere.

Cost is the step from which on the value stays at or below the problem's target. Starts, noise and mini-batches belong
to the seed, the same for all rules. What SGD needs on quadratics stands beside closed forms. Takes 60 s (--quick: 5 s).
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import (
    PALETTE,
    Knob,
    Run,
    StudyError,
    each_rule,
    literal,
    looks,
    mean_interval,
    rules_knob,
    study,
    wilson_interval,
)
from optimlab.lab.problems import Quadratic
from optimlab.lab.statistics import draw_profile, draw_sensitivity, good_range, performance_profile, ranking
from optimlab.lab.sweeps import BorderWarning, Grid, OnSurface, best, problems, sweep, tuned
from optimlab.typing import Floats

USUAL = {"SGD": 0.01, "heavy ball": 0.01, "Nesterov": 0.01, "RMSprop": 0.001, "Adam": 0.001}  # of Keras
PROBLEMS = """bowl(40), ravine(100, 10), beale, rosenbrock, himmelblau,
    surface(bowl(40), noise=0.3, target=0.3, name='bowl'),
    surface(ravine(100, 10), noise=0.3, target=0.1, name='ravine'), spiral(hidden=10, batch=30)"""
KNOBS = (
    rules_knob("sgd, heavy_ball(.9), nesterov(.9), rmsprop(.9), adam"),
    Knob("problems", " ".join(PROBLEMS.split()), "problems, as sweeps take them, with commas between", read=problems),
    Knob("lr", (1e-3, 1.0), "least and largest learning rate, two to a decade", POSITIVE, count=2),
    Knob("untuned", tuple(USUAL.values()), "learning rates without tuning: one, or one a rule", POSITIVE),
    Knob("seeds", 20, "seeds that are judged; as many others tune", Range("in [2, 1000]"), quick=3),
    Knob("steps", 1000, "steps of each run", quick=150),
    Knob("tau", 10.0, "where the profiles end", Range("greater than 1 and finite")),
    Knob("factor", 2.0, "how many times the steps of the best lr are good enough", Range("greater than 1 and finite")),
)
KEPT = {"tuned": "o", "untuned": "D"}


def measure(run: Run) -> pd.DataFrame:
    """Run all rules over all problems, learning rates and seeds; the first half of the seeds is for tuning."""
    o = run.options
    rates = {
        *Grid.between(*sorted(o.lr), per_decade=2).rates,
        *each_rule(o.rules, o.untuned, USUAL, name="untuned").values(),
    }
    seeds = range(run.seed, run.seed + 2 * o.seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BorderWarning)  # the table of widths has the edges
        frame = sweep(list(o.problems.values()), o.rules, lr=sorted(rates), seeds=seeds, steps=o.steps)
    return frame.assign(settled=frame["settled"].clip(lower=1.0))


def judged(run: Run, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows that count: at the rate that is best on the other seeds, and at the usual one."""
    found = tuned(frame)
    usual = frame["rule"].map(each_rule(run.options.rules, run.options.untuned, USUAL))
    return {"tuned": found, "untuned": frame[(frame["lr"] == usual) & frame["seed"].isin(found["seed"])]}


def theory(problem: OnSurface, lr: float, seeds: list[int], steps: int) -> Floats:
    """Return what SGD's value is expected to be at each step, shape (steps + 1, seeds), on a quadratic with noise σ.

    E w² = a²ᵗ w₀² + lr² σ² (1 - a²ᵗ) / (1 - a²) for each curvature h, with a = 1 - lr h.
    """
    h, start = np.array(problem.surface.curvatures), problem.seen(seeds, 1).start
    powers = ((1.0 - lr * h) ** 2) ** np.arange(steps + 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        noise = (lr * problem.noise) ** 2 * (1.0 - powers) / (1.0 - powers[1])
        expected: Floats = powers @ (h[:, None] / 2 * np.square(start).T) + (noise @ h / 2)[:, None]
    return expected


def claim(run: Run, frame: pd.DataFrame, plain: str, firsts: pd.DataFrame) -> None:
    """Set plain SGD on quadratics beside theory: its steps without noise, and what noise leaves at the end."""
    for label, problem in run.options.problems.items():
        if not isinstance(problem, OnSurface) or not isinstance(problem.surface, Quadratic):
            continue
        lr = float(firsts.loc[label, "lr"])
        rows = frame[(frame["problem"] == label) & (frame["rule"] == plain) & (frame["lr"] == lr)]
        expected = theory(problem, lr, rows["seed"].tolist(), run.options.steps)
        if problem.noise:
            wide = "a short run has few seeds" if run.quick else ""
            said = f"SGD on {label}, lr {lr:.3g}: mean value after {run.options.steps} steps"
            run.claim(
                f"floor {label}", said, expected=expected[-1].mean(), measured=mean_interval(rows["final"]), wide=wide
            )
            continue
        above = expected > problem.goal  # the step after the last that is above; inf if that is the end
        settled = np.where(
            above[-1], np.inf, np.maximum(len(above) - above[::-1].argmax(axis=0), 1) * above.any(axis=0)
        )
        mean = np.minimum(np.maximum(settled, 1.0), run.options.steps + 1).mean()
        said = f"SGD on {label}, lr {lr:.3g}: mean steps until settled"
        run.claim(
            f"steps {label}", said, expected=mean, measured=rows["settled"].clip(upper=run.options.steps + 1).mean()
        )


def places(run: Run, found: pd.DataFrame) -> pd.DataFrame:
    """Return for each problem the first and the second rule, tuned, and how often the first beats the second."""
    rows = []
    for problem, part in best(found).groupby("problem", sort=False):
        order = part.sort_values("settled", kind="stable")[["rule", "settled"]].to_numpy().tolist()
        (first, steps), (second, more) = order[:2]
        pair = (found[(found["problem"] == problem) & (found["rule"] == rule)].set_index("seed")["settled"]
                for rule in (first, second))  # fmt: skip
        wins = wilson_interval(np.less(*pair), 0.95)
        name = first if np.isfinite(steps) else "none"
        rows.append((problem, name, steps, second, more, *wins))
    return pd.DataFrame(rows, columns=["problem", "first", "steps", "second", "its steps", "wins", "low", "high"])


def draw_ranks(ax: Axes, ranks: dict[str, pd.DataFrame], run: Run) -> None:
    """Draw mean ranks with their intervals, tuned and untuned."""
    styles, order = looks(run.options.rules), list(ranks["tuned"]["rule"])[::-1]
    for (kind, table), shift in zip(ranks.items(), (0.12, -0.12), strict=True):
        for rule, rank, low, high in table[["rule", "rank", "low", "high"]].to_numpy().tolist():
            y, colour = order.index(rule) + shift, styles[rule].colour
            ax.plot([low, high], [y, y], color=colour, linewidth=3, alpha=0.4)
            face = colour if kind == "tuned" else "white"
            ax.plot(rank, y, KEPT[kind], color=colour, markerfacecolor=face, markersize=8)
    for kind, marker in KEPT.items():
        ax.plot([], [], marker, color="black", markerfacecolor="black" if kind == "tuned" else "white", label=kind)
    ax.set_yticks(range(len(order)), [literal(rule) for rule in order])
    ax.set(xlabel="mean rank over seeds and problems, 1 is best (bar: 95 %)", title="Ranking")
    ax.legend(loc="best")


def draw_plain(ax: Axes, run: Run, found: pd.DataFrame, plain: str) -> None:
    """Draw how many times the steps of the best other rule plain SGD takes, for each problem."""
    medians = best(found).pivot_table("settled", "problem", "rule", sort=False, aggfunc="first")
    other = medians.drop(columns=plain)
    for y, problem in enumerate(medians.index[::-1]):
        steps, least = float(medians[plain][problem]), float(other.loc[problem].min())
        if not np.isfinite(steps):
            said = "SGD does not settle" if np.isfinite(least) else "nobody settles"
            ax.text(1.05, y, said, va="center", fontsize=9)
            continue
        ratio, name = steps / least, other.loc[problem].idxmin()
        wins, says = ratio < 1.0, f" {literal(str(name), 24)} needs {least:.0f}, SGD {steps:.0f} "
        ax.barh(y, ratio - 1.0, left=1.0, color=PALETTE["blue" if wins else "vermillion"], height=0.6)
        ax.text(1.0, y, says, va="center", ha="left" if wins else "right", fontsize=9)
    ax.axvline(1.0, color="black", linewidth=1)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    far = max(4.0, *np.abs(np.log2(ax.get_xlim())))
    ax.set_yticks(range(len(medians)), [literal(problem, 26) for problem in medians.index[::-1]])
    ax.set(xlim=(2.0**-far, 2.0**far), xlabel=f"steps of {plain} / steps of the best other rule, both tuned")
    ax.set_title("Plain SGD wins where the bar is blue")


def draw_widths(ax: Axes, widths: pd.DataFrame, run: Run) -> None:
    """Draw how many decades of learning rates are good, a dot for each problem."""
    rules = list(run.options.rules)[::-1]
    for rule, style in looks(run.options.rules).items():
        rows = widths[widths["rule"] == rule]
        y = rules.index(rule) + np.linspace(0.25, -0.25, len(rows))
        ax.hlines(y, rows["low"], rows["high"], color=style.colour, alpha=0.35, linewidth=2)
        ax.plot(rows["decades"], y, "o", color=style.colour, markersize=5)
        ax.plot([rows["decades"].median()] * 2, [y.min(), y.max()], color=style.colour, linewidth=2)
    ax.set_yticks(range(len(rules)), [literal(rule) for rule in rules])
    ax.set(xlabel=f"decades of lr with at most {run.options.factor:g} × the best one's steps (line: median)")
    ax.set_title("How exactly the learning rate must be known")


def answer(run: Run, ranks: dict[str, pd.DataFrame], first: pd.DataFrame, plain: str) -> str:
    """Say who is first, how sure, and where plain SGD is."""
    said = {}
    for kind, table in ranks.items():
        rows = [f"{row.rule} {row.rank:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in table.head(3).itertuples()]
        said[kind] = ", ".join(rows)
    text = f"Mean ranks over {len(first)} problems and {run.options.seeds} seeds, tuned: {said['tuned']}; "
    text += f"untuned: {said['untuned']}."
    wins = [
        f"{row.problem} ({row.steps:.0f} steps, {row.second} {row._5:.0f})"
        for row in first.itertuples()
        if row.first == plain
    ]
    return text + (f" Plain SGD is first on {', '.join(wins) or 'none of them'}." if plain else "")


def main(run: Run) -> None:
    """Run the study."""
    if len(run.options.rules) < 2:
        raise StudyError("--rules must be at least two rules, to be compared; got one")
    frame = measure(run)
    found = judged(run, frame)
    plain = next((label for label, rule in run.options.rules.items() if rule == sgd()), "")
    ranks = {kind: ranking(rows, "settled", rng=run.rng) for kind, rows in found.items()}
    first, widths = places(run, found["tuned"]), good_range(frame, "settled", factor=run.options.factor, rng=run.rng)
    if plain:
        claim(run, frame, plain, best(found["tuned"]).query("rule == @plain").set_index("problem"))
    middle = widths.groupby("rule", sort=False)["decades"].median()
    spans = ", ".join(f"{rule} {decades:.2g}" for rule, decades in middle.items())
    more = f" Decades of lr with at most {run.options.factor:g} times the best one's steps, median: {spans}."
    run.answer(answer(run, ranks, first, plain) + more, first)
    for table, name in (
        (frame, "runs"),
        (first, "first"),
        (widths, "widths"),
        (pd.concat(ranks, names=["kind", "place"]), "ranks"),
    ):
        run.table(table, name)
    styles = {label: {"color": look.colour, "linestyle": look.dash} for label, look in looks(run.options.rules).items()}
    last = list(run.options.problems)[-1]

    def profile(ax: Axes, kind: str) -> None:
        draw_profile(ax, performance_profile(found[kind], "settled", tau_max=run.options.tau), styles)
        ax.set_title(f"{kind.capitalize()}: steps until settled")

    def sensitivity(ax: Axes) -> None:
        draw_sensitivity(ax, frame[frame["problem"] == last], "final", styles)
        ax.set_title(f"{literal(last)}: loss at the end")

    panels = [lambda ax: profile(ax, "tuned"), lambda ax: profile(ax, "untuned"), lambda ax: draw_ranks(ax, ranks, run)]
    panels += [lambda ax: draw_plain(ax, run, found["tuned"], plain)] if plain else []
    run.draw(*panels, sensitivity, lambda ax: draw_widths(ax, widths, run), columns=3)


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
