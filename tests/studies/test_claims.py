"""The studies' claims gathered as a user gathers them."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, "-W", "error", str(ROOT / "studies" / "claims.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)


def test_claims_of_one_study_are_gathered(tmp_path):
    done = run("--only", "bias_correction", "--quick", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(tmp_path / "claims.csv", newline="", encoding="utf-8") as file:
        claims = list(csv.DictReader(file))
    assert len(claims) > 20
    assert {claim["study"] for claim in claims} == {"bias_correction"}
    assert f"{len(claims)} of {len(claims)} claims stand\nstudies: 1, without a result: none" in done.stdout
    page = (tmp_path / "claims.html").read_text(encoding="utf-8")
    assert (tmp_path / "bias_correction" / "bias_correction.png").exists()
    assert 'href="bias_correction/bias_correction.png"' in page
    for claim in claims:
        assert f"<td>{claim['id']}</td>" in page


def test_every_study_can_be_chosen_and_the_gathering_is_none():
    said = run("--only", "claims").stderr
    assert "invalid choice: 'claims'" in said
    names = {path.stem for path in (ROOT / "studies").glob("*.py")} - {"claims"}
    assert all(f"'{name}'" in said for name in names)
