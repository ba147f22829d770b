"""How far does a larger batch pay, and what moves the batch from which on it does not?

Up to a critical batch twice the batch halves the steps, beyond it little is gained: SGD gains up to a batch of 165,
momentum, which needs 13 steps without noise in place of 52, up to 648, an average of SGD's iterates up to 105.

On the noisy quadratic with curvatures and variances 1/i the expected loss after each update is known exactly, and its
noise falls as 1/B (Zhang et al. 2019). For every batch the best constant learning rate is found, and some optima are
run; of a rule without a closed form 30 runs are averaged. Takes 9 s (--quick: 5 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Ema, Optimizer, Rule, descend, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, StudyError, looks, mean_interval, rules_knob, study
from optimlab.lab.problems import noisy_quadratic
from optimlab.lab.theory import LinearRule, critical_batch_size, linear_rule, transient
from optimlab.typing import Array, Floats

KNOBS = (
    rules_knob("sgd, heavy_ball(.7)"),
    Knob("gamma", (0.9,), "decays γ of the averages of SGD's iterates", Range("in (0, 1)")),
    Knob("target", 0.03, "loss to reach", POSITIVE),
    Knob("batch", tuple(2.0**k for k in range(2, 15)), "batch sizes", POSITIVE),
    Knob("steps", 1500, "most steps that are looked at"),
    Knob("dimensions", 100, "dimensions: curvatures 1, 1/2, 1/3, ..."),
    Knob("runs", 1000, "runs of each optimum", quick=300),
)
SIMULATED = 30  # runs for each learning rate of a rule without a closed form


class Kind(NamedTuple):
    """A rule, the decay of an average of its iterates, both in theory, the largest lr to try, and the look."""

    rule: Rule
    gamma: float
    linear: LinearRule | None
    limit: float
    colour: str
    dash: str


def kinds_of(run: Run) -> dict[str, Kind]:
    """Return the rules and the averages by label; a linear rule is tried up to its limit of stability."""
    kinds = {}
    for label, look in looks(run.options.rules).items():
        rule, limit = run.options.rules[label], 1.0
        if linear := linear_rule(rule):
            limit = float(linear.limit)
        kinds[label] = Kind(rule, 0.0, linear, limit, look.colour, look.dash)
    for gamma, dash in zip(run.options.gamma, ("-", "--", "-.", ":") * 9, strict=False):
        kinds[f"average of SGD, γ {gamma:g}"] = Kind(sgd(), gamma, LinearRule(average=gamma), 2.0, "#777777", dash)
    return kinds


def descents(run: Run, kind: Kind, lr: Floats, batch: float, steps: int) -> tuple[Array, Array]:
    """Return losses on the way, shape (steps + 1, replicas), and those of the averages at the end."""
    problem = noisy_quadratic(run.options.dimensions, batch=min(batch, 1e15)).seen(run.rng)
    optimizer = Optimizer(kind.rule, lr, average=Ema(kind.gamma, debias=True), replicas=len(lr))
    way = descend(problem, optimizer, steps, start=np.ones((len(lr), run.options.dimensions)), progress=False)
    with optimizer.averaged(way.w):
        return way["value"], problem.value(way.w)


def losses(run: Run, kind: Kind, lr: Floats) -> Iterator[tuple[float, Floats]]:
    """Yield each batch with the expected loss over steps and learning rates: exact, or the mean of some runs."""
    batches, steps = (*sorted(run.options.batch), np.inf), run.options.steps
    h = 1.0 / np.arange(1, run.options.dimensions + 1)
    if kind.linear is None:
        for batch in run.progress(batches, "batches"):
            way = descents(run, kind, np.repeat(lr, SIMULATED), batch, steps)[0]
            yield batch, way.reshape(-1, len(lr), SIMULATED).mean(axis=-1)
        return
    moments = transient(kind.linear, np.broadcast_to(lr[:, None], (steps, len(lr), 1)), h, noise=h)
    # Without an average, γ = 0, the moments of the average are those of the iterates.
    bias, spread = ((0.5 * h * m).sum(axis=-1) for m in (moments.average_mean**2, moments.average_variance))
    yield from ((batch, bias + spread / batch) for batch in batches)


def fewest_steps(run: Run, kinds: dict[str, Kind]) -> pd.DataFrame:
    """Return the fewest steps to the target by rule and batch, at which learning rate, and the loss then."""
    rows = []
    for label, kind in run.progress(kinds.items(), "rules over batches"):
        lr = kind.limit * np.geomspace(0.005, 0.98, 16 if run.quick else 32)
        for batch, loss in losses(run, kind, lr):
            below = loss <= run.options.target
            first = np.where(below.any(axis=0), below.argmax(axis=0), np.inf)
            best = int(first.argmin())
            if np.isfinite(first[best]):
                rows.append((label, batch, int(first[best]), lr[best], loss[int(first[best]), best]))
    target, began = run.options.target, 0.5 * (1.0 / np.arange(1, run.options.dimensions + 1)).sum()
    if target >= began:
        raise StudyError(f"--target must be below the loss at the start, {began:.4g}; got {target:g}")
    if not any(np.isfinite(batch) for _, batch, *_ in rows):
        raise StudyError(f"no rule reaches --target {target:g} within --steps {run.options.steps} with any --batch")
    return pd.DataFrame(rows, columns=["rule", "batch", "steps", "lr", "loss"])


def critical_batches(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each rule the batch at which steps that fall as 1/B from the first one are those of no noise."""
    ends = table.groupby("rule", sort=False)
    found = ends.agg(smallest=("batch", "first"), steps=("steps", "first"), least=("steps", "last")).reset_index()
    return found.assign(critical=found["smallest"] * found["steps"] / found["least"])


