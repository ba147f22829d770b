"""How far larger batches pay: steps to a loss over the batch size, and what moves the critical batch.

On the noisy quadratic with h = c = 1/i the expected loss after each update is known exactly, and its noise falls as
1/B. For every batch the best constant learning rate is found for SGD, for momentum and for an average of the iterates;
each optimum is run. One step has a critical batch in closed form; a whole descent has one that the choice of the rule
moves (Zhang et al. 2019).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Ema, Optimizer, Rule, heavy_ball, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import noisy_quadratic
from optimlab.lab.theory import LinearRule, critical_batch_size, transient

TARGET = 0.03  # loss to reach from 2.2 (quick) or 2.6
BATCHES = tuple(2.0 ** np.arange(2.0, 15.0))
RUN_BATCHES = (32.0, 64.0, 128.0, 512.0, 2048.0, 16384.0)
LONGEST = 1500


class Kind(NamedTuple):
    """A rule, the same in theory, and its limit of stability in lr h."""

    rule: Rule
    linear: LinearRule
    limit: float
    colour: str


KINDS = {
    "SGD": Kind(sgd(), LinearRule(), 2.0, "black"),
    "heavy ball β .7": Kind(heavy_ball(0.7), LinearRule(0.7), 3.4, "vermillion"),
    "EMA γ .9 of SGD": Kind(sgd(), LinearRule(average=0.9), 2.0, "blue"),
}


class Best(NamedTuple):
    """The fewest steps to the target, at which learning rate, and the exact loss then."""

    steps: int
    lr: float
    loss: float


def dimensions(run: Run) -> int:
    """Return the number of dimensions."""
    return 50 if run.quick else 100


def fewest_steps(run: Run, kind: Kind) -> dict[float, Best]:
    """Find the best constant learning rate for each batch; variances are proportional to 1/B."""
    h = 1.0 / np.arange(1, dimensions(run) + 1)
    lr = kind.limit * np.geomspace(0.005, 0.98, 16 if run.quick else 32)
    moments = transient(kind.linear, np.broadcast_to(lr[:, None], (LONGEST, len(lr), 1)), h, noise=h)
    # Without an average, γ = 0, the moments of the average are those of the iterates.
    bias = (0.5 * h * moments.average_mean**2).sum(axis=-1)
    spread = (0.5 * h * moments.average_variance).sum(axis=-1)
    found = {}
    for batch in (*BATCHES, np.inf):
        loss = bias + spread / batch
        below = loss <= TARGET
        first = np.where(below.any(axis=0), below.argmax(axis=0), LONGEST)
        best = int(first.argmin())
        if first[best] < LONGEST:
            found[batch] = Best(int(first[best]), float(lr[best]), float(loss[first[best], best]))
    return found


def target_claim(run: Run, name: str, batch: float, best: Best) -> None:
    """Claim the simulated loss at the step at which a rule should have reached the target."""
    kind, runs = KINDS[name], 300 if run.quick else 1000
    problem = noisy_quadratic(dimensions(run), batch=batch).seen(run.rng)
    opt = Optimizer(kind.rule, best.lr, average=Ema(float(kind.linear.average), debias=True), replicas=runs)
    w = np.ones((runs, dimensions(run)))
    for _ in range(best.steps):
        opt.step(w, problem.gradient(w))
    with opt.averaged(w):
        losses = problem.value(w)
    run.claim(
        f"{name} B {batch:g}",
        f"batch {batch:g}, {name}, best lr {best.lr:.3g}: simulated loss after {best.steps} steps, against the exact",
        expected=best.loss,
        measured=mean_interval(losses),
    )


def scaling_claims(run: Run, best: dict[str, dict[float, Best]]) -> None:
    """Claim how the steps fall with the batch."""
    momentum, average = "heavy ball β .7", "EMA γ .9 of SGD"
    smallest = min(set.intersection(*(set(found) for found in best.values())))
    small, large = ({name: float(best[name][batch].steps) for name in best} for batch in (smallest, np.inf))
    critical = {name: smallest * small[name] / large[name] for name in best}
    for name in best:
        run.say(
            f"{name}: {large[name]:.0f} steps without noise; beyond a batch of {critical[name]:.0f} little is gained"
        )
    for name, statement, holds in (
        ("large, momentum", "large batch: momentum needs fewer steps than SGD", large[momentum] < large["SGD"]),
        ("small, average", "small batch: an average needs fewer steps than SGD", small[average] < small["SGD"]),
        ("large, average", "large batch: an average needs no fewer steps", large[average] >= large["SGD"]),
        ("critical, momentum", "momentum raises the critical batch", critical[momentum] > critical["SGD"]),
        ("critical, average", "an average lowers the critical batch", critical[average] < critical["SGD"]),
    ):
        run.claim(name, f"{statement} (1: yes)", expected=1.0, measured=float(holds))
    for name, statement, ratio, ideal in (
        ("small, momentum", "small batch: momentum needs as many steps as SGD", small[momentum] / small["SGD"], 1.0),
        (
            "doubling",
            "small batch: twice the batch halves SGD's steps",
            small["SGD"] / best["SGD"][2 * smallest].steps,
            2.0,
        ),
        ("saturation", "batch 16384: SGD needs the steps of no noise", best["SGD"][2.0**14].steps / large["SGD"], 1.0),
    ):
        run.claim(name, f"{statement}, within a tenth", expected=ideal, measured=ratio, tolerance=0.1 * ideal)


def one_step_claims(run: Run) -> pd.DataFrame:
    """Claim that at the critical batch one step brings half of what it would bring without noise."""
    h = np.array(noisy_quadratic(100).curvatures)
    critical = float(critical_batch_size(h, np.ones(100), noise=h))
    gain, curving = (h**2).sum(), (h**3).sum()
    rows = []
    for ratio in (0.25, 0.5, 1.0, 4.0, 16.0):
        runs = 4000 if run.quick else 20_000
        problem = noisy_quadratic(100, batch=ratio * critical).seen(run.rng)
        w = np.ones((runs, 100))
        before = problem.value(w)
        Optimizer(sgd(), gain / (curving * (1.0 + 1.0 / ratio)), replicas=runs).step(w, problem.gradient(w))
        progress = mean_interval((before - problem.value(w)) / (0.5 * gain**2 / curving))
        run.claim(
            f"one step {ratio:g}",
            f"one best step at {ratio:g} times the critical batch {critical:.3f}: progress over that without noise",
            expected=ratio / (1.0 + ratio),
            measured=progress,
        )
        rows.append({"batch_over_critical": ratio, "progress": progress[0], "exact": ratio / (1.0 + ratio)})
    return pd.DataFrame(rows)


def draw_steps(ax: Axes, best: dict[str, dict[float, Best]]) -> None:
    """Steps over the batch."""
    for name, found in best.items():
        x = [batch for batch in found if np.isfinite(batch)]
        colour = PALETTE[KINDS[name].colour]
        ax.plot(x, [found[batch].steps for batch in x], "o-", color=colour, markersize=4, label=name)
    start = min(best["SGD"])
    line = start * best["SGD"][start].steps / np.array(BATCHES)
    ax.plot(BATCHES, line, ":", color="#666666", label="twice the batch, half the steps")
    ax.set_ylim(min(found[np.inf].steps for found in best.values()) / 2.0, LONGEST)
    ax.set(xscale="log", yscale="log", xlabel="batch size B", ylabel=f"steps to a loss of {TARGET:g}, best lr")
    ax.set(title="Averages help small batches, momentum large ones")
    ax.legend()


def draw_rates(ax: Axes, best: dict[str, dict[float, Best]]) -> None:
    """Best learning rate over the batch."""
    for name, found in best.items():
        x = [batch for batch in found if np.isfinite(batch)]
        share = [found[batch].lr / KINDS[name].limit for batch in x]
        ax.plot(x, share, "o-", color=PALETTE[KINDS[name].colour], markersize=4, label=name)
    ax.axhline(1.0, color="#666666", linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="batch size B", ylabel="best lr / limit of stability")
    ax.set(title="The best rate grows with the batch up to the limit")
    ax.legend(loc="lower right")


def draw_step(ax: Axes, table: pd.DataFrame) -> None:
    """Progress of one step over the batch."""
    ratio = np.geomspace(0.05, 50.0, 200)
    ax.plot(ratio, ratio / (1.0 + ratio), color=PALETTE["black"], label="1 / (1 + B_crit/B)")
    ax.plot(table["batch_over_critical"], table["progress"], "o", color=PALETTE["blue"], label="simulated")
    ax.plot([1.0, 1.0, 0.05], [0.0, 0.5, 0.5], ":", color="#666666")
    ax.set(xscale="log", xlabel="batch / critical batch", ylabel="progress / that without noise")
    ax.set(title="One step: half the progress at B_crit", ylim=(0.0, 1.05))
    ax.legend(loc="lower right")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    best = {name: fewest_steps(run, kind) for name, kind in run.progress(KINDS.items(), "rules over batches")}
    for name in best:
        for batch in run.progress(RUN_BATCHES, "simulated batches"):
            if batch in best[name]:
                target_claim(run, name, batch, best[name][batch])
    scaling_claims(run, best)
    one_step = one_step_claims(run)
    figure, axes = plt.subplots(1, 3, figsize=(16, 5))
    draw_steps(axes[0], best)
    draw_rates(axes[1], best)
    draw_step(axes[2], one_step)
    rows = [{"rule": name, "batch": batch} | found._asdict() for name in best for batch, found in best[name].items()]
    run.table(pd.DataFrame(rows), "batches")
    run.table(one_step, "one_step")
    run.figure(figure, "batch_size")


if __name__ == "__main__":
    raise SystemExit(study(main))
