"""What would decaying the learning rate give now, and does an average of the weights tell?

On digits it does: the training loss of the plain mean of the last 20, 100 or 500 iterates is within 3 % of that after
a linear decay over as many updates. On a mode at its floor, lr h = 0.1, the mean has 0.97, 0.64 and 0.31 of the
variance that the decay leaves; of a mode at 100 times its floor, as slow ones are, it may have 5 times as much.

A run of SGD ends in two ways: the rate falls to 0 in a straight line, or it stays and the same number of iterates is
merged to their plain mean (Tian et al. 2025). That is exact on a noisy quadratic, and measured there and by a net
64-32-10 on digits. Averages of all profiles stand beside them. Takes 40 s (--quick: 20 s).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Ema, Every, Optimizer, Rule, UniformGain, descend, linear, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import PALETTE, Knob, Run, StudyError, legend_above, mean_interval, rules_knob, study
from optimlab.lab.nets import MLP
from optimlab.lab.problems import Holdout, NoisyQuadratic, Samples, digits, holdout
from optimlab.lab.theory import averaged_square, merge_crossover, merge_over_decay, sgd_variance
from optimlab.typing import Array, Floats

AVERAGES = (
    "Ema(.98, debias=True), Ema(UniformGain), Ema(TailGain(900)), Ema(PowerGain(6.94)), Ema(ShareGain(.05)), "
    "Ema(InversePowerGain(.5)), Bema(InversePowerGain(.5), InversePowerGain(.2, lag=10))"
)
KNOBS = (
    Knob("averages", AVERAGES, "averages of the weights, as expressions", read=rules_knob("").read),
    Knob("lr", 0.1, "learning rate on the quadratic, whose stiff mode has the curvature 1", Range("in (0, 2)")),
    Knob("slow", 0.01, "curvature of the slow mode", Range("in (0, 1]")),
    Knob("steps", 1000, "updates"),
    Knob("windows", (20, 100, 500), "updates over which the rate decays, or iterates are merged"),
    Knob("far", 1000.0, "E w² at the start of the map, in units of the floor", Range("at least 1 and finite")),
    Knob("rate", 0.5, "learning rate on digits", POSITIVE),
    Knob("seeds", 12, "splits, starts and batches there", Range("at least 4"), quick=6),
    Knob("runs", 10_000, "independent runs on the quadratic", quick=2000),
)  # fmt: skip
BATCH = 32
EXCESSES = (1.0, 10.0, 100.0, 1000.0)  # E w² at the start of a window, in units of the floor
COLOURS = dict(zip(("as before", "decay", "merge"), ("#777777", PALETTE["vermillion"], PALETTE["blue"]), strict=True))


def averages(run: Run) -> list[tuple[str, Any]]:
    """Return the last iterate, and the averages that were asked for."""
    o = run.options
    if bad := [name for name, rule in o.averages.items() if not hasattr(rule, "weights")]:
        raise StudyError(f"--averages must be averages such as Ema(UniformGain); got {bad[0]}")
    if max(o.windows) > o.steps:
        raise StudyError(f"--windows must be at most --steps {o.steps}; got {max(o.windows)}")
    return [("the iterate", Ema(0.0)), *o.averages.items()]


def falling(lr: float, window: int) -> Floats:
    """Return the learning rates of a window in a straight line: the next one would be 0."""
    return np.asarray(linear(lr, steps=window + 1, final=0.0)(np.arange(1, window + 1)))


def squares(run: Run, average: Rule, rates: Floats, h: Floats, start: Floats) -> tuple[Floats, Any]:
    """E w̄² of each mode, exact, and measured with its interval; start is E w₀², and the noise is h."""
    weights = Optimizer(sgd(), 1.0, average=average).average.weights(len(rates))[:, np.newaxis]
    exact = averaged_square(weights, rates[:, np.newaxis], h, noise=h, start=start)
    optimizer = Optimizer(sgd(), lambda k: rates[k], average=average, replicas=run.options.runs)
    first = np.sqrt(start) * run.rng.normal(size=(run.options.runs, len(h)))
    problem, record = NoisyQuadratic(tuple(h), tuple(h)).seen(run.rng), Every(len(rates))
    w = descend(problem, optimizer, len(rates), start=first, record=record, progress=False).w
    with optimizer.averaged(w):
        return exact, mean_interval(w**2)


def profiles(run: Run) -> pd.DataFrame:
    """Lag, samples and width of each average, and E w̄² of a mode at its floor and of one on its way from 1."""
    o, rows = run.options, []
    h = np.array([1.0, o.slow])
    rates, start = np.full(o.steps, o.lr), np.array([sgd_variance(o.lr, 1.0), 1.0])
    for name, rule in run.progress(averages(run), "averages"):
        exact, found = squares(run, rule, rates, h, start)
        profile = rule.describe(o.steps)
        for mode, place in (("stiff", 0), ("slow", 1)):
            of_mode = (exact[place], *(bound[place] for bound in found))
            rows.append((name, profile.lag, profile.samples, profile.width, mode, *of_mode))
    return pd.DataFrame(
        rows, columns=["average", "lag", "samples", "width", "mode", "theory", "measured", "low", "high"]
    )


def ends(run: Run) -> pd.DataFrame:
    """E w² of a mode at its floor after each window, decayed and merged."""
    o, rows = run.options, []
    floor = np.array([sgd_variance(o.lr, 1.0)])
    for window in o.windows:
        ways = {"decay": (Ema(0.0), falling(o.lr, window)), "merge": (Ema(UniformGain()), np.full(window, o.lr))}
        for way, (average, rates) in ways.items():
            exact, found = squares(run, average, rates, np.ones(1), floor)
            rows.append((window, way, exact[0], *(bound[0] for bound in found)))
    return pd.DataFrame(rows, columns=["window", "way", "theory", "measured", "low", "high"])


def trained(run: Run, problem: Holdout, rates: Floats, start: Array) -> Array:
    """Return the weights of all seeds after each update on digits, shape (updates + 1, seeds, weights)."""
    optimizer = Optimizer(sgd(), lambda k: rates[k], replicas=problem.replicas)
    record = Every(1, at=lambda w: w.copy())
    batches, title = problem.batches(BATCH, run.rng), f"updates on digits, {len(rates)}"
    return np.asarray(descend(batches, optimizer, len(rates), start=start, record=record, progress=title)["at"])


def on_digits(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Loss and test accuracy of each seed: as before, decayed and merged for each window, and of each average."""
    o, rows = run.options, []
    X, y = digits()
    problem = holdout(Samples(X.astype(np.float32), y), MLP((64, 32, 10)), run.rng, replicas=o.seeds)
    path = trained(run, problem, np.full(o.steps, o.rate), problem.start)
    for window in o.windows:
        decayed = trained(run, problem, falling(o.rate, window), path[-1 - window])[-1]
        for way, w in {"as before": path[-1], "decay": decayed, "merge": path[-window:].mean(axis=0)}.items():
            found = problem.train_loss.value(w), problem.test_loss.accuracy(w)
            rows += [(window, way, seed, *row) for seed, row in enumerate(zip(*found, strict=True))]
    means = {name: np.tensordot(rule.weights(o.steps), path[1:], 1).astype(path.dtype) for name, rule in averages(run)}
    told = [
        (
            name,
            problem.train_loss.value(w).mean(),
            problem.test_loss.value(w).mean(),
            problem.test_loss.accuracy(w).mean(),
        )
        for name, w in means.items()
    ]
    return (
        pd.DataFrame(rows, columns=["window", "way", "seed", "loss", "accuracy"]),
        pd.DataFrame(told, columns=["average", "training loss", "test loss", "test accuracy"]),
    )


