"""A small study of two numbers, run as a person would run it."""

import csv
import io
import json
import signal
import subprocess
import sys
import textwrap
from datetime import datetime
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from optimlab.lab.frame import Run, StudyError, study

pytestmark = pytest.mark.slow


SCRIPT = '''
    """What is the mean of noise?

    A second paragraph, 100 % as it is written.
    """
    import signal
    import matplotlib.pyplot as plt
    import pandas as pd
    from optimlab.lab.frame import StudyError, study

    signal.signal(signal.SIGINT, signal.default_int_handler)

    def options(parser):
        parser.add_argument("--offset", type=float, default=0.0, help="added to the noise")
        parser.add_argument("--wait", action="store_true", help="wait for Ctrl-C")

    def main(run):
        n = 10 if run.quick else 1000
        draws = pd.DataFrame({"draw": [run.rng.normal() + run.options.offset for _ in run.progress(range(n), "draws")]})
        run.table(draws, "draws")
        figure, axes = plt.subplots()
        axes.plot(draws["draw"])
        run.figure(figure, "noise")
        run.say(f"{n} draws of β")
        if run.options.wait:
            print("waiting", flush=True)
            signal.pause()
        run.claim("mean", "the mean of β is zero", expected=0, measured=draws["draw"].mean(), tolerance=2.0,
                  verdict="reproduced")

    if __name__ == "__main__":
        raise SystemExit(study(main, options=options))
'''
PIPES = {"stdin": subprocess.DEVNULL, "text": True, "encoding": "utf-8"}


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "noise_mean.py"
    path.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    return path


def run_script(script, *arguments):
    return subprocess.run([sys.executable, script, *arguments], cwd=script.parent, capture_output=True, **PIPES)


def status_of(main, tmp_path, *arguments, options=None):
    return study(main, options=options, argv=["--out", str(tmp_path), *arguments])


def honest(run):
    run.claim("one", "one is one", expected=1, measured=1, verdict="reproduced")


