"""Studies by name: found beside the package and inside it, and run as from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import optimlab
from optimlab.lab.frame import studies

ROOT = Path(optimlab.__file__).parents[1]


def test_names_are_those_of_the_scripts():
    assert studies.names() == sorted(path.stem for path in (ROOT / "studies").glob("*.py") if path.stem != "claims")


def test_a_study_runs_with_its_arguments(tmp_path, capsys):
    argv = list(sys.argv)
    assert studies.run("bias_correction", ["--quick", "--seed", "3", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "bias_correction" / "run.json").read_text(encoding="utf-8"))
    assert (record["study"], record["seed"], record["quick"]) == ("bias_correction", 3, True)
    assert record["command"][0] == str(ROOT / "studies" / "bias_correction.py")
    assert "claims stand" in capsys.readouterr().out
    assert sys.argv == argv


def test_the_gathering_of_claims_runs_too(tmp_path, capsys):
    assert studies.run("claims", ["--only", "bias_correction", "--quick", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "claims.html").exists()


def test_bad_usage_is_status_2(capsys):
    assert studies.run("bias_correction", ["--colour", "red"]) == 2
    assert "unrecognized arguments: --colour red" in capsys.readouterr().err
    assert studies.run("bias") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the study must be one of adam_counterexample, ")
    assert said.endswith("claims; got 'bias'\n")


@pytest.mark.parametrize(("end", "status"), [("", 0), ("None", 0), ("3", 3), ("'a word'", 1)])
def test_a_script_ends_as_it_says(end, status, tmp_path, monkeypatch):
    (tmp_path / "claims.py").touch()
    (tmp_path / "own.py").write_text(f"raise SystemExit({end})" if end else "", encoding="utf-8")
    monkeypatch.setattr("optimlab.lab.frame.studies._folder", lambda: tmp_path)
    assert studies.names() == ["own"]
    assert studies.run("own") == status


WORKERS = """
from typing import NamedTuple
from optimlab.lab.frame import side_by_side, study

class Result(NamedTuple):
    square: int

def squared(k):
    return Result(k * k)

def main(run):
    found = side_by_side(run, squared, [1, 2, 3], ticks=0, description="squares")
    run.claim("sum", "1 + 4 + 9 is 14", expected=14, measured=sum(each.square for each in found))

if __name__ == "__main__":
    raise SystemExit(study(main))
"""


def test_workers_send_back_what_the_study_defines(tmp_path):
    for name, text in (("claims", ""), ("own", WORKERS)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    program = (
        "import multiprocessing, sys, pathlib\n"
        "from optimlab.lab.frame import studies\n"
        f"studies._folder = lambda: pathlib.Path({str(tmp_path)!r})\n"
        f"before = sys.modules['__main__'], sys.modules['__mp_main__']\n"
        f"print(studies.run('own', ['--out', {str(tmp_path)!r}]))\n"
        "print(before == (sys.modules['__main__'], sys.modules['__mp_main__']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert "1 of 1 claims stand" in done.stdout, done.stderr
    assert done.stdout.endswith("\n0\nTrue\n")


def test_in_an_installed_package_the_studies_are_inside_it(tmp_path):
    site = tmp_path.resolve() / "site"
    shutil.copytree(ROOT / "optimlab", site / "optimlab", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "optimlab" / "studies").mkdir()
    for file in ("claims.py", "bias_correction.py", "articles.csv"):
        shutil.copy(ROOT / "studies" / file, site / "optimlab" / "studies")
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from optimlab.lab.frame import studies\n"
        f"print(studies.names()); sys.exit(studies.run('claims', ['--quick', '--out', {str(tmp_path / 'out')!r}]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("['bias_correction']\n")
    assert (tmp_path / "out" / "bias_correction" / "run.json").exists()
