"""The EMA of series as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from optimlab.checks import whole
from optimlab.series.ema import ema
from optimlab.typing import Array

__all__ = ["EmaTransformer"]

_NAMES = ("beta", "alpha", "span", "com", "halflife")
_OPTIONS = ("start", "gaps", "gap_result", "min_count")


@final
class EmaTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """m ← m + k (x - m) down the rows, or along the features: ``optimlab.ema`` in a pipeline.

    A row's result depends on this row and those before it in the same call alone: nothing is learned from the rows of
    ``fit``, and nothing is kept from one ``transform`` to the next.

    Parameters
    ----------
    beta, alpha, span, com, halflife : float, optional
        The decay, in one of its names; see ``optimlab.ema``. None at all: β = 0.9.
    start : {"debiased", "zero", "first"} or float
        What m starts from.
    gaps : {"decay", "skip", "propagate", "raise"}
        What NaN means.
    gap_result : {"hold", "nan"}
        What the result on a gap is.
    min_count : int, at least 0
        Values that must have been seen before there is a result; NaN until then.
    axis : {0, 1}
        0: each column is a series, down the rows. 1: each row is one, along the features, such as a spectrum.
    by : str or int, optional
        Column of X with the groups' labels, by name or position: each group is a series of its own. It is no feature:
        the output lacks it.
    times : str or int, optional
        Column of X with the rows' times, not decreasing within a group; the output lacks it too.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Their names, if X has any.

    Raises
    ------
    ValueError, TypeError
        In ``fit`` and ``transform``: if X is not a table of real numbers, a column is not there, or as ``optimlab.ema``
        does.

    Notes
    -----
    Down the rows the order of the rows matters, so that two of scikit-learn's checks of estimators cannot hold:
    ``check_methods_sample_order_invariance`` and ``check_methods_subset_invariance``. Do not shuffle, and split by time
    (``TimeSeriesSplit``) or by group (``GroupKFold``).

    Examples
    --------
    >>> from optimlab.plug.sklearn import EmaTransformer
    >>> EmaTransformer(halflife=1.0).fit_transform([[0.0], [3.0], [5.5]])
    array([[0.],
           [2.],
           [4.]])
    >>> EmaTransformer(halflife=1.0, by=0).fit_transform([[1, 0.0], [2, 9.0], [1, 3.0]])
    array([[0.],
           [9.],
           [2.]])
    """

    def __init__(
        self,
        beta: Any = None,
        *,
        alpha: float | None = None,
        span: float | None = None,
        com: float | None = None,
        halflife: Any = None,
        start: str | float = "debiased",
        gaps: str = "decay",
        gap_result: str = "hold",
        min_count: int = 1,
        axis: int = 0,
        by: str | int | None = None,
        times: str | int | None = None,
    ) -> None:
        self.beta = beta
        self.alpha = alpha
        self.span = span
        self.com = com
        self.halflife = halflife
        self.start = start
        self.gaps = gaps
        self.gap_result = gap_result
        self.min_count = min_count
        self.axis = axis
        self.by = by
        self.times = times

    def fit(self, X: Any, y: Any = None) -> Self:
        """Refuse what ``transform`` would refuse; there is nothing to learn.

        Parameters
        ----------
        X : array_like or DataFrame of float, shape (rows, features)
            The series.
        y : None
            Ignored.

        Returns
        -------
        EmaTransformer
            The transformer itself.
        """
        self._ema(*self._taken(X, reset=True))
        return self

    def transform(self, X: Any) -> Any:
        """Return the means.

        Parameters
        ----------
        X : array_like or DataFrame of float, shape (rows, features)
            The series, with the columns of ``fit``.

        Returns
        -------
        ndarray of float32 or float64, shape (rows, features), or DataFrame
            As ``set_output`` says; float32 for float32.
        """
        check_is_fitted(self)
        return self._ema(*self._taken(X, reset=False))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Return the names of the features, which are those of X without ``by`` and ``times``.

        Parameters
        ----------
        input_features : array_like of str, optional
            Names, if X had none.

        Returns
        -------
        ndarray of str
            The names.
        """
        return np.delete(super().get_feature_names_out(input_features), list(self._places().values()))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.gaps != "raise"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _taken(self, X: Any, *, reset: bool) -> tuple[Array, dict[str, Any]]:
        """Return the series, and the columns that are none by what they are."""
        finite = True if self.gaps == "raise" else "allow-nan"
        checks: dict[str, Any] = {"dtype": [np.float64, np.float32], "ensure_all_finite": finite}
        if self.by is None and self.times is None:
            return validate_data(self, X, reset=reset, **checks), {}
        X = X if hasattr(X, "shape") else np.array(X, dtype=object)
        validate_data(self, X, reset=reset, skip_check_array=True)  # labels and times need not be numbers
        places = self._places()
        rest = [i for i in range(self.n_features_in_) if i not in places.values()]
        columns = {name: _safe_indexing(X, place, axis=1) for name, place in places.items()}
        return check_array(_safe_indexing(X, rest, axis=1), estimator=self, **checks), columns

    def _places(self) -> dict[str, int]:
        """Return where the columns are that are no series."""
        given = {name: getattr(self, name) for name in ("by", "times") if getattr(self, name) is not None}
        if given and self.axis != 0:
            raise ValueError(f"{' and '.join(given)} must be None with axis=1, where each row is a series of its own")
        return {name: self._place(name, column) for name, column in given.items()}

    def _place(self, name: str, column: str | int) -> int:
        if not isinstance(column, str):
            n: int = self.n_features_in_
            return whole(name, column, -n, n - 1) % n
        names = list(getattr(self, "feature_names_in_", ()))
        if column not in names:
            raise ValueError(f"{name} must be a column of X, one of {names}, or its position; got {column!r}")
        return names.index(column)

    def _ema(self, series: Array, columns: dict[str, Any]) -> Any:
        names = {name: getattr(self, name) for name in _NAMES if getattr(self, name) is not None} or {"beta": 0.9}
        options = {name: getattr(self, name) for name in _OPTIONS}
        return ema(series, **names, **options, **columns, axis=whole("axis", self.axis, 0, 1))
