"""The command: version, list of studies, and a study that runs as the file does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import optimlab
from optimlab.__main__ import main

ROOT = Path(__file__).parents[1]


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"optimlab {optimlab.__version__}\n"


def test_it_lists_every_study_with_its_question(capsys):
    assert main(["studies"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line for line in lines if not line.startswith(" ")]
    assert names == sorted(path.stem for path in (ROOT / "studies").glob("*.py"))
    assert all(len(lines[lines.index(name) + 1]) > 20 for name in names)


def test_it_prints_the_table_of_the_readme(capsys):
    assert main(["studies", "--markdown"]) == 0
    assert capsys.readouterr().out in (ROOT / "README.md").read_text(encoding="utf-8")


def test_alone_it_says_what_it_can_do(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("studies", "study", "play", "ema", "atlas"))


@pytest.mark.parametrize("arguments", [["study"], ["study", "nothing"], ["studies", "more"], ["average"]])
def test_bad_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: optimlab" in capsys.readouterr().err


def test_study_says_how_it_is_used(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["study", "--help"])
    assert ended.value.code == 0
    assert "noise_floor" in capsys.readouterr().out


@pytest.mark.slow
def test_a_study_runs_with_its_own_options(tmp_path):
    command = [sys.executable, "-m", "optimlab", "study", "bias_correction", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "bias_correction" / "run.json").read_text())["quick"]


@pytest.mark.slow
def test_the_help_of_a_study_is_its_own():
    command = [sys.executable, "-m", "optimlab", "study", "momentum_rates", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--seed" in done.stdout
