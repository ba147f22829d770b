import io
from dataclasses import FrozenInstanceError
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab.lab.frame import Claim, Run
from optimlab.lab.frame.claims import COLUMNS, Quote, claims_text, count_text, quotes

FIELDS = {
    "id": "a",
    "statement": "two",
    "expected": 2.0,
    "measured": 2.0,
    "low": 2.0,
    "high": 2.0,
    "tolerance": 0.0,
}
QUOTING = {"row": "003-b", "verdict": "refuted"}


def claim(**changes):
    return Claim(**(FIELDS | changes))


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"expected": 2.0 + 1e-15}, False),
        ({"low": 1.1, "high": 2.0}, True),
        ({"low": 2.0, "high": 2.9}, True),
        ({"low": 2.1, "high": 3.0}, False),
        ({"low": 1.0, "high": 1.9}, False),
        ({"low": 2.1, "high": 2.7, "tolerance": 0.2}, True),
        ({"low": 1.3, "high": 1.9, "tolerance": 0.2}, True),
        ({"low": 2.5, "high": 3.0, "tolerance": 0.2}, False),
        ({"expected": nan}, False),
        ({"low": nan}, False),
        ({"high": nan}, False),
        ({"expected": inf, "measured": inf, "low": inf, "high": inf}, True),
        (QUOTING, True),
        (QUOTING | {"verdict": "artefact", "expected": 3.0}, False),
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


def test_a_line_of_the_table_has_the_columns_in_order():
    assert tuple(claim().cells("demo")) == COLUMNS
    assert (claim().cells("demo")["study"], claim().cells("demo")["stands"]) == ("demo", True)


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({"low": 1.5, "high": 2.9}, True),
        ({"low": 1.5, "high": 3.0}, False),  # three is off by half
        ({"low": 1.0, "high": 2.5}, False),
        ({"tolerance": 0.99}, True),
        ({"tolerance": 1.0}, False),
        ({"low": 1.5, "high": 2.5, "tolerance": 0.5}, False),
        ({"expected": -2.0, "measured": -2.0, "low": -2.0, "high": -2.0, "tolerance": 1.0}, False),
        ({"expected": 0.0, "measured": 0.0, "low": -9.0, "high": 9.0}, True),  # of nothing there is no half
        ({"low": -inf, "high": inf}, False),
    ],
)
def test_a_claim_that_would_accept_a_value_off_by_half_does_not_stand_unless_it_says_why(changes, tells):
    assert claim(**changes).agrees
    assert (claim(**changes).tells, claim(**changes).stands) == (tells, tells)
    assert claim(**changes, wide="one run of a heavy tail").stands


LONG = claim(id="a", statement="a long statement, " * 20, low=1.5, high=2.123456789)
WRONG = claim(id="b", expected=49.0, measured=50.25, low=50.123456, high=50.5, tolerance=0.5, **QUOTING)
SAID = {"003-b": Quote("Momentum, step by step", "It lags by one sample")}


def test_in_a_file_nothing_is_cut_and_nothing_coloured():
    long, wrong = claims_text([LONG, WRONG], io.StringIO(), SAID).splitlines()
    assert long == f"ok      {LONG.statement.strip()}: expected 2, measured 2 [1.5, 2.123]"
    numbers = "expected 49 ±0.5, measured 50.25 [50.123456, 50.5]"
    assert wrong == f"FAILED  two: {numbers}; refuted: “It lags by one sample” (Momentum, step by step)"


def test_what_would_accept_half_says_so():
    text = claims_text([claim(tolerance=1.0)], io.StringIO())
    assert text.startswith("FAILED  two: expected 2 ±1, measured 2; its interval and tolerance would accept")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "variables", "red"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),  # no-color.org: "when present and not an empty string"
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
        (io.StringIO, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (Terminal, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_what_failed_is_red_where_colours_are_wanted(stream, variables, red, monkeypatch):
    for name, value in ({"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm"} | variables).items():
        monkeypatch.setenv(name, value)
    fine, wrong = (claims_text([one], stream()) for one in (claim(), WRONG))
    assert "\x1b" not in fine
    assert (wrong.startswith("\x1b[31mFAILED"), wrong.endswith("\x1b[39m"), "\x1b" in wrong) == (red, red, red)


@settings(deadline=None)
@given(width=st.integers(20, 200), statement=st.text(min_size=1).filter(str.strip), value=st.floats())
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width, statement, value):
    one = claim(statement=statement, expected=value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        wrapped = claims_text([one], Terminal())
    assert all(len(line) <= width for line in wrapped.split("\n"))
    assert "".join(wrapped.split()) == "".join(claims_text([one], io.StringIO()).split())


def test_a_claim_tests_a_row_with_a_verdict_or_theory_with_none():
    with pytest.raises(ValueError, match=r"^verdict must be one of 'reproduced', 'refuted', 'artefact'; got ''"):
        claim(row="003-a")
    with pytest.raises(ValueError, match=r"^row must name the sentence that is refuted"):
        claim(verdict="refuted")


@pytest.mark.parametrize(
    ("stand", "fail", "text"),
    [
        (0, 0, "no claims"),
        (1, 0, "1 claim: it stands"),
        (0, 1, "1 claim: it FAILED"),
        (3, 0, "3 claims: all stand"),
        (2, 2, "4 claims: 2 FAILED"),
    ],
)
def test_they_are_counted(stand, fail, text):
    assert count_text([claim()] * stand + [claim(expected=3.0)] * fail) == text


def test_sentences_are_those_of_the_table_beside_the_studies(tmp_path):
    assert quotes(tmp_path) == {}
    text = 'row,title,sentence,verdict,finding\n003-b,A title,"It is said, often",refuted,it is not\n'
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "articles.csv").write_text(text, encoding="utf-8")
    assert quotes(tmp_path / "more") == {"003-b": Quote("A title", "It is said, often", "refuted")}


def test_the_verdict_of_a_claim_is_that_of_its_sentence_unless_it_says_another(tmp_path):
    run = Run("demo", tmp_path, quotes={"003-b": Quote("A title", "It is said", "refuted")})
    run.claim_all(
        ("as said", "one", 1, 1, 0, "003-b"),
        ("else", "one", 1, 1, 0, "003-b", "reproduced"),
        ("theory", "a truth counts 1", True, (1.0, 0.9, 1.1)),
        ("nothing", "nobody knows", np.nan, 1),
    )
    assert [(claim.id, claim.verdict) for claim in run.claims] == [
        ("as said", "refuted"), ("else", "reproduced"), ("theory", ""),
    ]  # fmt: skip
    assert all(claim.stands for claim in run.claims)
    with pytest.raises(ValueError, match=r"row must be one of articles\.csv; got '003-z'"):
        run.claim_all(("other", "one", 1, 1, 0, "003-z"))
