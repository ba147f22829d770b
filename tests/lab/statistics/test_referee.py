"""The referee as a user meets it: a file in, plain sentences out; what is wrong with a file, in one line."""

import csv
import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optimlab.__main__ import main
from optimlab.lab.frame import StudyError
from optimlab.lab.statistics.contest import Contest, chances, contest, contestants, read_losses


def write(path, rows, head="contestant,seed,loss"):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def two(rng, n=20, shift=0.5, k=1):
    luck = rng.normal(0, 3, n)
    ours = [("ours", s, luck[s] + rng.normal() - shift, f"try {i}") for s in range(n) for i in range(k)]
    return ours + [("theirs", s, luck[s] + rng.normal(), "") for s in range(n)]


def judged(tmp_path, rows, head="contestant,seed,loss,attempt", *options):
    path = write(tmp_path / "results.csv", rows, head)
    status = main(["referee", str(path), "--out", str(tmp_path / "out"), *options])
    record = json.loads((tmp_path / "out" / "referee" / "run.json").read_text(encoding="utf-8"))
    with open(tmp_path / "out" / "referee" / "chances.csv", newline="", encoding="utf-8") as file:
        return status, record["answer"], list(csv.DictReader(file))


def told(tmp_path, rows, head="contestant,seed,loss,attempt", **options):
    """The table alone, without its figure."""
    found = contestants(read_losses(write(tmp_path / "results.csv", rows, head)))
    return chances([contest(*pair) for pair in combinations(found, 2)], rng=0, **options).to_dict("records")


def test_the_answer_is_wilcoxon_s_test_for_one_attempt_each(tmp_path):
    rows = two(np.random.default_rng(0), 12)
    status, answer, table = judged(tmp_path, rows)
    d = [rows[12 + s][2] - rows[s][2] for s in range(12)]
    expected = stats.wilcoxon(d, method="exact").pvalue
    assert status == 0
    assert float(table[0]["settled"]) == pytest.approx(expected)
    assert float(table[0]["as it looks"]) == pytest.approx(expected)
    assert float(table[0]["difference"]) == pytest.approx(np.median(d))
    assert f"alone shows a difference as large as this: {expected:.2g} if the number of seeds was settled" in answer
    assert answer.startswith(
        f"ours is ahead of theirs by {np.median(d):.3g} (median of 12 pairs of losses, 12 of one s"
    )
    assert (tmp_path / "out" / "referee" / "referee.png").stat().st_size > 10_000


def test_the_order_of_the_seeds_does_not_matter_to_what_was_settled(tmp_path):
    rows = two(np.random.default_rng(1), 10)
    found = [told(tmp_path, np.random.default_rng(k).permutation(np.array(rows, object)))[0] for k in (0, 1)]
    assert found[0]["settled"] == found[1]["settled"]
    assert found[0]["stopped"] != found[1]["stopped"]


def test_who_tried_five_times_pays_for_it(tmp_path):
    rng = np.random.default_rng(2)
    rows = two(rng, 12, 1.0)
    alone, head = told(tmp_path, rows)[0], "contestant,seed,loss,attempt,attempts"
    _, answer, (paid,) = judged(tmp_path, [(*row, 5 if row[0] == "ours" else "") for row in rows], head)
    assert float(paid["settled"]) == pytest.approx(5 * alone["settled"])
    assert float(paid["stopped"]) == pytest.approx(min(1.0, 5 * alone["stopped"]))
    assert float(paid["seeds needed"]) > alone["seeds needed"]
    assert "after correcting for 5 attempts of ours" in answer
    loser = told(tmp_path, [(*row, 5 if row[0] == "theirs" else 1) for row in rows], head)[0]
    assert loser["settled"] == alone["settled"]


def test_attempts_in_the_file_are_counted_and_the_best_is_compared(tmp_path):
    rows = two(np.random.default_rng(3), 9, k=4)
    (table,) = told(tmp_path, rows)
    best = min({row[3] for row in rows} - {""}, key=lambda name: np.median([row[2] for row in rows if row[3] == name]))
    (alone,) = told(tmp_path, [row for row in rows if row[3] in ("", best)])
    assert table["attempts"] == "4 : 1"
    assert table["difference"] == alone["difference"]
    assert table["as it looks"] == alone["settled"]
    assert table["stopped"] >= alone["stopped"]


def test_three_contestants_are_compared_in_pairs_with_holm_s_correction(tmp_path):
    rng = np.random.default_rng(4)
    rows = [(name, s, shift + rng.normal(), "") for name, shift in (("a", 0), ("b", 2), ("c", 5)) for s in range(9)]
    _, answer, table = judged(tmp_path, rows)
    assert [(row["better"], row["than"]) for row in table] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [float(row["as it looks"]) for row in table]
    assert float(table[1]["settled"]) == pytest.approx(3 * min(raw))
    assert "and 3 comparisons" in answer


def test_other_seeds_are_paired_in_order_and_what_is_left_over_is_said(tmp_path):
    rng = np.random.default_rng(5)
    rows = [("a", s, rng.normal()) for s in range(10)] + [("b", s, 3 + rng.normal()) for s in (3, 4, 70, 71, 72, 73)]
    _, answer, table = judged(tmp_path, rows, "contestant,seed,loss")
    assert (table[0]["seeds"], table[0]["same seeds"], table[0]["left"]) == ("6", "2", "4")
    assert "6 pairs of losses, 2 of one seed; 4 seeds without a partner are left out" in answer


