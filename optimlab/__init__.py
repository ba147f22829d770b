"""optimlab: the exponentially weighted moving average and everything that is built on it.

All public names are here: averages of series, the atoms of update rules, the optimizers, hooks, schedules. Each is
loaded when it is first used; where it lives stands in ``__init__.pyi``. The laboratory that studies them, with its
problems, closed forms and nets, is ``optimlab.lab`` (``pip install "optimlab[lab]"``).

Examples
--------
>>> import numpy as np
>>> import optimlab
>>> optimlab.ema([1.0, 2.0, 3.0], 0.5)
array([1.        , 1.66666667, 2.42857143])
>>> from optimlab import ClipNorm, Optimizer, adam, cosine_decay
>>> w = np.array([1.0, -2.0])
>>> opt = Optimizer(adam(), lr=cosine_decay(0.1, steps=200), hooks=[ClipNorm(1.0)])
>>> for _ in range(200):
...     _ = opt.step(w, 2 * w)
>>> bool(abs(w).max() < 1e-2)
True
"""

import re as _re
from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.2.0.dev0"

_TABLE = __loader__.get_data(__file__.removesuffix(".py") + ".pyi").decode()  # type: ignore[union-attr]
_HOMES = {name: home for home, name in _re.findall(r"^from (\S+) import (\w+)", _TABLE, _re.MULTILINE)}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
