"""How far does a larger batch pay, and what moves the batch from which on it does not?

Up to a critical batch twice the batch halves the steps, beyond it little is gained: SGD gains up to a batch of 116,
momentum, which needs 17 steps without noise in place of 56, up to 358, an average of SGD's iterates up to 74.

On the noisy quadratic with curvatures and variances 1/i the expected loss after each update is known exactly, and its
noise falls as 1/B. For every batch the best constant learning rate is found, and each optimum is run; the steps of
rules without a closed form are those of 30 runs. Zhang et al. 2019 do so. Takes 20 s (--quick: 6 s).
"""

from __future__ import annotations

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
    Knob("dimensions", 100, "dimensions: curvatures 1, 1/2, 1/3, ...", quick=50),
    Knob("runs", 1000, "runs of each optimum", quick=300),
)
SIMULATED = 30  # runs for each learning rate of a rule without a closed form


class Kind(NamedTuple):
    """A rule, an average of its iterates, the same in theory or None, and how it is drawn."""

    rule: Rule
    gamma: float
    linear: LinearRule | None
    colour: str
    dash: str

    @property
    def limit(self) -> float:
        """Learning rate, times the largest curvature, up to which the rule is stable; 1 where that is not known."""
        if self.linear is None:
            return 1.0
        beta, trace, gradient = (float(each) for each in (self.linear.beta, self.linear.trace, self.linear.gradient))
        return 2.0 * (1.0 + beta) / (trace + gradient * (1.0 + beta))


def kinds_of(run: Run) -> dict[str, Kind]:
    """Return the rules and the averages by label."""
    kinds = {}
    for label, look in looks(run.options.rules).items():
        rule = run.options.rules[label]
        kinds[label] = Kind(rule, 0.0, linear_rule(rule), look.colour, look.dash)
    for gamma, dash in zip(run.options.gamma, ("-", "--", "-.", ":") * 9, strict=False):
        kinds[f"average of SGD, γ {gamma:g}"] = Kind(sgd(), gamma, LinearRule(average=gamma), "#777777", dash)
    return kinds


def descents(run: Run, kind: Kind, lr: Floats, batch: float, steps: int) -> tuple[Array, Array]:
    """Return losses on the way, shape (steps + 1, replicas), and those of the averages at the end."""
    problem = noisy_quadratic(run.options.dimensions, batch=batch).seen(run.rng)
    optimizer = Optimizer(kind.rule, lr, average=Ema(kind.gamma, debias=True), replicas=len(lr))
    way = descend(problem, optimizer, steps, start=np.ones((len(lr), run.options.dimensions)))
    with optimizer.averaged(way.w):
        return way["value"], problem.value(way.w)


def losses(run: Run, kind: Kind, lr: Floats) -> dict[float, Floats]:
    """Return the expected loss over steps and learning rates for each batch: exact, or the mean of some runs."""
    batches, steps, h = (*run.options.batch, np.inf), run.options.steps, 1.0 / np.arange(1, run.options.dimensions + 1)
    if kind.linear is None:
        rates = np.repeat(lr, SIMULATED)
        ways = {
            batch: descents(run, kind, rates, batch, steps)[0]
            for batch in run.progress(batches, kind.rule.__class__.__name__)
        }
        return {batch: way.reshape(len(way), len(lr), SIMULATED).mean(axis=-1) for batch, way in ways.items()}
    moments = transient(kind.linear, np.broadcast_to(lr[:, None], (steps, len(lr), 1)), h, noise=h)
    # Without an average, γ = 0, the moments of the average are those of the iterates.
    bias, spread = ((0.5 * h * m).sum(axis=-1) for m in (moments.average_mean**2, moments.average_variance))
    return {batch: bias + spread / batch for batch in batches}


def fewest_steps(run: Run, kinds: dict[str, Kind]) -> pd.DataFrame:
    """Return the fewest steps to the target by rule and batch, at which learning rate, and the loss then."""
    rows = []
    for label, kind in run.progress(kinds.items(), "rules over batches"):
        lr = kind.limit * np.geomspace(0.005, 0.98, 16 if run.quick else 32)
        for batch, loss in losses(run, kind, lr).items():
            below = loss <= run.options.target
            first = np.where(below.any(axis=0), below.argmax(axis=0), np.inf)
            best = int(first.argmin())
            if np.isfinite(first[best]):
                rows.append((label, batch, int(first[best]), lr[best], loss[int(first[best]), best]))
    if not rows:
        raise StudyError(f"no rule reaches --target {run.options.target:g} within --steps {run.options.steps}")
    return pd.DataFrame(rows, columns=["rule", "batch", "steps", "lr", "loss"])


def critical(table: pd.DataFrame) -> pd.DataFrame:
    """Return, for each rule, the batch up to which steps fall as 1/B, from the smallest batch and from no noise."""
    ends = table.sort_values("batch").groupby("rule", sort=False)
    found = ends.agg(batch=("batch", "first"), most=("steps", "first"), fewest=("steps", "last"))
    found["critical"] = found["batch"] * found["most"] / found["fewest"]
    return found


