"""Heavy tails: closed forms beside SciPy's laws and simulations."""

import numpy as np
import pytest

from optimlab import adam, heavy_ball, momentum, sgd, signsgd
from optimlab.lab.check import EXAMS, Candidate
from optimlab.lab.check.tails import linear_cauchy_median
from optimlab.lab.contestants import Ruled

stats = pytest.importorskip("scipy.stats")


def asked(name, rule, grid=None):
    words = {} if grid is None else {"grid": grid}
    return EXAMS[name].ask(Candidate(Ruled(rule, "rule"), name, **words))


@pytest.mark.parametrize("start", [0.5, 1.5, 4.0])
def test_the_best_linear_rule_under_cauchy_noise(start):
    q = np.linspace(0.0, 0.999, 400)  # what is left of the start
    m = linear_cauchy_median(start)
    law = stats.cauchy(loc=q * start, scale=1.0 - q)
    inside = law.cdf(m) - law.cdf(-m)
    assert inside.max() == pytest.approx(0.5, abs=1e-5)  # at no q is more than half of the law within m


@pytest.mark.parametrize("rule", [sgd(), momentum(0.9), heavy_ball(0.9)])
def test_no_linear_rule_gets_below_it(rule):
    found = asked("cauchy noise", rule)
    error = 0.5 * np.pi / np.sqrt(found.measured.size * 64)  # of the median of a Cauchy law of scale 1
    assert found.measured.mean() > 2.0 * found.high - 4.0 * error
    assert not found.passed.any()


def test_outliers_leave_sgd_where_its_closed_form_says():
    found = asked("rare outliers", sgd())
    error = found.measured.std() / np.sqrt(found.measured.size)
    assert found.measured.mean() == pytest.approx(2.0 * found.high, abs=4.0 * error)


def test_signs_go_to_the_median():
    law = stats.expon(loc=-1.0)
    assert law.mean() == pytest.approx(0.0, abs=1e-12)
    assert 2.0 * asked("skewed noise", sgd()).high == pytest.approx(-2.0 * law.median() / 2.0)
    found = asked("skewed noise", signsgd(), grid=(2.0**-5,))
    assert found.measured.mean() == pytest.approx(-law.median(), rel=0.15)
    assert not found.passed.any()
    assert asked("skewed noise", adam()).passed.all()


def test_sgd_makes_the_share_of_its_way_that_is_progress():
    found = asked("rare large gradients", sgd())
    assert found.measured == pytest.approx(2.0 * found.low, rel=1e-3)
    assert asked("rare large gradients", signsgd()).measured == pytest.approx(-30.0 / 32.0)
