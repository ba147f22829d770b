"""Studies by name: found beside the package and inside it, and run as from the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


WAITS = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("waiting", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(1.0)  # tidying up takes its time
    print("tidy", flush=True)
    sys.exit(130)
"""


@pytest.mark.skipif(os.name != "posix", reason="no process groups")
@pytest.mark.parametrize(("how", "status", "said"), [(signal.SIGINT, 130, "tidy\n"), (signal.SIGTERM, 143, "")])
def test_a_study_that_is_stopped_may_tidy_up(how, status, said, tmp_path):
    (tmp_path / "own.py").write_text(WAITS, encoding="utf-8")
    program = (
        "import pathlib, signal, sys\n"
        "from optimlab.lab.frame import studies\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"studies._folder = lambda: pathlib.Path({str(tmp_path)!r})\n"
        "sys.exit(studies.run('own'))"
    )
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True, start_new_session=True)
    assert process.stdout.readline() == "waiting\n"
    os.killpg(process.pid, how)
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out, errors) == (status, said, "")


def test_what_a_study_needs_is_asked_before_it_starts(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert studies.run("bias_correction", ["--help"]) == 2
    remedy = 'a study needs pandas, which is not installed; python -m pip install "optimlab[lab]" installs it'
    assert capfd.readouterr().err == f"error: {remedy}\n"


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
