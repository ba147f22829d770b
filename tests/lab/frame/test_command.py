"""A small study of two numbers, run as a person would run it."""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab.checks import Range
from optimlab.lab.frame import Knob, Run, StudyError, study

pytestmark = pytest.mark.slow

ROOT = Path(optimlab.__file__).parents[1]


SCRIPT = '''
    """What is the mean of noise?

    It is 0. A second paragraph, 100 % as it is written.
    """
    import pandas as pd
    from optimlab.lab.frame import Knob, study

    KNOBS = (Knob("offset", 0.0, "added to the noise"), Knob("draws", 1000, "how many", quick=10))

    def options(parser):
        parser.add_argument("--wrong", action="store_true", help="claim something wrong")

    def main(run):
        n, offset = run.options.draws, run.options.offset
        draws = pd.DataFrame({"draw": [run.rng.normal() + offset for _ in run.progress(range(n), "draws")]})
        run.table(draws, "draws")
        run.draw(lambda ax: ax.set_title("β, drawn"), lambda ax: ax.plot(run.rng.normal(size=9)))
        run.answer(f"The mean of {n} draws of β is {draws['draw'].mean():.3f}.", draws.describe().T)
        run.claim("mean", "the mean of β is the offset", expected=offset, measured=draws["draw"].mean(), tolerance=2.0)
        if run.options.wrong:
            run.claim("wrong", "a statement of many words, " * 9, expected=2, measured=1.0)

    if __name__ == "__main__":
        raise SystemExit(study(main, KNOBS, options=options))
'''
FILES = ["claims.csv", "draws.csv", "noise_mean.png", "run.json"]


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "noise_mean.py"
    path.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    return path


def command(script, *arguments):
    return [sys.executable, "-W", "error", script.name, "--quick", *arguments]


def run_script(script, *arguments, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        command(script, *arguments), cwd=script.parent, capture_output=True, encoding="utf-8", env=environment
    )


@pytest.fixture(scope="module")
def whole(script):
    """A whole run of seed 3, and its folder."""
    return run_script(script, "--seed", "3"), script.parent / "results" / "noise_mean"


def status_of(main, tmp_path, *arguments, knobs=(), options=None):
    return study(main, knobs, options=options, argv=["--out", str(tmp_path), *arguments])


def record_in(tmp_path):
    return json.loads((tmp_path / "test_command" / "run.json").read_text(encoding="utf-8"))


def honest(run):
    run.claim("one", "one is one", expected=1, measured=1)


def test_a_whole_run_prints_the_answer_first(whole):
    done, folder = whole
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    draws = np.random.default_rng(3).normal(size=10)
    lines = done.stdout.splitlines()
    assert lines[0] == f"The mean of 10 draws of β is {draws.mean():.3f}."
    assert lines[2].split()[:3] == ["count", "mean", "std"]
    assert lines[3].split()[0] == "10"
    assert lines[5:8] == [
        f"figure: {Path('results', 'noise_mean', 'noise_mean.png')}",
        "claims: 1 claim: it stands (--claims lists them)",
        f"tables: draws.csv, claims.csv in {Path('results', 'noise_mean')}",
    ]
    assert lines[8].endswith(f" s; all studies that ran: {Path('results', 'index.html')}")
    assert len(lines) == 9
    assert "The mean of 10 draws" in (folder.parent / "index.html").read_text(encoding="utf-8")


def test_a_whole_run_leaves_its_numbers_and_how_they_were_made(whole):
    _, folder = whole
    draws = np.random.default_rng(3).normal(size=10)
    np.testing.assert_array_equal(np.loadtxt(folder / "draws.csv", skiprows=1), draws)
    (claim,) = csv.DictReader((folder / "claims.csv").read_text(encoding="utf-8").splitlines())
    assert claim["statement"] == "the mean of β is the offset"
    assert (claim["study"], claim["stands"], claim["measured"]) == ("noise_mean", "True", str(draws.mean()))
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["command"] == ["noise_mean.py", "--quick", "--seed", "3"]
    assert record["question"] == "What is the mean of noise?"
    assert record["answer"].startswith("The mean of 10 draws of β is")
    assert (len(record["table"]["head"]), len(record["table"]["rows"][0])) == (8, 8)
    assert (record["study"], record["seed"], record["quick"], record["turned"]) == ("noise_mean", 3, True, [])
    assert [claim["id"] for claim in record["claims"]] == ["mean"]
    assert sorted(record["files"]) == FILES[:3]
    assert record["versions"]["numpy"] == np.__version__
    assert set(record["versions"]) == {"python", "optimlab", "numpy", "scipy", "pandas", "matplotlib", "numba"}
    assert datetime.fromisoformat(record["started"]).utcoffset().total_seconds() == 0
    assert 0 < record["seconds"] < 60
    assert record["cpu"]["model"]
    assert record["cpu"]["count"] >= 1


