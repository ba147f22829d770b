"""Is a critical point a minimum? Random Hessians against coin flips, and what a low loss changes.

If the signs of n curvatures were independent coins, one critical point in 2ⁿ would be a minimum. The eigenvalues of a
random symmetric matrix repel each other: the exact probability, draws, and the large-n law say how much rarer all
positive ones are. A shift of the spectrum, which is what a low loss amounts to, turns this around.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import betainc

from optimlab.lab.frame import PALETTE, Run, mean_interval, proportion_interval, study
from optimlab.lab.problems import goe_hessians
from optimlab.lab.theory import (
    goe_density,
    goe_index,
    goe_minimum_probability,
    minimum_log_probability,
    minimum_log_probability_large,
    minimum_log_probability_signs,
    semicircle_density,
    semicircle_index,
)
from optimlab.typing import Floats

SIZES = np.arange(1, 101)
DRAWN = (2, 3, 4, 5, 6, 7)  # from 8 on too skewed for a Student interval: skewness 100
COUNTED = (1, 2, 3, 4)
PUBLISHED = {1: (0.5, 0), 2: (0.146447, 6), 3: (0.024921, 6), 5: (1.4e-4, 5), 6: (5e-6, 6)}  # value, decimals
COINS = (0.5, 0.25, 0.125, 0.0625, 0.031, 0.016)  # printed
EARLIER = {2: ".480", 3: ".411", 4: ".373", 5: ".355", 6: ".338"}  # -ln P / n² by counts of unknown size
SIZE = 20
SHIFTS = (0.0, 0.5, 1.0, 1.4, 1.6, 1.8, 2.0)
GOE, COIN, LAW = PALETTE["blue"], PALETTE["vermillion"], PALETTE["black"]


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


def size_claims(run: Run) -> pd.DataFrame:
    """Draw small Hessians: counting for the smallest, conditional probabilities for all."""
    exact, draws, rows = np.exp(minimum_log_probability(SIZES)), 20_000 if run.quick else 300_000, []
    for n in COUNTED:
        minimum = np.linalg.eigvalsh(goe_hessians(run.rng, draws, n=n))[:, 0] > 0
        measured = proportion_interval(minimum)
        run.claim(f"counted {n}", f"n = {n}: share of minima among draws", expected=exact[n - 1], measured=measured)
    for n in run.progress(DRAWN, "sizes"):
        measured = mean_interval(direction_probabilities(goe_hessians(run.rng, draws, n=n)))
        run.claim(
            f"P {n}", f"n = {n}: probability of a minimum", expected=exact[n - 1], measured=measured, tolerance=1e-12
        )
        exponent = tuple(-np.log(measured[i]) / n**2 for i in (0, 2, 1))
        expected = -np.log(exact[n - 1]) / n**2
        said = f"n = {n}: -ln P / n²" + (f"; an earlier count gave {EARLIER[n]}" if n in EARLIER else "")
        run.claim(f"exponent {n}", said, expected=expected, measured=exponent, tolerance=1e-12)
        rows.append({"n": n, "P": measured[0], "low": measured[1], "high": measured[2]})
    return pd.DataFrame(rows)


def published_claims(run: Run, drawn: pd.DataFrame) -> None:
    """Compare the exact probabilities with the published digits."""
    low, high = drawn[["low", "high"]][drawn["n"] == 4].iloc[0]
    run.claim(
        "counted 4, earlier",
        "n = 4: the probability of a minimum is .00255, as was counted once; drawn, against the exact one",
        expected=float(np.exp(minimum_log_probability(4))),
        measured=((low + high) / 2, low, high),
        verdict="refuted",
    )
    coins = np.exp(minimum_log_probability_signs(np.arange(1, 7)))
    run.claim(
        "coins",
        "n = 1 ... 6: 2⁻ⁿ, largest distance from .5 .25 .125 .0625 .031 .016 as printed",
        expected=0.0,
        measured=float(np.abs(coins - COINS).max()),
        tolerance=5e-4,
    )
    for n, (value, decimals) in PUBLISHED.items():
        run.claim(
            f"exact {n}",
            f"n = {n}: probability of a minimum, exactly; coins say {2.0**-n:.3g}",
            expected=value,
            measured=float(np.exp(minimum_log_probability(n))),
            tolerance=0.5 * 10.0**-decimals if decimals else 1e-12,
        )


def law_claims(run: Run) -> pd.DataFrame:
    """Compare coins, exact probability and large-n law up to n = 100."""
    log, law = minimum_log_probability(SIZES), minimum_log_probability_large(SIZES)
    signs = minimum_log_probability_signs(SIZES)
    basis = np.stack([SIZES**2, SIZES, np.log(SIZES), SIZES**0.0, 1.0 / SIZES], axis=1)
    seen = slice(9, 50)
    fit = np.linalg.lstsq(basis[seen], -log[seen])[0]
    run.claim(
        "003-e",
        "100 features are at a minimum together with 2⁻¹⁰⁰ = 10⁻³⁰; log₁₀ for a random Hessian, exactly, beside the "
        "value that n = 10 ... 50 extrapolate to",
        expected=-(basis[99] @ fit) / np.log(10),
        measured=log[99] / np.log(10),
        tolerance=0.005,
        verdict="refuted",
    )
    run.claim("coins 100", "n = 100: log₁₀ of 2⁻ⁿ", expected=-30.1, measured=signs[99] / np.log(10), tolerance=0.05)
    run.claim(
        "003-e law", "n = 100: log₁₀ of the large-n law", expected=-1193, measured=law[99] / np.log(10), tolerance=0.5
    )
    run.claim(
        "003-e left out",
        "n = 100: log₁₀ of law over exact value; the next term is ½ ln(1+2/√3) n, recognised by its digits",
        expected=50 * np.log(1 + 2 / np.sqrt(3)) / np.log(10),
        measured=(law[99] - log[99]) / np.log(10),
        tolerance=np.log10(100) / 24 + 0.02,  # the term after it, ln(n)/24
    )
    run.claim("limit", "-ln P / n² tends to (ln 3)/4", expected=0.2747, measured=fit[0], tolerance=5e-5)
    rises = int(np.count_nonzero(np.diff(log / SIZES**2) <= 0))
    run.claim("falling", "n = 1 ... 100: how often -ln P / n² rises", expected=0, measured=rises)
    return pd.DataFrame({"n": SIZES, "log_P": log, "log_law": law, "log_signs": signs})


def shift_claims(run: Run) -> tuple[pd.DataFrame, Floats]:
    """Shift the spectrum of Hessians of size 20: minima and index against theory."""
    draws = 8_000 if run.quick else 60_000
    spectra = np.linalg.eigvalsh(goe_hessians(run.rng, draws, n=SIZE)).astype(np.float64)
    rows = []
    for shift in SHIFTS:
        minima, index = proportion_interval(spectra[:, 0] > -shift), mean_interval((spectra < -shift).mean(axis=1))
        theory = goe_minimum_probability(SIZE, shift), goe_index(SIZE, shift)
        where = f"n = {SIZE}, spectrum shifted by {shift:g}"
        said = f"{where}: share of minima" + ("; an earlier count gave 6e-3" if shift == 1.4 else "")
        run.claim(f"minima {shift:g}", said, expected=theory[0], measured=minima)
        run.claim(f"index {shift:g}", f"{where}: share of downward directions", expected=theory[1], measured=index)
        names = ("P", "P_low", "P_high", "index", "index_low", "index_high")
        rows.append({"shift": shift} | dict(zip(names, (*minima, *index), strict=True)))
    return pd.DataFrame(rows), spectra


def energy_claims(run: Run) -> None:
    """Compare the exact values under a shift with published digits, and with the semicircle."""
    minimum, index = goe_minimum_probability(SIZE, SHIFTS), goe_index(SIZE, SHIFTS)
    at = {shift: i for i, shift in enumerate(SHIFTS)}
    where = f"n = {SIZE}: P(minimum) under a shift of"
    run.claim("P at 1", f"{where} 1", expected=0.0, measured=minimum[at[1.0]], tolerance=1e-8)
    run.claim("P at 1.6", f"{where} 1.6", expected=0.11, measured=minimum[at[1.6]], tolerance=0.005)
    for shift, published in ((1.4, 0.10), (1.6, 0.06)):
        run.claim(
            f"index at {shift}",
            f"n = {SIZE}: share of downward directions under a shift of {shift}",
            expected=published,
            measured=index[at[shift]],
            tolerance=0.005,
        )
    run.claim(
        "semicircle",
        "n = 100, shift 1: n times what the index exceeds the semicircle law by; arcsin(s/2)/(2π) for large n",
        expected=1 / 12,
        measured=100 * (goe_index(100, 1.0) - semicircle_index(1.0)),
        tolerance=0.01,  # of order 1/n
    )


def draw_laws(ax: Axes, laws: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Probability of a minimum over n."""
    ten = np.log(10)
    ax.plot(laws["n"], laws["log_signs"] / ten, color=COIN, label="independent signs, 2⁻ⁿ")
    ax.plot(laws["n"], laws["log_P"] / ten, color=GOE, label="random Hessian, exact")
    ax.plot(laws["n"], laws["log_law"] / ten, "--", color=LAW, label="large-n law, 3^(-n²/4)")
    ax.plot(drawn["n"], np.log10(drawn["P"]), "o", color=GOE, markersize=4, label="random Hessian, drawn")
    for column, colour, below in (("log_signs", COIN, 16), ("log_P", GOE, 0)):
        exponent = laws[column].iloc[-1] / ten
        offset = (-16, -below)
        ax.annotate(
            f"$10^{{{exponent:.0f}}}$", (100, exponent), offset, textcoords="offset points", color=colour, ha="right"
        )
    ax.set(title="Minima are far rarer than coins say", xlabel="number n of parameters", ylabel="log₁₀ P(minimum)")
    ax.legend(loc="lower left")


