"""The laboratory: what studies the averages and the optimizers. It imports the library, never the reverse.

``optimlab.lab.problems`` has what is smoothed and optimised, ``optimlab.lab.nets`` fully connected nets and their
initializers, ``optimlab.lab.theory`` the closed forms, ``optimlab.lab.autodiff`` differentiates NumPy programs, and
``optimlab.lab.frame`` is the frame of every study. ``optimlab.lab.paths("saddle", "adam, heavy_ball(.95)").plot()``
lets rules run over a surface. What needs more than NumPy says so, and the extra ``lab`` has it:
``pip install "optimlab[lab]"``.
"""

from typing import Any as _Any


def __getattr__(name: str) -> _Any:
    if name != "paths":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from optimlab.lab.play import paths

    return paths
