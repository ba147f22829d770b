"""Small studies gathered as a person would gather them."""

import argparse
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from optimlab.lab.frame import Run, gather, gather_options
from optimlab.lab.frame.gather import _reusable
from optimlab.lab.frame.terminal import seed

pytestmark = pytest.mark.slow

STUDY = """
    import sys, time
    from pathlib import Path
    from optimlab.lab.frame import Knob, study

    def main(run):
        with open(__file__ + ".runs", "a") as file:
            file.write("once\\n")
        {body}

    raise SystemExit(study(main, [Knob("beta", 0.5, "decay"), Knob("runs", 9, "runs", quick=3)]))
"""
BODIES = {
    "sums": 'run.claim("sum", "one and one, \\"two\\"", expected=2, measured=1 + 1)',
    "draws": 'run.claim("draw", "a number", expected=0, measured=run.rng.random(), tolerance=1.0)',
    "wrong": 'run.claim("wrong", "one is two", expected=2, measured=1)',
    "crash": 'raise RuntimeError("no luck")',
    "refused": 'raise OSError(2, "no such thing", "file")',
    "slow": "time.sleep(600)",
    "turned": "sys.exit(0)",
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
    parser = argparse.ArgumentParser()
    gather_options(parser, scripts)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=seed, default=0)
    parser.set_defaults(out=scripts[0].parent / "out")
    return gather(scripts, parser.parse_args(arguments))


def stand(outcomes):
    return {name: outcome.stands for name, outcome in outcomes.items()}


def test_studies_run_as_they_do_alone_and_are_told_as_they_come(scripts, capsys):
    both, before = scripts("sums", "draws"), datetime.now(UTC)
    found = gathered(both, "--quick", "--seed", "3")
    assert before < datetime.fromisoformat(found["sums"].facts["started"]) < datetime.now(UTC)
    assert stand(found) == {"draws": True, "sums": True}
    assert found["sums"].claims[0].statement == 'one and one, "two"'
    assert found["draws"].claims[0].measured == np.random.default_rng(3).random()
    assert (found["draws"].facts["quick"], found["draws"].facts["seed"]) == (True, 3)
    assert sorted(capsys.readouterr().out.splitlines()) == ["draws: 1 claim: it stands", "sums: 1 claim: it stands"]
    assert (both[0].parent / "out" / "sums" / "run.json").exists()


def test_what_failed_and_what_has_no_result_are_told_with_last_words(scripts, capsys):
    found = gathered(scripts("wrong", "crash", "refused", "turned", "sums"))
    assert stand(found) == {"crash": False, "refused": False, "sums": True, "turned": False, "wrong": False}
    assert (found["wrong"].problem, len(found["wrong"].claims)) == ("", 1)
    said = capsys.readouterr().out
    assert "wrong: 1 claim: it FAILED\n" in said
    for name, status, words in (
        ("crash", 1, ["run.json: a complete run has this file", "RuntimeError: no luck"]),
        ("refused", 2, ["it did not end as a study does", "error: file: no such thing"]),
        ("turned", 0, ["run.json: a complete run has this file"]),
    ):
        assert found[name].problem.startswith(f"exit status {status}: ")
        assert f"{name}: NO RESULT, exit status {status}: " in said
        for word in words:
            assert word in found[name].problem
            assert word in said


def test_the_result_of_an_earlier_run_does_not_stand_in_for_a_crash(scripts):
    (script,) = scripts("sums")
    assert gathered([script])["sums"].stands
    record = script.parent / "out" / "sums" / "run.json"
    before = record.read_bytes()
    script.write_text("raise SystemExit(1)", encoding="utf-8")
    assert gathered([script])["sums"].problem == "exit status 1: its results are those of an earlier run"
    assert record.read_bytes() == before