def test_the_same_seed_gives_the_same_bytes_also_where_a_terminal_has_ascii_alone(script, whole):
    done = run_script(script, "--seed", "3", "--out", "same", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The mean of 10 draws of beta is")
    other = run_script(script, "--seed", "4", "--out", "other", "--claims", "--panel", "2")
    assert "\n\nok      the mean of β is the offset: expected 0 ±2, measured " in other.stdout
    assert "claims: 1 claim: it stands\n" in other.stdout
    first, same, other = (
        [(folder / name).read_bytes() for name in FILES[:3]]
        for folder in (whole[1], script.parent / "same" / "noise_mean", script.parent / "other" / "noise_mean")
    )
    assert first == same
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_help_is_the_docstring_and_all_options(script):
    done = run_script(script, "--help")
    assert done.returncode == 0
    assert "What is the mean of noise?\n\nIt is 0. A second paragraph, 100 % as it is written.\n" in done.stdout
    own = ["--offset X", "--draws X", "(default: 1000; quick: 10)", "--wrong"]
    for option in (
        *own,
        "--quick",
        "--claims",
        "--seed N",
        "--panel N",
        "--out DIR",
        "--format {png,svg,pdf}",
        "--show",
    ):
        assert option in done.stdout
    assert "exit status" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of a shell")
def test_where_nobody_reads_any_more_the_run_ends_quietly_and_whole(script):
    shell = shlex.join(map(str, command(script, "--out", "head"))) + " | head -1"
    done = subprocess.run(["sh", "-c", shell], cwd=script.parent, capture_output=True, encoding="utf-8")
    assert done.stdout.startswith("The mean of 10 draws of β is")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    assert sorted(path.name for path in (script.parent / "head" / "noise_mean").iterdir()) == FILES
    reading, writing = os.pipe()
    os.close(reading)  # the first line already finds the pipe broken
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(command(script, "--out", "pipe"), cwd=script.parent, stdout=pipe, stderr=-1)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in (script.parent / "pipe" / "noise_mean").iterdir()) == FILES


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_in_a_terminal_a_failed_claim_is_red_and_lines_have_its_width(script):
    import fcntl
    import pty
    import struct
    import termios

    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    arguments = command(script, "--wrong", "--out", "terminal")
    process = subprocess.Popen(
        arguments, cwd=script.parent, stdin=theirs, stdout=theirs, stderr=theirs, env={**plain, "TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(own, 4096):
            shown += part
    assert process.wait(timeout=300) == 1
    os.close(own)
    red = re.search(rb"\x1b\[31m(FAILED.*?)\x1b\[39m", shown, re.DOTALL)[1].decode().splitlines()
    assert len(red) > 3
    above = shown.decode().partition("\x1b")[0].splitlines()  # the answer, and its table in two parts
    assert max(map(len, [*above, *red])) <= 50
    assert sum("count" in line or "max" in line for line in above) == 2
    said = ("a statement of many words, " * 9).strip()
    assert " ".join(" ".join(red).split()) == f"FAILED {said}: expected 2, measured 1"
    assert b"claims: 2 claims: 1 FAILED" in shown


def test_a_failed_claim_is_status_1_and_shown_without_being_asked_for(tmp_path, capsys):
    def main(run):
        honest(run)
        run.claim("two", "one is two", expected=2, measured=(1, 0.7, 1.2))

    assert status_of(main, tmp_path) == 1
    printed = capsys.readouterr().out
    assert "FAILED  one is two: expected 2, measured 1 [0.7, 1.2]\n" in printed
    assert "claims: 2 claims: 1 FAILED (--claims lists them)\n" in printed
    assert "one is one" not in printed
    assert status_of(main, tmp_path, "--claims") == 1
    assert "ok      one is one: expected 1, measured 1\nFAILED  one is two" in capsys.readouterr().out


KNOBS = (Knob("beta", 0.5, "decay", Range("in [0, 1)")), Knob("runs", 9, "runs", quick=3))


def claiming(run):
    beta = run.options.beta
    run.claim("always", "β is β", expected=beta, measured=beta)
    run.claim("default", "it is a half", expected=0.5, measured=beta, default=True)
    run.claim("row", "it was said", expected=0.5, measured=beta, row="003-b", verdict="reproduced")
    run.claim(
        "wide",
        "it is about β",
        expected=0.5,
        measured=beta,
        tolerance=0.26 if run.turned or run.options.runs == 1 else 0.2,
    )


@pytest.mark.parametrize(
    ("arguments", "claims", "left_out"),
    [
        ([], ["always", "default", "row", "wide"], 0),
        (["--beta", ".50", "--runs", "2"], ["always", "default", "row", "wide"], 0),
        (["--beta", "0.75"], ["always"], 3),
        (["--runs", "1"], ["always", "default", "row"], 1),
    ],
)
def test_claims_of_the_defaults_are_left_out_where_a_knob_is_turned(tmp_path, capsys, arguments, claims, left_out):
    assert status_of(claiming, tmp_path, *arguments, knobs=KNOBS) == 0
    record, printed = record_in(tmp_path), capsys.readouterr().out
    assert [claim["id"] for claim in record["claims"]] == claims
    assert record["left_out"] == left_out
    assert ("; 3 left out, which need the defaults or a larger sample (" in printed) is (left_out == 3)
    assert record["turned"] == (["beta"] if "0.75" in arguments else [])


@pytest.mark.parametrize("turn", [["--beta", "0.75"], ["--runs", "1"]])
def test_what_a_formula_refuses_is_one_line_where_a_knob_is_turned_and_a_defect_elsewhere(tmp_path, capsys, turn):
    def main(run):
        if run.options.beta != 0.5 or run.options.runs < 2 or run.quick:
            raise ValueError("no closed form there")

    assert status_of(honest, tmp_path, knobs=KNOBS) == 0
    before = record_in(tmp_path)
    capsys.readouterr()
    assert status_of(main, tmp_path, *turn, knobs=KNOBS) == 2
    assert capsys.readouterr() == ("", f"error: {turn[0]}: no closed form there\n")
    with pytest.raises(ValueError, match="no closed form there"):
        status_of(main, tmp_path, "--quick", knobs=KNOBS)
    assert status_of(main, tmp_path, "--beta", "1", knobs=KNOBS) == 2
    assert capsys.readouterr().err == "error: --beta must be in [0, 1); got 1.0\n"
    assert record_in(tmp_path) == before


def two_figures(run):
    def drawing(ax):
        ax.plot(run.rng.normal(size=5))

    run.draw(drawing, (lambda figure: drawing(figure.subplots()), "figure"))
    run.draw((lambda ax: ax.set_zlabel("f"), "3d"), name="more")
    run.say(f"{run.rng.random()}")


@pytest.mark.parametrize("panel", [1, 2, 3])
def test_a_panel_is_drawn_alone_beside_the_whole_and_changes_nothing_else(tmp_path, capsys, monkeypatch, panel):
    lines, save = [], Run.figure

    def saved(run, figure, name):
        lines.append([line.get_ydata().tolist() for axes in figure.axes for line in axes.lines])
        return save(run, figure, name)

    monkeypatch.setattr(Run, "figure", saved)
    assert status_of(two_figures, tmp_path / "whole") == 0
    assert status_of(two_figures, tmp_path / "alone", "--panel", str(panel)) == 0
    first, second = capsys.readouterr().out.split("figure:")[:2]
    assert first.split()[0] == second.split()[-1]  # the numbers drawn after it
    names = {path.name for path in (tmp_path / "alone" / "test_command").iterdir()}
    assert names == {"test_command.png", "more.png", f"test_command_panel{panel}.png", "run.json"}
    alone = lines.pop(4 if panel == 3 else 3)
    assert alone == ([lines[0][panel - 1]] if panel < 3 else [])  # the line of the whole figure
    assert lines[:2] == lines[2:]


@pytest.mark.parametrize("panel", ["0", "4", "-1"])
def test_a_panel_that_is_none_is_refused_before_anything_is_replaced(tmp_path, capsys, panel):
    assert status_of(honest, tmp_path) == 0
    before = record_in(tmp_path)
    assert status_of(two_figures, tmp_path, "--panel", panel) == 2
    message = f"error: --panel must be in 1..3, the panels of this study; got {panel}\n"
    assert capsys.readouterr().err == message
    assert record_in(tmp_path) == before


def test_in_an_svg_text_stays_text(tmp_path):
    main = lambda run: run.draw(lambda ax: ax.set(title="β of the mean", xlabel="step"))  # noqa: E731
    assert status_of(main, tmp_path, "--format", "svg") == 0
    drawn = (tmp_path / "test_command" / "test_command.svg").read_text(encoding="utf-8")
    assert re.search(r"<text[^>]*>β of the mean</text>", drawn)
    assert re.search(r"<text[^>]*>step</text>", drawn)


@pytest.mark.parametrize("name", ["index.html", "other/run.json", "other/figure.png"])
def test_nothing_beside_its_folder_fails_a_run_that_is_whole(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)  # a folder where a file is expected
    assert status_of(honest, tmp_path) == 0
    assert [claim["id"] for claim in record_in(tmp_path)["claims"]] == ["one"]


def test_a_nan_fails_too(tmp_path):
    def main(run):
        run.claim("nan", "it is a number", expected=1, measured=float("nan"))

    assert status_of(main, tmp_path) == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StudyError("--rules: sdg\n         ^ is none"), "error: --rules: sdg\n         ^ is none\n"),
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


def test_a_study_without_claims_stands_and_has_no_table_of_them(tmp_path, capsys):
    assert status_of(honest, tmp_path) == 0
    assert "claims.csv" in os.listdir(tmp_path / "test_command")
    capsys.readouterr()
    assert status_of(lambda run: None, tmp_path) == 0
    assert os.listdir(tmp_path / "test_command") == ["run.json"]
    assert capsys.readouterr().out.startswith("time:   ")


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
