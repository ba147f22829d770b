"""Small studies gathered as a person would gather them."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from optimlab.lab.frame import gather

pytestmark = pytest.mark.slow

STUDY = """
    import sys, time
    from optimlab.lab.frame import study

    def options(parser):
        parser.add_argument("--own", action="store_true")

    def main(run):
        with open(__file__ + ".runs", "a") as file:
            file.write("once\\n")
        {body}

    raise SystemExit(study(main, options=options))
"""
BODIES = {
    "sums": 'run.claim("003-a sum", "one and one, \\"two\\"", expected=2, measured=1 + 1, verdict="refuted")',
    "draws": 'run.claim("mean", "a number", expected=0.5, measured=run.rng.random(), tolerance=0.5)',
    "wrong": 'run.claim("wrong", "one is two", expected=2, measured=1)',
    "crash": 'raise RuntimeError("no luck")',
    "refused": 'raise OSError(2, "no such thing", "file")',
    "strange": 'run.claim("003-z", "no such row", expected=1, measured=1)',
    "slow": "time.sleep(600)",
}


@pytest.fixture
def scripts(tmp_path):
    """Write studies and return their paths; results go to <tmp_path>/out."""

    def write(*names):
        paths = [tmp_path / f"{name}.py" for name in names]
        for name, path in zip(names, paths, strict=True):
            path.write_text(textwrap.dedent(STUDY.format(body=BODIES[name])), encoding="utf-8")
            os.utime(path, (0, 0))  # long ago
        return paths

    return write


def runs(script):
    return script.with_name(script.name + ".runs").read_text().count("once")


def gathered(scripts, *arguments):
    return gather(scripts, argv=["--out", str(scripts[0].parent / "out"), *arguments])


def rows(scripts):
    with open(scripts[0].parent / "out" / "claims.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_claims_of_all_studies_make_one_table_and_one_page(scripts, capsys):
    both = scripts("sums", "draws")
    assert gathered(both, "--quick", "--seed", "3") == 0
    table = rows(both)
    assert [(row["study"], row["article"], row["row"], row["id"]) for row in table] == [
        ("draws", "theory", "", "mean"),
        ("sums", "003", "003-a", "003-a sum"),
    ]
    assert table[1]["statement"] == 'one and one, "two"'
    assert (table[1]["expected"], table[1]["verdict"], table[1]["stands"]) == ("2.0", "refuted", "True")
    out = both[0].parent / "out"
    assert "quick runs, seed 3" in (out / "claims.html").read_text(encoding="utf-8")
    record = json.loads((out / "draws" / "run.json").read_text())
    assert (record["quick"], record["seed"]) == (True, 3)
    printed = capsys.readouterr().out
    assert "2 of 2 claims stand\nstudies: 2, without a result: none\n" in printed
    assert "rows of articles without a claim: 000-a, " in printed
    assert "003-a" not in printed


def test_a_failed_claim_is_told_and_the_status_is_1(scripts, capsys):
    both = scripts("wrong", "sums")
    assert gathered(both) == 1
    assert {row["id"]: row["stands"] for row in rows(both)} == {"003-a sum": "True", "wrong": "False"}
    printed = capsys.readouterr().out
    assert "FAILED wrong: one is two" in printed
    assert "1 of 2 claims stand\nstudies: 2, without a result: none\n" in printed


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("crash", ["exit status 1", "RuntimeError: no luck"]),
        ("refused", ["exit status 2", "error: file: no such thing"]),
        ("strange", ["exit status 0", "a claim's id must begin with a row of an article", "'003-z'"]),
    ],
)
def test_a_study_without_a_result_is_told_with_its_last_words(name, reasons, scripts, capsys):
    both = scripts(name, "sums")
    assert gathered(both) == 1
    assert [row["study"] for row in rows(both)] == ["sums"]
    printed = capsys.readouterr().out
    assert f"without a result: {name}\n" in printed
    page = (both[0].parent / "out" / "claims.html").read_text(encoding="utf-8")
    for reason in reasons:
        assert reason in printed
        assert reason.replace("'", "&#x27;") in page


def test_the_result_of_an_earlier_run_does_not_stand_in_for_a_crash(scripts):
    (script,) = scripts("sums")
    assert gathered([script]) == 0
    script.write_text("raise SystemExit(1)", encoding="utf-8")
    assert gathered([script]) == 1
    assert rows([script]) == []


def test_results_are_kept_if_asked_and_only_then(scripts):
    (script,) = scripts("draws")
    for arguments, count in (([], 1), ([], 2), (["--reuse"], 2), (["--reuse", "--seed", "1"], 3), (["--reuse"], 4)):
        assert gathered([script], *arguments) == 0
        assert runs(script) == count
        assert len(rows([script])) == 1


@pytest.mark.parametrize("change", ["length", "incomplete", "damaged", "version", "program", "options", "started"])
def test_a_result_is_not_kept_if_anything_else_changed(change, scripts):
    (script,) = scripts("draws")
    assert gathered([script], "--reuse") == 0
    folder = script.parent / "out" / "draws"
    record = json.loads((folder / "run.json").read_text())
    if change == "incomplete":
        (folder / "run.json").unlink()
    elif change == "damaged":
        (folder / "claims.csv").write_text("")
    elif change == "program":
        os.utime(script)
    elif change != "length":
        new = {
            "version": {"versions": record["versions"] | {"optimlab": "0"}},
            "options": {"command": [*record["command"], "--own"]},
            "started": {"started": "some time"},
        }
        (folder / "run.json").write_text(json.dumps(record | new[change]))
    assert gathered([script], "--reuse", *(["--quick"] if change == "length" else [])) == 0
    assert runs(script) == 2


def test_only_some_studies_are_run_and_gathered(scripts, capsys):
    three = scripts("sums", "draws", "crash")
    assert gathered(three, "--only", "sums", "draws") == 0
    assert {row["study"] for row in rows(three)} == {"sums", "draws"}
    assert "rows of articles" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "none"], "invalid choice: 'none'"),
        (["--jobs", "0"], "jobs must be an integer >= 1; got '0'"),
        (["--jobs", "all"], "jobs must be an integer >= 1; got 'all'"),
        (["--seed", "-1"], "seed must be an integer >= 0; got '-1'"),
    ],
)
def test_bad_usage_is_answered(arguments, message, scripts, capsys):
    with pytest.raises(SystemExit) as stop:
        gathered(scripts("sums"), *arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_answered_in_one_line(scripts, capsys):
    (script,) = scripts("sums")
    (script.parent / "out").write_text("a file")
    assert gathered([script]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: cannot write into the folder")
    assert error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_it_stops_the_studies(how, status, scripts):
    (script,) = scripts("slow")
    code = f"""
import signal
from pathlib import Path
from optimlab.lab.frame import gather

signal.signal(signal.SIGINT, signal.default_int_handler)
raise SystemExit(gather([Path({str(script)!r})], argv=["--out", {str(script.parent / "out")!r}]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    started = script.with_name("slow.py.runs")
    while not started.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(how)
    process.communicate(timeout=300)
    assert process.returncode == status
    assert not (script.parent / "out" / "claims.csv").exists()