def draw_exponent(ax: Axes, laws: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """-ln P / n² over n."""
    n = laws["n"]
    ax.axhline(np.log(3) / 4, color=LAW, linestyle="--", label="(ln 3)/4 = 0.2747")
    ax.plot(n, -laws["log_P"] / n**2, color=GOE, label="random Hessian, exact")
    low, high = (-np.log(drawn[column]) / drawn["n"] ** 2 for column in ("high", "low"))
    middle = -np.log(drawn["P"]) / drawn["n"] ** 2
    ax.errorbar(drawn["n"], middle, [middle - low, high - middle], fmt="o", color=GOE, markersize=4, label="drawn")
    ax.plot(n, -laws["log_signs"] / n**2, color=COIN, label="independent signs, (ln 2)/n")
    ax.set(title="The exponent grows as n², not as n", xlabel="number n of parameters", ylabel="-ln P / n²")
    ax.set(xscale="log", ylim=(0.0, 0.72))
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.8))


def draw_spectra(ax: Axes, spectra: Floats) -> None:
    """Spectrum of the Hessian without and with a shift."""
    x = np.linspace(-2.8, 4.6, 600)
    for shift, colour in ((0.0, COIN), (1.6, GOE)):
        values = spectra + shift
        ax.hist(values.ravel(), bins=80, density=True, color=colour, alpha=0.3)
        label = f"shift {shift:g}: index {(values < 0).mean():.2f}, minima {(values[:, 0] > 0).mean():.2g}"
        ax.plot(x, goe_density(SIZE, x - shift), color=colour, label=label)
        ax.plot(x, semicircle_density(x - shift), ":", color=LAW, linewidth=1.2)
    ax.vlines(0.0, 0.0, 0.36, color=LAW, linewidth=1.0)
    ax.set(title="A lower loss shifts the spectrum", xlabel="curvature (edge without shift: ±2)", ylabel="density")
    ax.set_ylim(0.0, 0.52)
    ax.legend(loc="upper center", title=f"n = {SIZE}; bars: draws, line: exact, dots: semicircle")


