"""The contenders of the benchmark of nets do the same work. No time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def _printed(code: str) -> Any:
    """Run code beside the benchmark in a process of its own, which pins itself to a core; return the JSON it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"import json, nets, timing\n{code}"]
    done = subprocess.run(
        command, cwd=ROOT / "benchmarks", env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_the_articles_program_and_ours_record_the_same_curves():
    differences = _printed("print(json.dumps({name: nets.same_curves(name, 30) for name in nets.NETS}))")
    assert set(differences) == {"sigmoid", "relu"}
    assert max(differences.values()) < 1e-12


def test_every_contender_is_timed_and_every_target_has_its_pair():
    code = """
race = nets.step_race("relu", rounds=1, steps=16)
targets = list(nets.net_targets("relu", race))
print(json.dumps([list(race.seconds), [target.limit for target in targets]]))
"""
    contenders, limits = _printed(code)
    assert len(contenders) == 8
    assert limits == [1.6, 3.0, 1.2, 1.2]


def test_the_chain_has_the_edges_it_is_asked_for():
    edges, slope = _printed("graph = nets.chain(40)\nprint(json.dumps([graph.edges, float(graph.gradient())]))")
    assert edges == 40
    assert abs(slope - 0.999**40) < 1e-12
