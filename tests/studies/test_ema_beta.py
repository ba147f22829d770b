"""The study of β with a series of the user's in the place of Seattle's."""

import importlib.util
import io
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimlab import ema
from optimlab.lab.frame import study
from optimlab.lab.play.dialect import add_dialect

SOURCE = Path(__file__).parents[2] / "studies" / "ema_beta.py"
spec = importlib.util.spec_from_file_location("ema_beta", SOURCE)
ema_beta = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ema_beta)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the study; return its status and what it printed."""

    def run(*arguments):
        argv = ["--draws", "100", "--out", str(tmp_path / "out"), *map(str, arguments)]
        status = study(ema_beta.main, ema_beta.KNOBS, options=lambda p: add_dialect(p, "--csv"), argv=argv)
        return status, *capsys.readouterr()

    return run


def test_what_belongs_together(run, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("v\n1\n3\n2\n")
    for given in (["--csv", path], ["--column", "v"], ["--sep", ";"], ["--csv", path, "--sep", ";"]):
        assert run(*given)[2] == "error: --csv FILE and --column NAME belong together\n"
    assert run("--csv", path, "--column", "v")[0] == 0


def test_the_series_is_in_table_and_figure_with_its_best_decay(run, tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.normal(size=60)) + rng.normal(size=60)
    text = "year,level\n" + "\n".join(f"{1871 + k},{v}" for k, v in enumerate(values))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    status, said, _ = run("--csv", "-", "--column", "level", "--time", "year", "--beta", "0.7")
    assert status == 0
    assert "The next value of level (60 rows, 0 gaps) is forecast best by β = 0." in " ".join(said.split())
    table = pd.read_csv(tmp_path / "out" / "ema_beta" / "series.csv", dtype={"year": str})
    assert table["year"].iloc[0] == "1871"
    np.testing.assert_allclose(table["ema_0.7"], ema(values, 0.7), rtol=1e-12)
    best = float(table.columns[-1].removeprefix("ema_"))
    errors = ema_beta.forecast_errors(values, [best - 0.05, best, best + 0.05])
    assert errors.argmin() == 1


def test_forecast_errors_are_of_one_beta_at_a_time():
    series, betas = np.random.default_rng(1).normal(size=100_000), np.linspace(0, 0.99, 40)
    series[::7] = np.nan
    expected = [np.sqrt(np.nanmean((series[1:] - ema(series, beta)[:-1]) ** 2)) for beta in betas]
    tracemalloc.start()
    np.testing.assert_array_equal(ema_beta.forecast_errors(series, betas), expected)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * series.nbytes
