"""Is a critical point of many parameters a minimum, as rarely as if its curvatures were coins?

Far more rarely: of random Hessians of size 100 one in 10^1210 has positive eigenvalues only, not one in 10^30 = 2^100.
Low down it is the other way: at n = 20 a spectrum shifted by 1.6 of its radius 2 leaves 6 % of the directions downhill,
and one point in nine is a minimum; shifted by 2, 87 % are.

If the signs of n curvatures were independent coins, one critical point in 2ⁿ would be a minimum. Eigenvalues of a
random symmetric matrix (GOE) repel each other: exact probability, draws and the large-n law say how much rarer all
positive ones are. A shift of the spectrum is what a low loss amounts to. Takes 11 s (--quick: 4 s).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import betainc

from optimlab.checks import Range
from optimlab.lab import theory
from optimlab.lab.frame import PALETTE, Knob, Run, mean_interval, proportion_interval, study
from optimlab.lab.problems import goe_hessians
from optimlab.typing import Floats

KNOBS = (
    Knob("largest", 100, "largest size n of the laws", Range("in [60, 400]")),
    Knob("sizes", (2, 3, 4, 5, 6, 7), "sizes n that are drawn", Range("in [2, 7]")),  # beyond: skewness over 100
    Knob("dimension", 20, "size n of the Hessians that are shifted", Range("in [2, 100]")),
    Knob("shift", (0.0, 1.0, 1.4, 1.6, 1.8, 2.0), "shifts of the spectrum, of radius 2", Range("in [0, 3]")),
    Knob(
        "samples",
        300_000,
        "Hessians drawn for each size; a fifth of them are shifted",
        Range("at least 5000"),
        quick=40_000,
    ),
)
ENOUGH = 200  # minima among the draws, for an interval that says something
GOE, COIN, LAW, INDEX = PALETTE["blue"], PALETTE["vermillion"], PALETTE["black"], PALETTE["green"]


def direction_probabilities(hessians: Floats) -> Floats:
    """P(minimum | direction of the traceless part), of mean P(minimum) and far less scatter than counting.

    Trace and length of the traceless part T are independent of its direction: √n t̄ is N(0, 1) and |T| is χ with
    d = n(n+1)/2 - 1 degrees of freedom, so that t̄ > |λ_min(T)| is the tail of a Student variable.
    """
    n = hessians.shape[-1]
    d = n * (n + 1) / 2 - 1
    traceless = hessians - np.trace(hessians, axis1=1, axis2=2)[:, None, None] / n * np.eye(n)
    lowest = np.linalg.eigvalsh(traceless)[:, 0] ** 2 / (traceless**2).sum(axis=(1, 2))
    tails: Floats = betainc(d / 2, 0.5, 1 / (1 + n * lowest)) / 2
    return tails


def draw_sizes(run: Run) -> pd.DataFrame:
    """Draw small Hessians: minima counted, and their conditional probabilities."""
    rows = []
    for n in run.progress(run.options.sizes, "sizes"):
        exact = float(np.exp(theory.minimum_log_probability(n)))
        hessians = goe_hessians(run.rng, run.options.samples, n=n)
        counted = proportion_interval(np.linalg.eigvalsh(hessians)[:, 0] > 0)
        seen = exact if exact * run.options.samples > ENOUGH else np.nan
        rows.append((n, exact, *mean_interval(direction_probabilities(hessians)), seen, *counted))
    columns = ["n", "theory", "P", "low", "high", "countable", "counted", "counted_low", "counted_high"]
    return pd.DataFrame(rows, columns=columns)


def law_table(run: Run) -> pd.DataFrame:
    """Log₁₀ of the probability of a minimum for each n: exactly, by the large-n law, and by coins."""
    n = np.arange(1, run.options.largest + 1)
    logs = {"exact": theory.minimum_log_probability(n), "law": theory.minimum_log_probability_large(n)}
    logs = {name: law / np.log(10) for name, law in logs.items()}
    logs["coins"] = theory.minimum_log_probability_signs(n) / np.log(10)
    return pd.DataFrame({"n": n, **logs, "P": 10 ** logs["exact"], "P_coins": 10 ** logs["coins"]})


def shift_table(run: Run) -> tuple[pd.DataFrame, Floats]:
    """Shift the spectra of drawn Hessians: minima and downward directions, with theory."""
    n, draws, rows = run.options.dimension, run.options.samples // 5, []
    spectra = np.linalg.eigvalsh(goe_hessians(run.rng, draws, n=n)).astype(np.float64)
    for shift in run.options.shift:
        minima, index = proportion_interval(spectra[:, 0] > -shift), mean_interval((spectra < -shift).mean(axis=1))
        expected = float(theory.goe_minimum_probability(n, shift))
        seen = expected if expected * draws > ENOUGH else np.nan
        rows.append((shift, expected, seen, *minima, float(theory.goe_index(n, shift)), *index))
    columns = ["shift", "P_theory", "countable", "P", "P_low", "P_high"]
    return pd.DataFrame(rows, columns=[*columns, "index_theory", "index", "index_low", "index_high"]), spectra


def claim(run: Run, drawn: pd.DataFrame, laws: pd.DataFrame, shifts: pd.DataFrame) -> None:
    """Set draws beside exact values, and the exact values beside their laws for large n."""
    said = "n = {n}: probability of a minimum, from directions"
    rounding = {"tolerance": 1e-13}  # at n = 2 every draw gives the same
    run.claim_rows(drawn, "P {n}", said, expected="theory", measured=("P", "low", "high"), **rounding)
    counted = ("counted", "counted_low", "counted_high")
    run.claim_rows(drawn, "count {n}", "n = {n}: minima counted", expected="countable", measured=counted)
    said = f"n = {run.options.dimension}, shift {{shift:g}}: share of "
    run.claim_rows(shifts, "minima {shift:g}", said + "minima", expected="countable", measured=("P", "P_low", "P_high"))
    index = ("index", "index_low", "index_high")
    run.claim_rows(shifts, "index {shift:g}", said + "ways down", expected="index_theory", measured=index)
    n, exact, top = laws["n"].to_numpy(float), laws["exact"].to_numpy(), run.options.largest
    terms = np.stack([n**2, n, np.log(n), n**0, 1 / n], axis=1)
    fit = np.linalg.lstsq(terms[9:50], exact[9:50])[0]
    many = f"n = {top}: log₁₀ P(minimum), exactly, beside what n = 10 ... 50 extrapolate to"
    beyond = f"n = {top}: log₁₀ of law over exact value, whose next term is ½ ln(1+2/√3) n"
    left, after = top / 2 * np.log10(1 + 2 / np.sqrt(3)), np.log10(top) / 24 + 0.02
    rises = np.count_nonzero(np.diff(exact / n**2) >= 0) < top - 1
    circle = f"n = {top}, shift 1: n times what the index exceeds the semicircle's by; arcsin(s/2)/(2π) for large n"
    over = top * (theory.goe_index(top, 1.0) - theory.semicircle_index(1.0))
    run.claim_all(
        ("100 features", many, terms[-1] @ fit, exact[-1], 5e-6 * top**1.5, "003-e"),
        ("limit", "-ln P / n² tends to (ln 3)/4", np.log(3) / 4, -fit[0] * np.log(10), 5e-5),
        ("left out", beyond, left, laws["law"].iloc[-1] - exact[-1], after),
        ("falling", f"n = 1 ... {top}: -ln P / n² falls throughout", 0, rises),
        ("semicircle", circle, 1 / 12, over, 1 / top),
    )


def draw_laws(ax: Axes, laws: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Probability of a minimum over n."""
    ax.plot(laws["n"], laws["coins"], color=COIN, label="independent signs, 2⁻ⁿ")
    ax.plot(laws["n"], laws["exact"], color=GOE, label="random Hessian, exact")
    ax.plot(laws["n"], laws["law"], "--", color=LAW, label="large-n law, 3^(-n²/4)")
    ax.plot(drawn["n"], np.log10(drawn["P"]), "o", color=GOE, markersize=4, label="random Hessian, drawn")
    for column, colour, below in (("coins", COIN, 16), ("exact", GOE, 0)):
        top, exponent = laws["n"].iloc[-1], laws[column].iloc[-1]
        place: dict[str, object] = {"xytext": (-16, -below), "textcoords": "offset points", "ha": "right"}
        ax.annotate(f"$10^{{{exponent:.0f}}}$", (top, exponent), color=colour, **place)  # type: ignore[arg-type]
    ax.set(title="Minima are far rarer than coins say", xlabel="number n of parameters", ylabel="log₁₀ P(minimum)")
    ax.legend(loc="lower left")


