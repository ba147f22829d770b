"""One colour and one name per rule, and no two alike in one figure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimlab import (
    Ema,
    Gradient,
    Sign,
    Trace,
    adam,
    adamw,
    cosine_decay,
    heavy_ball,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.figures import PALETTE
from optimlab.lab.frame.looks import Look, labels, look, looks

HOUSE = [
    (sgd(), "SGD", "black"), (heavy_ball(), "heavy ball", "blue"), (Trace(0.5), "heavy ball", "blue"),
    (momentum(0.95), "EMA momentum", "vermillion"), (nesterov(0.7), "Nesterov", "sky"),
    (rmsprop(0.99, 1e-6), "RMSprop", "orange"), (adam(0.5, 0.6), "Adam", "green"),
    (adamw(weight_decay=0.5), "AdamW", "purple"), (heavy_ball(cosine_decay(0.9, steps=9)), "heavy ball", "blue"),
]  # fmt: skip
OWN = [0.5 * momentum(), Ema(0.9) | Sign(), Gradient() + 5 * Trace(0.9), Ema(0.9, debias=True), adam() | Sign(), -sgd()]


@pytest.mark.parametrize("number", range(len(HOUSE)))
def test_a_rule_has_the_name_and_colour_of_the_house(number):
    rule, name, colour = HOUSE[number]
    assert look(rule) == Look(name, PALETTE[colour], "-")


@pytest.mark.parametrize("number", range(len(OWN)))
def test_a_rule_without_a_name_is_called_by_its_expression_and_has_no_rule_s_colour(number):
    found = look(OWN[number])
    assert found.name == repr(OWN[number])
    assert found.colour not in PALETTE.values()
    assert looks([adam(), OWN[number]])[found.name] == found  # alone or with others


def test_one_expression_has_one_colour_whatever_its_numbers():
    assert look(0.5 * momentum()).colour == look(0.25 * momentum(0.8)).colour


def test_the_second_of_one_kind_has_another_dash():
    first, second, third = looks([heavy_ball(), heavy_ball(0.95), 2 * heavy_ball()]).values()
    assert (first.colour, first.dash, second.dash) == (second.colour, "-", "--")
    assert third.colour != first.colour


def test_expressions_of_different_kinds_have_different_colours_while_there_are_some():
    assert len({found.colour for found in looks(OWN[:5]).values()}) == 5


def test_labels_say_the_numbers_that_differ_once():
    assert labels([nesterov(0.8), nesterov(0.9)]) == ["Nesterov β 0.8", "Nesterov β 0.9"]
    assert labels([adam(0.9, 0.99), adam(0.8, 0.999)]) == ["Adam β₁ 0.9, β₂ 0.99", "Adam β₁ 0.8, β₂ 0.999"]
    assert labels([rmsprop(), rmsprop(eps=1.0)]) == ["RMSprop ε 1e-08", "RMSprop ε 1"]
    assert labels([adamw(), adamw(weight_decay=0.1)]) == ["AdamW λ 0.01", "AdamW λ 0.1"]
    assert labels([adam(), 2 * adam()], ["a", "2*adam"]) == ["Adam", "2*adam"]


def test_labels_that_are_given_stay():
    assert list(looks({"mine": adam(), "yours": adam()})) == ["mine", "yours"]
    assert len({(found.colour, found.dash) for found in looks({"mine": adam(), "yours": adam()}).values()}) == 2


def test_a_rule_that_stands_twice_is_refused():
    with pytest.raises(StudyError, match="the rule Adam stands twice"):
        looks([adam(), sgd(), adam(0.9)])


def test_a_thing_that_is_no_rule_is_refused():
    with pytest.raises(TypeError, match=r"rule must be a Rule such as adam\(\); got 'adam'"):
        look("adam")


@given(st.lists(st.sampled_from([rule for rule, *_ in HOUSE] + OWN), unique_by=repr, max_size=12))
def test_no_two_in_a_figure_look_the_same(rules):
    found = looks(rules)
    assert len({(one.colour, one.dash) for one in found.values()}) == len(found) == len(rules)
    for rule, one in zip(rules, found.values(), strict=True):
        if look(rule).colour in PALETTE.values():
            assert one.colour == look(rule).colour


def test_more_than_can_be_told_apart_are_refused():
    many = {str(k): heavy_ball(k / 100) for k in range(25)}
    assert len(looks(dict(list(many.items())[:24]))) == 24
    with pytest.raises(StudyError, match="25 rules cannot be told apart in one figure; leave some out"):
        looks(many)
