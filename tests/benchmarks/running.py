"""How the tests run a piece of code beside the benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def printed(module: str, code: str) -> Any:
    """Run code in a process of its own that is pinned to a core, with this benchmark; return the JSON it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"import json, timing\ntiming.pin_threads()\nimport {module}\n{code}"]
    done = subprocess.run(
        command, cwd=ROOT / "benchmarks", env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)
