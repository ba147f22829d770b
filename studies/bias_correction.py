"""What does the start of an average cost, and what does bias correction cost?

From zero an average of β = 0.98 has 2 % of the level after one sample and 40 % after 25. Dividing by 1-βᵗ removes that,
and multiplies the first variance by 1/(1-β)² = 2500: it pays where the level is about as large as the noise, after 25
samples a third of it. Near β = 1 the textbook's 1 - beta**t loses its digits: at 1-β = 1e-16 it is wrong by 10 %.

A constant level under white noise is averaged from each start; bias, variance and the level at which correction breaks
even stand beside their closed forms. Takes 2 s (--quick: 2 s).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from optimlab import Decay, bias_correction, ema
from optimlab.checks import Range
from optimlab.lab.frame import PALETTE, Knob, Run, legend_above, mean_interval, study
from optimlab.lab.theory import start_mean, start_variance
from optimlab.typing import Floats

KNOBS = (
    Knob("beta", (0.9, 0.98), "decays; the figure's starts are those of the largest", Range("in (0, 1)")),
    Knob("steps", 300, "samples", Range("at least 2")),
    Knob("draws", 10_000, "draws of the noise", Range("at least 1000"), quick=3000),
)
STARTS = {"zero": PALETTE["vermillion"], "debiased": PALETTE["blue"], "first": PALETTE["green"]}


def measure(run: Run, noise: Floats) -> pd.DataFrame:
    """Mean of a level of 1 and variance from every start at every t, beside the closed forms."""
    rows, t = [], np.arange(1, run.options.steps + 1)
    for beta in sorted(set(run.options.beta)):
        for start in STARTS:
            smooth = ema(noise, beta, axis=1, start=start)
            row = {"beta": beta, "start": start, "t": t}
            theories = {"mean_theory": start_mean, "variance_theory": start_variance}
            row |= {name: theory(Decay(beta), t, start) for name, theory in theories.items()}
            for name, found in (("mean", smooth + ema(np.ones(len(t)), beta, start=start)), ("variance", smooth**2)):
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), mean_interval(found), strict=True))
            rows.append(pd.DataFrame(row))
    return pd.concat(rows)


def price(decay: Decay, t: NDArray[np.int64]) -> Floats:
    """Level over noise at which both starts are equally wrong: √(v_debiased - v_zero) / βᵗ."""
    difference = start_variance(decay, t, "debiased") - start_variance(decay, t, "zero")
    level: Floats = np.sqrt(difference) / np.exp(t * decay.log_beta)
    return level


def times(run: Run, beta: float) -> list[int]:
    """At first, after half a window, after two."""
    window = Decay(beta).window
    return sorted({min(max(round(t), 1), run.options.steps) for t in (1, window / 2, 2 * window)})


def claim(run: Run, noise: Floats, table: pd.DataFrame, naive: pd.DataFrame) -> pd.DataFrame:
    """Set bias, variance and the break-even level beside their closed forms; return the levels."""
    rows = []
    for beta in sorted(set(run.options.beta)):
        some = table[(table["beta"] == beta) & table["t"].isin(times(run, beta))]
        for name, said in (("mean", "mean over the level"), ("variance", "variance over that of the noise")):
            text, measured = f"{{start}} start, β {beta:g}, t = {{t}}: {said}", (name, f"{name}_low", f"{name}_high")
            run.claim_rows(some, f"{name} {beta:g} {{start}} {{t}}", text, expected=f"{name}_theory", measured=measured)
        for t in times(run, beta):
            level = float(price(Decay(beta), np.array([t]))[0])
            ends = {start: ema(noise[:, :t], beta, axis=1, start=start)[:, -1] for start in ("zero", "debiased")}
            zero, corrected = (ends["zero"] - level * beta**t) ** 2, ends["debiased"] ** 2
            ratio = zero.mean() / corrected.mean()
            spread = np.array(mean_interval(zero - ratio * corrected)) / corrected.mean()
            rows.append((beta, t, level, ratio, *(ratio + spread[1:])))
    levels = pd.DataFrame(rows, columns=["beta", "t", "level", "ratio", "low", "high"])
    said = "β {beta:g}, t = {t:g}, level {level:.3g} σ: squared error from zero over that corrected"
    run.claim_rows(levels, "even {beta:g} {t:g}", said, expected=1.0, measured=("ratio", "low", "high"))
    worst, said = float(naive["exact_error"].max()), "error of -expm1(t log1p(-α)), largest down to 1-β = 1e-16"
    run.claim("exact", said, expected=0.0, measured=worst, tolerance=4e-16)
    return levels


def corrections() -> pd.DataFrame:
    """1 - beta**t and the exact correction, for β → 1, at t = 1."""
    alphas = 10.0 ** -np.arange(1, 17)
    exact = np.array([bias_correction(Decay(alpha=alpha), 1) for alpha in alphas])
    naive = 1.0 - (1.0 - alphas) ** 1
    errors = {"naive_error": np.abs(alphas / naive - 1.0), "exact_error": np.abs(alphas / exact - 1.0)}
    return pd.DataFrame({"alpha": alphas} | errors)


def draw_start(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Mean, or standard deviation, over t from every start."""
    beta = table["beta"].max()
    for start, colour in STARTS.items():
        rows = table[(table["beta"] == beta) & (table["start"] == start)]
        root = np.sqrt if column == "variance" else np.asarray
        dots = rows.iloc[np.unique(np.geomspace(1, len(rows), 24).astype(int)) - 1]
        dash = (0, (4, 3)) if start == "first" else "solid"  # so that the debiased line shows beneath
        ax.plot(rows["t"], root(rows[f"{column}_theory"]), linestyle=dash, color=colour, label=f"{start} start")
        ax.plot(dots["t"], root(dots[column]), "o", color=colour, markersize=4)
    ax.set(xlabel=f"samples seen, β = {beta:g} (line: theory, dots: measured)", xscale="log")
    mean = column == "mean"
    ax.set_title("Only the zero start is biased …" if mean else "… and only it starts quiet")
    ax.set_ylabel("expected mean / level" if mean else "sd of the mean / sd of the noise")
    ax.legend(loc="lower right" if mean else "upper right")


