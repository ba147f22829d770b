"""What the tutorials say: a table of sentences, and a page that sets the studies' claims beside them."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from optimlab.lab.frame.claims import VERDICTS

ROOT = Path(__file__).parents[2]
with open(ROOT / "studies" / "articles.csv", newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def letters(last, *more):
    return sorted([*(chr(k) for k in range(ord("a"), ord(last) + 1)), *more])


def test_the_rows_are_those_of_the_five_tutorials():
    found = {}
    for line in ROWS:
        article, letter = line["row"].split("-")
        found.setdefault(article, []).append(letter)
    assert {article: sorted(rows) for article, rows in found.items()} == {
        "000": letters("m"),
        "001": letters("l"),
        "002": letters("i", "c2"),
        "003": letters("m"),
        "004": letters("f"),
    }
    assert len(ROWS) == 54
    assert len({line["title"] for line in ROWS}) == 5
    assert len({(line["row"][:3], line["title"]) for line in ROWS}) == 5


def test_every_row_has_title_sentence_verdict_and_finding():
    assert set(ROWS[0]) == {"row", "title", "sentence", "verdict", "finding"}
    for line in ROWS:
        assert all(value and value == value.strip() for value in line.values()), line
        assert line["verdict"] in VERDICTS
    assert len({(line["title"], line["sentence"]) for line in ROWS}) == 54
    assert Counter(line["verdict"] for line in ROWS) == {"reproduced": 26, "refuted": 22, "artefact": 6}


def run(script, *arguments):
    command = [sys.executable, "-W", "error", str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=300, check=False)


SAYS = """
from optimlab.lab.frame import study

def main(run):
    run.claim("a", "an \\"accuracy\\" < 1", expected=0.97, measured=0.97, row="000-a", verdict="reproduced")
    run.claim("b", "another", expected=0.99, measured={measured}, row="000-b", verdict="{verdict}")
    run.claim("c", "of theory", expected=1, measured=1)

raise SystemExit(study(main))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The gathering study among studies that take no time."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("articles.py", "articles.csv"):
        (folder / name).write_bytes((ROOT / "studies" / name).read_bytes())
    for name, measured, verdict in (
        ("right", 0.99, "reproduced"), ("wrong", 0.5, "reproduced"), ("other", 0.99, "refuted")
    ):  # fmt: skip
        (folder / f"{name}.py").write_text(SAYS.format(measured=measured, verdict=verdict), encoding="utf-8")
    (folder / "crash.py").write_text("raise SystemExit('no luck')", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_claims_stand_beside_the_sentences_that_they_test(folder, tmp_path):
    done = run(folder / "articles.py", "--only", "right", "--quick", "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "right: 3 claims: all stand\nOf 2 sentences of five tutorials that were measured: 2 reproduced, 0 refuted"
        in done.stdout
    )
    assert "claims: 3 claims: all stand" in done.stdout  # of the study, and of each sentence
    with open(tmp_path / "articles" / "articles.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["study"], row["id"], row["row"], row["stands"]) for row in rows] == [
        ("right", "a", "000-a", "True"),
        ("right", "b", "000-b", "True"),
    ]
    assert rows[0]["sentence"] == ROWS[0]["sentence"]
    page = (tmp_path / "articles" / "articles.html").read_text(encoding="utf-8")
    for text in (f"“{ROWS[0]['sentence']}”", "an &quot;accuracy&quot; &lt; 1: expected 0.97, measured 0.97",
                 'href="../index.html#right"', "1 measurement<"):  # fmt: skip
        assert text in page
    assert ROWS[5]["sentence"] not in page
    assert 'id="right"' in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_failed_is_missing_or_has_another_verdict_fails(folder, tmp_path):
    done = run(folder / "articles.py", "--out", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    record = json.loads((tmp_path / "articles" / "run.json").read_text(encoding="utf-8"))
    stands = {c["id"]: c["low"] - c["tolerance"] <= c["expected"] <= c["high"] for c in record["claims"]}
    assert {name: stands[name] for name in ("right", "other", "wrong", "crash")} == {
        "right": True, "other": True, "wrong": False, "crash": False
    }  # fmt: skip
    rows = {line["row"]: stands[line["row"]] for line in ROWS}
    assert [row for row, stand in rows.items() if stand] == ["000-a"]
    assert "crash: exit status 1: " in done.stdout
    assert "no luck" in done.stdout
    assert "9 claims of 4 studies: FAILED in crash, wrong." in " ".join(done.stdout.split())
    assert f"FAILED  “{ROWS[2]['sentence']}” ({ROWS[2]['title']}): claims that stand" in done.stdout


@pytest.mark.slow
def test_a_study_that_tests_no_sentence_is_gathered_too(folder, tmp_path):
    (folder / "plain.py").write_text(
        SAYS.split("    run.claim")[0] + "    run.say('x')\n\nraise SystemExit(study(main))"
    )
    done = run(folder / "articles.py", "--only", "plain", "--out", tmp_path)
    (folder / "plain.py").unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n0 claims of plain: all stand.\n" in done.stdout


def test_every_study_can_be_chosen_and_the_gathering_is_none():
    said = run(ROOT / "studies" / "articles.py", "--only", "articles").stderr
    assert "invalid choice: 'articles'" in said
    names = {path.stem for path in (ROOT / "studies").glob("*.py")} - {"articles"}
    assert all(f"'{name}'" in said for name in names)
