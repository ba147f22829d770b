"""Studies by name: found beside the package and inside it, and run as from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import optimlab
from optimlab.lab.frame import studies

ROOT = Path(optimlab.__file__).parents[1]


def test_they_are_those_of_the_scripts_with_their_first_lines():
    found = studies.questions()
    assert list(found) == sorted(path.stem for path in (ROOT / "studies").glob("*.py"))
    assert found["claims"].startswith("Every claim of every study in one table")


def test_a_study_runs_with_its_arguments(tmp_path, capfd):
    assert studies.run("bias_correction", ["--quick", "--seed", "3", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "bias_correction" / "run.json").read_text(encoding="utf-8"))
    assert (record["study"], record["seed"], record["quick"]) == ("bias_correction", 3, True)
    assert record["command"][0] == str(ROOT / "studies" / "bias_correction.py")
    assert "claims stand" in capfd.readouterr().out


def test_bad_usage_is_status_2(capfd):
    assert studies.run("bias_correction", ["--colour", "red"]) == 2
    assert "unrecognized arguments: --colour red" in capfd.readouterr().err


def test_in_an_installed_package_the_studies_are_inside_it(tmp_path):
    site = tmp_path.resolve() / "site"
    shutil.copytree(ROOT / "optimlab", site / "optimlab", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "optimlab" / "studies").mkdir()
    for file in ("claims.py", "bias_correction.py", "articles.csv"):
        shutil.copy(ROOT / "studies" / file, site / "optimlab" / "studies")
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from optimlab.lab.frame import studies\n"
        f"print(list(studies.questions())); studies.run('claims', ['--quick', '--out', {str(tmp_path / 'out')!r}])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "['bias_correction', 'claims']\n" in done.stdout
    assert (tmp_path / "out" / "bias_correction" / "run.json").exists()
