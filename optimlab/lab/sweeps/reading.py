"""Problems of a sweep from texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, final

from optimlab.checks import NOT_NEGATIVE, number
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.reading import Reader
from optimlab.lab.problems import Quadratic, bowl, ravine
from optimlab.lab.sweeps.nets import OnNet
from optimlab.lab.sweeps.problems import OnSurface, SweepProblem

__all__ = ["problem", "problems"]

_NOISE = re.compile(r"(.+?)\s*\+\s*noise\s+(\S+)", re.DOTALL)
_CALL = re.compile(r"(\w+)\s*\(")


def problem(given: Any) -> SweepProblem:
    """Return a problem from what a user writes.

    Parameters
    ----------
    given : str, SweepProblem, Surface or callable
        A surface as ``optimlab.lab.play.surface`` takes it, by name, as a formula, as ``file.py:name``; a quadratic,
        ``ravine(100, 10)``, ``bowl(5)``, ``quadratic(1, 10, 100)``; a net, ``spiral(hidden=20)``, ``digits(batch=32)``,
        ``xor()``; each but the nets with ``+ noise 0.1`` behind it; or with all that can be said,
        ``surface("rosenbrock", noise=0.1, spread=0.5, target=0.01)``. Or an object.

    Raises
    ------
    StudyError
        If the text means no problem.

    Examples
    --------
    >>> problem("ravine(100, 10) + noise 0.1").label, problem("digits(batch=32)").label
    ('ravine(100, 10) + noise 0.1', 'digits 20 tanh batch 32')
    """
    if isinstance(given, SweepProblem):
        return given
    if not isinstance(given, str):
        return OnSurface(given)
    text = given.strip()
    if noisy := _NOISE.fullmatch(text):
        found = problem(noisy[1])
        if not isinstance(found, OnSurface):
            raise StudyError(
                f"{text}: the noise of a net is that of its mini-batches, {found.label.split()[0]}(batch=32)"
            )
        return replace(found, noise=_noise(noisy[2], text))
    called = _CALL.match(text)
    if called and called[1] in _MAKERS:
        read = _Problems(text, _MAKERS)
        made = read.visit(read.tree)
        return made if isinstance(made, SweepProblem) else OnSurface(made, name=" ".join(text.split()))
    return OnSurface(text)


def problems(given: Any) -> dict[str, SweepProblem]:
    """Return problems by label, of a text with commas between, of one object, or of several of either.

    Raises
    ------
    StudyError
        As `problem` does, and if there is none, or one stands twice.

    Examples
    --------
    >>> list(problems("rosenbrock, surface('x**2 + maximum(x, y)**2', target=0.01), bowl(5)"))
    ['rosenbrock', 'x**2 + maximum(x, y)**2', 'bowl(5)']
    """
    several = given if isinstance(given, Iterable) and not isinstance(given, (str, Mapping)) else [given]
    each = [part for one in several for part in (_parts(one) if isinstance(one, str) else [one])]
    if not each:
        raise StudyError("problems must have at least one problem; got none")
    found: dict[str, SweepProblem] = {}
    for one in map(problem, each):
        if one.label in found:
            raise StudyError(f"the problem {one.label} stands twice; leave one out, or give one a name")
        found[one.label] = one
    return found


def _parts(text: str) -> list[str]:
    """Return what stands between commas that no bracket holds."""
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        parts = [*parts, ""] if sign == "," and depth <= 0 else [*parts[:-1], parts[-1] + sign]
    if not all(part.strip() for part in parts):
        raise StudyError(f"a problem must stand between commas; got {text!r}")
    return parts


def _noise(text: str, whole: str) -> float:
    try:
        return number("noise", float(text), NOT_NEGATIVE)
    except ValueError as error:
        raise StudyError(f"{whole}: {error}") from None


@final
class _Problems(Reader):
    signs = "-"
    literals = (int, float, str, bool)

    def visit_Constant(self, node: ast.Constant) -> Any:
        super().visit_Constant(node)
        return node.value

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.visit, node.elts))


def _net(data: str) -> Callable[..., OnNet]:
    def made(
        hidden: Any = 20, activation: str = "tanh", batch: int | None = None, target: float | None = None
    ) -> OnNet:
        return OnNet(data, hidden, activation, batch, target)

    return made


_MAKERS: dict[str, Any] = {
    "surface": OnSurface,
    "ravine": ravine,
    "bowl": bowl,
    "quadratic": lambda *curvatures: Quadratic(curvatures),
    **{data: _net(data) for data in ("spiral", "digits", "xor")},
}
