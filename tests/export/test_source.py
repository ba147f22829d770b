"""Texts of rules stand alone, and take NumPy's steps in every language to the last bit."""

import numpy as np
import pytest

from tests.export.runners import gcc, jax_steps, missing, node, torch_steps
from tests.export.texts import ALL, differing, given, taken

FEW = ["adam", "radam", "nadam", "rate inside", "rprop", "warming"]


def wanted(name, dtype):
    """NumPy's weights and state after each step: (steps, 1 + slots, lanes)."""
    weights, states = taken(name, dtype)
    return np.concatenate([weights[np.newaxis, 1:], states[:, 1:]]).swapaxes(0, 1)


def found(names, dtype, home):
    """Weights and state after each step in each language that is there, for each rule."""
    texts = {
        target: [ALL[name].source(target, dtype=dtype) for name in names] for target in ("js", "c", "torch", "jax")
    }
    gone = missing()
    if "node" not in gone:
        yield "js", node(texts["js"], given(dtype), home)
    if "gcc" not in gone:
        yield "c", gcc(texts["c"], given(dtype), home)
    if "torch" not in gone:
        yield "torch", [torch_steps(name, text, dtype) for name, text in zip(names, texts["torch"], strict=True)]
    if "jax" not in gone:
        import jax

        with jax.enable_x64(dtype == "float64"):
            yield "jax", [jax_steps(name, text, dtype) for name, text in zip(names, texts["jax"], strict=True)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("names", [FEW, pytest.param(list(ALL), marks=pytest.mark.slow)], ids=["few", "all"])
def test_no_bit_differs_from_numpys_in_a_thousand_steps(names, dtype, tmp_path):
    wrong = {}
    for target, runs in found(names, dtype, tmp_path):
        for name, run in zip(names, runs, strict=True):
            want = wanted(name, dtype)
            count = differing(run[:, : want.shape[1]], want)
            if count:
                wrong[target, name] = count
    assert wrong == {}
    if missing():
        pytest.skip(f"these alone were not run, they are not there: {', '.join(missing())}")
