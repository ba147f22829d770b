"""What does an EMA make of your series? python -m optimlab ema FILE --column NAME --beta 0.9 0.98.

The file is text with a header line. Nothing is guessed: what it leaves open is refused, with the row and the option
that settles it. The best β is the one whose average forecasts the next value best.

With --out FILE.parquet, .csv or .npy it writes the averages of a file larger than memory instead, without a figure:
python -m optimlab ema --out FILE.npy --help says how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checks import Range
from optimlab.extras import needed
from optimlab.lab.frame.command import study
from optimlab.lab.frame.figures import PALETTE, literal
from optimlab.lab.frame.knobs import Knob
from optimlab.lab.frame.run import Run
from optimlab.lab.play.bulk_command import averages, writes_averages
from optimlab.lab.play.dialect import add_dialect, fitted, read
from optimlab.lab.play.series import averaged, draw_lines
from optimlab.recurrence.decay import Decay
from optimlab.series.ema import ema
from optimlab.series.fit import FittedDecay

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["command"]

_KNOBS = (Knob("beta", (0.9, 0.98), "decays", Range("in [0, 1)")),)
_COLOURS = ("blue", "vermillion", "green", "purple", "orange", "sky")


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab ema`` and return its exit status.

    Examples
    --------
    >>> command(["nowhere.csv", "--column", "level"])
    2
    """
    given = sys.argv[1:] if argv is None else argv
    if writes_averages(given):
        return averages(given)
    return study(_main, _KNOBS, options=_options, argv=given)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.prog = "optimlab ema"
    add_dialect(parser)


def _main(run: Run) -> None:
    series = read(run.options)
    fit = fitted(run.options, series)
    betas = list(dict.fromkeys([*run.options.beta, fit.decay.beta]))
    averages = {beta: ema(series, beta) for beta in betas}
    run.answer(_answer(series, fit, run), _table(series, averages, fit))
    run.table(averaged(series, averages), "ema")
    run.draw(lambda ax: _draw(ax, series, averages, fit), size=(10.0, 5.4))


def _answer(series: pd.Series[Any], fit: FittedDecay, run: Run) -> str:
    """Say which β forecasts best, and what it means."""
    source = "standard input" if run.options.file == "-" else Path(run.options.file).name
    text = f"{run.options.column} of {source}: {len(series)} rows, {int(series.isna().sum())} gaps."
    error = "" if np.isnan(fit.standard_error) else f" ± {fit.standard_error:.2g} (standard error)"
    text += f" The best β for the next value is {fit.decay.beta:.4g}{error}, with an RMS error of {fit.rmse:.4g}"
    if fit.decay.beta == 0.0:
        return f"{text}: the last value alone forecasts best."
    if (1.0 - fit.decay.beta) * len(series) < 0.11:  # where the search ends
        return f"{text}: the longest window that is tried, {fit.decay.window:.3g} rows; the mean of all serves as well."
    return f"{text}: a window of {fit.decay.window:.3g} rows, {fit.decay.lag:.3g} rows late."


def _table(series: pd.Series[Any], averages: dict[float, pd.Series[Any]], fit: FittedDecay) -> pd.DataFrame:
    """Return for each β its window, the share of white noise that it keeps, and its error for the next value."""
    needed("pandas", "lab", "optimlab ema")
    import pandas as pd

    rows = []
    for beta, average in averages.items():
        decay, errors = Decay(beta), series.to_numpy()[1:] - average.to_numpy()[:-1]
        row = {"β": f"{beta:.4g} (best)" if beta == fit.decay.beta else f"{beta:.12g}", "window": decay.window}
        rows.append(row | {"noise factor": decay.span**-0.5, "RMS one-step error": np.sqrt(np.nanmean(errors**2))})
    return pd.DataFrame(rows)


def _draw(ax: Axes, series: pd.Series[Any], averages: dict[float, pd.Series[Any]], fit: FittedDecay) -> None:
    """Draw the series, the best average in black, and each other in a colour of its own."""
    best = fit.decay.beta
    lines = {
        "data": (series, "#AAAAAA", "."),
        f"β = {best:.3g}, best for the next value": (averages[best], "black", "-"),
    }
    for k, (beta, average) in enumerate((beta, average) for beta, average in averages.items() if beta != best):
        lines[f"β = {beta:.12g}"] = average, PALETTE[_COLOURS[k % 6]], ("-", "--", "-.")[k // 6 % 3]
    title = f"{literal(str(series.name), 50)} and its EMA"
    draw_lines(ax, lines, title, lambda ax: ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4))
