"""The map of passes and failures: in words, as a table, as a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.lab.check.battery import EXAMS
from optimlab.lab.check.mark import FAILED, PASSED, UNASKED, UNDECIDED, Mark
from optimlab.lab.frame.figures import PALETTE, literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SIGNS", "answer", "frame", "panel", "summary"]

SIGNS = {PASSED: "✓", FAILED: "✗", UNDECIDED: "?", UNASKED: "–"}
"""One sign for each verdict."""


def frame(marks: Sequence[Mark]) -> pd.DataFrame:
    """Return the marks as a tidy table, one row for each."""
    import pandas as pd

    return pd.DataFrame([asdict(mark) for mark in marks])


def summary(marks: Sequence[Mark]) -> pd.DataFrame:
    """Return a row for each theme, a column for each contestant, in it one sign for each exam."""
    table = frame(marks).assign(sign=[SIGNS[mark.verdict] for mark in marks])
    order = {name: list(table[name].drop_duplicates()) for name in ("theme", "contestant")}
    signs = table.pivot_table(index="theme", columns="contestant", values="sign", aggfunc="".join)
    return signs.loc[order["theme"], order["contestant"]].reset_index()


def answer(marks: Sequence[Mark]) -> str:
    """Say how many exams each contestant passed; traits are not counted."""
    counted = [mark for mark in marks if not EXAMS[mark.exam].trait]
    names = dict.fromkeys(mark.contestant for mark in marks)
    words = [f"{name} {_share([m.verdict for m in counted if m.contestant == name])}" for name in names]
    return f"Of {len({m.exam for m in counted})} problems were passed: {', '.join(words)}."


def _share(verdicts: list[str]) -> str:
    rest = [f"{verdicts.count(word)} {word}" for word in (UNDECIDED, UNASKED) if word in verdicts]
    return f"{verdicts.count(PASSED)}{f' ({chr(44).join(rest)})' if rest else ''}"


def panel(marks: Sequence[Mark]) -> Callable[[Any], None]:
    """Return what draws the map: a row for each exam, a column for each contestant."""
    exams, names = (list(dict.fromkeys(getattr(mark, key) for mark in marks)) for key in ("exam", "contestant"))

    def draw(ax: Any) -> None:
        ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(exams) - 0.5, -0.5))
        ax.set_xticks(range(len(names)), [literal(name, 24) for name in names], rotation=40, ha="left")
        ax.set_yticks(range(len(exams)), exams)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        for mark in marks:
            _cell(ax, names.index(mark.contestant), exams.index(mark.exam), mark)

    return draw


def _cell(ax: Any, x: int, y: int, mark: Mark) -> None:
    colour = {PASSED: PALETTE["blue"], FAILED: PALETTE["vermillion"], UNDECIDED: "#999999", UNASKED: "#FFFFFF"}
    strength = 0.35 + 0.65 * min(1.0, abs(np.nan_to_num(mark.margin, nan=1.0)))
    box = {"facecolor": colour[mark.verdict], "alpha": strength, "edgecolor": "white"}
    ax.add_patch(_square(x, y, box))
    ax.text(x, y, SIGNS[mark.verdict], ha="center", va="center", fontsize=9)


def _square(x: int, y: int, box: dict[str, Any]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, **box)
