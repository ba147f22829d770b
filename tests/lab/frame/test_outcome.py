import json

import pytest

from optimlab.lab.frame import Run, StudyError
from optimlab.lab.frame.outcome import Outcome, read_outcome


@pytest.fixture
def folder(tmp_path):
    """A complete run: two claims stand, one fails; commas, quotes and line breaks in the text."""
    run = Run("sums", tmp_path / "sums", seed=3, quick=True)
    run.folder.mkdir()
    run.claim("003-a sum", 'one, and "one"\nis two', expected=2, measured=(1.9, 1.8, 2.1))
    run.claim("third", "thirds lose bits", expected=1 / 3, measured=0.1 + 0.2)
    run.claim("endless", "there is no end", expected=float("inf"), measured=float("inf"), verdict="refuted")
    run.write_claims()
    run.write_record({"study": "sums", "seed": 3, "quick": True, "seconds": 0.5})
    return run


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_run_is_read_back_to_the_last_bit(folder):
    outcome = read_outcome(folder.folder)
    assert outcome.claims == tuple(folder.claims)
    assert (outcome.study, outcome.facts["seed"], outcome.problem) == ("sums", 3, "")
    assert [claim.stands for claim in outcome.claims] == [True, False, True]


def test_an_outcome_stands_if_there_is_a_result_and_no_claim_failed(folder):
    holds, fails, _ = folder.claims
    assert Outcome(study="a", claims=(holds,)).stands
    assert not Outcome(study="a", claims=(holds, fails)).stands
    assert not Outcome(study="a", claims=(holds,), problem="exit status 2").stands


def test_a_folder_without_a_run_is_not_complete(tmp_path):
    with pytest.raises(StudyError, match=r"run.json: a complete run has this file; there is none; run the study again"):
        read_outcome(tmp_path / "none")


@pytest.mark.parametrize("name", ["run.json", "claims.csv"])
def test_a_run_without_one_of_its_files_is_not_complete(folder, name):
    (folder.folder / name).unlink()
    with pytest.raises(StudyError, match=f"{name}: a complete run has this file; there is none"):
        read_outcome(folder.folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stands\n", "holds\n", "the columns must be study, id, .*, stands; got study, id, .*, holds"),
        (",1.8,", ",abc,", "line 2: low must be a number; got 'abc'"),
        (",1.8,", ",7.0,", "line 2: low must be <= high"),
        (",reproduced,", ",likely,", "line 2: verdict must be one of"),
        ("True\n", "\n", "line 2: study and stands must be sums, True; got"),
        ("True\n", "False\n", "line 2: study and stands must be sums, True; got"),
        ("sums,third", "differences,third", "line 3: study and stands must be sums, .*; got differences"),
        ("003-a sum", "009-a sum", "line 2: a claim's id must begin with a row of an article"),
        ("sums,third", "sums,endless", "id must be new in every claim; got 'endless' again"),
        ("sums,third,thirds lose bits,", "sums,third,", "line 3: a claim must have 10 entries; got 9"),
    ],
)
def test_a_damaged_table_is_refused(folder, old, new, message):
    replace(folder.folder / "claims.csv", old, new)
    with pytest.raises(StudyError, match=rf"claims.csv(, |: ){message}"):
        read_outcome(folder.folder)


def test_a_table_cut_short_is_refused(folder):
    path = folder.folder / "claims.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(StudyError, match=r"run.json and claims.csv must be of one run; they are not"):
        read_outcome(folder.folder)
    for content in (b"", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"claims.csv: (the columns must be|must be a table in UTF-8)"):
            read_outcome(folder.folder)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "3", '"text"'])
def test_a_damaged_record_is_refused(folder, content):
    (folder.folder / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=r"run.json: must (be JSON|hold facts by name)"):
        read_outcome(folder.folder)


@pytest.mark.parametrize("change", [{"study": "other"}, {"claims": {"total": 3, "failed": 0}}, {"claims": {}}])
def test_a_record_of_another_run_is_refused(folder, change):
    path = folder.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(StudyError, match=r"run.json and claims.csv must be of one run; they are not"):
        read_outcome(folder.folder)


@pytest.mark.parametrize("name", ["study", "seed", "quick", "seconds", "files", "claims"])
def test_a_record_that_lacks_a_fact_is_refused(folder, name):
    path = folder.folder / "run.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {name: None}), encoding="utf-8")
    with pytest.raises(StudyError, match=f"run.json: {name} is not as a run writes it; got None; run the study again"):
        read_outcome(folder.folder)
