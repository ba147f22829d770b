"""What needs NumPy alone runs on NumPy alone; what needs more says which extra has it."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from optimlab import lab, read_series
from optimlab.lab.frame import (
    mean_interval,
    median_interval,
    proportion_interval,
    study,
    wilson_interval,
)
from optimlab.lab.problems import Cliff, ar1_noise, load_co2, load_digits
from optimlab.lab.theory import (
    LinearRule,
    clipped_normal,
    clipped_normal_cosine,
    clipped_student,
    goe_index,
    outside_probability,
    stationary_covariance,
    truncated_variance,
)

EXTRA = ("matplotlib", "pandas", "scipy", "tqdm")
NEEDS = [
    ("pandas", load_co2),
    ("pandas", load_digits),
    ("pandas", lambda: read_series("own.csv", "a")),
    ("scipy", lambda: Cliff(height=11.0).points),
    ("scipy", lambda: ar1_noise(0, 9, phi=0.5)),
    ("scipy", lambda: clipped_normal(0.0, 1.0, 1.0)),
    ("scipy", lambda: clipped_student(0.0, 1.0, 3.0, 1.0)),
    ("scipy", lambda: clipped_normal_cosine(1.0)),
    ("scipy", lambda: outside_probability(1.0)),
    ("scipy", truncated_variance),
    ("scipy", lambda: goe_index(3, 0.0)),
    ("scipy", lambda: stationary_covariance(LinearRule(0.5), 0.1, 1.0)),
    ("scipy", lambda: mean_interval([1.0, 2.0])),
    ("scipy", lambda: median_interval(np.arange(99.0))),
    ("scipy", lambda: proportion_interval([True, False])),
    ("scipy", lambda: wilson_interval([True, False])),
]
ALONE = """
import sys
for package in {extra}:
    sys.modules[package] = None
import numpy as np
import optimlab.lab.autodiff, optimlab.lab.frame, optimlab.lab.nets, optimlab.lab.problems, optimlab.lab.theory
import optimlab.lab.play
from optimlab import Optimizer, adam
from optimlab.lab.autodiff import grad
from optimlab.lab.nets import MLP, TrainingLoss, initializers
from optimlab.lab.problems import Beale, Himmelblau, Rastrigin, Rosenbrock, SaddleChain, parabola, ravine, spiral, xor
net = MLP((2, 8, 3), "tanh")
start = net.initial(lambda shape: initializers.glorot_uniform(shape, 0))
loss, w, opt = TrainingLoss(net, spiral(0)), start.copy(), Optimizer(adam(), 0.01)
for _ in range(20):
    opt.step(w, loss.gradient(w))
assert loss.value(w) < loss.value(start)
assert grad(lambda w: np.tanh(w) @ w)(np.ones(2)).shape == (2,)
for surface in (Beale(), Himmelblau(), Rastrigin(), Rosenbrock(), SaddleChain(3), ravine(9.0)):
    assert surface.gradient(surface.start).shape == surface.start.shape
    assert surface.points
assert xor().X.shape == (4, 2)
assert parabola(0, 9).values.shape == (9,)
"""


def test_nets_autodiff_and_surfaces_need_numpy_alone():
    done = subprocess.run([sys.executable, "-c", ALONE.format(extra=EXTRA)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("package", "call"), NEEDS)
def test_what_needs_more_names_the_extra(package, call, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    said = rf'needs {package}, which is not installed; python -m pip install "optimlab\[lab\]" installs it$'
    with pytest.raises(ImportError, match=said):
        call()


@pytest.mark.parametrize("package", EXTRA)
def test_a_study_says_at_once_what_is_missing(package, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    assert study(lambda run: pytest.fail("it must not start"), argv=["--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    remedy = 'python -m pip install "optimlab[lab]" installs it'
    assert said == f"error: a study needs {package}, which is not installed; {remedy}\n"
    assert not list(tmp_path.iterdir())


def test_what_is_imported_on_demand_is_asked_for():
    """Modules that import SciPy or pandas inside a function ask ``needed`` for it; the frame asks at its entry."""
    for path in Path(lab.__path__[0]).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inner = [node for function in functions for node in ast.walk(function)]
        modules = [node.module for node in inner if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in inner if isinstance(node, ast.Import) for alias in node.names]
        asked = {node.args[0].value for node in inner if isinstance(node, ast.Call) and _name(node) == "needed"
                 if isinstance(node.args[0], ast.Constant)}  # fmt: skip
        imported = {module.partition(".")[0] for module in modules} & {"scipy", "mlxtend", "pandas"}
        if path.parent.name != "frame" or "scipy" in imported:
            assert imported <= asked, path


def _name(call):
    return getattr(call.func, "id", None)
