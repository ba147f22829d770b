"""Surfaces over the plane by name, by formula, and from a user's file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from optimlab.lab.autodiff import grad
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import function
from optimlab.lab.frame.reading import nearest
from optimlab.lab.problems import (
    Beale,
    Cliff,
    Himmelblau,
    MonkeySaddle,
    Rastrigin,
    Rosenbrock,
    Surface,
    bowl,
    ravine,
    saddle,
)
from optimlab.typing import Array, Floats

__all__ = ["OwnSurface", "Scene", "scene", "surface"]

Box = tuple[float, float, float, float]  # x from, to; y from, to


class Scene(NamedTuple):
    """A surface, what it is called, where to start on it, and the part of the plane to look at."""

    name: str
    surface: Surface
    start: tuple[float, float]
    box: Box


_ROOM = 2.5  # half width of a picture, in lengths of the start
_SCENES: dict[str, tuple[Callable[[], Surface], tuple[float, float], Box]] = {
    "saddle": (saddle, (0.9, 0.01), (-1.2, 1.2, -1.2, 1.2)),
    "monkey": (MonkeySaddle, (0.8, 0.1), (-1.2, 1.2, -1.2, 1.2)),
    "bowl": (bowl, (1.0, 0.6), (-1.2, 1.2, -1.2, 1.2)),
    "ravine": (lambda: ravine(100.0), (1.0, 0.3), (-0.6, 1.2, -0.5, 0.5)),
    "rosenbrock": (Rosenbrock, (-1.2, 1.0), (-2.0, 2.0, -1.0, 3.0)),
    "beale": (Beale, (1.0, 1.5), (-0.5, 4.5, -2.0, 2.0)),
    "himmelblau": (Himmelblau, (0.0, 0.0), (-5.5, 5.5, -5.5, 5.5)),
    "rastrigin": (Rastrigin, (-2.0, 3.5), (-5.12, 5.12, -5.12, 5.12)),
    "cliff": (Cliff, (-2.0, 1.0), (-3.5, 2.5, -2.0, 2.0)),
}


@final
@dataclass(frozen=True, eq=False)
class OwnSurface(Surface):
    """f of a point w = (x, y) of a user's own; ∇f by the tape where it is not given.

    An elementwise f takes points of shape (..., 2) at once, any other f and df are called point by point.
    """

    f: Callable[[Any], Any]
    df: Callable[[Any], Any] | None = None
    elementwise: bool = False
    first: tuple[float, float] = (1.0, 1.0)

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @property
    def starts(self) -> Floats:
        """The one that was given."""
        return np.array([self.first], np.float64)

    def _value(self, w: Array) -> Any:
        with np.errstate(all="ignore"):
            return self.f(w) if self.elementwise else self._each(w, self.f, "one number for a point", ())

    def _gradient(self, w: Array) -> Array:
        with np.errstate(all="ignore"):
            if self.elementwise:
                return np.array(grad(lambda p: self.f(p).sum())(w))
            found: Array = self._each(w, self.df or grad(self.f), "two numbers as gradient", (2,))
            return found

    def _each(self, w: Array, f: Callable[[Any], Any], what: str, shape: tuple[int, ...]) -> Any:
        """Return what a function gives for each point, if it is what a surface must return."""
        found = [np.asarray(f(point)) for point in w.reshape(-1, 2)]
        for one in found:
            if one.shape != shape or one.dtype.kind not in "biuf":
                given = f"an array of shape {one.shape}" if one.shape != shape else repr(one.tolist())
                raise StudyError(f"a surface must return {what}; got {given}")
        return np.array(found, w.dtype).reshape((*w.shape[:-1], *shape))[()]


def surface(given: Any) -> Surface:
    """Return a surface over the plane from what a user writes.

    Parameters
    ----------
    given : str, Surface, or callable
        "saddle", "monkey", "bowl", "ravine", "rosenbrock", "beale", "himmelblau", "rastrigin" or "cliff"; a formula in
        x and y; ``file.py:name``, the name of a function of w or of x and y, or of a class or object with ``value(w)``
        and, if it likes, ``gradient(w)``; or such a function or object itself.

    Raises
    ------
    StudyError
        If the text is none of these, or what the file itself raises, with its line.

    Examples
    --------
    >>> surface("Saddle").gradient([1.0, 1.0]), surface("x**2 - y**2").gradient([1.0, 1.0])
    (array([ 2., -2.]), array([ 2., -2.]))
    """
    return scene(given).surface


def scene(given: Any) -> Scene:
    """Return a surface with its name, start and part of the plane; as for `surface`."""
    if not isinstance(given, str):
        found = _own(given)
        return _framed(getattr(given, "__name__", type(given).__name__), found)
    path, colon, name = given.strip().rpartition(":")
    if colon and path.endswith(".py"):
        return scene(_loaded(Path(path), name))._replace(name=f"{Path(path).name}:{name}")
    if given.strip().endswith(".py"):
        raise StudyError(f"{given.strip()} is a file; name what is meant in it, {given.strip()}:name")
    known = _SCENES.get(given.strip().lower())
    if known is not None:
        return Scene(given.strip().lower(), known[0](), *known[1:])
    if given.strip().isidentifier() and given.strip() not in ("x", "y"):
        remedy = f"{nearest(given.strip(), _SCENES)} A formula such as x**2 - y**2, or file.py:name, is one, too"
        raise StudyError(f"{given.strip()!r} is no surface; {remedy}")
    f = function(given)
    return _framed(" ".join(given.split()), OwnSurface(lambda w: f(w[..., 0], w[..., 1]), elementwise=True))


def _framed(name: str, found: Surface) -> Scene:
    """Return a surface of which nothing is known but its start, in a picture with the origin at the centre."""
    x, y = found.start.tolist()
    r = _ROOM * max(1.0, abs(x), abs(y))
    return Scene(name, found, (x, y), (-r, r, -r, r))


def _own(given: Any) -> Surface:
    """Return a function, a class or an object as a surface."""
    if isinstance(given, type):
        given = given()
    if isinstance(given, Surface):
        if given.dimension != 2:
            raise StudyError(f"a surface must lie over the plane, in 2 dimensions; got {given.dimension}")
        return given
    value = getattr(given, "value", given)
    if not callable(value):
        raise StudyError(f"a surface must be a function, or have value(w); got {given!r}")
    first = np.asarray(getattr(given, "start", (1.0, 1.0)), np.float64)
    if first.shape != (2,):
        raise StudyError(f"a surface must lie over the plane: its start needs 2 numbers; got shape {first.shape}")
    x, y = first.tolist()
    pair = value is given and len(_places(given)) > 1
    f = (lambda w: value(w[0], w[1])) if pair else value
    return OwnSurface(f, getattr(given, "gradient", None), first=(x, y))


def _places(f: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the arguments without a default that a function takes by place."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(f).parameters.values()
    return [parameter for parameter in found if parameter.kind in places and parameter.default is parameter.empty]


def _loaded(path: Path, name: str) -> Any:
    """Return what a user's file calls by a name; what goes wrong in the file is said with its line, then and later."""
    if not path.is_file():
        raise StudyError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"optimlab_play_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StudyError(f"{path} is no Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with _blamed(path):
        spec.loader.exec_module(module)
    if not hasattr(module, name):
        there = [key for key, thing in vars(module).items() if callable(thing) and not key.startswith("_")]
        raise StudyError(f"{path} has no {name!r}; {nearest(name, there) if there else 'it defines no function'}")
    found = getattr(module, name)
    with _blamed(path):
        found = _own(found)
    if not isinstance(found, OwnSurface):
        return found
    df = found.df or grad(found.f)
    return OwnSurface(_guarded(path, found.f), _guarded(path, df), first=found.first)


def _guarded(path: Path, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def called(w: Any) -> Any:
        with _blamed(path):
            return f(w)

    return called


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Say what a user's file raises in one line, with the place in it."""
    try:
        yield
    except StudyError:
        raise
    except (Exception, SystemExit) as error:
        lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if Path(at.filename) == path.absolute()]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
        place = str(path) if line is None else f"{path}:{line}"
        raise StudyError(" ".join(f"{place}: {type(error).__name__}: {error}".split())) from error
