"""`optimlab play` and `optimlab ema`: what they print, what they write, and how they end."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys
import unicodedata

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.text import Text

from optimlab import Decay, ema, fit_decay
from optimlab.__main__ import main
from optimlab.lab.frame import Run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def levels(here):
    rng = np.random.default_rng(0)
    values = pd.Series(np.cumsum(rng.normal(0, 0.3, 400)) + rng.normal(0, 1, 400), name="level $ x")
    values[7] = np.nan
    values.to_csv(here / "levels.csv", index_label="n")
    return values


def test_play_prints_the_answer_and_writes_figure_and_table(here, capsys):
    assert main(["play", "--rules", "adam, heavy_ball(.95)", "--start", "0.9", "-1e-2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "On the surface saddle from (0.9, -0.01), lr 0.01, 300 steps: Adam left downhill at step 89;"
    )
    assert "heavy ball" in said
    table = pd.read_csv(here / "results/play/paths.csv")
    assert set(table["rule"]) == {"Adam", "heavy ball β 0.95"}
    assert (here / "results/play/play.png").read_bytes()[1:4] == b"PNG"
    assert json.loads((here / "results/play/run.json").read_text())["answer"].startswith("On the surface saddle")


def test_play_takes_a_formula_a_file_and_every_option(here, capsys):
    (here / "mine.py").write_text("def f(x, y):\n    return x**2 * y\n")
    for given in (["--function", "x**2 * y"], ["--surface", "mine.py:f"]):
        turned = ["--lr", ".05", "--steps", "20", "--noise", ".1", "--seed", "3", "--kind", "surface"]
        assert main(["play", *given, *turned, "--rules", "sgd"]) == 0
    first, second = capsys.readouterr().out.split("On ")[1:]
    assert first.split("from")[1].split("figure")[0] == second.split("from")[1].split("figure")[0]


@pytest.mark.parametrize("size", [1e308, 1e-300])
def test_numbers_whose_squares_are_none_are_refused(size, here, capsys):
    pd.Series([1.0, 3.0, 2.0, 5.0], name="level").mul(size / 5.0).to_csv(here / "far.csv", index=False)
    assert main(["ema", "far.csv", "--column", "level"]) == 2
    said = capsys.readouterr().err
    assert "numbers must be at most 1e+140 and not all below 1e-140, for their squares; change the unit" in said
    assert f"got up to {size:g}" in said


def test_every_decay_is_named_apart_and_the_end_of_the_search_is_said(here, capsys):
    pd.Series([2.0, 5.0, 7.0, 1.0], name="level").to_csv(here / "short.csv", index=False)
    assert main(["ema", "short.csv", "--column", "level", "--beta", "0.9999", "0.999999"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert " 0.9999 1e+04 " in said
    assert " 0.999999 1e+06 " in said
    assert "the longest window that is tried, 40 rows; the mean of all serves as well." in said


@pytest.mark.parametrize(("given", "said"), [
    (["--function", ""], "an expression must have 1 to 1000 characters; got 0"),
    (["--surface", "saddle", "--function", "x"], "--surface and --function exclude each other"),
])  # fmt: skip
def test_play_plays_nothing_else_than_what_was_given(given, said, capsys):
    assert main(["play", *given]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_play_writes_an_animation(here):
    assert main(["play", "--rules", "sgd", "--steps", "20", "--animate"]) == 0
    page = (here / "results/play/play_animation.html").read_text()
    assert page.count("data:image/png;base64") == 41  # the whole ways come first


WRONG = [
    (["--rules", "adm"], "error: --rules: 'adm' is not known; did you mean adam?\n  adm\n  ^\n"),
    (["--surface", "sadle"], "did you mean saddle?"),
    (["--function", "x +"], "invalid syntax\n  x +\n     ^\n"),
    (["--function", "x", "--surface", "bowl"], "error: --surface and --function exclude each other; leave one out"),
    (["--surface", "bad.py:f"], "error: bad.py:2: ZeroDivisionError: division by zero\n"),
    (["--function", "log(x)", "--start", "-1", "0"], "log(x) must have a finite value at the start (-1, 0); got nan"),
    (["--lr", "0"], "error: --lr must be greater than 0"),
    (["--steps", "0"], "error: --steps must be"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_play_says_what_cannot_be_done(here, capsys, number):
    given, said = WRONG[number]
    (here / "bad.py").write_text("def f(x, y):\n    return x * (1 / 0)\n")
    assert main(["play", *given]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not printed.out
    assert not list(here.glob("results/*/*.png"))


def test_ema_prints_a_table_whose_numbers_are_those_of_the_library(here, capsys, levels):
    assert main(["ema", "levels.csv", "--column", "level $ x", "--time", "n", "--beta", "0.9", "0.5"]) == 0
    said = capsys.readouterr().out
    best = fit_decay(levels)
    words = f"The best β for the next value is {best.decay.beta:.4g} ± {best.standard_error:.2g}"
    assert words in " ".join(said.split())
    assert "400 rows, 1 gaps" in said
    rows = [line.split() for line in said.splitlines() if line.startswith("  0.")]
    assert [row[0] for row in rows] == ["0.9", "0.5", f"{best.decay.beta:.4g}"]
    for row in rows[:2]:
        decay = Decay(float(row[0]))
        error = np.sqrt(np.nanmean((levels.to_numpy()[1:] - ema(levels, decay).to_numpy()[:-1]) ** 2))
        expected = [decay.window, np.sqrt((1 - decay.beta) / (1 + decay.beta)), error]
        np.testing.assert_allclose([float(cell) for cell in row[1:]], expected, rtol=1e-3)
    table = pd.read_csv(here / "results/ema/ema.csv", index_col="n")
    np.testing.assert_allclose(table["ema_0.9"], ema(levels, 0.9), rtol=1e-12)
    assert (here / "results/ema/ema.png").is_file()


def test_ema_reads_standard_input(levels, here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((here / "levels.csv").read_bytes())))
    assert main(["ema", "-", "--column", "level $ x"]) == 0
    assert "level $ x of standard input: 400 rows" in capsys.readouterr().out


def remedy(error):
    """The first remedy of a message of one line, as a shell splits it."""
    assert error.count("\n") == 1
    said = error.rpartition("; use ")[2]
    return shlex.split(re.split(r" or | \(| for a gap| to leave out", said)[0])


REMEDIES = [
    ("t;v\n1;1,5\n2;2,5\n3;1.000\n", [], ["--sep=;", "--decimal=,", "--thousands=."]),
    ("t\tv\n1\t1\n2\t3\n3\t2\n".encode("utf-16"), [], ["--encoding=utf-16", r"--sep=\t"]),
    ("Levels\nv,w\n1,2\n-,2\n?,2\n3,2\n2,2\n", [], ["--skip=1", "--na=-", "--na=?"]),
    ("t,v\n01.01.2024,1\n01.02.2024,3\n01.03.2024,2\n", ["--time", "t"], ["--dayfirst"]),
    ("t,v\nJan-23,1\nFeb-23,3\nJan-24,2\n", ["--time", "t"], ["--time-format=%b-%y"]),
    ("t,v\n3,1\n2,3\n1,2\n", ["--time", "t"], ["--sort"]),
    ("a 'b' v\n1 2 3\n1 2 5\n1 2 4\n", [], ["--sep= "]),
]


@pytest.mark.parametrize("number", range(len(REMEDIES)))
def test_ema_guesses_nothing_and_following_its_remedies_ends_in_a_result(here, capsys, number):
    content, given, followed = REMEDIES[number]
    (here / "own.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    options = []
    while main(["ema", "own.csv", "--column", "v", *given, *options]) == 2 and len(options) < len(followed):
        options += [option for option in remedy(capsys.readouterr().err) if option not in options]
    assert options == followed
    assert main(["ema", "own.csv", "--column", "v", *given, *options]) == 0


def test_a_refusal_of_standard_input_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"t;v\n1;2\n")))
    assert main(["ema", "-", "--column", "v"]) == 2
    assert capsys.readouterr().err == "error: standard input has no column 'v'; it has 't;v'; use --sep=';'\n"


@pytest.mark.parametrize(("text", "said"), [
    ("a\n1\n1\n1\n", "column 'a' of own.csv: x must hold at least 3 values, not all equal"),
    ("b\n1\n2\n3\n", "a"), ("a\n1\ntwo\n3\n", "own.csv"),
])  # fmt: skip
def test_ema_says_what_cannot_be_read(here, capsys, text, said):
    (here / "own.csv").write_text(text)
    assert main(["ema", "own.csv", "--column", "a"]) == 2
    assert said in capsys.readouterr().err


MESSY = [
    "sales_$ / cost_$", r"$\frac{$", "$x^2$ in m² & more", "a\\$b_{c} % #", "\x1b[31mred\x07\x9b2J", "line\nbreak",
    "\u202eright to left", "x" * 300, "温度 (°C)", "_", "ema_0.9",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MESSY)))
def test_names_are_only_text(here, capsys, monkeypatch, number):
    name, figures, save = MESSY[number], [], Run.figure
    monkeypatch.setattr(Run, "figure", lambda run, figure, file: (figures.append(figure), save(run, figure, file))[1])
    with open("own.csv", "w", newline="") as file:
        csv.writer(file).writerows([["t", name], *enumerate([1.5, 3, 2, 5, 4])])
    assert main(["ema", "own.csv", "--column", name, "--time", "t", "--beta", "0.9"]) == 0
    said = capsys.readouterr()
    assert not said.err
    for text in [said.out.replace("\n", ""), *(text.get_text() for text in figures[0].findobj(Text))]:
        assert not any(unicodedata.category(c).startswith("C") for c in text)
    assert not any(is_math_text(text.get_text()) for text in figures[0].findobj(Text))
    table = pd.read_csv("results/ema/ema.csv")
    assert table[name + " (data)" * (name == "ema_0.9")].tolist() == [1.5, 3, 2, 5, 4]


@pytest.mark.parametrize("start", ["2024-03-30T12:00:0{}+01:00", "170406720000000000{}", "0.{}", "2024-01-1{}"])
def test_any_times_are_drawn(here, start):
    rows = [f"{start.format(k)},{k % 5}" for k in range(9)]
    (here / "own.csv").write_text("\n".join(["t,v", *rows]))
    assert main(["ema", "own.csv", "--column", "v", "--time", "t"]) == 0


def test_ema_draws_each_decay_in_a_colour_of_its_own_and_no_legend_over_data(levels):
    import matplotlib.pyplot as plt

    from optimlab.lab.frame.figures import drawn
    from optimlab.lab.play.ema import _draw

    fit = fit_decay(levels)
    averages = {beta: ema(levels, beta) for beta in (*np.linspace(0.1, 0.9, 8), fit.decay.beta)}
    figure = drawn([lambda ax: _draw(ax, levels, averages, fit)], 1, (10, 5))
    (ax,) = figure.axes
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 10
    figure.canvas.draw()
    assert not ax.get_legend().get_window_extent().overlaps(ax.patch.get_window_extent())
    plt.close(figure)


def test_a_long_series_is_drawn_by_its_extremes():
    from optimlab.lab.play.series import extremes

    y = np.random.default_rng(0).normal(size=50_000)
    y[1234], y[40_000], y[100:300] = 99.0, -99.0, np.nan
    rows = extremes(y)
    assert {1234, 40_000} <= set(rows.tolist())
    assert len(rows) <= 4000
    assert not np.isnan(y[rows]).any()
    assert extremes(y[:100]).tolist() == list(range(100))


def test_the_version_loads_numpy_alone():
    code = "import sys\nfrom optimlab.__main__ import main\n"
    code += "try:\n main(['--version'])\nexcept SystemExit:\n print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pandas", "scipy", "matplotlib", "numba", "tqdm"}
    assert "optimlab.lab.play" not in done.stdout.split()


@pytest.mark.slow
def test_a_pipe_that_closes_ends_it_quietly(here, levels):
    line = f"{sys.executable} -m optimlab ema levels.csv --column 'level $ x' | head -n 1"
    done = subprocess.run(["bash", "-c", line], cwd=here, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("level $ x of levels.csv")
    assert not done.stderr
