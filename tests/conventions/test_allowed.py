"""Wrong arguments of conventions are refused by the system's own names, and what is said helps."""

from inspect import signature

import numpy as np
import pytest

from optimlab import constant
from optimlab.conventions import autograd, keras, pytorch_optimizer, schedulefree, sklearn, tf1, torch

FRACTION = r"must be in \[0, 1\); got 1.0"
REFUSED = [
    (lambda: torch.Adam(betas=(0.9,)), TypeError, r"betas must be 2 numbers, such as \(0.9, 0.999\); got \(0.9,\)"),
    (lambda: torch.Adam(betas=0.9), TypeError, "betas must be 2 numbers"),
    (lambda: torch.Adam(betas=(0.9, 0.99, 0.999)), TypeError, "betas must be 2 numbers"),
    (lambda: torch.Adam(betas=(0.9, 1.0)), ValueError, r"betas\[1\] " + FRACTION),
    (lambda: torch.Adam(weight_decay=-0.1), ValueError, "weight_decay must be at least 0 and finite; got -0.1"),
    (lambda: torch.Adam(0.1, (0.9, 0.99), "tiny"), TypeError, "eps must be at least 0 and finite; got 'tiny'"),
    (lambda: torch.RMSprop(alpha=1.0), ValueError, "alpha " + FRACTION),
    (lambda: torch.SGD(momentum=2.0), ValueError, r"momentum must be in \[0, 1\]; got 2.0"),
    (lambda: torch.Rprop(etas=0.5), TypeError, "etas must be 2 numbers"),
    (lambda: torch.Adafactor(d=-1.0), ValueError, "d must be at least 1; got -1.0"),
    (lambda: torch.Muon(ns_steps=2.5), TypeError, "ns_steps must be a whole number of at least 1; got 2.5"),
    (lambda: torch.get_ema_multi_avg_fn(1.0), ValueError, "decay " + FRACTION),
    (lambda: keras.Adam("fast"), TypeError, "learning_rate must be greater than 0 and finite; got 'fast'"),
    (lambda: keras.Adam(beta_1=1.0), ValueError, "beta_1 " + FRACTION),
    (lambda: keras.Ftrl(weight_decay="a"), TypeError, "weight_decay must be at least 0 and finite; got 'a'"),
    (lambda: keras.Adam(clipnorm=-1.0), ValueError, "clipnorm must be at least 0"),
    (lambda: keras.ScheduleFreeAdamW(warmup_steps="a"), TypeError, "warmup_steps must be at least 0 and finite"),
    (lambda: sklearn.AdamOptimizer(beta_1=1.0), ValueError, "beta_1 " + FRACTION),
    (
        lambda: sklearn.SGDOptimizer(0.1, "invscaling", power_t="a"),
        TypeError,
        "power_t must be a finite number; got 'a'",
    ),
    (
        lambda: torch.lr_scheduler.MultiStepLR(0.1, "5"),
        TypeError,
        "milestones must be whole numbers of at least 1; got",
    ),
    (lambda: autograd.rmsprop(gamma=1.0), ValueError, "gamma " + FRACTION),
    (lambda: autograd.sgd(-1.0), ValueError, "step_size must be greater than 0 and finite; got -1.0"),
    (lambda: tf1.AdagradOptimizer(0.1, 0.0), ValueError, "initial_accumulator_value must be greater than 0 and finite"),
    (lambda: schedulefree.AdamWScheduleFree(betas=0.9), TypeError, "betas must be 2 numbers"),
    (lambda: schedulefree.SGDScheduleFree(warmup_steps=-1), ValueError, "warmup_steps must be at least 0 and finite"),
    (lambda: schedulefree.SGDScheduleFree(constant(0.1)), TypeError, "lr must be greater than 0 .one number: it warms"),
    (
        lambda: pytorch_optimizer.AggMo(betas=()),
        TypeError,
        r"betas must be at least 1 number, such as \(0.0, 0.9, 0.99",
    ),
    (lambda: pytorch_optimizer.QHAdam(nus=0.7), TypeError, r"nus must be 2 numbers, such as \(1.0, 1.0\); got 0.7"),
]