def draw_exponent(ax: Axes, laws: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """-ln P / n² over n."""
    n, ten = laws["n"], np.log(10)
    ax.axhline(np.log(3) / 4, color=LAW, linestyle="--", label="(ln 3)/4 = 0.2747")
    ax.plot(n, -laws["exact"] * ten / n**2, color=GOE, label="random Hessian, exact")
    ax.plot(drawn["n"], -np.log(drawn["P"]) / drawn["n"] ** 2, "o", color=GOE, markersize=4, label="drawn")
    ax.plot(n, -laws["coins"] * ten / n**2, color=COIN, label="independent signs, (ln 2)/n")
    ax.set(title="The exponent grows as n², not as n", xlabel="number n of parameters", ylabel="-ln P / n²")
    ax.set(xscale="log", ylim=(0.0, 0.72))
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.8))


def draw_spectra(ax: Axes, run: Run, spectra: Floats) -> None:
    """Spectrum of the Hessian without and with a shift."""
    shift = min(run.options.shift, key=lambda s: abs(s - 1.6))
    x = np.linspace(-2.8, 3.0 + shift, 600)
    for moved, colour in {0.0: COIN, shift: GOE}.items():
        values = spectra + moved
        ax.hist(values.ravel(), bins=80, density=True, color=colour, alpha=0.3)
        label = f"shift {moved:g}: {(values < 0).mean():.2g} of the ways down, minima {(values[:, 0] > 0).mean():.2g}"
        ax.plot(x, theory.goe_density(run.options.dimension, x - moved), color=colour, label=label)
        ax.plot(x, theory.semicircle_density(x - moved), ":", color=LAW, linewidth=1.2)
    ax.vlines(0.0, 0.0, 0.36, color=LAW, linewidth=1.0)
    ax.set(title="A lower loss shifts the spectrum", xlabel="curvature (edge without shift: ±2)", ylabel="density")
    ax.set_ylim(0.0, 1.7 * float(np.max(theory.goe_density(run.options.dimension, x))))
    ax.legend(loc="upper center", title=f"n = {run.options.dimension}; bars: draws, line: exact, dots: semicircle")


