"""What a sweep says: the rows that count, a table, the answer in words, and figures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optimlab.lab.contestants import Ruled
from optimlab.lab.frame.figures import PALETTE, Panel, literal
from optimlab.lab.frame.looks import looks
from optimlab.lab.statistics import draw_sensitivity
from optimlab.lab.sweeps.fairness import best, same, tuned
from optimlab.lab.sweeps.grid import gains
from optimlab.lab.sweeps.plan import Plan
from optimlab.lab.sweeps.spec import Spec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Verdict", "judged"]

_NAMED = 3  # problems in the answer
_DRAWN = 6  # problems in the figure
_DEEP = 1e-4  # of the target: deeper values are not drawn
_SAYS = {  # in the answer, at an axis, and where it is inf
    "settled": ("steps until the value stays at or below the target", "steps until settled", "never"),
    "hit": ("steps to the first value at or below the target", "steps to the first hit", "never"),
    "final": ("value at the end", "value at the end", "diverged"),
    "best": ("least value on the way", "least value", "diverged"),
}


def judged(frame: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """Return the rows of a sweep by which its rules are judged, as its fairness has it."""
    if spec.fairness == "tuned":
        return tuned(frame, spec.by)
    return same(frame, spec.by, gains(spec.rules) if spec.fairness == "matched" else None)


class Verdict(NamedTuple):
    """A sweep that has run.

    Attributes
    ----------
    spec : Spec
        What was asked.
    plan : Plan
        What was planned.
    frame : DataFrame
        All rows.
    judged : DataFrame
        The rows that count.
    """

    spec: Spec
    plan: Plan
    frame: pd.DataFrame
    judged: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """For each problem and rule the learning rate, the median and its interval."""
        return best(self.judged, self.spec.by)

    @property
    def rates(self) -> pd.DataFrame:
        """For each problem and rule the learning rate that is best on all seeds, and whether it lies on the edge."""
        return best(self.frame, self.spec.by)

    @property
    def wide(self) -> pd.DataFrame:
        """The median of each rule on each problem, with its learning rate, in words."""
        by = self.spec.by
        cells = [f"{_number(row[by], by)} at {row['lr']:.3g}" for row in self.table.to_dict("records")]
        said = self.table.assign(cell=cells).pivot_table("cell", "rule", "problem", aggfunc="first", sort=False)
        return said.rename_axis(columns=None).reset_index()

    @property
    def fairness(self) -> str:
        """How the learning rates were chosen, in words."""
        seeds, rates = self.frame["seed"].unique(), max(self.frame.groupby(["problem", "rule"])["lr"].nunique())
        half = len(seeds) // 2
        chosen = {
            "tuned": "each at the learning rate that is best for it",
            "same lr": "all at the one learning rate that is best for them together",
            "matched": "all at the one effective learning rate, lr times the gain of the rule, that is best for them",
        }[self.spec.fairness]
        return f"{chosen} of {rates}, chosen on {half} seeds and judged on the other {len(seeds) - half}"

    @property
    def answer(self) -> str:
        """Two or three sentences with numbers."""
        found, firsts = [], []
        for problem, rows in self.table.groupby("problem", sort=False):
            order = rows.sort_values(self.spec.by, kind="stable")
            firsts += order["rule"][np.isfinite(order[self.spec.by])].head(1).tolist()
            found.append(f"{problem}: {', '.join(_said(row, self.spec.by) for row in order.head(2).itertuples())}")
        more = f"; and {len(found) - _NAMED} problems more" if len(found) > _NAMED else ""
        text = f"Median {_SAYS[self.spec.by][0]} in {self.plan.steps} steps, {self.fairness}, the first two: "
        text += f"{'; '.join(found[:_NAMED])}{more}."
        if len(found) > 1:
            wins = {rule: firsts.count(rule) for rule in sorted(dict.fromkeys(firsts), key=firsts.count, reverse=True)}
            counts = ", ".join(f"{rule} on {count}" for rule, count in wins.items())
            text += f" Of {len(found)} problems first: {counts or 'none'}."
        edges = [f"{row.rule} on {row.problem} ({row.lr:.3g})" for row in self.rates.itertuples() if row.edge]
        if not edges:
            return text
        more = f" and {len(edges) - _NAMED} more, see best.csv" if len(edges) > _NAMED else ""
        return (
            f"{text} At the edge of the grid, so that a better rate may lie beyond: {', '.join(edges[:_NAMED])}{more}."
        )

    @property
    def panels(self) -> list[Panel]:
        """For each problem the criterion over the learning rate, and beside it the value at the end."""
        columns = dict.fromkeys((self.spec.by, "final"))
        shown = list(self.plan.problems)[:_DRAWN]
        return [partial(self.draw, problem=one, column=column) for one in shown for column in columns]

    def draw(self, ax: Axes, problem: str, column: str) -> None:
        """Draw medians and quartiles of a column over the learning rate, and a ring where a rule is judged."""
        runs, counted = (rows[rows["problem"] == problem] for rows in (self.frame, self.judged))
        styles, goal = _styles(self.plan.contestants), self.plan.problems[problem].goal
        draw_sensitivity(ax, runs, column, styles)
        for rule, rows in counted.groupby("rule", sort=False):
            ring = {"markersize": 13, "markerfacecolor": "none", "color": styles[str(rule)]["color"]}
            ax.plot(rows["lr"].iloc[0], rows[column].median(), "o", **ring)
        ax.set(ylabel=_SAYS[column][1], title=f"{literal(problem)}, {self.spec.fairness} (ring)")
        ax.set_xlim(0.8 * runs["lr"].min(), 1.25 * runs["lr"].max())
        if column in ("final", "best"):
            ax.axhline(goal, color="#777777", linewidth=1, linestyle=":", label="target")
            if ax.get_yscale() == "log" and goal > 0.0:
                ax.set_ylim(bottom=max(_DEEP * goal, ax.get_ylim()[0]))
            ax.legend()
        elif not np.isfinite(runs.groupby(["rule", "lr"])[column].median()).any():
            ax.text(0.5, 0.5, f"not in {self.plan.steps} steps", ha="center", transform=ax.transAxes)
            ax.set_yticks([])


def _number(value: float, by: str) -> str:
    return f"{value:.4g}" if np.isfinite(value) else _SAYS[by][2]


def _said(row: Any, by: str) -> str:
    middle, low, high = (_number(value, by) for value in (getattr(row, by), row.low, row.high))
    if not np.isfinite(row.low):
        return f"{row.rule} {middle}"
    return f"{row.rule} {middle}{f' [{low}, {high}]' if row.seeds > 1 else ''} at lr {row.lr:.3g}"


def _styles(entered: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return how contestants are drawn: rules as everywhere, others in what is left."""
    ruled = looks({label: one.rule for label, one in entered.items() if isinstance(one, Ruled)})
    styles = {label: {"color": look.colour, "linestyle": look.dash} for label, look in ruled.items()}
    taken = {(look.colour, look.dash) for look in ruled.values()}
    free = (pair for pair in product(PALETTE.values(), ("--", ":", "-.", "-")) if pair not in taken)
    for label in entered:
        if label not in styles:
            colour, dash = next(free)
            styles[label] = {"color": colour, "linestyle": dash}
    return styles