def draw_energy(ax: Axes, shifts: pd.DataFrame) -> None:
    """Index and probability of a minimum over the shift."""
    s = np.linspace(0.0, 2.6, 105)
    ax.plot(s, semicircle_index(s), ":", color=LAW, label="index, n → ∞")
    ax.plot(s, goe_index(SIZE, s), color=PALETTE["green"], label=f"index, n = {SIZE}")
    for n, style in ((5, (0, (1, 1))), (SIZE, "solid"), (100, (0, (5, 2)))):
        ax.plot(s, goe_minimum_probability(n, s), color=GOE, linestyle=style, label=f"P(minimum), n = {n}")
    for column, colour in (("index", PALETTE["green"]), ("P", GOE)):
        ax.plot(shifts["shift"], shifts[column], "o", color=colour, markersize=4)
    ax.set(title="Low loss: low index, then minima", ylabel="share (dots: draws)")
    ax.set_xlabel("depth of the point: shift s of its spectrum (edge 2)")
    ax.legend(loc="upper left")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    drawn = size_claims(run)
    published_claims(run, drawn)
    laws = law_claims(run)
    shifts, spectra = shift_claims(run)
    energy_claims(run)
    figure, axes = plt.subplots(2, 2, figsize=(12, 9))
    draw_laws(axes[0, 0], laws, drawn)
    draw_exponent(axes[0, 1], laws, drawn)
    draw_spectra(axes[1, 0], spectra)
    draw_energy(axes[1, 1], shifts)
    run.say(
        "Curvatures are no coins: of random Hessians of size 100 one in 10^1210 is positive, not one in 10^30.\n"
        "Low down it is the other way: with a spectrum shifted by its own radius, most critical points are minima."
    )
    run.table(drawn, "drawn")
    run.table(laws, "laws")
    run.table(shifts, "shifts")
    run.figure(figure, "critical_points")


if __name__ == "__main__":
    raise SystemExit(study(main))
