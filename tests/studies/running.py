"""How the tests run a study as a user does, and what they expect in its tables."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "expected"  # numbers that were printed elsewhere, for each study
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run(study, *arguments):
    command = [sys.executable, "-W", "error", str(ROOT / "studies" / study), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=900, check=False, env=ONE_CORE
    )


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check(folder, expected):
    """Look each line of a table of expected numbers up in the tables that a study wrote."""
    for number, line in enumerate(read(expected), 2):
        wanted = dict(pair.split("=", 1) for pair in line["where"].split(";"))
        rows = [row for row in read(folder / line["table"]) if all(same(row[k], v) for k, v in wanted.items())]
        assert len(rows) == 1, f"line {number}: {len(rows)} rows"
        assert float(rows[0][line["column"]]) == pytest.approx(
            float(line["expected"]), rel=0, abs=float(line["tolerance"])
        ), f"line {number}: {rows[0]}"


def same(cell, wanted):
    try:
        return float(cell) == pytest.approx(float(wanted), rel=1e-9, abs=0)
    except ValueError:
        return cell == wanted
