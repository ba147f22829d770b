"""Run every released rule of the atlas and write what it did: python tests/golden/make.py [SYSTEM ...]."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from optimlab.lab.atlas import PAIRS
from optimlab.lab.atlas.pairs import Pair
from optimlab.lab.atlas.systems import SYSTEMS
from tests.golden.trajectories import FOLDER, SEEDS, STEPS, given


def parameters(pair: Pair) -> dict[str, list[Any]]:
    """Return which of the convention's arguments the released function has, each with its default, or without."""
    made = pair.other.made(pair.released)
    if pair.system == "autograd":  # it is inside of what takes containers of arrays
        made = inspect.getclosurevars(made).nonlocals["optimize"]
    theirs = inspect.signature(made).parameters
    own = [theirs[name] for name in (*inspect.signature(pair.convention).parameters, "kwargs") if name in theirs]
    return {p.name: [] if p.default is inspect.Parameter.empty else [p.default] for p in own}


def run(pair: Pair, seed: int) -> dict[str, Any]:
    """Return the options of a run and the parameters after some steps, one after the other."""
    options = pair.options(seed)
    (path,) = pair.other.trajectory(pair.released, options, given(pair, seed))
    return {"options": options, "values": [path[step - 1].ravel().tolist() for step in STEPS]}


def page(system: str) -> str:
    """Return the golden file of a system, a line for each run."""
    pairs = {
        str(p): {"parameters": parameters(p), "runs": [run(p, s) for s in SEEDS]} for p in PAIRS if p.system == system
    }
    lines = [
        f'{json.dumps(name)}: {{"parameters": {json.dumps(held["parameters"])}, "runs": [\n'
        + ",\n".join(json.dumps(each) for each in held["runs"])
        + "]}"
        for name, held in pairs.items()
    ]
    return f'{{"version": "{SYSTEMS[system].version}", "pairs": {{\n' + ",\n".join(lines) + "}}\n"


if __name__ == "__main__":
    for system in sys.argv[1:] or dict.fromkeys(pair.system for pair in PAIRS):
        (FOLDER / f"{system}.json").write_text(page(system))