def claim_targets(run: Run, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Set the loss of runs beside the exact one where a rule should have reached the target."""
    some = sorted(run.options.batch)[3::2] or run.options.batch
    for row in table[table["batch"].isin(some)].itertuples(index=False):
        kind = kinds[row.rule]
        if kind.linear is not None and row.steps:
            found = descents(run, kind, np.full(run.options.runs, row.lr), row.batch, row.steps)[1]
            said = f"{row.rule}, batch {row.batch:g}, best lr {row.lr:.3g}: loss after {row.steps} steps"
            run.claim(f"{row.rule} {row.batch:g}", said, expected=row.loss, measured=mean_interval(found))


def claim_scaling(run: Run, table: pd.DataFrame) -> None:
    """Say how the steps fall with the batch, for the default rules."""
    steps = table.pivot_table("steps", "batch", "rule")
    sgd_, momentum, average = steps["SGD"], steps["heavy ball"], steps["average of SGD, γ 0.9"]
    small, batch = steps.dropna().index[0], critical(table)["critical"]
    for said, holds in (
        ("without noise momentum needs fewer steps than SGD", momentum[np.inf] < sgd_[np.inf]),
        ("without noise an average needs no fewer steps than SGD", average[np.inf] >= sgd_[np.inf]),
        ("with small batches an average needs fewer steps than SGD", average[small] < sgd_[small]),
        ("momentum raises the critical batch", batch["heavy ball"] > batch["SGD"]),
        ("an average lowers the critical batch", batch["average of SGD, γ 0.9"] < batch["SGD"]),
    ):
        run.claim(said, f"{said} (1: yes)", expected=1.0, measured=float(holds), default=True)
    for said, ratio, ideal in (
        ("with small batches momentum needs the steps of SGD: ratio", momentum[small] / sgd_[small], 1.0),
        ("with small batches twice the batch halves SGD's steps: ratio", sgd_[small] / sgd_[2 * small], 2.0),
        ("at batch 16384 SGD needs the steps of no noise: ratio", sgd_[2.0**14] / sgd_[np.inf], 1.0),
    ):
        run.claim(said, said, expected=ideal, measured=ratio, tolerance=0.1 * ideal, default=True)


def one_step(run: Run) -> pd.DataFrame:
    """Measure what one best step brings around the critical batch, where theory says half of that without noise."""
    n, runs, rows = run.options.dimensions, 20 * run.options.runs, []
    h = 1.0 / np.arange(1, n + 1)
    gain, curving, batch = (h**2).sum(), (h**3).sum(), float(critical_batch_size(h, np.ones(n), noise=h))
    for ratio in (0.25, 0.5, 1.0, 4.0, 16.0):
        kind, lr = Kind(sgd(), 0.0, None, "", ""), gain / (curving * (1.0 + 1.0 / ratio))
        way = descents(run, kind, np.full(runs, lr), ratio * batch, 1)[0]
        progress = mean_interval((way[0] - way[1]) / (0.5 * gain**2 / curving))
        rows.append((ratio, batch, ratio / (1.0 + ratio), *progress))
    table = pd.DataFrame(rows, columns=["ratio", "critical", "theory", "progress", "low", "high"])
    said = "one best step at {ratio:g} times the critical batch {critical:.3f}: progress over that without noise"
    run.claim_rows(table, "step {ratio:g}", said, expected="theory", measured=("progress", "low", "high"))
    return table


def draw_steps(ax: Axes, run: Run, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Steps over the batch."""
    finite = table[np.isfinite(table["batch"])]
    for label, rows in finite.groupby("rule", sort=False):
        kind = kinds[str(label)]
        ax.plot(rows["batch"], rows["steps"], kind.dash, marker="o", color=kind.colour, markersize=4, label=label)
    start = finite.iloc[0]
    line = start["steps"] * start["batch"] / np.array(run.options.batch)
    ax.plot(run.options.batch, line, ":", color="#777777", label="twice the batch, half the steps")
    ax.set_ylim(max(table["steps"].min() / 2.0, 0.5), run.options.steps)
    ax.set(
        xscale="log", yscale="log", xlabel="batch size B", ylabel=f"steps to a loss of {run.options.target:g}, best lr"
    )
    ax.set_title("Larger batches save steps, up to a critical one")
    ax.legend()


def draw_rates(ax: Axes, kinds: dict[str, Kind], table: pd.DataFrame) -> None:
    """Best learning rate over the batch."""
    for label, rows in table[np.isfinite(table["batch"])].groupby("rule", sort=False):
        kind = kinds[str(label)]
        name = str(label) if kind.linear else f"{label} (of lr 1)"
        ax.plot(
            rows["batch"], rows["lr"] / kind.limit, kind.dash, marker="o", color=kind.colour, markersize=4, label=name
        )
    ax.axhline(1.0, color="#777777", linestyle=":")
    ax.set(xscale="log", xlabel="batch size B", ylabel="best lr / limit of stability", ylim=(0.0, 1.05))
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
    found = critical(table)
    words = ", ".join(f"{label} up to a batch of {row.critical:.0f}" for label, row in found.iterrows())
    steps = ", ".join(f"{label} {row.fewest:.0f}" for label, row in found.iterrows())
    shown = found.reset_index()
    shown.columns = pd.Index(["rule", "smallest batch", "steps there", "steps without noise", "critical batch"])
    text = f"Twice the batch halves the steps to a loss of {run.options.target:g} only so far: {words}."
    run.answer(f"{text} Steps without noise: {steps}.", shown)


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