def test_not_even_one_of_the_same_second(scripts, monkeypatch):
    (script,) = scripts("sums")
    script.write_text("raise SystemExit(1)", encoding="utf-8")
    folder = script.parent / "out" / "sums"
    folder.mkdir(parents=True)

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=zone)

    monkeypatch.setattr(sys.modules["optimlab.lab.frame.gather"], "datetime", Clock)
    run = Run("sums", folder)
    facts = {"study": "sums", "question": "", "command": ["sums.py"], "seed": 0, "quick": False, "seconds": 0.1}
    for started, problem in (
        ("2026-01-01T12:00:00.499999+00:00", "exit status 1: its results are those of an earlier run"),
        ("2026-01-01T12:00:00+00:00", "exit status 1: its results are those of an earlier run"),
        ("2026-01-01T12:00:00.500001+00:00", ""),
        ("2026-01-01T13:00:01+01:00", ""),
        ("some time", "exit status 1: Invalid isoformat string: 'some time'"),
    ):
        run.write_record(facts | {"started": started, "versions": {}})
        assert gathered([script])["sums"].problem == problem


def test_results_are_kept_if_asked_and_only_then(scripts):
    (script,) = scripts("draws")
    for arguments, count in (([], 1), (["--reuse"], 1), (["--reuse", "--seed", "1"], 2), ([], 3)):
        assert gathered([script], *arguments)["draws"].stands
        assert runs(script) == count


CHANGES = {
    "version": lambda record: {"versions": record["versions"] | {"optimlab": "0"}},
    "knob": lambda record: {"command": [*record["command"], "--beta", "0.9"]},
    "sample": lambda record: {"command": [*record["command"], "--runs", "3"]},
    "format": lambda record: {"command": [*record["command"], "--format=svg"]},
    "started": lambda record: {"started": "some time"},
    "early": lambda record: {"started": "0001-01-01T00:00:00"},
    "damaged": lambda record: {"claims": [{}]},
}


def test_a_result_is_not_kept_if_anything_else_changed(scripts):
    (script,) = scripts("draws")
    assert gathered([script])["draws"].stands
    path = script.parent / "out" / "draws" / "run.json"
    record = json.loads(path.read_text())
    arguments = argparse.Namespace(reuse=True, seed=0, quick=False, out=script.parent / "out")
    for change in CHANGES.values():
        path.write_text(json.dumps(record | change(record)))
        assert _reusable(script, arguments) is None
    path.write_text(json.dumps(record))
    assert _reusable(script, arguments).stands
    assert _reusable(script, argparse.Namespace(**{**vars(arguments), "quick": True})) is None
    os.utime(script)
    assert _reusable(script, arguments) is None
    path.unlink()
    assert _reusable(script, arguments) is None
    path.mkdir()
    assert _reusable(script, arguments) is None


def test_only_some_studies_are_run(scripts):
    assert set(gathered(scripts("sums", "draws", "crash"), "--only", "sums")) == {"sums"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "none"], "invalid choice: 'none'"),
        (["--jobs", "0"], "jobs must be an integer >= 1; got '0'"),
        (["--jobs", "all"], "jobs must be an integer >= 1; got 'all'"),
    ],
)
def test_bad_usage_is_answered(arguments, message, scripts, capsys):
    with pytest.raises(SystemExit) as stop:
        gathered(scripts("sums"), *arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_stopped_it_stops_the_studies_and_earlier_results_stay(scripts):
    early, slow = scripts("sums", "slow")
    both, out = [early, slow], early.parent / "out"
    assert gathered([early])["sums"].stands
    Run("slow", out / "slow").folder.mkdir()
    earlier = out / "slow" / "run.json"
    earlier.write_text("{}")
    code = f"""
import signal, sys
from pathlib import Path
from optimlab.lab.frame import gather, gather_options, study

signal.signal(signal.SIGINT, signal.default_int_handler)
both = list(map(Path, {list(map(str, both))!r}))

def main(run):
    gather(both, run.options)

raise SystemExit(study(main, options=lambda parser: gather_options(parser, both)))
"""
    script = early.with_name("all.py")
    script.write_text(code, encoding="utf-8")
    record = (out / "sums" / "run.json").read_bytes()
    for how, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        command = [sys.executable, script, "--out", out, "--reuse"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        started = slow.with_name("slow.py.runs")
        while not started.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(how)
        process.communicate(timeout=300)
        started.unlink()
        assert process.returncode == status
        assert (out / "sums" / "run.json").read_bytes() == record
        assert os.listdir(out / "slow") == ["run.json"]
        assert earlier.read_text() == "{}"
        assert os.listdir(out / "all") == []
    slow.write_text(early.read_text(), encoding="utf-8")
    assert stand(gathered(both, "--reuse")) == {"slow": True, "sums": True}
    assert runs(early) == 1
