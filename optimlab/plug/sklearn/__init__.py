"""Rules as solvers of scikit-learn's nets, and the EMA as a transformer (``pip install "optimlab[sklearn]"``)."""

from __future__ import annotations

from optimlab.extras import needed

needed("sklearn", "sklearn", "optimlab.plug.sklearn")

from optimlab.plug.sklearn.nets import MLPClassifier, MLPRegressor, Solver, solver  # noqa: E402
from optimlab.plug.sklearn.transformer import EmaTransformer  # noqa: E402

__all__ = ["EmaTransformer", "MLPClassifier", "MLPRegressor", "Solver", "solver"]