def test_a_run_that_diverged_is_the_worst_and_two_say_nothing(tmp_path):
    rows = [("a", s, 1.0 + s / 100) for s in range(8)] + [("b", s, 0.9 + s / 90) for s in range(8)]
    for bad in ("nan", "", "inf", "NaN", "diverged"):
        worse = [(c, s, bad if c == "b" and s < 5 else loss) for c, s, loss in rows]
        (table,) = told(tmp_path, worse, "contestant,seed,loss")
        assert table["better"] == "a", bad
        assert table["difference"] == np.inf
    assert "seeds would show" not in judged(tmp_path, worse, "contestant,seed,loss")[1]
    (table,) = told(tmp_path, [(c, s, "nan") for c, s, _ in rows], "contestant,seed,loss")
    assert table["settled"] == table["stopped"] == 1.0


def test_so_few_seeds_show_nothing_and_that_is_said(tmp_path):
    rows = [("a", s, 0.0) for s in range(3)] + [("b", s, 1.0) for s in range(3)]
    _, answer, table = judged(tmp_path, rows, "contestant,seed,loss")
    assert float(table[0]["settled"]) == 0.25
    assert "With so few seeds it cannot be below 0.25, whatever the losses are." in answer
    one = [("a", 0, 0.0), ("b", 0, 1.0)]
    assert told(tmp_path, one, "contestant,seed,loss")[0]["settled"] == 1.0


def test_the_difference_that_is_to_be_shown_can_be_turned(tmp_path):
    rows = two(np.random.default_rng(6), 15)
    head = "contestant,seed,loss,attempt"
    turned = ({"difference": 1.0}, {"difference": 0.5}, {"difference": 1.0, "power": 0.95})
    numbers = [told(tmp_path, rows, head, **more)[0]["seeds needed"] for more in turned]
    assert numbers[0] < numbers[1]
    assert numbers[0] < numbers[2]
    _, answer, _ = judged(tmp_path, rows, head, "--difference", "1")
    assert f"About {numbers[0]:.0f} seeds would show a difference of 1 with power 0.8." in answer


GOOD = [("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 3.0), ("b", 1, 4.0)]


@pytest.mark.parametrize(("rows", "head", "said"), [
    (GOOD, "who,seed,loss", "must have the columns contestant, seed, loss; it lacks contestant, has who, seed, loss"),
    (GOOD[:2], "contestant,seed,loss", "must have losses of at least 2 contestants (column contestant); got a"),
    ([], "contestant,seed,loss", "at least 2 contestants (column contestant); got none"),
    ([*GOOD, ("b", 2, "low")], "contestant,seed,loss", "loss must be a number, or nan where a run diverged; got 'low' "
     "in data row 5"),
    ([*GOOD, ("b", 2, "-inf")], "contestant,seed,loss", "got '-inf' in data row 5"),
    ([*GOOD, ("b", 1, 9.0)], "contestant,seed,loss", "a seed must stand once for each contestant and attempt (column "
     "attempt); got '1' in data row 5"),
    ([(*row, 1.5) for row in GOOD], "contestant,seed,loss,attempts", "attempts must be a whole number of at least 1;"
     " got '1.5' in data row 1"),
    ([(*row, "x") for row in GOOD], "contestant,seed,loss,attempts", "attempts must be a whole number"),
    ([(*row, k + 1) for k, row in enumerate(GOOD)], "contestant,seed,loss,attempts", "attempts of a must be one number"
     " in all its rows, at least the 1 attempts that the file holds; got 1, 2"),
    ([(*row, k, 1) for k, row in enumerate(GOOD)], "contestant,seed,loss,attempt,attempts", "at least the 2 attempts"),
    ([("a", 1, 2, 3), ("b", 1)], "contestant,seed", "results.csv"),
])  # fmt: skip
def test_a_bad_file_is_answered_in_one_line(rows, head, said, tmp_path, capsys):
    path = write(tmp_path / "results.csv", rows, head)
    assert main(["referee", str(path), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b'contestant,seed,loss\n"a,1'])
def test_what_is_no_table_is_said(text, tmp_path):
    (tmp_path / "results.csv").write_bytes(text)
    with pytest.raises(StudyError, match=r"results\.csv must be a CSV table with a header line"):
        read_losses(tmp_path / "results.csv")


def test_help_says_the_format(capsys):
    with pytest.raises(SystemExit):
        main(["referee", "--help"])
    said = capsys.readouterr().out
    assert all(f"    {column}" in said for column in ("contestant", "seed", "loss", "attempt", "attempts"))


def test_a_contest_puts_the_one_first_that_the_pairs_say_is_better(tmp_path):
    """Medians say a, seed by seed b is lower."""
    path = write(
        tmp_path / "results.csv", [("a", 0, 1), ("a", 1, 5), ("a", 2, 9), ("b", 0, 0), ("b", 1, 9), ("b", 2, 8)]
    )
    a, b = contestants(read_losses(path))
    assert a.name == "a"
    assert Contest(a, b).difference == -1.0
    assert contest(a, b).better.name == "b"


def test_the_last_look_is_the_chance_of_the_best_attempts():
    rng = np.random.default_rng(7)
    rows = {"contestant": ["a"] * 18 + ["b"] * 18, "attempt": "", "seed": [*range(18)] * 2, "attempts": 0}
    both = Contest(*contestants(pd.DataFrame(rows | {"loss": rng.normal(size=36)})))
    looks = both.looks(range(1, 19), 0)
    for n in (5, 14, 18):
        expected = stats.wilcoxon(both.between[:n], method="exact").pvalue
        assert looks[n - 1] == pytest.approx(expected, abs=0.015 if n > 14 else 1e-12)
    assert (np.diff(both.stopped()) <= 0).all()
