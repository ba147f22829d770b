"""What the page knows of torch: how each function is written there, and what a text begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimlab.export.prelude import DEBIASED, SQRT
from optimlab.export.targets import PYTHON, TORCH

__all__ = ["facts"]


def facts() -> dict[str, Any]:
    """Return the words of ``rule.source("torch")``.

    Examples
    --------
    >>> facts()["torch"]["numbers"]["sqrt"]
    'math.sqrt({})'
    """
    words = {"step": _named(TORCH.calls), "numbers": _named(PYTHON.calls)}
    return {"torch": words | {"debiased": DEBIASED["torch"], "sqrt": SQRT}}


def _named(calls: Mapping[Any, str]) -> dict[str, str]:
    """Return forms by NumPy's name of the function."""
    return {function.__name__: form for function, form in calls.items()}
