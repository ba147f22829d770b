"""How do rules run over a surface? Yours, or a classic one: python -m optimlab play --surface saddle --rules adam.

A surface is a name (saddle, monkey, bowl, ravine, rosenbrock, beale, himmelblau, rastrigin, cliff), a formula in x and
y, or a function, class or object in a file of yours, file.py:name. Rules are names or expressions with commas between:
"adam, heavy_ball(0.95), Ema(.9)|Sign(), 0.5*momentum".
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from optimlab.checks import NOT_NEGATIVE, POSITIVE
from optimlab.lab.frame.command import study
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.knobs import Knob, rules_knob
from optimlab.lab.frame.run import Run
from optimlab.lab.play import drawing
from optimlab.lab.play.paths import Paths, paths

__all__ = ["command"]

_KNOBS = (
    Knob("surface", "saddle", "name of a surface, or file.py:name"),
    rules_knob("sgd, heavy_ball, rmsprop, adam"),
    Knob("lr", 0.01, "learning rate", POSITIVE),
    Knob("steps", 300, "updates"),
    Knob("noise", 0.0, "standard deviation of noise in each number of the gradient", NOT_NEGATIVE),
)


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab play`` and return its exit status.

    Examples
    --------
    >>> command(["--surface", "sadle"])
    2
    """
    return study(_main, _KNOBS, options=_options, argv=argv)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.prog = "optimlab play"
    parser.add_argument("--function", metavar="F", help="a formula in x and y, 'x**2 - y**2', in place of --surface")
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="where to start (default: by surface)")
    parser.add_argument(
        "--kind", choices=("contour", "surface"), default="contour", help="from above, or in 3-D (default: contour)"
    )
    parser.add_argument("--animate", action="store_true", help="write an animation, too")


def _main(run: Run) -> None:
    o = run.options
    if o.function is not None and "surface" in run.touched:
        raise StudyError("--surface and --function exclude each other; leave one out")
    given = o.surface if o.function is None else o.function
    found = paths(given, o.rules, start=o.start, lr=o.lr, steps=o.steps, noise=o.noise, seed=run.seed)
    run.answer(_answer(found), found.table())
    run.table(found.frame(), "paths")
    run.draw(*found.panels(o.kind), size=drawing.SIZE)
    if o.animate:
        figure, draw, frames = found.animation()
        run.animation(figure, draw, frames=frames, name="play_animation", text=_answer(found))


def _answer(found: Paths) -> str:
    """Say where the rules ended."""
    x, y = found.scene.start
    words = (f"{label} {_said(way)}" for label, way in found.ways.items())
    return f"On the surface {found.scene.name} from ({x:g}, {y:g}), {found.said}: {'; '.join(words)}."


def _said(way: drawing.Way) -> str:
    if way.status == "under way":
        return f"is under way at ({way.w[-1, 0]:.3g}, {way.w[-1, 1]:.3g})"
    return f"{way.status} at step {way.step}"