@pytest.mark.parametrize(("call", "error", "said"), REFUSED)
def test_errors_have_the_systems_name_of_the_argument(call, error, said):
    with pytest.raises(error, match=f"^{said}"):
        call()


@pytest.mark.parametrize("params", [[np.ones(2)], {"w": np.ones(2)}, np.ones(2), iter([np.ones(2)])])
def test_parameters_are_no_learning_rate(params):
    for options in ({}, {"lr": 0.1}):
        with pytest.raises(TypeError, match=r"lr of torch's Adam must be .* are given to step\(params, gradients\)"):
            torch.Adam(params, **options)
    w = torch.Adam(lr=0.1).step(np.ones(2), np.ones(2))
    assert w == pytest.approx([0.9, 0.9])


def test_some_functions_take_any_number_of_betas():
    assert "0.5" in repr(pytorch_optimizer.AggMo(betas=[0.0, 0.5]).rule)


def test_torch_takes_one_milestone_or_none():
    assert [torch.lr_scheduler.MultiStepLR(0.5, at)(9) for at in ([], [9], [9, 9])] == pytest.approx([0.5, 0.05, 0.005])


def test_schedules_and_none_are_allowed():
    assert keras.SGD(constant(0.1), weight_decay=None, clipnorm=None).lr == pytest.approx(0.1)
    assert torch.Adafactor(eps=(None, 1e-3)).rule == torch.Adafactor().rule


LATER = [
    (keras.Ftrl, "learning_rate_power", (0.1, -0.5)),
    (keras.Muon, "clipnorm", (0.1, 0.9, 0.99, 0.0, 1e-7, 0.1, 1.0)),
    (keras.schedules.CosineDecay, "name", (0.1, 10, 0.0, "CosineDecay")),
    (tf1.FtrlOptimizer, "learning_rate_power", (0.1, -0.5)),
    (tf1.RMSPropOptimizer, "use_locking", (0.1, 0.9, 0.0, 1e-10, True)),
    (tf1.MomentumOptimizer, "use_locking", (0.1, 0.9, True)),
    (pytorch_optimizer.ADOPT, "clip_lambda", (0.1, (0.9, 0.99), None)),
    (pytorch_optimizer.MARS, "mars_type", (0.1, (0.9, 0.99), 0.025, "adamw")),
    (pytorch_optimizer.AdEMAMix, "fixed_decay", (0.1, (0.9, 0.99, 0.999), 0.0, False, True)),
    (pytorch_optimizer.SimplifiedAdEMAMix, "fixed_decay", (0.1, (0.9, 0.99), 0.0, True, True)),
    (pytorch_optimizer.Grams, "weight_decouple", (0.1, (0.9, 0.99), 0.0, True)),
    (pytorch_optimizer.LaProp, "centered", (0.1, (0.9, 0.99), True)),
    (pytorch_optimizer.AdaBelief, "fixed_decay", (0.1, (0.9, 0.99), 0.0, True, True)),
    (pytorch_optimizer.Adan, "max_grad_norm", (0.1, (0.9, 0.9, 0.99), 0.0, False, 1.0)),
    (pytorch_optimizer.GrokFastAdamW, "grokfast", (0.1, (0.9, 0.99), True)),
    (pytorch_optimizer.NovoGrad, "fixed_decay", (0.1, (0.9, 0.99), 0.0, False, True)),
    (pytorch_optimizer.QHAdam, "fixed_decay", (0.1, (0.9, 0.99), (1.0, 1.0), 0.0, False, True)),
    (pytorch_optimizer.StableAdamW, "kahan_sum", (0.1, (0.9, 0.99), True)),
    (pytorch_optimizer.Yogi, "fixed_decay", (0.1, (0.9, 0.99), 1e-6, 0.0, True, True)),
    (pytorch_optimizer.Lion, "fixed_decay", (0.1, (0.9, 0.99), 0.0, True, True)),
]


@pytest.mark.parametrize(("function", "place", "given"), LATER)
def test_arguments_by_place_end_where_the_systems_order_has_another(function, place, given):
    """The last number stands in the place of an argument that is not here, or not by place."""
    with pytest.raises(TypeError, match="positional argument"):
        function(*given)
    assert len(given) == 1 + len(
        [p for p in signature(function).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    )
    function(*given[:-1])
