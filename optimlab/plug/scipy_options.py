"""Options of a run under SciPy's ``minimize``: what they are, and what holds if they are not given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, final

import numpy as np

from optimlab.checks import FINITE, NOT_NEGATIVE, Range, choice, number, numbers, truth, whole
from optimlab.plug.scipy_given import SCHEMES

__all__ = ["Options", "names"]


@final
@dataclass(frozen=True)
class Options:
    """The options of a run."""

    maxiter: Any = 10_000
    gtol: float | None = None
    maxtime: float = math.inf
    noisy: bool = False
    clip_x0: bool = False
    finite_diff_method: str = "2-point"
    finite_diff_rel_step: Any = None
    eps: Any = None
    disp: Any = False

    def __post_init__(self) -> None:
        n = self.maxiter
        whole("maxiter", int(n) if isinstance(n, float) and n.is_integer() else n, 0)  # 1e4 is what many write
        number("maxtime", self.maxtime, Range("greater than 0 (seconds)"))
        truth("noisy", self.noisy)
        truth("clip_x0", self.clip_x0)
        choice("finite_diff_method", self.finite_diff_method, SCHEMES)
        if self.gtol is not None:
            number("gtol", self.gtol, NOT_NEGATIVE)
        for name in ("eps", "finite_diff_rel_step"):
            if getattr(self, name) is not None:
                numbers(name, getattr(self, name), FINITE)

    def but(self, given: Mapping[str, Any]) -> Options:
        """Return these with others in their place; tol is gtol, unless that is given too."""
        known = {name: x for name, x in given.items() if name in names() and x is not None}
        tol = known.pop("tol", None)
        return replace(self, **({} if tol is None else {"gtol": number("tol", tol, NOT_NEGATIVE)}) | known)

    @property
    def flat(self) -> float:
        """The gtol that holds; -1 for none."""
        if self.gtol is None:
            return -1.0 if self.noisy else 1e-5
        return float(self.gtol)

    @property
    def steps(self) -> dict[str, Any]:
        """The steps of differences."""
        return {"rel_step": self.finite_diff_rel_step, "abs_step": self.eps}

    def check(self, n: int, jac: Any) -> None:
        """Refuse steps of differences that are not one or n, and noise with none."""
        steps = {name: h for name in ("eps", "finite_diff_rel_step") if (h := getattr(self, name)) is not None}
        for name, h in steps.items():
            if np.shape(h) not in ((), (1,), (n,)):
                raise ValueError(f"{name} must be a number, or one for each of the {n} of x0; got shape {np.shape(h)}")
        if self.noisy and not callable(jac) and not steps:
            remedy = "pass jac, or a wide step such as options={'eps': 0.1}"
            raise ValueError(f"jac must be given where fun is noisy: differences over a tiny step are noise; {remedy}")


def names() -> set[str]:
    """Return the names of all options."""
    return {"tol", *(field.name for field in fields(Options))}
