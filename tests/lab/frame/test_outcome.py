import json

import numpy as np
import pandas as pd
import pytest

from optimlab.lab.frame import Run, StudyError
from optimlab.lab.frame.outcome import Outcome, outcomes, read_outcome

FACTS = {"study": "sums", "question": "What?", "command": ["studies/sums.py"], "seed": 3, "quick": True, "seconds": 0.5,
         "started": "2026-01-01T00:00:00+00:00", "versions": {}}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A complete run: two claims stand, one fails; commas, quotes and line breaks in the text."""
    run = Run("sums", tmp_path / "sums", seed=3, quick=True)
    run.folder.mkdir()
    run.answer("It is\n two.", pd.DataFrame({"n": [1, np.inf], "β": [0.1, np.nan]}))
    run.claim("sum", 'one, and "one"\nis two', expected=2, measured=(1.9, 1.8, 2.1), row="003-a", verdict="refuted")
    run.claim("third", "thirds lose bits", expected=1 / 3, measured=0.1 + 0.2)
    run.claim("endless", "there is no end", expected=float("inf"), measured=float("inf"), wide="of course")
    run.write_claims()
    run.write_record(FACTS)
    return run


def changed(folder, **facts):
    path = folder.folder / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | facts), encoding="utf-8")
    return record


def test_a_run_is_read_back_to_the_last_bit(folder):
    outcome = read_outcome(folder.folder)
    assert outcome.claims == tuple(folder.claims)
    assert (outcome.study, outcome.facts["seed"], outcome.problem) == ("sums", 3, "")
    assert [claim.stands for claim in outcome.claims] == [True, False, True]
    assert outcome.facts["answer"] == "It is two."
    assert outcome.facts["table"] == {"head": ["n", "β"], "rows": [["1", "0.1"], ["inf", "–"]]}
    assert outcome.facts["files"] == ["claims.csv"]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], []),
        (["--quick", "--seed", "3", "--out", "x", "--claims", "--show"], []),
        (["--seed=3", "--out=--beta"], []),
        (["--out", "--beta", "--beta", "0.5", "0.9"], ["--beta", "0.5", "0.9"]),
        (["--runs", "3", "--seed", "1", "--format", "svg"], ["--runs", "3", "--format", "svg"]),
    ],
)
def test_options_are_the_words_that_change_a_result(words, options):
    assert Outcome(study="a", facts={"command": ["studies/a.py", *words]}).options == options


def test_an_outcome_stands_if_there_is_a_result_and_no_claim_failed(folder):
    holds, fails, _ = folder.claims
    assert Outcome(study="a", claims=(holds,)).stands
    assert not Outcome(study="a", claims=(holds, fails)).stands
    assert not Outcome(study="a", claims=(holds,), problem="exit status 2").stands


def test_a_folder_without_a_run_is_not_complete(tmp_path):
    with pytest.raises(StudyError, match=r"run.json: a complete run has this file; there is none; run the study again"):
        read_outcome(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_damaged_record_is_refused(folder, content):
    (folder.folder / "run.json").write_bytes(content)
    with pytest.raises(StudyError, match=r"run.json: must be JSON; .*; run the study again"):
        read_outcome(folder.folder)


@pytest.mark.parametrize("content", ["[1, 2]", "3", '"text"', "{}"])
def test_a_record_that_is_none_is_refused(folder, content):
    (folder.folder / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=r"run.json: study is not as a run writes it; got None; run the study again"):
        read_outcome(folder.folder)


@pytest.mark.parametrize("name", [*FACTS, "answer", "turned", "files", "claims"])
def test_a_record_that_lacks_a_fact_is_refused(folder, name):
    changed(folder, **{name: None})
    with pytest.raises(StudyError, match=f"run.json: {name} is not as a run writes it; got None; run the study again"):
        read_outcome(folder.folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "other"}, "study must be sums; got 'other'"),
        ({"files": ["claims.csv", "../a.csv"]}, "files must be names in its folder; got '../a.csv'"),
        ({"files": [3]}, "files must be names in its folder; got 3"),
        ({"claims": ["it stands"]}, "claim 1: "),
        ({"claims": [{}]}, "claim 1: .*missing"),
    ],
)
def test_a_record_of_something_else_is_refused(folder, change, message):
    changed(folder, **change)
    with pytest.raises(StudyError, match=rf"run.json(: |, ){message}.*; run the study again"):
        read_outcome(folder.folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": "abc"}, "could not convert"),
        ({"low": [1]}, "float"),
        ({"low": 7.0}, "low must be <= high"),
        ({"verdict": "likely"}, "verdict must be one of"),
        ({"row": ""}, "row must name the sentence that is refuted"),
        ({"more": 1}, "unexpected keyword"),
        ({"id": " "}, "id must be"),
    ],
)
def test_a_damaged_claim_is_refused_with_its_number(folder, change, message):
    claims = changed(folder)["claims"]
    changed(folder, claims=[claims[1], claims[0] | change])
    with pytest.raises(StudyError, match=f"run.json, claim 2: .*{message}.*; run the study again"):
        read_outcome(folder.folder)


def test_of_a_folder_of_folders_those_of_complete_runs_are_found(folder):
    out = folder.folder.parent
    for name in ("broken", "none", "unreadable"):
        (out / name).mkdir()
    (out / "broken" / "run.json").write_text("{", encoding="utf-8")
    (out / "unreadable" / "run.json").mkdir()
    (out / "a file").touch()
    assert [outcome.study for outcome in outcomes(out)] == ["sums"]
