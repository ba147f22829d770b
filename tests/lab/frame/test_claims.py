from dataclasses import FrozenInstanceError
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab.lab.frame import Claim
from optimlab.lab.frame.claims import COLUMNS, claims_text

FIELDS = {
    "id": "a",
    "statement": "two",
    "expected": 2.0,
    "measured": 2.0,
    "low": 2.0,
    "high": 2.0,
    "tolerance": 0.0,
    "verdict": "reproduced",
}


def claim(**changes):
    return Claim(**(FIELDS | changes))


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"expected": 2.0 + 1e-15}, False),
        ({"low": 1.0, "high": 2.0}, True),
        ({"low": 2.0, "high": 3.0}, True),
        ({"low": 2.1, "high": 3.0}, False),
        ({"low": 1.0, "high": 1.9}, False),
        ({"low": 2.1, "high": 3.0, "tolerance": 0.2}, True),
        ({"low": 1.0, "high": 1.9, "tolerance": 0.2}, True),
        ({"low": 2.5, "high": 3.0, "tolerance": 0.2}, False),
        ({"expected": nan}, False),
        ({"low": nan}, False),
        ({"high": nan}, False),
        ({"expected": inf, "measured": inf, "low": inf, "high": inf}, True),
        ({"verdict": "refuted"}, True),
        ({"verdict": "artefact", "expected": 3.0}, False),
    ],
)
def test_a_claim_stands_exactly_if_the_interval_holds_the_expected_value(changes, stands):
    assert claim(**changes).stands is stands


def test_a_measured_nan_never_stands():
    assert not claim(measured=nan, low=nan, high=nan).stands
    assert not claim(measured=nan).stands


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", " "),
        ("statement", ""),
        ("verdict", "true"),
        ("tolerance", -1.0),
        ("tolerance", inf),
        ("tolerance", nan),
        ("low", 2.5),
    ],
)
def test_validation_names_the_argument(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .*; got"):
        claim(**{name: value})


@pytest.mark.parametrize("value", ["two", None, True, 2j, np.zeros(2), [1.0, [2.0]]], ids=repr)
@pytest.mark.parametrize("name", ["expected", "measured", "low", "high", "tolerance"])
def test_what_is_no_number_is_of_the_wrong_kind(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be a number; got"):
        claim(**{name: value})


def test_numpy_numbers_become_floats_and_a_claim_cannot_be_changed():
    one = claim(measured=np.float32(2.5), high=np.float64(2.5), low=np.int64(1))
    assert {type(value) for value in (one.measured, one.low, one.high)} == {float}
    with pytest.raises(FrozenInstanceError):
        one.measured = 1.0


def test_row_has_the_columns_in_order():
    assert tuple(claim().row("demo")) == COLUMNS
    assert claim().row("demo")["study"] == "demo"


def test_table_marks_counts_and_explains_failures_and_is_aligned():
    claims = [
        claim(id="003-a", statement="a long statement " * 20, low=1.5, high=2.123456789),
        claim(id="b", expected=49.0, measured=50.25, low=50.123456, high=50.5, tolerance=0.5, verdict="refuted"),
    ]
    text = claims_text(claims, width=100)
    table, explanation = text.split("\n\n")
    lines = table.splitlines()
    assert max(map(len, text.splitlines())) <= 100
    assert lines[1].startswith("ok      003-a  reproduced")
    assert lines[1].endswith("…")
    assert lines[2].startswith("FAILED  b ")
    assert "2 [1.5, 2.123]" in lines[1]
    start = lines[0].index("statement")
    assert lines[1][start:].startswith("a long")
    assert lines[2][start:] == "two"
    assert explanation.splitlines() == [
        "FAILED b: two",
        "       expected 49 ±0.5, measured 50.25 [50.123456, 50.5]",
        "1 of 2 claims FAILED",
    ]


def test_text_says_so_when_all_stand():
    text = claims_text([claim()])
    assert text.endswith("1 of 1 claims stand")
    assert "FAILED" not in text


@settings(deadline=None)
@given(width=st.integers(90, 200), statement=st.text(min_size=1).filter(str.strip), value=st.floats())
def test_no_line_is_wider_than_the_terminal(width, statement, value):
    one = claim(statement=statement, expected=value)
    table = claims_text([one], width).split("\n\n")[0]
    assert all(len(line) <= width for line in table.split("\n"))
