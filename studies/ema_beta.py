"""What does β do to a noisy curve, and which β is best for what?

β = 0.98 is smooth and comes 49 samples late, 0.5 is noisy and 1 late. On the classic curve the least error is that of
β = 0.79, 0.041; 0.5 and 0.9 have 0.058, the raw data 0.1, and 0.98 more. Tomorrow's temperature in Seattle is forecast
best by β = 0.13: what looks smooth is not what forecasts.

The curve is 1-x² under noise, averaged from zero as by the textbook's loop, in thousands of draws beside the closed
forms; series are averaged with bias correction (debiased). One of yours takes the place of Seattle's temperatures:
--csv FILE --column NAME [--time NAME]; what a file leaves open is not guessed, the refusal names the option that
settles it. Takes 4 s (--quick: 3 s).
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.optimize import minimize_scalar

from optimlab import Decay, FittedDecay, ema, ema_band
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import PALETTE, Knob, Run, legend_above, mean_interval, study
from optimlab.lab.play.dialect import add_dialect, fitted, read
from optimlab.lab.play.series import averaged, draw_lines, extremes
from optimlab.lab.problems import Curve, classic_curve, load_seattle_weather, parabola
from optimlab.lab.theory import impulse_response, start_lag, start_variance
from optimlab.typing import Floats

KNOBS = (
    Knob("beta", (0.5, 0.9, 0.98), "decays of the averages", Range("in [0, 1)")),
    Knob("noise", 0.1, "standard deviation of the curve's noise", POSITIVE),
    Knob("points", 365, "points of the curve", Range("at least 20")),
    Knob("draws", 4000, "draws of the noise", Range("at least 100"), quick=300),
)
PUBLISHED = {0.5: 0.032423, 0.9: 0.089546, 0.98: 0.379908}  # last averages of the curve of legacy seed 0


def colours(run: Run) -> dict[float, str]:
    """Return the decays that were asked for, each once, and their colours."""
    names = [PALETTE[name] for name in ("orange", "blue", "vermillion", "green", "purple", "sky")]
    return dict(zip(sorted(set(run.options.beta)), cycle([*names, "#8C510A", "#882255", "#7F7F7F"]), strict=False))


def loop(y: Floats, beta: float) -> Floats:
    """v[0] = 0, v[i] = β v[i-1] + (1-β) y[i]: the textbook's loop, which never looks at y[0]."""
    v = np.zeros_like(y)
    v[..., 1:] = ema(y[..., 1:], beta, axis=-1, start="zero")
    return v


def rms(errors: Floats) -> tuple[float, ...]:
    """Root mean square with its confidence interval; errors are (draws, samples)."""
    return tuple(float(np.sqrt(max(square, 0.0))) for square in mean_interval((errors**2).mean(axis=1)))


def variance(curve: Curve, beta: float) -> Floats:
    """Variance of the loop at each sample: the closed form."""
    t = np.arange(1, len(curve.x))
    return np.append(0.0, curve.noise_sd**2 * start_variance(Decay(beta), t, "zero"))


def errors(curve: Curve, beta: float) -> tuple[float, float, float]:
    """RMS error of the loop over the curve, by lag, by noise and by both: the closed forms."""
    lag, noise = ((loop(curve.truth, beta) - curve.truth) ** 2).mean(), variance(curve, beta).mean()
    return float(np.sqrt(lag)), float(np.sqrt(noise)), float(np.sqrt(lag + noise))


def best_beta(loss: Any) -> float:
    """β of the least loss."""
    return float(minimize_scalar(loss, bounds=(0.0, 0.99), method="bounded").x)


def one_beta(curve: Curve, beta: float) -> dict[str, Any]:
    """Noise left, its steps, lag, peak and error of one β on the curve, each with its closed form."""
    decay, n, mean, smooth = Decay(beta), len(curve.x), loop(curve.truth, beta), loop(curve.values, beta)
    late, noise = np.arange(n - n // 6, n), smooth - mean
    row: dict[str, Any] = {"beta": beta, "window": decay.window, "peak": int(mean.argmax()), "height": mean.max()}
    row |= {"bias": np.abs(mean - curve.truth).max(), "lag": n - ema(np.arange(1.0, n + 1), beta)[-1]}
    measured = {"noise": noise[:, late], "step": np.diff(noise)[:, late - 1], "error": smooth - curve.truth}
    for name, each in measured.items():
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), rms(each), strict=True))
    left, steps = variance(curve, beta)[late], curve.noise_sd**2 + variance(curve, beta)[late - 1]
    row |= {"noise_theory": np.sqrt(left.mean()), "step_theory": decay.alpha * np.sqrt(steps.mean())}
    return row | {"error_theory": errors(curve, beta)[2], "lag_theory": start_lag(decay, n, "debiased")}


