"""Pictures of ways over a surface: contours, relief, loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from optimlab.lab.frame.figures import literal
from optimlab.lab.frame.looks import Look
from optimlab.lab.play.surfaces import OwnSurface, Scene
from optimlab.typing import Array, Floats

__all__ = ["SIZE", "Way", "contour", "losses", "relief", "shown"]

SIZE = (6.4, 5.6)
_MOST = 12  # minima that are marked; of more the contours tell enough
_LEVELS = 18
_DEEPEST = 1e-9  # of the largest value: what is drawn of a loss


class Way(NamedTuple):
    """What one rule did: steps, points and values, until what became of it at some step."""

    steps: Array
    w: Floats
    values: Floats
    step: int
    status: str
    look: Look = Look("", "#000000", "-")

    def line(self) -> dict[str, Any]:
        """Return how it is drawn."""
        return {"color": self.look.colour, "linestyle": self.look.dash}


def contour(ax: Any, scene: Scene, ways: dict[str, Way], said: str) -> None:
    """Draw the ways over contours, darker is lower."""
    x, y, z = _grid(scene)
    for label, way in ways.items():
        ax.plot(*way.w.T, label=literal(f"{label}: {way.status}, step {way.step}", 60), zorder=3, **way.line())
    for way in ways.values():
        cut = way.status in ("left downhill", "diverged")
        ax.plot(*shown(way, scene)[-1:].T, "X" if cut else "o", color=way.look.colour, markersize=6, zorder=3)
    finite = z[np.isfinite(z)]
    levels = np.unique(np.quantile(finite, np.linspace(0.0, 1.0, _LEVELS))) if finite.size else np.array([])
    if len(levels) > 1:
        colours = [str(grey) for grey in np.linspace(0.72, 0.98, len(levels) - 1)]
        ax.contourf(x, y, z, levels=levels, colors=colours, zorder=0)
        ax.contour(x, y, z, levels=levels, colors="#AAAAAA", linewidths=0.5, linestyles="-", zorder=1)
    minima = scene.surface.minima
    if 0 < len(minima) <= _MOST:
        ax.plot(*np.array([p.at for p in minima]).T, "+", color="#444444", markersize=9, zorder=2, label="minimum")
    _star(ax, scene.start)
    ax.set(xlim=scene.box[:2], ylim=scene.box[2:], xlabel="x", ylabel="y")
    ax.set_title(f"{literal(scene.name, 30)}, {literal(said, 40)}; darker is lower")
    ax.grid(visible=False)
    _legend(ax, 0.13)


def relief(ax: Any, scene: Scene, ways: dict[str, Way], said: str) -> None:
    """Draw the ways on the surface in three dimensions, seen from where they lead to."""
    x, y, z = _grid(scene)
    low, high = np.nanmin(z), max(np.nanmax(z), np.nanmin(z) + 1e-9)
    ax.computed_zorder = False  # the ways lie on the surface, and in front of it
    ax.plot_surface(x, y, z, cmap="Greys_r", vmin=2.2 * low - 1.2 * high, vmax=high, rcount=45, ccount=45,
                    edgecolor="#8888887F", linewidth=0.25, zorder=0)  # fmt: skip
    for label, way in ways.items():
        w, height = shown(way, scene), way.values[: len(shown(way, scene))] + 0.01 * (high - low)
        text = literal(f"{label}: {way.status}, step {way.step}", 60)
        ax.plot(*np.where(_inside(w, scene)[:, None], w, np.nan).T, height, label=text, zorder=2, lw=2.4, **way.line())
        ax.plot(*w[-1:].T, height[-1:], "o", color=way.look.colour, markersize=6, zorder=3)
    _star(ax, scene.start, float(scene.surface.value(scene.start)) + 0.01 * (high - low))
    middle = np.mean([shown(way, scene)[-1] for way in ways.values()], axis=0) - [x.mean(), y.mean()]
    ax.view_init(elev=42, azim=20.0 + np.degrees(np.arctan2(middle[1], middle[0])))
    ax.set_box_aspect((1, 1, 0.6), zoom=1.0)
    ax.set(xlim=scene.box[:2], ylim=scene.box[2:], zlim=(low, high), xlabel="x", ylabel="y", zlabel="value")
    ax.set_title(f"{literal(scene.name, 30)}, {literal(said, 40)}")
    ax.tick_params(labelsize=9)
    ax.locator_params(nbins=5)
    _legend(ax, 0.06)


def losses(ax: Any, ways: dict[str, Way]) -> None:
    """Draw the values over the steps, on a logarithmic axis where all are greater than 0."""
    for label, way in ways.items():
        ax.plot(way.steps, way.values, label=literal(label), **way.line())
    values = np.concatenate([way.values for way in ways.values()])
    finite = values[np.isfinite(values)]
    start = ", ".join(f"{number:g}" for number in next(iter(ways.values())).w[0])
    ax.set(xlabel="step", ylabel="value", title=f"Value over steps, from ({start})")
    if finite.size and (finite > 0.0).all():
        ax.set_yscale("log")
        ax.set_ylim(bottom=max(0.5 * finite.min(), _DEEPEST * finite.max()))
    _legend(ax, 0.13)


def _grid(scene: Scene) -> tuple[Floats, Floats, Floats]:
    """Return x, y and value over the picture; of a function that takes point by point fewer."""
    x0, x1, y0, y1 = scene.box
    own = isinstance(scene.surface, OwnSurface) and not scene.surface.elementwise
    n = 61 if own else 201
    x, y = np.meshgrid(np.linspace(x0, x1, n), np.linspace(y0, y1, n))
    z = np.asarray(scene.surface.value(np.stack([x, y], axis=-1)), np.float64)
    return x, y, np.where(np.isfinite(z), z, np.nan)


def _inside(w: Floats, scene: Scene) -> Array:
    x0, x1, y0, y1 = scene.box
    return np.logical_and.reduce((w >= (x0, y0)) & (w <= (x1, y1)), axis=1)  # type: ignore[no-any-return]


def shown(way: Way, scene: Scene) -> Floats:
    """Return the points of a way up to the last one in the picture."""
    return way.w[: int(np.flatnonzero(_inside(way.w, scene))[-1]) + 1]


def _star(ax: Any, start: tuple[float, float], *height: float) -> None:
    label = f"start ({start[0]:g}, {start[1]:g})"
    marks = [[number] for number in (*start, *height)]
    ax.plot(*marks, "*", color="#FFFFFF", markeredgecolor="#000000", markersize=14, linestyle="", zorder=5, label=label)


def _legend(ax: Any, below: float) -> None:
    """Put the legend below the axes, where it hides nothing."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -below), ncols=2, fontsize=9)
