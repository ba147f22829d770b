"""Rules on their way over a surface: run, tabulated, drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, choice, floats, number, whole
from optimlab.descent.history import Every
from optimlab.descent.loop import descend
from optimlab.extras import needed
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import rule as read_rule
from optimlab.lab.frame.expressions import rules as read_rules
from optimlab.lab.frame.figures import Panel, drawn, style
from optimlab.lab.frame.looks import labels, looks
from optimlab.lab.play import drawing
from optimlab.lab.play.surfaces import Box, Scene, scene
from optimlab.lab.problems import GaussianNoise, Noisy
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.typing import Array, Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Paths", "paths"]

_FAR = 10.0  # half widths of the picture: who is beyond does not come back
_ARRIVED = 1e-3  # of the height of the start above the minimum
_NEAR = 0.02  # half widths


@final
@dataclass(frozen=True, eq=False, repr=False)
class Paths:
    """The ways of several rules over one surface from one start.

    Attributes
    ----------
    scene : Scene
        The surface, its name, the start, and the part of the plane that is drawn.
    ways : dict of Way
        By label: what was recorded, until the rule left the picture for good.
    said : str
        Learning rate, steps and noise, in words.

    Examples
    --------
    >>> found = paths("bowl", "sgd, Sign()", lr=0.04, steps=50)
    >>> found.table()[["rule", "steps", "status"]]
         rule  steps     status
    0     SGD     42    arrived
    1  Sign()     50  under way
    """

    scene: Scene
    ways: dict[str, drawing.Way]
    said: str

    def __repr__(self) -> str:
        x, y = self.scene.start
        return f"<Paths of {', '.join(self.ways)} over {self.scene.name} from ({x:g}, {y:g}), {self.said}>"

    def frame(self) -> pd.DataFrame:
        """Return a tidy table: a row for each rule and step, with x, y and the value."""
        needed("pandas", "lab", "Paths.frame")
        import pandas as pd

        rows = [
            pd.DataFrame({"rule": label, "step": way.steps, "x": way.w[:, 0], "y": way.w[:, 1], "value": way.values})
            for label, way in self.ways.items()
        ]
        return pd.concat(rows, ignore_index=True)

    def table(self) -> pd.DataFrame:
        """Return a small table: for each rule what became of it at which step, and where it was then.

        The status is "arrived" where the value stays within 1/1000 of the start's height above the lowest known
        minimum, "in a local minimum" where the rule ends near another one, "left downhill" or "diverged" where it
        leaves the picture for good, else "under way". The distance is that to the nearest known minimum, or from the
        start where none is known.
        """
        needed("pandas", "lab", "Paths.table")
        import pandas as pd

        goals = [point.at for point in self.scene.surface.minima]
        rows = []
        for label, way in self.ways.items():
            distance = min(np.linalg.norm(way.w[-1] - goal) for goal in goals or [self.scene.start])
            facts = {"rule": label, "steps": way.step, "value": way.values[-1], "distance": float(distance)}
            rows.append(facts | {"status": way.status})
        return pd.DataFrame(rows)

    def panels(self, kind: str = "contour") -> list[Panel]:
        """Return what draws the ways, and the loss over the steps."""
        choice("kind", kind, ("contour", "surface"))
        ways: Panel = lambda ax: drawing.contour(ax, self.scene, self.ways, self.said)  # noqa: E731
        if kind == "surface":
            ways = (lambda ax: drawing.relief(ax, self.scene, self.ways, self.said), "3d")
        return [ways, lambda ax: drawing.losses(ax, self.ways)]

    def plot(self, kind: str = "contour") -> Figure:
        """Return a figure: the ways over contours or on the surface in three dimensions, and the loss over the steps.

        Parameters
        ----------
        kind : {"contour", "surface"}
            Which.
        """
        needed("matplotlib", "lab", "Paths.plot")
        with style():
            return drawn(self.panels(kind), 2, drawing.SIZE)

    def animation(self, frames: int = 40) -> tuple[Figure, Callable[[int], Any], int]:
        """Return a figure, what brings it to frame k = 0, 1, ..., and the number of frames: for `run.animation`.

        One picture stands above the other, so that a phone shows them, too.
        """
        with style():
            figure = drawn(self.panels(), 1, (6.4, 5.0))
        longest, (over, loss) = max(len(way.steps) for way in self.ways.values()), figure.axes
        over.legend().remove()  # that of the values says the same
        figure.canvas.draw()
        figure.set_layout_engine("none")  # which is found once: a frame takes half as long
        n = len(self.ways)
        for head in over.lines[n : 2 * n]:
            head.set_marker("o")  # nobody has left yet
        lines = list(zip(over.lines[:n], over.lines[n : 2 * n], loss.lines[:n], self.ways.values(), strict=True))

        def draw(k: int) -> list[Any]:
            rows = 1 + round((longest - 1) * k / (frames - 1))
            for trail, head, curve, way in lines:
                trail.set_data(*way.w[:rows].T)
                head.set_data(*drawing.shown(way, self.scene)[:rows][-1:].T)
                curve.set_data(way.steps[:rows], way.values[:rows])
            return [artist for line in lines for artist in line[:3]]

        return figure, draw, whole("frames", frames, 2)


def paths(
    surface: Any,
    rules: Any = "sgd, heavy_ball, rmsprop, adam",
    *,
    start: Any = None,
    lr: Any = 0.01,
    steps: int = 300,
    noise: float = 0.0,
    seed: int = 0,
) -> Paths:
    """Let rules run over a surface from one start.

    Parameters
    ----------
    surface : str, Surface or callable
        As `surface` takes it: "saddle", "x**2 - y**2", "mine.py:name", or a function or an object.
    rules : str, Rule, or several of either, or dict of either by label
        Such as "adam, heavy_ball(.95)" or ``[adam(), heavy_ball(0.95)]``.
    start : pair of float, optional
        Where to start; by default where the surface's tutorials do.
    lr : float greater than 0, or schedule
        Learning rate.
    steps : int, at least 1
        Updates.
    noise : float, at least 0
        Standard deviation of the noise in each number of the gradient, the same draws for each rule.
    seed : int
        Seed of the noise.

    Raises
    ------
    StudyError
        If a text means no surface or no rule.
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> paths("x**2 - y**2", "adam", start=(0.9, 0.01)).table().round(3)
       rule  steps  value  distance         status
    0  Adam    168 -6.253     2.642  left downhill
    """
    contestants, noise = _contestants(rules), number("noise", noise, NOT_NEGATIVE)
    found = scene(surface)
    first = floats("start", found.start if start is None else start)
    if first.shape != (2,) or not np.isfinite(first).all():
        raise StudyError(f"start must be two finite numbers, x and y; got {start!r}")
    found = found._replace(start=(float(first[0]), float(first[1])), box=_box(found.box, first))
    problem, at = found.surface, f"({first[0]:g}, {first[1]:g})"
    if not np.isfinite(value := problem.value(first)):
        raise StudyError(f"{found.name} must have a finite value at the start {at}; got {value}")
    ways = {}
    for label, look in looks(contestants).items():
        noisy = Noisy(problem, GaussianNoise(noise), np.random.default_rng(seed)) if noise else problem
        optimizer = Optimizer(contestants[label], lr)
        ways[label] = _way(found, noisy, optimizer, whole("steps", steps, 1))._replace(look=look)
    rate = f"{float(lr):g}" if isinstance(lr, Real) else getattr(lr, "__name__", repr(lr))
    return Paths(found, ways, f"lr {rate}, {steps} steps{f', noise {noise:g}' if noise else ''}")


def _contestants(given: Any) -> Mapping[str, Rule]:
    """Return rules by label."""
    if isinstance(given, str):
        return read_rules(given)
    several = list(given.values() if isinstance(given, Mapping) else given) if isinstance(given, Iterable) else [given]
    if not several:
        raise StudyError("rules must have at least one rule; got none")
    made = [read_rule(one) if isinstance(one, str) else one for one in several]
    return dict(zip(map(str, given) if isinstance(given, Mapping) else labels(made), made, strict=True))


def _box(known: Box, start: Floats) -> Box:
    """Return the part of the plane to look at, in which the start has some room."""
    x0, x1, y0, y1 = known
    (x, y), dx, dy = start.tolist(), 0.1 * (x1 - x0), 0.1 * (y1 - y0)
    return min(x0, x - dx), max(x1, x + dx), min(y0, y - dy), max(y1, y + dy)


def _way(found: Scene, problem: Any, optimizer: Optimizer, steps: int) -> drawing.Way:
    """Run one rule; what comes after it has left the picture for good is cut off."""
    low, high = np.array(found.box).reshape(2, 2).T
    centre, half = (low + high) / 2, (high - low) / 2
    far: Callable[[Any], bool] = lambda now: not (abs(now.w - centre) <= _FAR * half).all()  # noqa: E731
    record = Every(1, w=np.copy)
    history = descend(problem, optimizer, steps, start=found.start, record=record, stop=far, progress=False)
    w, values, k = history["w"], history["value"], history["step"]
    inside: Array = (abs(w - centre) <= half).all(axis=1)
    if not inside[-1]:
        last = int(np.flatnonzero(inside)[-1]) + 2  # one row beyond, to which the line leads
        w, values, k = w[:last], values[:last], k[:last]
        status = "left downhill" if values[-1] < values[0] else "diverged"
        return drawing.Way(k, w, values, int(k[-1]), status)
    minima = found.surface.minima
    lowest = min((point.value for point in minima), default=-np.inf)
    arrived = history.settled(lowest + _ARRIVED * (values[0] - lowest) if minima else lowest)
    if np.isfinite(arrived):
        return drawing.Way(k, w, values, int(arrived), "arrived")
    caught = any((abs(w[-1] - point.at) <= _NEAR * half).all() for point in minima if point.value > lowest)
    ended = "diverged" if history.reason.startswith("diverged") else "in a local minimum" if caught else "under way"
    return drawing.Way(k, w, values, int(k[-1]), ended)