def claim(run: Run, curve: Curve, table: pd.DataFrame, best: tuple[float, float, float]) -> None:
    """Set each β beside its closed forms, and settle what was said of the figure of three of them."""
    about = {"noise": "noise left, √((1-β)/(1+β)) of it", "step": "deviation of its steps", "error": "RMS error"}
    for name, text in about.items():
        measured = (name, f"{name}_low", f"{name}_high")
        run.claim_rows(table, name + " {of}", "β {of}: " + text, expected=f"{name}_theory", measured=measured)
    run.claim_rows(table, "lag {of}", "β {of}: lag", expected="lag_theory", measured="lag", tolerance=1e-8)
    theory = best_beta(lambda beta: errors(curve, beta)[2])
    run.claim("best", "β of the least error on the curve", expected=theory, measured=best, tolerance=0.002)
    one = table.set_index("of")
    for row, text, name, top, below in (
        ("003-a", "steps (says > 1)", "step", "0.98", "0.5"),
        ("003-a", "lag (says < 1)", "lag", "0.98", "0.5"),
        ("003-b", "error (says 1)", "error", "0.9", one.index[-1]),
    ):
        if {top, below} <= set(one.index):
            expected, found = (one[column][top] / one[column][below] for column in (f"{name}_theory", name))
            run.claim_all((text, f"{text} of β {top} over β {below}", expected, found, 0.02 * expected, row))
    classic = pd.DataFrame({f"{beta:g}": loop(classic_curve().values, beta) for beta in PUBLISHED})
    for beta, last in PUBLISHED.items():
        said, found = f"last average of seed 0 for β {beta:g}", classic[f"{beta:g}"].iloc[-1]
        run.claim_all((f"published {beta:g}", said, last, found, 5e-7, "003-d"))
    run.table(classic.rename_axis("sample"), "published_curve")


def starts(run: Run, curve: Curve) -> None:
    """Measure by how much each start is too low on the curve plus 1; the curve itself begins at 0, which hides it."""
    rows, one_up = [], np.vstack([curve.truth, curve.values]) + 1.0
    for start, verdict in (("zero", "artefact"), ("debiased", "reproduced"), ("first", "reproduced")):
        for beta in colours(run):
            mean = loop(one_up, beta) if start == "zero" else ema(one_up, beta, axis=-1, start=start)
            low = (one_up[0] - mean)[:, :50].mean(axis=1)
            rows.append((start, beta, low[0], *mean_interval(low[1:]), verdict))
    table = pd.DataFrame(rows, columns=["start", "beta", "theory", "bias", "low", "high", "verdict"])
    said, more = "{start} start, β {beta:g}: too low by, first 50", {"expected": "theory", "verdict": "verdict"}
    slow = table[table["beta"] >= 0.9]
    run.claim_rows(slow, "{start} {beta:g}", said, measured=("bias", "low", "high"), row="003-c", **more)
    run.table(table, "starts")


def forecast_errors(series: Floats, betas: Any) -> Floats:
    """Root mean squared error of the debiased EMA as a forecast of the next value, one β at a time."""
    return np.array([np.sqrt(np.nanmean((series[1:] - ema(series, float(beta))[:-1]) ** 2)) for beta in betas])


def averages(run: Run, series: pd.Series[Any]) -> dict[str, Any]:
    """Return the lines of a series under every β, from zero dotted."""
    lines: dict[str, Any] = {"data": (series, "#BBBBBB", ".")}
    for beta, colour in colours(run).items():
        lines[f"β = {beta:g}"] = ema(series, beta), colour, "-"
        lines[f"_{beta:g}"] = ema(series, beta, start="zero"), colour, ":"
    return lines


def draw_all(ax: Axes, run: Run, series: pd.Series[Any], best: float) -> None:
    """The whole series under its best β and the largest, with the band of that mean."""
    beta, colour = max(colours(run).items())
    mean, low, high = ema_band(series, beta)
    rows = extremes(mean.to_numpy())
    ax.fill_between(series.index[rows], low.iloc[rows], high.iloc[rows], color=colour, alpha=0.3, linewidth=0)
    lines = {"data": (series, "#BBBBBB", "."), f"β = {best:.3g}, best for the next": (ema(series, best), "black", "-")}
    lines |= {f"β = {beta:g}, 95 % band of its mean": (mean, colour, "-")}
    draw_lines(ax, lines, f"All {len(series)} rows, debiased: β = {best:.3g} forecasts best")


def draw_weights(ax: Axes, run: Run) -> None:
    """How much each β still has of what it has seen."""
    age = np.arange(61)
    for beta, colour in colours(run).items():
        ax.plot(age, impulse_response(Decay(beta), age), ".-", color=colour, label=f"β = {beta:g}")
    ax.set(title="What weighs: (1-β) βᵏ, about 1/(1-β) samples", xlabel="age k, samples")
    ax.set(ylabel="weight", yscale="log", ylim=(1e-5, 1.5))
    ax.legend(loc="lower left")


