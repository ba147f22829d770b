"""torch's and pytorch_optimizer's conventions: the numbers that they printed, schedules, clipping, averages, errors."""

import copy
import pickle

import numpy as np
import pytest

from optimlab import Optimizer
from optimlab.conventions import pytorch_optimizer as kozistr
from optimlab.conventions import torch as conventions
from optimlab.conventions.torch import lr_scheduler

GRADIENTS = [(0.5, -1.0), (-0.25, 2.0), (1.0, 0.1), (0.3, -0.4), (-0.2, 0.6)]

# What torch 2.13.0 and pytorch_optimizer 4.1.0 printed: p = (1, -2), gradients as above, lr 0.1, in float64
ROWS = {
    "SGD momentum": (conventions.SGD(0.1, 0.9), ".95 -1.9 .93 -2.01 .812 -2.119"),
    "SGD Nesterov": (conventions.SGD(0.1, 0.9, nesterov=True), ".905 -1.81 .912 -2.109 .7058 -2.2171"),
    "SGD dampening": (conventions.SGD(0.1, 0.9, 0.5), ".95 -1.9 .9175 -1.91 .83825 -1.924"),
    "SGD decay": (
        conventions.SGD(0.1, 0.9, weight_decay=0.01),
        ".949 -1.898 .927151 -2.004302 .806559749 -2.107969498",
    ),
    "RMSprop": (
        conventions.RMSprop(0.1, 0.9),
        ".683772253983 -1.68377224398 .831214201442 -1.96948652562 .549356279304 -1.98452794633",
    ),
    "RMSprop eps": (
        conventions.RMSprop(0.1, 0.9, 0.1),
        ".806287056639 -1.75974692665 .899031389409 -2.00974692665 .679149042491 -2.02282171381",
    ),
    "RMSprop centered, momentum": (
        conventions.RMSprop(0.1, 0.9, momentum=0.9, centered=True),
        ".666666688889 -1.66666667778 .5151451678 -1.65597537466 .0799032698983 -1.66160094894",
    ),
    "Adam": (
        conventions.Adam(0.1),
        ".900000002 -1.900000001 .873366298708 -1.93661035347 .807555139677 -1.96773768948",
    ),
    "Adam eps": (
        conventions.Adam(0.1, eps=0.1),
        ".916666666667 -1.90909090909 .89541106023 -1.94352385766 .838240765947 -1.97241528671",
    ),
    "AdamW": (
        conventions.AdamW(0.1, weight_decay=0.1),
        ".890000002 -1.880000001 .854466298688 -1.89781035346 .78011047667 -1.90995958593",
    ),
    "Adam decoupled": (
        conventions.Adam(0.1, weight_decay=0.1, decoupled_weight_decay=True),
        ".890000002 -1.880000001 .854466298688 -1.89781035346 .78011047667 -1.90995958593",
    ),
    "Adam decay": (
        conventions.Adam(0.1, weight_decay=0.1),
        ".900000001667 -1.90000000083 .854441367462 -1.92501787846 .781504399863 -1.94161889386",
    ),
    "AMSGrad": (
        conventions.Adam(0.1, amsgrad=True),
        ".900000002 -1.900000001 .873366298708 -1.93661035347 .807555139677 -1.96773768948",
    ),
    "NAdam": (
        conventions.NAdam(0.1),
        ".894354824277 -1.89435482322 .935465796161 -1.98501057192 .835655586074 -1.99365351606",
    ),
    "Adagrad": (
        conventions.Adagrad(0.1),
        ".90000000002 -1.90000000001 .944721359562 -1.98944271911 .857434203475 -1.99391038962",
    ),
    "Adadelta": (
        conventions.Adadelta(),
        ".996837785583 -1.99683773815 .998922872611 -2.0008783341 .994616156999 -2.00116104179",
    ),
    "Adamax": (
        conventions.Adamax(0.1),
        ".900000002 -1.900000001 .878926297137 -1.92894736928 .835383862148 -1.94907820111",
    ),
    "RAdam": (
        conventions.RAdam(0.1),
        ".95 -1.9 .939473684211 -1.95789473684 .895931248786 -1.99811613906",
    ),
    "Rprop": (conventions.Rprop(0.1), ".9 -1.9 .9 -1.9 .85 -1.95"),
    "Yogi": (
        kozistr.Yogi(0.1),
        ".900396415528 -1.90015066153 .873881739183 -1.93673083519 .808208522834 -1.96781259632",
    ),
    "AdaBelief": (
        kozistr.AdaBelief(0.1),
        ".888888888889 -1.88888888889 .860518809596 -1.9279949866 .787054961682 -1.96127725267",
    ),
    "AdEMAMix": (
        kozistr.AdEMAMix(0.1),
        ".899950002 -1.899950001 .8732846775 -1.936591975 .80737906 -1.967761875 .7403694613 -1.982657688 "
        ".6936010188 -2.008805082",
    ),
    "ADOPT": (
        kozistr.ADOPT(0.1),
        "1 -2 1.005 -2.011892071 .9963392599 -2.023594785 .9825452687 -2.03012763 .9741303546 -2.042006839",
    ),
    "Lion": (kozistr.Lion(0.1), ".9 -1.9 1 -2 .9 -2.1 .8 -2 .9 -2.1"),
    "Lion cautious": (
        kozistr.Lion(0.1, cautious=True),
        ".9333333333 -1.933333333 1 -2 .9333333333 -2.066666667 .8666666667 -2 .9333333333 -2.066666667",
    ),
    "LaProp": (
        kozistr.LaProp(0.1, eps=1e-8),
        ".9000000632 -1.900000032 .8859237834 -1.919195894 .8212695466 -1.934164131 .7606846136 -1.934545777 "
        ".7239881099 -1.948772546",
    ),
    "Grams": (
        kozistr.Grams(0.1),
        ".9000002 -1.9000001 .9266338366 -1.93661043 .860822776 -1.967737742 .7939441437 -1.952872732 "
        ".8405868463 -1.978958274",
    ),
    "MARS": (
        kozistr.MARS(0.1),
        ".9000000224 -1.900000011 .8620714717 -1.907357475 .7945284788 -1.893434426 .7391712901 -1.860404362 "
        ".7111565812 -1.861241673",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_numbers_that_they_printed(name):
    optimizer, row = ROWS[name]
    optimizer, expected = copy.deepcopy(optimizer), np.array(row.split(), float).reshape(-1, 2)
    w = np.array([1.0, -2.0])
    path = [optimizer.step(w, np.array(g)).copy() for g in GRADIENTS[: len(expected)]]
    digits = max(len(number.lstrip("-").replace(".", "").lstrip("0")) for number in row.split())
    bar = 1e-8 if name == "LaProp" else 6 * 10.0**-digits  # its corrections are in float32
    np.testing.assert_allclose(path, expected, rtol=bar, atol=1e-15)


def two_rows(adjust):
    """The first row of a matrix after each of two steps."""
    w, optimizer = np.arange(6.0).reshape(3, 2) / 10, conventions.Muon(0.1, weight_decay=0.0, adjust_lr_fn=adjust)
    first = optimizer.step(w, np.array([[1, 2], [3, -1], [0.5, 0.2]]))[0].copy()
    return np.array([*first, *optimizer.step(w, np.array([[0.1, -2], [1, 1], [-0.5, 0.3]]))[0]])


def test_muon_goes_where_keras_does_and_as_far_as_torch_in_bfloat16():
    np.testing.assert_allclose(two_rows("match_rms_adamw"), [-0.01163, 0.07877, -0.02010, 0.11365], atol=6e-6)
    np.testing.assert_allclose(two_rows("match_rms_adamw"), [-0.01157, 0.07821, -0.01993, 0.11286], atol=2**-8)
    np.testing.assert_array_equal(two_rows("spectral_unclamped"), two_rows("original"))  # as rows ≥ columns
    np.testing.assert_allclose(two_rows(None), [-0.0409, 0.0230, -0.0704, 0.1454], atol=2**-8)


def test_the_scale_that_is_not_clamped_makes_steps_of_wide_matrices_shorter():
    steps = [conventions.Muon(1.0, 0.0, adjust_lr_fn=adjust).step(np.zeros((2, 8)), np.eye(2, 8))
             for adjust in ("original", "spectral_unclamped")]  # fmt: skip
    np.testing.assert_allclose(steps[1], steps[0] / 2)


def test_schedules_print_what_torch_printed():
    rows = {
        lr_scheduler.StepLR(1.0, 3): "1 1 1 .1 .1 .1 .01",
        lr_scheduler.MultiStepLR(1.0, [2, 3, 3], 0.5): "1 1 .5 .125",
        lr_scheduler.CosineAnnealingLR(1.0, 4, 0.1): "1 .868198 .55 .231802 .1 .231802 .55",
        lr_scheduler.CosineAnnealingWarmRestarts(1.0, 3, 2): "1 .75 .25 1 .933013 .75 .5 .25 .066987 1",
        lr_scheduler.PolynomialLR(1.0, 4, 2.0): "1 .5625 .25 .0625 0 0",
        lr_scheduler.LinearLR(1.0, 0.25, total_iters=4): ".25 .4375 .625 .8125 1",
        lr_scheduler.OneCycleLR(1.0, 10): ".04 .52 1 .950485 .811746 .611262 .388742 .188258 .049519 4e-06",
        lr_scheduler.OneCycleLR(1.0, epochs=5, steps_per_epoch=2, anneal_strategy="linear"): (
            ".04 .52 1 .857143 .714287 .57143 .428574 .285717 .142861 4e-06"
        ),
        lr_scheduler.OneCycleLR(1.0, 10, anneal_strategy="linear", three_phase=True): (
            ".04 .52 1 .52 .04 .032001 .024002 .016002 .008003 4e-06"
        ),
        lr_scheduler.CyclicLR(0.1, 1.0, 2): ".1 .55 1 .55 .1 .55 1",
        lr_scheduler.CyclicLR(0.1, 1.0, 2, mode="triangular2"): ".1 .55 1 .55 .1 .325 .55",
    }
    for schedule, row in rows.items():
        expected = np.array(row.split(), float)
        np.testing.assert_allclose(schedule(np.arange(len(expected))), expected, atol=6e-7)
        assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_the_rate_falls_where_torchs_does():
    optimizer, w, rates = conventions.SGD(1.0), np.zeros(1), []
    optimizer.hooks = [lr_scheduler.ReduceLROnPlateau(patience=5, cooldown=5)]
    for _ in range(30):
        optimizer.step(w, np.ones(1), loss=1.0)
        rates.append(optimizer.lr)
    assert (np.flatnonzero(np.diff(rates)) + 2).tolist() == [7, 18, 29]  # which torch 2.13.0 printed


def test_a_schedule_is_the_learning_rate_of_a_convention():
    optimizer, w = conventions.SGD(lr_scheduler.ExponentialLR(1.0, 0.5), momentum=0.5), np.zeros(1)
    assert [float(optimizer.step(w, np.ones(1))[0]) for _ in range(3)] == [-1.0, -1.75, -2.1875]


def test_one_cycle_moves_the_momentum_too_as_it_says():
    momentum = lr_scheduler.OneCycleLR(0.85, 10, div_factor=0.85 / 0.95, final_div_factor=1.0)
    np.testing.assert_allclose([momentum(k) for k in (0, 1, 2, 9)], [0.95, 0.9, 0.85, 0.95])


def test_the_norm_is_clipped_a_little_more_than_to_the_limit():
    optimizer, w = conventions.SGD(1.0), [np.zeros(2), np.zeros(1)]
    optimizer.hooks = [conventions.clip_grad_norm_(1.0)]
    optimizer.step(w, [np.array([3.0, 4.0]), np.array([12.0])])
    factor = 1.0 / (13.0 + 1e-6)
    np.testing.assert_allclose(np.concatenate(w), -factor * np.array([3.0, 4.0, 12.0]), rtol=1e-15)
    assert conventions.clip_grad_value_(2.0).limit == 2.0


def test_a_small_gradient_is_not_clipped_and_a_bad_one_is_refused():
    optimizer, w = conventions.SGD(1.0), np.zeros(2)
    optimizer.hooks = [conventions.clip_grad_norm_(6.0)]
    assert optimizer.step(w, np.array([3.0, 4.0])).tolist() == [-3.0, -4.0]
    for bad in (np.inf, np.nan):
        with pytest.raises(FloatingPointError):
            optimizer.step(w, np.array([bad, 1.0]))


@pytest.mark.parametrize(("average", "expected"), [
    (conventions.get_ema_multi_avg_fn(0.9), [1.0, 1.1, 1.29]),
    (conventions.get_swa_multi_avg_fn(), [1.0, 1.5, 2.0]),
])  # fmt: skip
def test_averages_of_the_weights(average, expected):
    optimizer, w, seen = Optimizer(conventions.SGD().rule, 1.0, average=average), np.zeros(1), []
    for _ in range(3):
        optimizer.step(w, -np.ones(1))
        with optimizer.averaged(w):
            seen.append(float(w[0]))
    np.testing.assert_allclose(seen, expected, rtol=1e-15)


def test_the_average_of_asgd_is_torchs():
    torch = pytest.importorskip("torch", exc_type=ImportError)
    rng, w = np.random.default_rng(0), np.array([1.0, -2.0])
    p = torch.nn.Parameter(torch.from_numpy(w.copy()))
    options = {"lr": 0.1, "lambd": 0.5, "alpha": 0.5, "t0": 3.0}
    mine, theirs = conventions.ASGD(**options), torch.optim.ASGD([p], **options)
    for _ in range(10):
        g = rng.standard_normal(2)
        p.grad = torch.from_numpy(g.copy())
        theirs.step()
        mine.step(w, g)
        with mine.averaged(w):
            np.testing.assert_allclose(w, theirs.state[p]["ax"].numpy(), rtol=1e-6)  # torch keeps η in float32


def test_maximize_turns_the_gradient_and_not_the_decay():
    up, down = conventions.SGD(0.5, weight_decay=0.5, maximize=True), conventions.SGD(0.5, weight_decay=0.5)
    assert up.step(np.ones(1), -np.ones(1)).tolist() == down.step(np.ones(1), np.ones(1)).tolist() == [0.25]


@pytest.mark.parametrize("make", [conventions.SGD, conventions.Adam, conventions.Adagrad, kozistr.LaProp, kozistr.Adan])
def test_an_optimizer_travels(make):
    optimizer, w = make(0.1, weight_decay=0.1), np.ones(3)
    optimizer.step(w, np.ones(3))
    again, v = pickle.loads(pickle.dumps(optimizer)), w.copy()
    assert again.rule == optimizer.rule
    assert again.step(v, np.arange(3.0)).tolist() == optimizer.step(w, np.arange(3.0)).tolist()


@pytest.mark.parametrize(("call", "kind", "said"), [
    (lambda: conventions.SGD(nesterov=True), ValueError, r"nesterov=True goes with a momentum above 0 .* momentum=0.0"),
    (lambda: conventions.SGD(0.1, 0.9, 0.5, nesterov=True), ValueError, r"dampening=0; got .* dampening=0.5"),
    (lambda: conventions.RMSprop(rho=0.9), TypeError, r"'rho' \(Keras's\); write alpha=0.9"),
    (lambda: conventions.Adam(foreach=True), TypeError, "leave foreach out"),
    (lambda: conventions.Muon(adjust_lr_fn="both"), ValueError, "adjust_lr_fn must be one of 'original', 'match_rms"),
    (lambda: conventions.ASGD(lr_scheduler.StepLR(1.0, 2)), TypeError, "lr must be greater than 0 .one number"),
    (lambda: lr_scheduler.OneCycleLR(1.0), ValueError, "such as total_steps=1000"),
    (lambda: lr_scheduler.OneCycleLR(1.0, 3), ValueError, "pct_start must leave each phase a way to go; got 0.3"),
    (lambda: lr_scheduler.OneCycleLR(1.0, 10, anneal_strategy="sin"), ValueError, "anneal_strategy must be"),
    (lambda: lr_scheduler.CyclicLR(0.1, 1.0, mode="saw"), ValueError, "mode must be"),
    (lambda: kozistr.Lion(betas=(0.9, 0.99), wd=0.1), TypeError, "write weight_decay=0.1"),
])  # fmt: skip
def test_errors_name_the_argument(call, kind, said):
    with pytest.raises(kind, match=said):
        call()


def test_the_remedies_of_errors_work():
    assert repr(conventions.SGD(0.1, momentum=0.9, nesterov=True).rule) == "Gradient() + 0.9 * Trace(0.9)"
    assert lr_scheduler.OneCycleLR(1.0, total_steps=1000)(299) == 1.0
    assert lr_scheduler.OneCycleLR(1.0, 3, pct_start=0.6)(2) < 1e-5
    assert repr(conventions.RMSprop(alpha=0.9).rule) == "Gradient() / (Square() | Ema(0.9) | Root(1e-08))"
    assert repr(kozistr.Lion(weight_decay=0.1).rule) == "(TwoReadings() | Sign()) + 0.1 * Weights()"