def claim(run: Run, profile: pd.DataFrame, end: pd.DataFrame, losses: pd.DataFrame) -> None:
    """Set measurements beside theory, and the merge on digits beside the decay."""
    interval = ("measured", "low", "high")
    run.claim_rows(
        profile, "{average} {mode}", "{average}: E w̄² of the {mode} mode", expected="theory", measured=interval
    )
    run.claim_rows(
        end, "{way} {window}", "E w² after a {way} over {window} updates", expected="theory", measured=interval
    )
    for window, rows in losses.groupby("window"):
        loss = rows.pivot_table("loss", "seed", "way")
        said = f"digits: training loss of the merge of {window} iterates, over that after a decay"
        ratio = mean_interval(loss["merge"] / loss["decay"])
        run.claim(f"digits {window}", said, expected=1.0, measured=ratio, tolerance=0.05, default=True)


def draw_ratio(ax: Axes, run: Run) -> None:
    """Merge over decay by time constants: the limit, and exact dots at this learning rate."""
    x = np.geomspace(0.1, 300.0, 200)
    for excess, colour in zip(EXCESSES, ("black", PALETTE["blue"], PALETTE["green"], PALETTE["orange"]), strict=True):
        ax.plot(x, merge_over_decay(x, excess), color=colour, label=f"from {excess:g} × the floor")
        dots = [(run.options.lr * window, ratio(run.options.lr, window, excess)) for window in run.options.windows]
        ax.plot(*zip(*dots, strict=True), "o", color=colour, markersize=5)
    ax.axhline(1.0, color="#777777", linewidth=1)
    ax.set(xscale="log", yscale="log", ylim=(0.1, 100.0), xlabel="window in time constants of the mode, lr h k")
    ax.set_ylabel("E w² merged / decayed (dots: exact, h = 1)")
    ax.set_title("Merging wins at the floor, decaying far above it")
    legend_above(ax)