def test_a_whole_run(script):
    done = run_script(script, "--quick", "--seed", "3", "--offset", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    folder = script.parent / "results" / "noise_mean"
    files = ["claims.csv", "draws.csv", "noise.png", "run.json"]
    assert sorted(path.name for path in folder.iterdir()) == files
    for text in ("10 draws of β", "ok  mean   reproduced", "1 of 1 claims stand", "results/noise_mean/noise.png"):
        assert text in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    expected = np.random.default_rng(3).normal(size=10) + 0.5
    np.testing.assert_array_equal(np.loadtxt(folder / "draws.csv", skiprows=1), expected)
    (claim,) = csv.DictReader((folder / "claims.csv").read_text(encoding="utf-8").splitlines())
    assert claim["statement"] == "the mean of β is zero"
    assert (claim["study"], claim["stands"], claim["measured"]) == ("noise_mean", "True", str(expected.mean()))
    record = json.loads((folder / "run.json").read_text())
    assert record["command"] == [str(script), "--quick", "--seed", "3", "--offset", "0.5"]
    assert (record["study"], record["seed"], record["quick"]) == ("noise_mean", 3, True)
    assert record["claims"] == {"total": 1, "failed": 0}
    assert sorted(record["files"]) == files[:3]
    assert record["versions"]["numpy"] == np.__version__
    assert set(record["versions"]) == {"python", "optimlab", "numpy", "scipy", "pandas", "matplotlib", "numba"}
    assert datetime.fromisoformat(record["started"]).utcoffset().total_seconds() == 0
    assert 0 < record["seconds"] < 60
    assert record["cpu"]["model"]
    assert record["cpu"]["count"] >= 1


def test_the_same_seed_gives_the_same_bytes(script):
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run_script(script, "--quick", "--seed", seed, "--out", folder).returncode == 0
    first, same, other = (
        [
            (script.parent / folder / "noise_mean" / name).read_bytes()
            for name in ("draws.csv", "noise.png", "claims.csv")
        ]
        for folder in "abc"
    )
    assert first == same
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_help_is_the_docstring_and_all_options(script):
    done = run_script(script, "--help")
    assert done.returncode == 0
    assert "What is the mean of noise?\n\nA second paragraph, 100 % as it is written.\n" in done.stdout
    for option in ("--offset", "--quick", "--seed N", "--out DIR", "--format {png,svg,pdf}", "--show", "exit status"):
        assert option in done.stdout
    assert not (script.parent / "results").exists()


def test_ctrl_c_ends_with_one_line_and_whole_files(script):
    process = subprocess.Popen([sys.executable, script, "--wait"], cwd=script.parent, stdout=-1, stderr=-1, **PIPES)
    for line in process.stdout:
        if line == "waiting\n":
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == "interrupted: the files written so far are whole, but the run is not complete\n"
    folder = script.parent / "results" / "noise_mean"
    assert sorted(path.name for path in folder.iterdir()) == ["draws.csv", "noise.png"]


def test_an_ascii_terminal_gets_question_marks_not_a_crash(script, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run_script(script, "--quick")
    assert done.returncode == 0
    assert "10 draws of ?" in done.stdout


def test_a_failed_claim_is_status_1_and_conspicuous(tmp_path, capsys):
    def main(run):
        honest(run)
        run.claim("two", "one is two", expected=2, measured=(1, 0.5, 1.5), verdict="reproduced")

    assert status_of(main, tmp_path) == 1
    printed = capsys.readouterr().out
    assert "FAILED  two" in printed
    assert "1 of 2 claims FAILED" in printed
    assert json.loads((tmp_path / "test_command" / "run.json").read_text())["claims"] == {"total": 2, "failed": 1}


def test_a_nan_fails_too(tmp_path):
    def main(run):
        run.claim("nan", "it is a number", expected=1, measured=float("nan"), verdict="reproduced")

    assert status_of(main, tmp_path) == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StudyError("--column must be\n one of a, b; got c"), "error: --column must be one of a, b; got c\n"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "error: x.csv: No such file or directory\n"),
        (StudyError("no column \x1b[31mred\x9b"), "error: no column \\x1b[31mred\\x9b\n"),
        (FileNotFoundError(2, "No such file", "caf\udce9\x07\n.csv"), "error: caf\\udce9\\x07 .csv: No such file\n"),
    ],
)
def test_bad_input_is_status_2_and_one_line(tmp_path, capsys, error, line):
    def main(run):
        raise error

    assert status_of(main, tmp_path) == 2
    assert capsys.readouterr().err == line


def test_what_a_study_says_is_shown_and_not_obeyed(tmp_path, capsys):
    assert status_of(lambda run: run.say("β\tof \x1b[2Ja\u202eb\nc\u00a0d"), tmp_path) == 0
    assert capsys.readouterr().out.startswith("β\\tof \\x1b[2Ja\\u202eb\nc\u00a0d\n")


def test_arguments_that_are_no_text_are_recorded(tmp_path):
    assert status_of(honest, tmp_path / "caf\udce9") == 0
    record = json.loads((tmp_path / "caf\udce9" / "test_command" / "run.json").read_text(encoding="utf-8"))
    assert record["command"][2].endswith("caf\udce9")


