"""Texts of the command line as the values that a study gets."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from optimlab import Trace
from optimlab.checks import NOT_NEGATIVE, POSITIVE, Range
from optimlab.lab.frame import Knob, StudyError, rules_knob
from optimlab.lab.frame.knobs import add_knobs, given, turned, values

KNOBS = (
    rules_knob("sgd, adam"),
    Knob("beta", (0.5, 0.9), "decays", Range("in [0, 1)")),
    Knob("lr", 0.1, "learning rate", POSITIVE),
    Knob("noise", 0.0, "100 % of it"),
    Knob("start", (0.9, 0.01), "where the paths begin", count=2),
    Knob("steps", 100, "steps"),
    Knob("skip", 0, "steps that are left out", NOT_NEGATIVE),
    Knob("surface", "saddle", "a name"),
    Knob("names", ("a", "b"), "names"),
    Knob("folder", "here", "a folder", read=Path),
    Knob("runs", 500, "independent runs", quick=20),
)


def parsed(line, quick=False):
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", default=quick)
    add_knobs(parser, KNOBS)
    return parser.parse_args(line.split(" ") if line else [])


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("", "steps", 100),
        ("--steps 5e4", "steps", 50_000),
        ("--steps 7.0", "steps", 7),
        ("--steps 9007199254740993", "steps", 2**53 + 1),
        ("--skip 0", "skip", 0),
        ("--lr 1e-3", "lr", 0.001),
        ("--lr=.5", "lr", 0.5),
        ("--lr 2", "lr", 2.0),
        ("--noise -1e-3", "noise", -0.001),
        ("--noise -.5", "noise", -0.5),
        ("--start -1 -1e-3", "start", (-1.0, -0.001)),
        ("", "beta", (0.5, 0.9)),
        ("--beta 0.98", "beta", (0.98,)),
        ("--beta 0 .5 .9", "beta", (0.0, 0.5, 0.9)),
        ("--surface mine.py:f", "surface", "mine.py:f"),
        ("--names x", "names", ("x",)),
        ("", "folder", Path("here")),
        ("--folder there", "folder", Path("there")),
        ("--runs 3", "runs", 3),
    ],
)
def test_a_text_becomes_a_value_of_the_default_s_kind(line, name, value):
    found = values(KNOBS, parsed(line))[name]
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, tuple):
        assert list(map(type, found)) == list(map(type, value))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--lr one", "--lr: must be a number; got 'one'"),
        ("--lr 0", "--lr must be greater than 0 and finite; got 0.0"),
        ("--lr nan", "--lr must be greater than 0 and finite; got nan"),
        ("--noise inf", "--noise must be a finite number; got inf"),
        ("--beta .5 1", "--beta must be in [0, 1); got 1.0"),
        ("--start 1", "--start takes 2 values; got 1: 1"),
        ("--start 1 2 3", "--start takes 2 values; got 3: 1 2 3"),
        ("--steps 2.5", "--steps must be a whole number of at least 1; got 2.5"),
        ("--steps 0", "--steps must be a whole number of at least 1; got 0"),
        ("--steps inf", "--steps must be a whole number of at least 1; got inf"),
        ("--steps many", "--steps: must be a number; got 'many'"),
        ("--skip -1", "--skip must be at least 0 and finite; got -1"),
        ("--rules adam,sdg", "--rules: "),
    ],
)
def test_a_text_that_means_no_value_is_told_with_the_option_s_name(line, message):
    with pytest.raises(StudyError) as refused:
        values(KNOBS, parsed(line))
    assert str(refused.value).startswith(message)


def test_a_quick_run_has_a_smaller_sample_unless_one_is_asked_for():
    assert values(KNOBS, parsed("", quick=True))["runs"] == 20
    assert values(KNOBS, parsed("--runs 700", quick=True))["runs"] == 700


def test_rules_arrive_by_label_and_other_texts_as_their_reader_makes_them():
    found = values(KNOBS, parsed("--rules sgd,Trace(.5)"))["rules"]
    assert found["SGD"] == values(KNOBS, parsed(""))["rules"]["SGD"]
    assert list(found.values())[1] == Trace(0.5)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("", ()),
        ("--lr .2 --beta .5", ("beta", "lr")),
        ("--lr 1e-1 --beta .5 .90", ()),  # the defaults, in other words
        ("--rules sgd,adam", ()),
        ("--rules adam,sgd", ("rules",)),
        ("--runs 3", ()),  # a size of the sample changes no expectation
    ],
)
def test_turned_is_what_differs_from_the_default(line, names):
    assert turned(KNOBS, parsed(line)) == names
    assert set(names) <= set(given(KNOBS, parsed(line))) == {word[2:] for word in line.split() if word[:2] == "--"}


def test_help_shows_defaults_and_takes_a_percent_sign_as_it_is(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    said = " ".join(capsys.readouterr().out.split())
    for text in ("100 % of it (default: 0)", "(default: 0.5 0.9)", "(default: 500; quick: 20)", "(default: sgd, adam)"):
        assert text in said


def test_a_default_may_be_any_number_of_its_kind():
    assert Knob("x", float(np.float64(0.25)), "x").value(None) == 0.25
