"""What the page knows from Python: atoms, rules and surfaces, series, and the version."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from optimlab import __version__

__all__ = ["facts"]


def facts() -> dict[str, Any]:
    """Return the page's constant ``FACTS``: what JSON can hold.

    Examples
    --------
    >>> "version" in facts()
    True
    """
    rooms = [f"optimlab.lab.explorer.{name}" for name in ("atoms", "series_facts", "source_facts")]
    found = {"version": __version__}
    for room in rooms:
        try:  # while files are still missing
            found |= import_module(room).facts() if find_spec(room) else {}
        except Exception as error:
            print(f"explorer: facts of {room} left out: {error}", file=sys.stderr)
    return found