def claim_targets(run: Run, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Set the loss of runs beside the exact one where a rule should have reached the target."""
    some = table[table["batch"].isin(run.options.batch[3::2]) & (table["steps"] > 0)]
    for row in some.to_dict("records"):
        kind = kinds[row["rule"]]
        if kind.linear is not None:
            found = descents(run, kind, np.full(run.options.runs, row["lr"]), row["batch"], row["steps"])[1]
            said = f"{row['rule']}, batch {row['batch']:g}, best lr {row['lr']:.3g}: loss after {row['steps']} steps"
            run.claim(f"{row['rule']} {row['batch']:g}", said, expected=row["loss"], measured=mean_interval(found))


def claim_scaling(run: Run, table: pd.DataFrame) -> None:
    """Say how the steps of the default rules fall with the batch."""
    steps = table.pivot_table("steps", "rule", "batch", sort=False).T.sort_index()
    sgd_, momentum, average = (steps[name] for name in steps)
    low, high, none = steps.dropna().index[0], max(run.options.batch), np.inf
    for said, ratio, ideal in (
        ("with the smallest batch momentum needs the steps of SGD: ratio", momentum[low] / sgd_[low], 1.0),
        ("with small batches twice the batch halves SGD's steps: ratio", sgd_[low] / sgd_[2 * low], 2.0),
        ("with the largest batch SGD needs the steps of no noise: ratio", sgd_[high] / sgd_[none], 1.0),
    ):
        run.claim(said, said, expected=ideal, measured=ratio, tolerance=0.1 * ideal, default=True)
    batch = critical_batches(table)["critical"]
    holds = batch[1] > batch[0] > batch[2] and momentum[none] < sgd_[none] <= average[none] and average[low] < sgd_[low]
    said = "momentum raises the critical batch by fewer steps without noise, an average lowers it by fewer with noise"
    run.claim("critical", f"{said} (1: yes)", expected=1.0, measured=float(holds), default=True)


def one_step(run: Run) -> pd.DataFrame:
    """Measure what one best step brings around the critical batch, where theory says half of that without noise."""
    n, runs, rows = run.options.dimensions, 20 * run.options.runs, []
    h = 1.0 / np.arange(1, n + 1)
    gain, curving, batch = (h**2).sum(), (h**3).sum(), float(critical_batch_size(h, np.ones(n), noise=h))
    for ratio in (0.25, 0.5, 1.0, 4.0, 16.0):
        kind, lr = Kind(sgd(), 0.0, None, 0.0, "", ""), gain / (curving * (1.0 + 1.0 / ratio))
        way = descents(run, kind, np.full(runs, lr), ratio * batch, 1)[0]
        progress = mean_interval((way[0] - way[1]) / (0.5 * gain**2 / curving))
        rows.append((ratio, batch, ratio / (1.0 + ratio), *progress))
    table = pd.DataFrame(rows, columns=["ratio", "critical", "theory", "progress", "low", "high"])
    said = "one best step at {ratio:g} times the critical batch {critical:.3f}: progress over that without noise"
    run.claim_rows(table, "step {ratio:g}", said, expected="theory", measured=("progress", "low", "high"))
    return table


def draw_rules(ax: Axes, kinds: dict[str, Kind], table: pd.DataFrame, column: str) -> None:
    """A column over the batch, by rule."""
    for label, rows in table[np.isfinite(table["batch"])].groupby("rule", sort=False):
        kind = kinds[str(label)]
        ax.plot(rows["batch"], rows[column], kind.dash, marker="o", color=kind.colour, markersize=4, label=label)


def draw_steps(ax: Axes, run: Run, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Steps over the batch."""
    draw_rules(ax, kinds, table, "steps")
    batch, first = np.array(run.options.batch), table.iloc[0]
    line = first["steps"] * first["batch"] / batch
    ax.plot(batch, line, ":", color="#777777", label="twice the batch, half the steps")
    ax.set(
        xscale="log", yscale="log", xlabel="batch size B", ylabel=f"steps to a loss of {run.options.target:g}, best lr"
    )
    ax.set_ylim(max(table["steps"].min() / 2.0, 0.5), run.options.steps)
    ax.set_title("Larger batches save steps, up to a critical one")
    ax.legend()


def draw_rates(ax: Axes, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Best learning rate over the batch."""
    draw_rules(ax, kinds, table.assign(share=table["lr"] / table["rule"].map(lambda rule: kinds[rule].limit)), "share")
    ax.axhline(1.0, color="#777777", linestyle=":")
    ax.set(xscale="log", xlabel="batch size B", ylabel="best lr / limit of stability (or 1)", ylim=(0.0, 1.05))
    ax.set_title("The best rate grows with the batch up to the limit")
    ax.legend(loc="lower right")


def draw_step(ax: Axes, table: pd.DataFrame) -> None:
    """Progress of one step over the batch."""
    ratio = np.geomspace(0.05, 50.0, 200)
    ax.plot(ratio, ratio / (1.0 + ratio), color="black", label="1 / (1 + critical batch / batch)")
    ax.plot(table["ratio"], table["progress"], "o", color="black", label="simulated")
    ax.plot([1.0, 1.0, 0.05], [0.0, 0.5, 0.5], ":", color="#777777")
    ax.set(xscale="log", xlabel="batch / critical batch", ylabel="progress / that without noise", ylim=(0.0, 1.05))
    ax.set_title("One step of SGD: half the progress at the critical batch")
    ax.legend(loc="lower right")


def answer(run: Run, table: pd.DataFrame) -> None:
    """Say up to which batch each rule gains."""
    found = critical_batches(table)
    words = []
    for row in found.to_dict("records"):
        gain = f"up to a batch of {row['critical']:.0f}" if row["least"] < row["steps"] else "nothing"
        words.append(f"{row['rule']} gains {gain} ({row['least']} steps)")
    run.answer(
        f"Twice the batch halves the steps to a loss of {run.options.target:g} until those of no noise are reached: "
        f"{', '.join(words)}.",
        found.set_axis(["rule", "smallest batch", "steps there", "steps without noise", "critical batch"], axis=1),
    )


def main(run: Run) -> None:
    """Run the study."""
    kinds = kinds_of(run)
    table = fewest_steps(run, kinds)
    answer(run, table)
    claim_targets(run, kinds, table)
    if not run.turned:
        claim_scaling(run, table)
    step = one_step(run)
    run.table(table, "batches")
    run.table(step, "one_step")
    run.draw(
        partial(draw_steps, run=run, kinds=kinds, table=table),
        partial(draw_rates, kinds=kinds, table=table),
        partial(draw_step, table=step),
        columns=3,
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
