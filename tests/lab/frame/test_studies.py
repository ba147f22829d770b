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

pytestmark = pytest.mark.slow

ROOT = Path(optimlab.__file__).parents[1]


def own(folder, monkeypatch, **texts):
    """Let the studies be scripts with these docstrings."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(f'r"""{text}"""\n', encoding="utf-8")
    monkeypatch.setattr(studies, "_folder", lambda: folder)


TEXT = """What is it?

It is 2, or |x| of
-2.

More of it. Takes 5 min on two cores (--quick: 3 s).
"""


def test_question_answer_and_time_are_those_of_the_docstring(tmp_path, monkeypatch):
    own(tmp_path, monkeypatch, b=TEXT, a="What?", c="What?\n\nThat.", d="")
    assert studies.studies() == {
        "a": ("What?", "", ""),
        "b": ("What is it?", "It is 2, or |x| of -2.", "5 min on two cores"),
        "c": ("What?", "That.", ""),
        "d": ("", "", ""),
    }


def test_they_are_listed_to_the_width_of_a_terminal_and_whole_in_a_file(tmp_path, monkeypatch):
    own(tmp_path, monkeypatch, b=TEXT.replace("It is 2", "word " * 40), a="What?")
    assert studies.listing(None).splitlines()[:3] == ["a", "    What?", "b"]
    assert len(studies.listing(None).splitlines()) == 5
    for width in (1, 24, 60):
        lines = studies.listing(width).splitlines()
        assert max(map(len, lines)) <= max(width, 24)
        assert "".join("".join(lines).split()) == "".join(studies.listing(None).split())


def test_the_table_of_the_readme_has_a_line_for_each(tmp_path, monkeypatch):
    own(tmp_path, monkeypatch, b=TEXT, a="What?")
    assert studies.markdown().splitlines() == [
        "| question | study | answer | time |",
        "| --- | --- | --- | --- |",
        "| What? | `a.py` |  |  |",
        r"| What is it? | `b.py` | It is 2, or \|x\| of -2. | 5 min on two cores |",
    ]


def test_they_are_the_scripts_of_the_project():
    found = studies.studies()
    assert list(found) == sorted(path.stem for path in (ROOT / "studies").glob("*.py"))
    assert all(said.question for said in found.values())


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
    for file in ("articles.py", "bias_correction.py", "articles.csv"):
        shutil.copy(ROOT / "studies" / file, site / "optimlab" / "studies")
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from optimlab.lab.frame import studies\n"
        "print(list(studies.studies()))\n"
        f"studies.run('articles', ['--quick', '--only', 'bias_correction', '--out', {str(tmp_path / 'out')!r}])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "['articles', 'bias_correction']\n" in done.stdout
    for name in ("articles", "bias_correction"):
        record = json.loads((tmp_path / "out" / name / "run.json").read_text(encoding="utf-8"))
        assert record["command"][0] == str(site / "optimlab" / "studies" / f"{name}.py")
