"""An argument that is another system's is refused with the spelling of this one, and that spelling works."""

import inspect
import re

import pytest

from optimlab.conventions import schedulefree
from optimlab.conventions.keras import schedules
from optimlab.conventions.spelling import _NAMES, spelled


@spelled("torch")
def adam(lr=0.001, betas=(0.9, 0.999), eps=1e-8, *, weight_decay=0.0):
    """Adam."""
    return {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}


@spelled("torch")
def rmsprop(lr=0.01, alpha=0.99, eps=1e-8, *, momentum=0.0):
    return {"lr": lr, "alpha": alpha, "eps": eps, "momentum": momentum}


def common(rule, *, clipnorm=None, use_ema=False):
    return {"rule": rule, "clipnorm": clipnorm, "use_ema": use_ema}


@spelled("Keras", rest=common)
def keras_adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **rest):
    return {"beta_1": beta_1, "beta_2": beta_2, "learning_rate": learning_rate, "epsilon": epsilon} | common("", **rest)


def remedy(said):
    """The arguments that an error says should be written."""
    return eval(f"dict({re.search('; write (.*?); ', said)[1]})")


@pytest.mark.parametrize(("function", "given", "meant"), [
    (rmsprop, {"rho": 0.9}, {"alpha": 0.9}),
    (rmsprop, {"decay": 0.9, "learning_rate": 0.5}, {"alpha": 0.9, "lr": 0.5}),
    (rmsprop, {"gamma": 0.9, "mass": 0.5}, {"alpha": 0.9, "momentum": 0.5}),
    (rmsprop, {"beta_2": 0.9, "epsilon": 1e-3}, {"alpha": 0.9, "eps": 1e-3}),
    (adam, {"learning_rate_init": 0.5}, {"lr": 0.5}),
    (adam, {"step_size": 0.5, "wd": 0.1}, {"lr": 0.5, "weight_decay": 0.1}),
    (adam, {"b2": 0.99}, {"betas": (0.9, 0.99)}),
    (adam, {"beta_1": 0.5, "beta_2": 0.99}, {"betas": (0.5, 0.99)}),
    (adam, {"weight_decya": 0.5}, {"weight_decay": 0.5}),
    (keras_adam, {"betas": (0.5, 0.99)}, {"beta_1": 0.5, "beta_2": 0.99}),
    (keras_adam, {"lr": 0.5, "max_norm": 1.0}, {"learning_rate": 0.5, "clipnorm": 1.0}),
])  # fmt: skip
def test_the_spelling_that_an_error_recommends_works(function, given, meant):
    with pytest.raises(TypeError) as refused:
        function(**given)
    advice = remedy(str(refused.value))
    assert advice == meant
    result = function(**advice)
    assert {name: result[name] for name in meant} == meant


@pytest.mark.parametrize(("name", "meant"), [("alpha", {"lr": 0.1}), ("decay", None), ("rho", None), ("gamma", None)])
def test_the_decay_of_one_moment_is_no_beta_of_two(name, meant):
    """Keras 2's decay is that of the learning rate, and the papers' α is the learning rate."""
    with pytest.raises(TypeError) as refused:
        adam(**{name: 0.1})
    assert (remedy(str(refused.value)) if meant else "write" in str(refused.value)) == (meant or False)


def test_what_can_be_left_out_is_said_beside_what_is_to_be_written():
    with pytest.raises(TypeError, match=r"write lr=0.1; leave fused out: it says .*; leave decay out: a learning rate"):
        adam(learning_rate=0.1, fused=True, decay=0.1)


def test_a_power_is_no_slip_of_a_rate():
    with pytest.raises(TypeError, match=r"'learning_rate_power'; leave learning_rate_power out: it is -0.5 here; it"):
        keras_adam(learning_rate_power=-0.5)


def test_whose_a_name_is_depends_on_what_the_function_has():
    with pytest.raises(TypeError, match=r"has no argument 'gamma' \(torch's\); write decay_rate=0.5; it takes"):
        schedules.ExponentialDecay(1.0, 10, gamma=0.5)
    with pytest.raises(TypeError, match=r"'lr' \(torch's\); write initial_learning_rate=0.5; it takes"):
        schedules.ExponentialDecay(lr=0.5, decay_steps=10, decay_rate=0.5)


def test_schedulefree_says_its_spellings_too():
    with pytest.raises(TypeError, match=r"schedulefree's SGDScheduleFree has no argument .*; write momentum=0.5; it"):
        schedulefree.SGDScheduleFree(beta_1=0.5)


def test_the_error_says_whose_the_argument_is_and_what_there_is():
    said = r"torch's rmsprop has no argument 'rho' \(Keras's\); write alpha=0.9; it takes lr, alpha, eps, momentum$"
    with pytest.raises(TypeError, match=said):
        rmsprop(rho=0.9)


def test_what_is_only_about_the_other_system_can_be_left_out():
    with pytest.raises(TypeError, match="leave foreach out: it says how the other system computes, not what; it takes"):
        adam(foreach=True)
    with pytest.raises(TypeError, match=r"leave params out: the parameters are given to step\(params, gradients\);"):
        adam(params=[])


def test_what_nobody_knows_is_refused_with_what_there_is():
    with pytest.raises(TypeError, match=r"torch's adam has no argument 'zzz'; it takes lr, betas, eps, weight_decay$"):
        adam(zzz=1)


def test_signature_and_docstring_stay():
    assert adam.__doc__ == "Adam."
    assert adam.__name__ == "adam"
    assert str(inspect.signature(adam)) == "(lr=0.001, betas=(0.9, 0.999), eps=1e-08, *, weight_decay=0.0)"
    assert list(inspect.signature(keras_adam).parameters)[-2:] == ["clipnorm", "use_ema"]
    assert keras_adam(use_ema=True)["use_ema"]


def test_too_many_positional_arguments_are_refused_by_the_function_itself():
    with pytest.raises(TypeError, match="positional"):
        adam(0.1, (0.9, 0.99), 1e-8, 0.0)


def test_a_quantity_has_at_least_two_spellings():
    assert all(len(words) > 1 for words in _NAMES.values())
