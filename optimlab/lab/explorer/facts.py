"""What the page knows from Python: atoms, rules and surfaces, series, sources, and the version."""

from __future__ import annotations

from typing import Any

from optimlab import __version__
from optimlab.lab.explorer import atoms, series_facts, source_facts

__all__ = ["facts"]


def facts() -> dict[str, Any]:
    """Return the page's constant ``FACTS``: what JSON can hold.

    Examples
    --------
    >>> sorted(facts())
    ['atoms', 'makers', 'rules', 'series', 'surfaces', 'torch', 'version']
    """
    return {"version": __version__} | atoms.facts() | series_facts.facts() | source_facts.facts()
