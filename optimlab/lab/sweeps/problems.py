"""What a sweep runs over: a surface, seen as it is or through noise; starts and noise belong to the seed."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, number
from optimlab.descent.problem import Problem
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.play.surfaces import OwnSurface, scene
from optimlab.lab.problems import Surface
from optimlab.typing import Array, Floats

__all__ = ["BLOCK", "OnSurface", "PairedNoise", "SweepProblem", "stream"]

BLOCK = 1 << 16
"""Numbers of noise that are drawn at once."""
_USES = {"start": 0, "noise": 1, "batches": 2}
_ABOVE = 1e-6  # the least known minimum: the target where none is given


def stream(seed: int, use: str) -> np.random.Generator:
    """Return the random numbers that a seed gives to one use, "start", "noise" or "batches", whoever runs.

    Examples
    --------
    >>> stream(3, "noise").random() == stream(3, "noise").random() != stream(3, "start").random()
    True
    """
    return np.random.default_rng((seed, _USES[use]))


class SweepProblem(ABC):
    """What contestants run over: the same starts and the same noise for each of them and for each learning rate.

    A subclass is a frozen dataclass. ``label`` names it in tables, ``target`` is the value to get below, and ``every``
    says at which steps the value is looked at.

    Examples
    --------
    >>> isinstance(OnSurface("rosenbrock"), SweepProblem)
    True
    """

    every: int = 1
    target: Any

    @property
    @abstractmethod
    def label(self) -> str:
        """Name for tables and figures."""

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """All that its runs depend on, as plain data: part of the key of a store."""

    @property
    @abstractmethod
    def goal(self) -> float:
        """The target, as a number."""

    @abstractmethod
    def seen(self, seeds: Sequence[int], copies: int) -> Problem:
        """Return what is descended: seeds within copies, one for each learning rate; replica l · S + s has seed s."""

    @property
    @abstractmethod
    def drawn(self) -> bool:
        """Whether two seeds are two runs."""


@final
class PairedNoise:
    """eₖ(s) ~ N(0, 1), from the stream of each seed, step after step: shape (S, n), drawn in blocks of steps.

    Examples
    --------
    >>> one, two = PairedNoise([7], 2), PairedNoise([3, 7], 2, block=4)
    >>> all((one.next()[0] == two.next()[1]).all() for _ in range(10))
    True
    """

    def __init__(self, seeds: Sequence[int], dimension: int, *, block: int = BLOCK) -> None:
        self.streams = [stream(seed, "noise") for seed in seeds]
        self.shape = (max(1, block // (len(seeds) * dimension)), dimension)
        self.at, self.numbers = 0, np.empty((0, len(seeds), dimension))

    def next(self) -> Floats:
        """Return the noise of the next step."""
        if self.at == len(self.numbers):
            self.at, self.numbers = 0, np.stack([rng.standard_normal(self.shape) for rng in self.streams], axis=1)
        self.at += 1
        drawn: Floats = self.numbers[self.at - 1]
        return drawn


@final
@dataclass(frozen=True, eq=False)
class OnSurface(SweepProblem):
    """∇f(w) + noise · e from start + spread · e: a surface, each seed from a start and with a noise of its own.

    Parameters
    ----------
    surface : str, Surface or callable
        As ``optimlab.lab.play.surface`` takes it, or a surface in any number of dimensions.
    noise, spread : float, at least 0
        Standard deviations of the noise in each number of the gradient, and of each number of the start.
    target : float, optional
        The value to get below; by default 1e-6 above the least known minimum.
    start : sequence of float, optional
        Where to start; by default where the surface's tutorials do.
    name : str
        What it is called in tables, and what a store knows a function of your own by.

    Raises
    ------
    StudyError
        If there is no such surface, no minimum is known and no target given, or the start is none.

    Examples
    --------
    >>> problem = OnSurface("x**2 + 10*y**2", noise=0.1, target=0.01)
    >>> problem.label, problem.goal, problem.seen([0, 1], copies=3).start.shape
    ('x**2 + 10*y**2 + noise 0.1', 0.01, (6, 2))
    """

    surface: Any
    noise: float = 0.0
    spread: float = 0.1
    target: float | None = None
    start: Sequence[float] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for field in ("noise", "spread"):
            object.__setattr__(self, field, number(field, getattr(self, field), NOT_NEGATIVE))
        if self.target is not None:
            object.__setattr__(self, "target", number("target", self.target))
        if self.start is not None:
            object.__setattr__(self, "start", tuple(float(x) for x in self.start))
        found, first = self._found
        if self.goal != self.goal or first.shape != (found.dimension,) or not np.isfinite(first).all():
            raise StudyError(f"start must be {found.dimension} finite numbers; got {self.start}")

    @property
    def label(self) -> str:
        """Name, with the noise."""
        return self._called + (f" + noise {self.noise:g}" if self.noise else "")

    @property
    def goal(self) -> float:
        """Target."""
        if self.target is not None:
            return self.target
        known = [point.value for point in self._found[0].minima]
        if not known:
            raise StudyError(
                f"no minimum of {self._called} is known; say what to get below, as in surface('x**2', target=0.01)"
            )
        return min(known) + _ABOVE

    @property
    def config(self) -> dict[str, Any]:
        """Surface, noise, spread, target and start; of a file its content."""
        found, first = self._found
        facts = {"noise": self.noise, "spread": self.spread, "target": self.goal, "start": first.tolist()}
        ours = not isinstance(found, OwnSurface) and type(found).__module__.startswith("optimlab.")
        if isinstance(self.surface, str):
            path, _, name = self.surface.strip().rpartition(":")
            if path.endswith(".py"):
                return facts | {"surface": f"{Path(path).name}:{name}", "file": _digest(Path(path))}
            return facts | {"surface": repr(found) if ours else " ".join(self.surface.split())}
        if ours:
            return facts | {"surface": repr(found)}
        if not self.name:
            raise StudyError(f"a store cannot tell {self.surface!r} from another; give it a name, name='mine'")
        return facts | {"own": self.name}

    @property
    def drawn(self) -> bool:
        """Whether anything is random."""
        return bool(self.noise or self.spread)

    def seen(self, seeds: Sequence[int], copies: int) -> Problem:
        """Return the surface with starts and noise of these seeds."""
        found, first = self._found
        shifts = np.stack([stream(seed, "start").standard_normal(found.dimension) for seed in seeds])
        noise = PairedNoise(seeds, found.dimension) if self.noise else None
        return _Seen(found, np.tile(first + self.spread * shifts, (copies, 1)), noise, self.noise)

    @property
    def _called(self) -> str:
        found = self.surface
        plain = " ".join(found.split()) if isinstance(found, str) else getattr(found, "__name__", None) or repr(found)
        return self.name or plain

    @property
    def _found(self) -> tuple[Surface, Floats]:
        """Surface and start."""
        if isinstance(self.surface, Surface):
            found, first = self.surface, self.surface.start
        else:
            there = scene(self.surface)
            found, first = there.surface, np.array(there.start)
        return found, first if self.start is None else np.array(self.start)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Seen:
    """A surface whose gradient is seen through the noise of seeds."""

    def __init__(self, surface: Surface, start: Floats, noise: PairedNoise | None, sd: float) -> None:
        self.surface, self.start, self.noise, self.sd = surface, start, noise, sd

    def value(self, w: Array) -> Any:
        return self.surface.value(w)

    def gradient(self, w: Array) -> Array:
        gradient = self.surface.gradient(w)
        if self.noise is not None:
            drawn = self.noise.next()
            by_seed = gradient.reshape(-1, *drawn.shape)
            by_seed += self.sd * drawn
        return gradient
