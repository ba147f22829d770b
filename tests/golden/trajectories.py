"""Golden trajectories: what released rules did, as numbers that tests read where the systems are not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimlab.lab.atlas.streams import Stream, stream

__all__ = ["FOLDER", "SEEDS", "STEPS", "given", "held"]

FOLDER = Path(__file__).parent
SEEDS = (0, 1, 2)
STEPS = (1, 2, 3, 10, 50, 200)


def given(pair: Any, seed: int) -> Stream:
    """Return the parameters and gradients of a run: one small leaf, a vector or a matrix, or none."""
    return stream(seed, [(3,) if len(shape) == 1 else (3, 2) for shape in pair.shapes[:1]], STEPS[-1])


def held(pair: Any) -> dict[str, Any]:
    """Return what is written of a pair: its arguments, and for each run its options and the parameters after STEPS."""
    return json.loads((FOLDER / f"{pair.system}.json").read_text())["pairs"][str(pair)]