def ratio(lr_h: Any, window: int, excess: Any) -> Any:
    """Merge over decay, exact: E w² from `excess` times the floor."""
    floor, modes = sgd_variance(lr_h, 1.0), np.broadcast_to(lr_h, (window, *np.shape(lr_h)))
    ways = (
        averaged_square((average.weights(window) * np.ones((*np.shape(lr_h), 1))).T, rates, 1.0, start=excess * floor)
        for average, rates in ((Ema(UniformGain()), modes), (Ema(0.0), (modes.T * falling(1.0, window)).T))
    )
    return np.divide(*ways)


def draw_map(ax: Axes, run: Run) -> None:
    """Merge over decay after a run from `--far` times the floor, over stiffness and window."""
    o = run.options
    lr_h, windows = np.geomspace(1e-4, 1.0, 60), np.unique(np.geomspace(20, max(100, 5 * o.steps), 30).astype(int))
    excess = 1.0 + (o.far - 1.0) * (1.0 - lr_h) ** (2 * o.steps)
    found = np.log10([ratio(lr_h, window, excess) for window in windows])
    most = float(abs(found).max())
    shown = ax.pcolormesh(lr_h, windows, found, cmap="RdBu_r", vmin=-most, vmax=most, shading="gouraud")
    ax.figure.colorbar(shown, ax=ax, label="log₁₀ of E w² merged / decayed")
    ax.contour(lr_h, windows, found, np.log10([0.98, 1.02]), colors="black", linestyles="-")
    limit = excess / merge_crossover(np.maximum(lr_h * windows[:, np.newaxis], 0.01))
    ax.contour(lr_h, windows, limit, [1.0], colors="black", linestyles=":")
    ax.set(xscale="log", yscale="log", xlabel="stiffness lr h", ylabel="window k (lines: 2 % off 1; dotted: limit)")
    ax.set_title(f"{o.steps} updates from {o.far:g} × the floor: merge or decay?")


def draw_profiles(ax: Axes, table: pd.DataFrame) -> None:
    """Each average in the plane of both modes."""
    marks = zip("osD^vP*Xhp" * 9, [*list(PALETTE.values())[:7], "#777777"] * 9, strict=False)
    for (name, rows), (mark, colour) in zip(table.groupby("average", sort=False), marks, strict=False):
        stiff, slow = (rows[rows["mode"] == mode].iloc[0] for mode in ("stiff", "slow"))
        ax.plot(stiff["theory"], slow["theory"], mark, color=colour, mfc="none", markersize=11)
        ax.plot(stiff["measured"], slow["measured"], mark, color=colour, markersize=5, label=name)
    ax.set(xscale="log", xlabel="E w̄² of the stiff mode: noise", ylabel="E w̄² of the slow mode: lag")
    ax.set_title("What averages trade (open: theory, full: measured)")
    ax.legend(loc="upper right", fontsize=9)


def draw_digits(ax: Axes, losses: pd.DataFrame) -> None:
    """Training loss over the window."""
    for way, colour in COLOURS.items():
        rows = losses[losses["way"] == way].groupby("window")["loss"].mean()
        ax.plot(rows.index, rows, "o-", color=colour, mfc="white" if way == "merge" else colour, label=way)
    ax.set(xlabel="window, updates", ylabel="training loss on digits", ylim=(0.0, None))
    ax.set_title("Digits: the merge tells what the decay will give")
    legend_above(ax)


def answer(run: Run, end: pd.DataFrame, losses: pd.DataFrame) -> None:
    """Say what the merge tells of the decay."""
    told = losses.pivot_table("loss", "window", "way")
    left = end.pivot_table("theory", "window", "way")
    table = pd.DataFrame({
        "window": left.index, "E w² decayed": left["decay"], "merged": left["merge"],
        "ratio": left["merge"] / left["decay"], "digits as before": told["as before"],
        "digits decayed": told["decay"], "digits merged": told["merge"],
    })  # fmt: skip
    off, ratios = (told["merge"] / told["decay"] - 1.0).abs().max(), ", ".join(f"{r:.2f}" for r in table["ratio"])
    windows = ", ".join(f"{window:g}" for window in left.index)
    text = f"""On digits the merge tells it: its training loss is within {100 * off:.1f} % of that after a decay, over
        {windows} updates. A mode at its floor, lr h = {run.options.lr:g}, is left with {ratios} of the variance that
        the decay leaves; one far above its floor, as slow ones are, is served better by the decay."""
    run.answer(text, table)
    run.table(table, "ends")


def main(run: Run) -> None:
    """Run the study."""
    profile, end, (losses, means) = profiles(run), ends(run), on_digits(run)
    claim(run, profile, end, losses)
    answer(run, end, losses)
    run.table(profile, "profiles")
    run.table(losses, "digits")
    run.table(means, "digits_averages")
    run.draw(
        lambda ax: draw_ratio(ax, run),
        lambda ax: draw_map(ax, run),
        lambda ax: draw_profiles(ax, profile),
        lambda ax: draw_digits(ax, losses),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
