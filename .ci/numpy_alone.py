"""The library with NumPy alone: averages, a stream, an optimizer, a descent; what needs more says so."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

import optimlab
from optimlab import Box, ClipNorm, Ema, EmaState, Optimizer, Project, adamw, cosine_decay, descend, ema, ema_var

for package in ("scipy", "pandas", "matplotlib", "tqdm", "numba"):
    assert importlib.util.find_spec(package) is None, f"{package} is installed"
for name in optimlab.__all__:
    getattr(optimlab, name)

x = np.cumsum(np.random.default_rng(0).normal(size=1000))
assert ema(x, 0.9).shape == ema_var(x, halflife=20).shape == (1000,)
assert np.isclose(EmaState(0.9).update(x[:400]).merge(EmaState(0.9).update(x[400:])).mean, ema(x, 0.9)[-1])


class Bowl:
    start = np.array([3.0, -1.0])

    def value(self, w):
        return float(w @ w)

    def gradient(self, w):
        return 2 * w


hooks = [ClipNorm(1.0), Project(Box(-5.0, 5.0))]
opt = Optimizer(adamw(), cosine_decay(0.1, steps=500), hooks=hooks, average=Ema(0.9, debias=True))
history = descend(Bowl(), opt, 500)
assert history.best < 1e-2, history
with tempfile.TemporaryDirectory() as folder:
    opt.save(Path(folder, "run.npz"))
for call in (history.frame, lambda: optimlab.fit_decay(x)):
    try:
        call()
    except ImportError as error:
        assert "optimlab[lab]" in str(error), error
    else:
        raise AssertionError("needs the extra, and does not say so")
print("the library runs with NumPy", np.__version__, "alone")