def draw_price(ax: Axes, run: Run, levels: pd.DataFrame) -> None:
    """Above which level correction pays."""
    for beta, look in zip(levels["beta"].unique(), ("-", "--", "-.", ":") * 9, strict=False):
        t = np.arange(1, max(2, int(np.log(0.02) / np.log(beta))) + 1)
        ax.plot(t, price(Decay(beta), t), look, color="black", label=f"break-even, β = {beta:g}")
    ax.set(title="Bias correction pays above the line", xlabel="samples seen", xscale="log")
    ax.set(ylabel="level / sd of the noise", ylim=(0.0, 2.6))
    ax.text(0.98, 0.01, "zero start is closer", color="#666666", ha="right", transform=ax.transAxes)
    legend_above(ax)


def draw_naive(ax: Axes, table: pd.DataFrame) -> None:
    """Rounding error of both ways to compute the correction."""
    ax.plot(table["alpha"], table["naive_error"], "o-", color=PALETTE["vermillion"], label="1 - beta**t")
    exact = np.maximum(table["exact_error"], 2.0**-54)
    ax.plot(table["alpha"], exact, "s-", color=PALETTE["blue"], label="-expm1(t log1p(-α))")
    ax.set(title="The textbook's formula fails near β = 1", xlabel="1-β", ylabel="relative error of the first value")
    ax.set(xscale="log", yscale="log", ylim=(2e-17, 30.0))
    ax.invert_xaxis()
    ax.legend(loc="upper left")


def answer(run: Run, table: pd.DataFrame, levels: pd.DataFrame) -> None:
    """Say what the starts of the largest β cost."""
    beta = table["beta"].max()
    some = table[(table["beta"] == beta) & table["t"].isin(times(run, beta))]
    zero, even = some[some["start"] == "zero"], levels[levels["beta"] == beta]
    seen = ", ".join(f"{mean:.3g} after {t:g}" for mean, t in zero[["mean", "t"]].to_numpy())
    text = f"From zero, an average of β = {beta:g} has of the level: {seen} samples. Bias correction removes that and "
    text += f"multiplies the first variance by {round(1 / (1 - beta) ** 2, 3):g}"
    pays = ", ".join(f"{level:.3g} (t = {t:g})" for level, t in even[["level", "t"]].to_numpy())
    text += f"; it pays where the level is at least so many times the noise: {pays}." if pays else "."
    run.answer(text, some[["start", "t", "mean", "mean_theory", "variance", "variance_theory"]])


def main(run: Run) -> None:
    """Run the study."""
    noise = run.rng.normal(size=(run.options.draws, run.options.steps))
    table, naive = measure(run, noise), corrections()
    levels = claim(run, noise, table, naive)
    answer(run, table, levels)
    for frame, name in ((table, "starts"), (naive, "correction"), (levels, "break_even")):
        run.table(frame, name)
    run.draw(
        lambda ax: draw_start(ax, table, "mean"),
        lambda ax: draw_start(ax, table, "variance"),
        lambda ax: draw_price(ax, run, levels),
        lambda ax: draw_naive(ax, naive),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
