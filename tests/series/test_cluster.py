"""Chunked series on a real cluster: the same bits for any number of workers, also when one of them is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")
pytest.importorskip("dask.array")
pytest.importorskip("dask.dataframe")


@pytest.mark.slow
def test_workers_come_and_go_and_the_bits_stay(tmp_path: Path) -> None:
    script = Path(__file__).with_name("cluster.py")
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert set(found) == {"two", "frame", "had worked", "was running", "bits", "one"}
    assert all(found.values()), found