def test_a_defect_keeps_its_traceback(tmp_path):
    def main(run):
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        status_of(main, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seed", "-1"], "seed must be an integer >= 0; got '-1'"),
        (["--seed", "1.5"], "seed must be an integer >= 0; got '1.5'"),
        (["--format", "gif"], "invalid choice: 'gif'"),
        (["--qu"], "unrecognized arguments: --qu"),
    ],
)
def test_bad_usage_is_status_2_and_says_why(tmp_path, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        status_of(honest, tmp_path, *arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_an_unusable_folder_is_found_before_computing(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")

    def main(run):
        raise AssertionError("must not be reached")

    assert status_of(main, tmp_path / "taken") == 2
    assert capsys.readouterr().err.startswith("error: cannot write into the folder ")


def test_without_show_figures_are_drawn_into_memory_whatever_the_user_s_backend(tmp_path):
    plt.switch_backend("svg")
    drawn_with = []
    assert status_of(lambda run: drawn_with.append(plt.get_backend().lower()), tmp_path) == 0
    assert drawn_with == ["agg"]
    assert plt.get_backend().lower() == "svg"
    with pytest.raises(ZeroDivisionError):
        status_of(lambda run: 1 / 0, tmp_path)
    assert plt.get_backend().lower() == "svg"
    plt.switch_backend("agg")


@pytest.mark.parametrize("missing", [False, True])
def test_where_none_was_chosen_it_is_matplotlib_s_choice_again(tmp_path, monkeypatch, missing):
    own, chosen = object(), []

    def switch(backend):
        chosen.append(backend)
        if missing and backend is own:
            raise ImportError

    plt.switch_backend("svg")
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select: None)
    monkeypatch.setattr(matplotlib, "rcParamsOrig", {"backend": own})
    monkeypatch.setattr(plt, "switch_backend", switch)
    assert status_of(lambda run: None, tmp_path) == 0
    assert chosen == ["agg", own]


def test_show_without_a_display_is_found_before_computing(tmp_path, capsys):
    plt.switch_backend("agg")
    assert status_of(honest, tmp_path, "--show") == 2
    assert "error: --show needs a display" in capsys.readouterr().err


def test_show_opens_the_figures_at_the_end(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("optimlab.lab.frame.command.has_display", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))

    def main(run):
        run.figure(plt.figure(), "empty")

    plt.close("all")
    assert status_of(main, tmp_path, "--show") == 0
    assert len(shown) == 1
    plt.close("all")
    assert status_of(main, tmp_path) == 0
    assert plt.get_fignums() == []


def test_format_and_name_decide_the_file(tmp_path):
    def main(run):
        assert run.figure(plt.figure(), "empty") == run.folder / "empty.svg"

    assert status_of(main, tmp_path, "--format", "svg") == 0
    assert (tmp_path / "test_command" / "empty.svg").read_text().startswith("<?xml")


def test_the_record_of_an_earlier_run_goes_with_its_files_and_not_before(tmp_path):
    def too_early(run):
        raise StudyError("bad input")

    def half_way(run):
        run.table(pd.DataFrame({"a": [1]}), "a")
        raise StudyError("bad input, found late")

    record = tmp_path / "test_command" / "run.json"
    for main, status, complete in ((honest, 0, True), (too_early, 2, True), (half_way, 2, False)):
        assert status_of(main, tmp_path) == status
        assert record.exists() is complete


def test_a_study_without_claims_stands_and_has_an_empty_claims_file(tmp_path):
    assert status_of(lambda run: None, tmp_path) == 0
    lines = (tmp_path / "test_command" / "claims.csv").read_text().splitlines()
    assert lines == ["study,id,statement,expected,measured,low,high,tolerance,verdict,stands"]


def test_claim_ids_are_unique(tmp_path):
    run = Run("demo", tmp_path)
    honest(run)
    with pytest.raises(ValueError, match="id must be new in every claim of a run; got 'one' again"):
        honest(run)


def test_a_table_keeps_a_named_index_and_drops_a_nameless_one(tmp_path):
    run, frame = Run("demo", tmp_path), pd.DataFrame({"y": [0.1, 2.0]}, index=[5, 6])
    assert run.table(frame, "a").read_bytes() == b"y\n0.1\n2.0\n"
    assert run.table(frame.rename_axis("x"), "b").read_bytes() == b"x,y\n5,0.1\n6,2.0\n"
    assert run.table(frame, "a") == run.files[0]
    assert [path.name for path in run.files] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".a", "claims"])
def test_a_table_is_a_plain_file_in_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match=r"^name must"):
        Run("demo", tmp_path).table(pd.DataFrame(), name)
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize(("terminal", "patience", "shows"), [(False, 0, False), (True, 0, True), (True, 2, False)])
def test_progress_shows_only_in_a_terminal_and_only_if_it_takes_long(tmp_path, monkeypatch, terminal, patience, shows):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("optimlab.lab.frame.run._PATIENCE", patience)
    assert list(Run("demo", tmp_path).progress((k for k in "abc"), "letters", total=3)) == ["a", "b", "c"]
    assert ("letters" in stream.getvalue()) is shows
