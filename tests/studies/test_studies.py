"""Every study runs as a user runs it, its claims stand, and bad input is answered in one line."""

import json

import pytest

from tests.studies.running import EXPECTED, ROOT, check, read, run

pytestmark = pytest.mark.slow

STUDIES = sorted(path for path in (ROOT / "studies").glob("*.py") if path.stem != "articles")


@pytest.mark.parametrize("study", [path.name for path in STUDIES])
def test_quick_run_is_complete_and_its_claims_stand(study, tmp_path):
    done = run(study, "--quick", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / study.removesuffix(".py")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["quick"]
    assert record["question"].endswith("?")
    assert done.stdout.startswith(record["answer"][:40])
    assert any(c.isdigit() for c in record["answer"])
    assert 2 <= len(record["table"]["rows"]) <= 12
    claims = read(folder / "claims.csv")
    assert len(claims) == len(record["claims"]) > 0
    assert {claim["stands"] for claim in claims} == {"True"}
    assert (record["turned"], record["left_out"]) == ([], 0)
    assert (folder / study.replace(".py", ".png")).stat().st_size > 10_000
    check(folder, EXPECTED / study.replace(".py", ".csv"))


def test_settles_every_claim_of_the_article(tmp_path):
    assert run("ema_beta.py", "--quick", "--out", tmp_path).returncode == 0
    verdicts = {(claim["row"], claim["verdict"]) for claim in read(tmp_path / "ema_beta" / "claims.csv")}
    found = {("003-a", "refuted"), ("003-b", "refuted"), ("003-c", "artefact"), ("003-c", "reproduced")}
    assert verdicts == found | {("003-d", "reproduced"), ("", "")}


@pytest.mark.parametrize(
    ("file", "column", "more", "said"),
    [
        ("co2.csv", "co2", [], "2284 rows, 59 gaps"),
        ("seattle-weather.csv", "temp_min", ["--time", "date"], "1461 rows, 0 gaps"),
        ("nile.csv", "volume", ["--time", "year", "--format", "svg"], "100 rows, 0 gaps"),
    ],
)
def test_own_series(file, column, more, said, tmp_path):
    done = run("ema_beta.py", "--quick", "--csv", ROOT / "data" / file, "--column", column, *more, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"The next value of {column} ({said}) is forecast best by β = 0" in " ".join(done.stdout.split())
    rows = read(tmp_path / "ema_beta" / "series.csv")
    assert len(rows) == int(said.split()[0])
    assert all(row["ema_0.9"] for row in rows)  # a gap keeps the last mean


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("a,b\n1,2\n", ["--column", "c"], "has no column 'c'; it has 'a', 'b'"),
        ("a\nx\n1\n2\n3\n", ["--column", "a"], "must hold numbers; got 'x' in data row 1"),
        ("a\n1\n2\n", ["--column", "a"], "at least 3 numbers; got 2"),
        ("a\n4\n4\n4\n", ["--column", "a"], "not all equal"),
        ("", ["--column", "a"], "is not a CSV table"),
        ("a,t\n1,3\n2,2\n3,1\n", ["--column", "a", "--time", "t"], "must not decrease; sort the rows"),
        ("a,t\n1,x\n2,y\n3,z\n", ["--column", "a", "--time", "t"], "must hold numbers or dates; got 'x'"),
        ("a\n1\n2\n4\n", [], "--csv FILE and --column NAME belong together"),
    ],
)
def test_a_bad_file_is_answered_in_one_line(text, arguments, message, tmp_path):
    path = write(tmp_path / "own.csv", text)
    done = run("ema_beta.py", "--csv", path, *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_missing_file_is_named(tmp_path):
    done = run("ema_beta.py", "--csv", tmp_path / "none.csv", "--column", "a", "--out", tmp_path)
    assert done.returncode == 2
    assert "none.csv" in done.stderr


def test_claims_stand_whatever_the_seed(tmp_path):
    for seed in (1, 6, 11):
        done = run("ema_beta.py", "--seed", seed, "--out", tmp_path)
        assert done.returncode == 0, done.stdout


def test_eight_digits_are_a_date(tmp_path):
    path = write(tmp_path / "own.csv", "t,a\n20260130,1\n20260131,3\n20260201,2\n")
    done = run("ema_beta.py", "--quick", "--csv", path, "--column", "a", "--time", "t", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2026-02-01" in (tmp_path / "ema_beta" / "series.csv").read_text(encoding="utf-8")
