"""What the start of an EMA costs: zero, debiased and first-value starts at finite t.

A constant level under white noise is averaged from each start: bias, variance and error after t samples beside the
closed forms; what dividing by 1-βᵗ removes, and what it adds; and where the textbook's 1 - beta**t fails.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from optimlab import Decay, bias_correction, ema
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.theory import start_mean, start_variance
from optimlab.typing import Floats

COLOURS = {"zero": PALETTE["vermillion"], "debiased": PALETTE["blue"], "first": PALETTE["green"]}
TIMES = {0.9: (1, 5, 20), 0.98: (1, 20, 100)}
LENGTH = 300
SHOWN = 0.98
NAIVE = {1e-8: 5.0e-9, 1e-12: 2.2e-5, 1e-16: 0.0993}


def noise_claims(run: Run, noise: Floats) -> pd.DataFrame:
    """Measure the variance of every start, and the bias of a level of 1; noise is (draws, samples)."""
    rows = []
    for beta, times in TIMES.items():
        for start in COLOURS:
            smooth, mean = ema(noise, beta, axis=1, start=start), ema(np.ones(LENGTH), beta, start=start)
            for t in range(1, LENGTH + 1):
                variance = smooth[:, t - 1].var()
                theory = float(start_variance(Decay(beta), t, start))
                row = {"beta": beta, "start": start, "t": t, "mean": mean[t - 1], "variance": variance}
                rows.append(row | {"variance_theory": theory, "mean_theory": float(start_mean(Decay(beta), t, start))})
            for t in times:
                one_claim(run, smooth[:, t - 1], mean[t - 1], beta, start, t)
    return pd.DataFrame(rows)


def one_claim(run: Run, smooth: Floats, mean: float, beta: float, start: str, t: int) -> None:
    """Claim bias and variance of one start after t samples; the noise adds to the mean of the level."""
    decay, where = Decay(beta), f"{start} start, β = {beta:g}, t = {t}"
    variance = start_variance(decay, t, start)
    run.claim(
        f"variance {start} {beta:g} {t}",
        f"{where}: variance over that of the noise",
        expected=variance,
        measured=mean_interval(smooth**2),
    )
    run.claim(
        f"mean {start} {beta:g} {t}",
        f"{where}: expected mean over the level",
        expected=start_mean(decay, t, start),
        measured=mean_interval(smooth + mean),
    )


def price(decay: Decay, t: NDArray[np.int64]) -> Floats:
    """Level over noise at which both starts are equally wrong: √(v_debiased - v_zero) / βᵗ."""
    difference = start_variance(decay, t, "debiased") - start_variance(decay, t, "zero")
    level: Floats = np.sqrt(difference) / np.exp(t * decay.log_beta)
    return level


def price_claims(run: Run, noise: Floats) -> None:
    """Claim that debiasing adds variance, and hence loses below a certain level."""
    for beta, times in TIMES.items():
        decay = Decay(beta)
        t = times[1]
        level = price(decay, np.array([t]))[0]
        values = noise[:, :t] + level
        errors = {start: ema(values, beta, axis=1, start=start)[:, -1] - level for start in ("zero", "debiased")}
        run.claim(
            f"break-even {beta:g}",
            f"β = {beta:g}, t = {t}, level {level:.3g} σ: mean squared error, zero minus debiased",
            expected=0.0,
            measured=mean_interval(errors["zero"] ** 2 - errors["debiased"] ** 2),
        )


def naive_claims(run: Run) -> pd.DataFrame:
    """Compare 1 - beta**t with the exact correction for β → 1."""
    alphas = 10.0 ** -np.arange(1, 17)
    exact = np.array([bias_correction(Decay(alpha=alpha), 1) for alpha in alphas])
    naive = 1.0 - (1.0 - alphas) ** 1
    table = pd.DataFrame(
        {"alpha": alphas, "naive_error": np.abs(alphas / naive - 1.0), "exact_error": np.abs(alphas / exact - 1.0)}
    )
    for alpha, reference in NAIVE.items():
        error = table["naive_error"][np.isclose(alphas, alpha, rtol=1e-6, atol=0.0)].item()
        run.claim(
            f"naive {alpha:g}",
            f"1-β = {alpha:g}: relative error of the first value with 1 - beta**t",
            expected=reference,
            measured=error,
            tolerance=0.02 * reference,
        )
    run.claim(
        "exact",
        "the same with -expm1(t log1p(-α)), largest down to 1-β = 1e-16",
        expected=0.0,
        measured=float(table["exact_error"].max()),
        tolerance=4e-16,
    )
    return table


def draw_starts(axes: NDArray[np.object_], table: pd.DataFrame) -> None:
    """Mean and standard deviation over t for every start."""
    for start, colour in COLOURS.items():
        rows = table[(table["beta"] == SHOWN) & (table["start"] == start)]
        shown = np.unique(np.geomspace(1, LENGTH, 24).astype(int)) - 1
        dash = (0, (4, 3)) if start == "first" else "solid"  # so that the debiased line shows beneath
        for ax, column in zip(axes, ("mean", "variance"), strict=True):
            root = np.sqrt if column == "variance" else np.asarray
            ax.plot(rows["t"], root(rows[f"{column}_theory"]), linestyle=dash, color=colour, label=f"{start} start")
            ax.plot(rows["t"].iloc[shown], root(rows[column].iloc[shown]), "o", color=colour, markersize=4)
            ax.set(xlabel=f"samples seen, β = {SHOWN:g} (line: theory, dots: measured)", xscale="log")
    axes[0].set(title="Only the zero start is biased …", ylabel="expected mean / level")
    axes[1].set(title="… and only it starts quiet", ylabel="sd of the mean / sd of the noise")
    axes[0].legend(loc="lower right")
    axes[1].legend(loc="upper right")


def draw_price(ax: Axes) -> None:
    """Above which level debiasing pays."""
    t = np.arange(1, 200)
    for beta, colour in ((0.9, PALETTE["purple"]), (0.98, PALETTE["black"])):
        shown = t[t <= np.log(0.02) / np.log(beta)]
        ax.plot(shown, price(Decay(beta), shown), color=colour, label=f"break-even, β = {beta:g}")
    ax.set(title="Debiasing pays above the line", xlabel="samples seen", ylabel="level / sd of the noise", xscale="log")
    ax.set_ylim(0.0, 2.6)
    ax.text(20, 0.08, "zero start is closer", color="#666666")
    ax.legend(loc="upper left")


def draw_naive(ax: Axes, table: pd.DataFrame) -> None:
    """Rounding error of both ways to compute the correction."""
    ax.plot(table["alpha"], table["naive_error"], "o-", color=PALETTE["vermillion"], label="1 - beta**t")
    exact = np.maximum(table["exact_error"], 2.0**-54)
    ax.plot(table["alpha"], exact, "s-", color=PALETTE["blue"], label="-expm1(t log1p(-α))")
    ax.set(title="The textbook formula fails near β = 1", xlabel="1-β", ylabel="relative error of the first value")
    ax.set(xscale="log", yscale="log")
    ax.invert_xaxis()
    ax.legend(loc="upper left")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    noise = run.rng.normal(size=(3000 if run.quick else 40_000, LENGTH))
    table = noise_claims(run, noise)
    price_claims(run, noise)
    naive = naive_claims(run)
    figure, axes = plt.subplots(2, 2, figsize=(12, 8.5))
    draw_starts(axes[0], table)
    draw_price(axes[1, 0])
    draw_naive(axes[1, 1], naive)
    run.say(
        "Dividing by 1-βᵗ removes the bias of a zero start and multiplies its first variance by 1/(1-β)²: it pays\n"
        "once the level is about as large as the noise. 1 - beta**t is not that divisor any more when β is close to 1."
    )
    run.table(table, "starts")
    run.table(naive, "correction")
    run.figure(figure, "bias_correction")


if __name__ == "__main__":
    raise SystemExit(study(main))
