"""The atlas measures what it says: a wrong convention is found, the page is current, the command says what changed."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from optimlab import ClipNorm, Ema, Optimizer, adam, heavy_ball, sgd
from optimlab.lab.atlas import PAIRS, difference, pair, stream
from optimlab.lab.atlas.command import command
from optimlab.lab.atlas.draws import BETA, BETAS, EPS, between, one_of
from optimlab.lab.atlas.lockstep import worst
from optimlab.lab.atlas.systems import SYSTEMS, System
from optimlab.lab.atlas.table import Row, changes, expression, markdown, read, row
from optimlab.lab.folders import shipped

PAGE = shipped("docs", "atlas.md") / "atlas.md"


def heavy_ball_by_hand(name, options, given):
    w, v = [w.copy() for w in given.start], [0.0 * w for w in given.start]
    for gradients in given.gradients:
        v = [options["momentum"] * a + g for a, g in zip(v, gradients, strict=True)]
        w = [x - options["lr"] * a for x, a in zip(w, v, strict=True)]
        yield w


@pytest.fixture
def own(monkeypatch):
    """A pair of a system that is here: a heavy ball by hand."""
    right = lambda lr, momentum=0.9: Optimizer(heavy_ball(momentum), lr)  # noqa: E731
    module = SimpleNamespace(right=right, wrong=lambda lr, momentum=0.9: right(lr, momentum + 1e-9))
    monkeypatch.setitem(sys.modules, "optimlab.conventions.hand", module)
    monkeypatch.setitem(SYSTEMS, "hand", System("lr", "numpy", "numpy", heavy_ball_by_hand))
    return lambda name: pair(f"hand.{name}", {"momentum": 0.9}, momentum=BETA)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_right_is_within_the_bar(own, dtype):
    assert worst(own("right"), dtype=dtype) <= own("right").bar_in(dtype)


def test_what_is_wrong_in_the_ninth_digit_is_not(own):
    assert worst(own("wrong")) > 1e-10


def test_the_difference_is_relative_to_the_longest_way():
    start, theirs = (np.array([1.0, 1.0]),), (np.array([[1.5, 1.0], [1.0, 3.0]]),)
    assert difference((theirs[0] + 1e-3,), theirs, start) == pytest.approx(5e-4)
    assert np.isnan(difference((start[0][None],), (start[0][None],), start))  # nothing has moved: nothing is compared


def test_the_worst_leaf_counts_and_what_is_not_a_number_is_not_hidden():
    start, theirs = (np.zeros(1),) * 2, (np.ones((1, 1)),) * 2
    assert difference((theirs[0], theirs[0] + 0.5), theirs, start) == 0.5
    assert np.isnan(difference((theirs[0], theirs[0] * np.nan), theirs, start))


def test_the_stream_is_the_same_everywhere():
    given = stream(3, [(2,), (2, 1)], 2)
    assert [w.tolist() for w in given.start] == START
    assert [w.shape for w in given.gradients[1]] == [(2,), (2, 1)]
    assert stream(3, [(2,), (2, 1)], 2, dtype="float32").dtype == np.float32
    zeros = np.mean([g == 0 for row in stream(0, [(40,)], 200).gradients for g in row])
    assert 0.1 < zeros < 0.15


START = [[-1.6574033314255026, -1.0527579736156012], [[1.2050978608255876], [0.32864814425747113]]]


def test_the_first_run_has_the_defaults_and_the_others_random_hyperparameters():
    one = pair("torch.Adam", {"amsgrad": True}, betas=BETAS, eps=EPS)
    assert one.options(0) == {"lr": 0.01, "amsgrad": True}
    assert set(one.options(1)) == {"lr", "amsgrad", "betas", "eps"}
    assert one.options(1) == one.options(1) != one.options(2)


def test_draws_stay_in_their_range():
    rng = np.random.default_rng(0)
    assert all(1e-3 <= between(1e-3, 0.1)(rng) <= 0.1 for _ in range(99))
    assert {one_of(1, 2)(rng) for _ in range(99)} == {1, 2}
    assert all(0.0 < BETA(rng) < 1.0 for _ in range(99))


def test_a_bar_of_its_own_has_a_reason():
    assert all(bool(one.because) == ((one.bar, one.single) != (1e-11, 1e-5)) for one in PAIRS)
    rounding = pair("torch.ASGD").in_float32(1e-4, "torch rounds")
    assert (rounding.bar_in("float64"), rounding.bar_in("float32")) == (1e-11, 1e-4)
    assert pair("torch.Muon").within(1e-2, "bfloat16").bar_in("float32") == 1e-2
    assert pair("torch.Muon").bar_in("float32") == 1e-5


def test_no_pair_is_there_twice():
    assert len({str(one) for one in PAIRS}) == len(PAIRS)


def test_the_page_has_every_pair_and_its_expression():
    there = read(PAGE)
    assert {key: line.expression for key, line in there.items()} == {
        line.key: line.expression for line in map(row, PAIRS)
    }
    assert PAGE.read_text(encoding="utf-8") == markdown(there.values())


@pytest.mark.parametrize("one", PAIRS, ids=str)
def test_the_figures_of_the_page_are_within_the_bars(one):
    line = read(PAGE)[row(one).key]
    for dtype in one.dtypes:
        assert float(getattr(line, dtype)) <= one.bar_in(dtype)
    assert line.version


def test_an_expression_says_what_else_there_is():
    plain = Optimizer(adam(), 0.1)
    assert expression(plain) == repr(adam())
    full = Optimizer(sgd(), 0.1, hooks=[ClipNorm(1.0)], average=Ema(0.99))
    assert expression(full) == "Gradient(); hooks=(ClipNorm(max_norm=1.0),); average=Ema(FirstValueGain(beta=0.99))"


def test_the_page_is_read_as_it_was_written(tmp_path):
    rows = [Row("a", "b", "x | y", "1e-16", "1e-07", "1.0"), Row("a", "c", "z", "", "", "")]
    (tmp_path / "page.md").write_text(markdown(rows))
    assert list(read(tmp_path / "page.md").values()) == rows
    assert read(tmp_path / "none.md") == {}


def test_changes_are_said():
    line = Row("a", "b", "x", "1e-16", "1e-07", "1.0")
    assert changes(None, line) == ["new"]
    assert changes(line, line) == changes(line, line._replace(float64="9e-16")) == []
    assert changes(line, line._replace(expression="y", version="2.0")) == ["expression x → y", "version 1.0 → 2.0"]
    assert changes(line, line._replace(float32="nan")) == ["float32 1e-07 → nan"]


@pytest.fixture
def atlas(own, monkeypatch, tmp_path):
    """The command with a table of two pairs and a page of its own."""
    page = tmp_path / "atlas.md"
    page.write_text("")
    monkeypatch.setattr("optimlab.lab.atlas.command.PAIRS", (own("right"), own("wrong")))
    monkeypatch.setattr("optimlab.lab.atlas.command.shipped", lambda name, mark: tmp_path)
    return page


def test_the_command_says_what_is_over_the_bar(atlas, capsys):
    assert command(["--write"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "hand.right(momentum=0.9): new"
    assert said[1] == "hand.wrong(momentum=0.9): OVER THE BAR, new"
    assert [name for _, name in read(atlas)] == ["right(momentum=0.9)", "wrong(momentum=0.9)"]
    assert command(["hand.right"]) == 0
    assert capsys.readouterr().out == "hand.right(momentum=0.9): as before\n"


def test_what_is_not_a_number_is_over_the_bar(atlas, monkeypatch, capsys):
    monkeypatch.setattr("optimlab.lab.atlas.command.measured", lambda one: row(one)._replace(float64="nan"))
    assert command(["hand.right"]) == 1
    assert "OVER THE BAR" in capsys.readouterr().out


def test_of_what_is_not_installed_the_page_keeps_the_figures(atlas, monkeypatch, capsys):
    assert command(["--write", "hand.right"]) == 0
    before = read(atlas)
    monkeypatch.setitem(SYSTEMS, "hand", replace(SYSTEMS["hand"], module="no_such_module"))
    assert command(["--write", "hand"]) == 0
    assert "hand.right(momentum=0.9): hand is not installed" in capsys.readouterr().out
    assert read(atlas)["hand", "right(momentum=0.9)"] == before["hand", "right(momentum=0.9)"]


def test_an_unknown_name_is_refused_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        command(["nothing"])
    assert re.search(r"NAME must be one of .*keras.*; got nothing", capsys.readouterr().err)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_that_is_missing_says_what_to_install(system, monkeypatch):
    for module in ("torch", "optax", "jax", "keras", "sklearn.neural_network._stochastic_optimizers",
                   "autograd.misc.optimizers"):  # fmt: skip
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'python -m pip install "optimlab\[atlas\]"'):
        SYSTEMS[system].trajectory("SGD", {}, stream(0, [(2,)], 1))
