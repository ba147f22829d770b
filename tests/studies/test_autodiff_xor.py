"""The exclusive or after all its epochs, which a short run does not reach."""

from collections import Counter

import pytest

from tests.studies.running import read, run

pytestmark = pytest.mark.slow


def test_three_quarters_of_a_thousand_seeds_learn_and_the_others_are_stuck(tmp_path):
    done = run("autodiff_xor.py", "--blocks", "2", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    ends = read(tmp_path / "autodiff_xor" / "ends.csv")
    assert Counter(row["end"] for row in ends) == {"solved": 737, "1/2": 242, "2/3": 20, "elsewhere": 1}
    assert [round(float(row["cost"]), 2) for row in ends if row["end"] == "elsewhere"] == [0.24]
    shares = {row["epoch"]: float(row["share"]) for row in read(tmp_path / "autodiff_xor" / "solved.csv")}
    assert [shares[epoch] for epoch in ("5000", "10000", "20000", "30000")] == [0.575, 0.720, 0.734, 0.737]
    found = [float(ends[0][f"y of {sample}"]) for sample in ("0, 0", "0, 1", "1, 0", "1, 1")]
    assert found == pytest.approx([0.017148, 0.985169, 0.985211, 0.015378], rel=0, abs=5e-7)
    assert float(ends[0]["cost"]) == pytest.approx(9.7e-4, rel=0, abs=5e-6)
    assert float(ends[8]["cost"]) == pytest.approx(0.50, rel=0, abs=0.005)