def draw_errors(ax: Axes, run: Run, grid: pd.DataFrame, dots: pd.DataFrame, of: str) -> None:
    """Errors over β: lines over the grid, dots for the β that were asked for, a star for the best, the last."""
    for column, look in zip(grid.columns[1:], ("-", ":", "--"), strict=False):
        ax.plot(1 / (1 - grid["beta"]), grid[column], look, color="black", label=column)
    marks = [("o", f"β = {beta:g}", colour) for beta, colour in colours(run).items()]
    for (beta, error), (mark, label, colour) in zip(dots.to_numpy(), [*marks, ("*", None, "black")], strict=True):
        ax.plot(1 / (1 - beta), error, mark, color=colour, markersize=9, label=label)
    ax.set(xlabel="window 1/(1-β), samples", xscale="log", ylabel=f"RMS error {of}")
    ax.set_title(f"β = {dots.to_numpy()[-1, 0]:.3g} errs least {of} (star)")
    ax.xaxis.set_major_formatter("{x:g}")
    legend_above(ax, 3)


def answer(run: Run, table: pd.DataFrame, series: pd.Series[Any], fit: FittedDecay) -> None:
    """Say what β does, and which is best."""
    rows = table[["beta", "noise", "lag"]][:-2].to_numpy()
    late = [f"{lag:.3g} sample{'s' * (f'{lag:.3g}' != '1')}" for lag in rows[:, 2]]
    of = [f"β = {row[0]:g} leaves {row[1]:.3g} and lags {lag}" for row, lag in zip(rows, late, strict=True)]
    best, beta, reach = table.iloc[-1], fit.decay.beta, 1.96 * fit.standard_error
    interval = "" if np.isnan(reach) else f" (95 % interval {max(beta - reach, 0):.2g} to {min(beta + reach, 1):.2g})"
    text = f"Of noise of {run.options.noise:g} {', '.join(of)}; on the curve β = {best['beta']:.3g} has the least "
    text += f"error, {best['error']:.3g}. The next value of {series.name!s} ({len(series)} rows, "
    text += f"{series.isna().sum()} gaps) is forecast best by β = {beta:.3g}{interval}."
    names = {"of": "β", "window": "window", "lag": "lag", "noise": "noise left", "error": "error, zero start"}
    names |= {"forecast": "error of the next value, debiased"}
    run.answer(text, table[list(names)].rename(columns=names))


def draw(run: Run, curve: Curve, table: pd.DataFrame, series: pd.Series[Any], best: float) -> None:
    """Draw the curve and the series, and the errors on both over β."""
    largest = max(colours(run))
    grid = 1.0 - np.geomspace(1.0, min(0.01, 1.0 - largest), 61)
    lag, noise, both = np.transpose([errors(curve, beta) for beta in grid])
    over = pd.DataFrame({"beta": grid, "theory": both, "part by noise": noise, "part by lag": lag})
    after = pd.DataFrame({"beta": grid, "error": forecast_errors(series.to_numpy(), grid)})
    run.table(over, "error_by_beta")
    run.table(after, "forecast_by_beta")
    one = averages(run, pd.Series(curve.values[0], name="value").rename_axis("sample"))
    one["truth"] = pd.Series(curve.truth), "black", "--"
    begin = series.iloc[: max(20, round(11 / (1 - largest)))]
    start = f"The first {len(begin)} rows: debiased, and from zero (dotted)"
    on_curve, of_next = table[["beta", "error"]].drop(len(table) - 2), table[["beta", "forecast"]][:-1]
    run.draw(
        lambda ax: draw_lines(ax, one, "Small β keeps the noise, large β comes late (dotted: from zero)"),
        lambda ax: draw_errors(ax, run, over, on_curve, "on the curve, zero start"),
        lambda ax: draw_weights(ax, run),
        lambda ax: draw_lines(ax, averages(run, begin), start),
        lambda ax: draw_all(ax, run, series, best),
        lambda ax: draw_errors(ax, run, after, of_next, "for the next value, debiased"),
    )


def main(run: Run) -> None:
    """Run the study."""
    o, betas = run.options, list(colours(run))
    series = read(o, lambda: load_seattle_weather()["temp_max"].rename("daily maximum in Seattle, °C"))
    curve, fit = parabola(run.rng, o.points, noise=o.noise, draws=o.draws), fitted(o, series)
    best = fit.decay.beta
    least = [
        best_beta(lambda beta, y=y: ((loop(y, beta) - curve.truth) ** 2).mean())
        for y in np.array_split(curve.values[:1000], 10)
    ]
    of = {f"{beta:g}": beta for beta in betas} | {f"{best:.3g}, best for the next value": best}
    of |= {f"{np.mean(least):.3g}, best on the curve": float(np.mean(least))}
    table = pd.DataFrame([{"of": name} | one_beta(curve, beta) for name, beta in of.items()])
    table["forecast"] = forecast_errors(series.to_numpy(), table["beta"])
    claim(run, curve, table, mean_interval(least))
    starts(run, curve)
    answer(run, table, series, fit)
    run.table(table, "classic_curve")
    run.table(averaged(series, {beta: ema(series, beta) for beta in (*betas, best)}), "series")
    draw(run, curve, table, series, best)


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS, options=lambda parser: add_dialect(parser, "--csv")))
