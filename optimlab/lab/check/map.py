"""The map of passes and failures: in words, as a table, as a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.extras import needed
from optimlab.lab.check.battery import EXAMS
from optimlab.lab.check.mark import FAILED, PASSED, UNASKED, UNDECIDED, Mark
from optimlab.lab.frame.figures import PALETTE, literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SIGNS", "answer", "colour", "frame", "panel", "summary", "word"]

SIGNS = {PASSED: "✓", FAILED: "✗", UNDECIDED: "?", UNASKED: "–"}
"""One sign for each verdict."""

_COLOURS = {PASSED: PALETTE["blue"], FAILED: PALETTE["vermillion"], UNDECIDED: PALETTE["yellow"], UNASKED: "#CCCCCC"}
_TRAIT = PALETTE["purple"]
_FAINTEST, _CLEAR = 0.3, 1.0  # strength at the threshold, and from how many powers of ten on there is no stronger one


def frame(marks: Sequence[Mark]) -> pd.DataFrame:
    """Return the marks as a tidy table, one row for each."""
    needed("pandas", "lab", "the map")
    import pandas as pd

    return pd.DataFrame([asdict(mark) for mark in marks])


def word(mark: Mark) -> str:
    """Return what stands in the map: a sign, or yes and no of a trait."""
    traits = {PASSED: "yes", FAILED: "no"} if EXAMS[mark.exam].trait else {}
    return traits.get(mark.verdict, SIGNS[mark.verdict])


def summary(marks: Sequence[Mark]) -> pd.DataFrame:
    """Return a row for each theme, a column for each contestant, in it one sign for each exam, of a trait y or n."""
    table = frame(marks).assign(sign=[word(mark)[0] for mark in marks])
    order = {name: list(table[name].drop_duplicates()) for name in ("theme", "contestant")}
    signs = table.pivot_table(index="theme", columns="contestant", values="sign", aggfunc="".join)
    return signs.loc[order["theme"], order["contestant"]].reset_index()


def answer(marks: Sequence[Mark]) -> str:
    """Say how many exams each contestant passed; traits are not counted."""
    counted = [mark for mark in marks if not EXAMS[mark.exam].trait]
    verdicts: dict[str, list[str]] = {mark.contestant: [] for mark in marks}
    for mark in counted:
        verdicts[mark.contestant].append(mark.verdict)
    words = [f"{name} {_share(found)}" for name, found in verdicts.items()]
    return f"Of {len({m.exam for m in counted})} problems were passed: {'; '.join(words)}."


def _share(verdicts: list[str]) -> str:
    rest = [f"{verdicts.count(each)} {each}" for each in (UNDECIDED, UNASKED) if each in verdicts]
    return " ".join([str(verdicts.count(PASSED)), *([f"({', '.join(rest)})"] if rest else [])])


def colour(mark: Mark) -> tuple[str, float]:
    """Return colour and strength of a mark: the stronger, the farther from the threshold."""
    if EXAMS[mark.exam].trait and mark.verdict in (PASSED, FAILED):
        return _TRAIT, 0.6 if mark.verdict == PASSED else 0.15
    if mark.verdict in (UNASKED, UNDECIDED):
        return _COLOURS[mark.verdict], 0.6
    far = min(1.0, abs(mark.margin) / _CLEAR) if np.isfinite(mark.margin) else 1.0
    return _COLOURS[mark.verdict], _FAINTEST + (1.0 - _FAINTEST) * far


def panel(marks: Sequence[Mark]) -> Callable[[Any], None]:
    """Return what draws the map: a row for each exam, a column for each contestant."""
    exams, names = (list(dict.fromkeys(getattr(mark, key) for mark in marks)) for key in ("exam", "contestant"))

    def draw(ax: Any) -> None:
        ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(exams) - 0.5, -0.5))
        ax.set_xticks(range(len(names)), [literal(name, 28) for name in names], rotation=35, ha="left")
        ax.set_yticks(range(len(exams)), exams)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        for mark in marks:
            _cell(ax, names.index(mark.contestant), exams.index(mark.exam), mark)
        _themes(ax, [EXAMS[name].theme for name in exams], len(names) - 0.4)
        ax.set_xlabel(_KEY, fontsize=9, loc="left")

    return draw


_KEY = (
    "✓ passed, ✗ failed, ? undecided, – not asked; yes, no: a trait\nstrong colour: ten times off the threshold or more"
)


def _cell(ax: Any, x: int, y: int, mark: Mark) -> None:
    from matplotlib.patches import Rectangle

    hue, strength = colour(mark)
    ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=hue, alpha=strength, edgecolor="none"))
    dark = strength > 0.6 and mark.verdict in (PASSED, FAILED)
    ax.text(x, y, word(mark), ha="center", va="center", fontsize=9, color="white" if dark else "black")


def _themes(ax: Any, themes: Sequence[str], right: float) -> None:
    """Part the themes by lines, and name them at the right."""
    starts = [k for k, theme in enumerate(themes) if k == 0 or themes[k - 1] != theme]
    for first, last in pairwise([*starts, len(themes)]):
        ax.plot([-0.5, right], [first - 0.5] * 2, color="#555555", linewidth=0.8, clip_on=False)
        ax.text(right, (first + last - 1) / 2, themes[first], va="center", fontsize=10, clip_on=False)
