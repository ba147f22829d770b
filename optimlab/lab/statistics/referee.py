"""Is one contestant better than another, or is it noise? python -m optimlab referee results.csv.

The file is a CSV table with a header line and a row for each run:

    contestant   whose run it is; two names or more
    seed         its seed; runs of two contestants with one seed are a pair
    loss         what it ended with, the smaller the better; nan or inf where it diverged, which is worst of all
    attempt      optional: which setting or version it was, where several were tried
    attempts     optional: how many were tried, if the file does not hold them all; one number for each contestant

The chance is that of a difference as large as this where nothing but noise is there: where for each seed the losses
might as well be swapped. Who tried K times pays for it, and so does who added seeds until the difference passed; rows
then stand in the order in which they were run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Range
from optimlab.lab.frame.command import study
from optimlab.lab.frame.figures import PALETTE, literal
from optimlab.lab.frame.knobs import Knob
from optimlab.lab.frame.run import Run
from optimlab.lab.statistics.contest import Contest, chances, contest, contestants, read_losses

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["command"]

_KNOBS = (
    Knob("difference", 0.0, "difference that is to be shown, in the unit of the loss; 0: the one in the file",
         NOT_NEGATIVE),
    Knob("power", 0.8, "how likely it is to be shown", Range("in (0, 1)")),
)  # fmt: skip
_LEVEL = 0.05
_LOOKS = 100  # in the figure, at most
_LEAST = 1e-3  # smaller chances are shown as such


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab referee`` and return its exit status.

    Examples
    --------
    >>> command(["nowhere.csv"])
    2
    """
    return study(_main, _KNOBS, options=_options, argv=argv)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.prog = "optimlab referee"
    parser.add_argument("file", type=Path, metavar="FILE", help="the table of losses, see above")


def _main(run: Run) -> None:
    path = run.options.file
    found = contestants(read_losses(path), path.name)
    contests = [contest(*pair) for pair in combinations(found, 2)]
    table = chances(contests, difference=run.options.difference, power=run.options.power, rng=run.rng)
    seen = np.unique(np.linspace(1, contests[0].pairs, _LOOKS).round().astype(int)).tolist()
    looks = contests[0].looks(seen, run.rng)
    run.answer(_answer(contests[0], table, run), _shown(table))
    run.table(table, "chances")
    run.draw(
        lambda ax: _draw_losses(ax, contests[0]),
        lambda ax: _draw_chances(ax, contests[0], dict(zip(seen, looks, strict=True)), float(table["settled"][0])),
    )


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    names = {"settled": "by noise alone", "stopped": "if stopped at will"}
    return table.drop(columns=["same seeds", "left", "for"]).rename(columns=names)


def _answer(first: Contest, table: pd.DataFrame, run: Run) -> str:
    """Say it in plain sentences: of the best two."""
    row = table.iloc[0]
    pairs = f"{first.pairs} pairs of losses, {first.same or 'none'} of one seed"
    pairs += f"; {first.left} seeds without a partner are left out" if first.left else ""
    text = f"{first.better.name} is ahead of {first.worse.name} by {first.difference:.3g}"
    text += f" (median of {pairs}). The chance that noise alone shows a difference as large as this:"
    text += f" {_chance(row['settled'])} if the number of seeds was settled beforehand,"
    text += f" {_chance(row['stopped'])} if seeds were added until it passed"
    text += f", after correcting for {_corrections(first, len(table))}. "
    if first.least > _LEVEL:
        text += f"With so few seeds it cannot be below {first.least:.2g}, whatever the losses are. "
    number, wanted = row["seeds needed"], row["for"]
    if np.isfinite(number):
        text += f"About {number:.0f} seeds would show a difference of {wanted:.3g} with power {run.options.power:g}."
    return text


def _corrections(first: Contest, pairs: int) -> str:
    more = f" and {pairs} comparisons" if pairs > 1 else ""
    many = first.better.attempts
    return f"{many} attempt{'s' if many > 1 else ''} of {first.better.name}{more}"


def _chance(chance: float) -> str:
    return f"{chance:.2g}" if chance >= _LEAST else f"less than {_LEAST:g}"


def _draw_losses(ax: Axes, first: Contest) -> None:
    """Draw the differences of the best attempts, one below the other as they came, each to its side."""
    between = first.between
    size = np.abs(between[np.isfinite(between)]).max(initial=0.0) or 1.0
    drawn = np.clip(between, -1.15 * size, 1.15 * size)
    place = np.arange(1, len(drawn) + 1)
    for side, one, colour in ((1, first.better, "blue"), (-1, first.worse, "vermillion")):
        here = np.sign(between) == side
        label = f"{literal(one.name, 20)} better: {here.sum()} of {len(between)}"
        ax.hlines(place[here], 0, drawn[here], color=PALETTE[colour], alpha=0.5)
        ax.plot(drawn[here], place[here], "o", color=PALETTE[colour], label=label)
    lost = np.isinf(between)
    ax.plot(
        drawn[lost], place[lost], "x", color="black", markersize=10, label="the other diverged" if lost.any() else None
    )
    ax.axvline(0.0, color="black", linewidth=1)
    ax.axvline(first.difference, color="black", linestyle=":", label=f"median {first.difference:.3g}")
    names = [literal(one.name, 20) for one in (first.worse, first.better)]
    ax.set(
        xlabel=f"loss of {names[0]} - loss of {names[1]}",
        ylabel="pair of seeds, as they came",
        ylim=(len(drawn) + 1, 0),
    )
    ax.locator_params(axis="y", integer=True)
    ax.set_title("Who was better, and by how much")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, fontsize=9)


def _draw_chances(ax: Axes, first: Contest, looks: dict[int, float], settled: float) -> None:
    """Draw the chance of noise as seeds come: as it looks, and as it is."""
    place = np.arange(1, first.pairs + 1)
    ax.plot(
        list(looks), list(looks.values()), ".-", color=PALETTE["orange"], label="as it looks: one attempt, one look"
    )
    ax.plot(place, first.stopped(), ".-", color=PALETTE["blue"], label="corrected, one may look and stop at any seed")
    ax.plot(place[-1], settled, "D", color=PALETTE["green"], label="corrected, number of seeds settled beforehand")
    ax.axhline(_LEVEL, color="black", linestyle="--", linewidth=1)
    ax.text(1, _LEVEL, " 0.05", va="bottom", fontsize=9)
    ax.set(yscale="log", xlabel="pairs so far", ylabel="chance of as much by noise alone", ylim=(None, 1.4))
    ax.locator_params(axis="x", integer=True)
    ax.set_title("Who looks often, and tries often, sees differences")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize=9)