def draw_energy(ax: Axes, run: Run, shifts: pd.DataFrame) -> None:
    """Share of ways down, and probability of a minimum, over the shift."""
    n, s = run.options.dimension, np.linspace(0.0, max(2.6, *run.options.shift), 53)
    ax.plot(s, theory.semicircle_index(s), ":", color=LAW, label="ways down, n → ∞")
    ax.plot(s, theory.goe_index(n, s), color=INDEX, label=f"ways down, n = {n}")
    for size, style in {5: (0, (1, 1)), 100: (0, (5, 2)), n: "solid"}.items():
        ax.plot(s, theory.goe_minimum_probability(size, s), color=GOE, linestyle=style, label=f"P(minimum), n = {size}")
    for column, colour in (("index", INDEX), ("P", GOE)):
        ax.plot(shifts["shift"], shifts[column], "o", color=colour, markersize=4)
    ax.set(title="Low loss: few ways down, then minima", ylabel="share (dots: draws)")
    ax.set_xlabel("depth of the point: shift s of its spectrum (edge 2)")
    ax.legend(loc="upper left", fontsize=9)


def answer(run: Run, laws: pd.DataFrame, shifts: pd.DataFrame) -> None:
    """Say how rare minima are, high up and low down."""
    last, low = laws.iloc[-1], shifts.iloc[shifts["P_theory"].sub(0.1).abs().argmin()]
    run.answer(
        f"Of random Hessians of size {last.n:.0f} one in 10^{-last.exact:.0f} has positive eigenvalues only, not one "
        f"in 10^{-last.coins:.0f} as if signs were coins. Low down there are more: at n = {run.options.dimension}, "
        f"the spectrum shifted by {low['shift']:g} of its radius 2, a share of {low['index']:.2g} of the directions "
        f"leads down, and {low.P:.2g} of the points are minima.",
        shifts[["shift", "P", "P_theory", "index", "index_theory"]].set_axis(
            ["shift", "minima, drawn", "minima, exact", "ways down, drawn", "ways down, exact"], axis=1
        ),
    )


def main(run: Run) -> None:
    """Run the study."""
    drawn, laws = draw_sizes(run), law_table(run)
    shifts, spectra = shift_table(run)
    claim(run, drawn, laws, shifts)
    answer(run, laws, shifts)
    for frame, name in ((drawn, "drawn"), (laws, "laws"), (shifts, "shifts")):
        run.table(frame, name)
    run.draw(
        lambda ax: draw_laws(ax, laws, drawn),
        lambda ax: draw_exponent(ax, laws, drawn),
        lambda ax: draw_spectra(ax, run, spectra),
        lambda ax: draw_energy(ax, run, shifts),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))
