"""The EMA as a transformer of scikit-learn."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from optimlab import Decay, PowerGain, ema
from optimlab.plug.sklearn import EmaTransformer

REASON = "down the rows the order of the rows is time: a mean depends on the rows before it"
ORDER = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
LABELS = np.array(["a", "b"])[RNG.integers(2, size=20)]


def _expected(transformer):
    return dict.fromkeys(ORDER, REASON) if transformer.axis == 0 else {}


@parametrize_with_checks(
    [
        EmaTransformer(),
        EmaTransformer(halflife=3.0, start="first", gaps="raise"),
        EmaTransformer(span=5, gap_result="nan", min_count=2, gaps="skip"),
        EmaTransformer(axis=1),
        EmaTransformer(PowerGain(3.0), axis=1, gaps="raise"),
    ],
    expected_failed_checks=_expected,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_checks_of_estimators(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "how",
    [
        {"beta": 0.8}, {"beta": Decay(window=5)}, {"alpha": 0.2}, {"span": 5}, {"com": 2.0}, {"halflife": 3.0},
        {"halflife": 3.0, "start": "first"}, {"beta": 0.9, "start": 1.0}, {"beta": PowerGain(2.0)},
        {"beta": 0.5, "axis": 1}, {"beta": 0.5, "min_count": 3},
    ],
)  # fmt: skip
def test_it_is_ema(how):
    np.testing.assert_array_equal(EmaTransformer(**how).fit(X[:2]).transform(X), ema(X, **how))
    holes = np.where(X > 1.0, np.nan, X)
    for gaps in ("decay", "skip", "propagate"):
        for result in ("hold", "nan"):
            more = how | {"gaps": gaps, "gap_result": result}
            np.testing.assert_array_equal(EmaTransformer(**more).fit_transform(holes), ema(holes, **more))


def test_no_name_of_the_decay_is_nine_tenths():
    np.testing.assert_array_equal(EmaTransformer().fit_transform(X), ema(X, 0.9))


@pytest.mark.parametrize("column", ["by", 0, -3])
def test_groups_are_series_of_their_own(column):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"by": LABELS, "u": X[:, 0], "v": X[:, 1]})
    transformer = EmaTransformer(0.7, by=column).fit(frame)
    found = transformer.transform(frame)
    np.testing.assert_array_equal(found, ema(X[:, :2], 0.7, by=LABELS))
    for label in "ab":
        np.testing.assert_allclose(found[label == LABELS], ema(X[label == LABELS, :2], 0.7), rtol=1e-12)
    assert transformer.get_feature_names_out().tolist() == ["u", "v"]
    assert (transformer.n_features_in_, transformer.feature_names_in_.tolist()) == (3, ["by", "u", "v"])
    changed = frame.assign(u=np.where(LABELS == "a", 9.0, frame.u))
    np.testing.assert_array_equal(transformer.transform(changed)[LABELS == "b"], found[LABELS == "b"])


def test_times_in_a_column():
    times = np.cumsum(RNG.uniform(0, 2, 20))
    found = EmaTransformer(halflife=2.0, times=1).fit_transform(np.column_stack([X[:, 0], times]))
    np.testing.assert_array_equal(found, ema(X[:, :1], halflife=2.0, times=times))


def test_dates_and_labels_of_pandas_and_polars():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    dates = pandas.date_range("2026-01-01", periods=20, freq="6h")
    frame = pandas.DataFrame({"u": X[:, 0], "when": dates, "who": LABELS})
    transformer = EmaTransformer(halflife="1D", by="who", times="when")
    expected = ema(X[:, :1], halflife="1D", by=LABELS, times=dates)
    np.testing.assert_array_equal(transformer.fit_transform(frame), expected)
    columns = {"u": X[:, 0], "when": dates.to_numpy().astype("datetime64[us]"), "who": LABELS.tolist()}
    np.testing.assert_array_equal(transformer.fit_transform(polars.DataFrame(columns)), expected)


def test_output_of_pandas_and_polars():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pandas.DataFrame(X, columns=["u", "v", "w"], index=range(100, 120))
    found = EmaTransformer(0.5).set_output(transform="pandas").fit_transform(frame)
    pandas.testing.assert_frame_equal(found, ema(frame, 0.5))
    found = EmaTransformer(0.5, by="w").set_output(transform="polars").fit_transform(polars.DataFrame(frame))
    assert isinstance(found, polars.DataFrame)
    assert found.columns == ["u", "v"]


def test_in_a_column_transformer_the_names_go_on():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"u": X[:, 0], "who": LABELS, "v": X[:, 1]})
    table = make_column_transformer((EmaTransformer(0.5, by="who"), ["u", "who"]), remainder="passthrough")
    found = table.set_output(transform="pandas").fit_transform(frame)
    assert found.columns.tolist() == ["ematransformer__u", "remainder__v"]


def test_search_over_the_half_life():
    rng = np.random.default_rng(1)
    noisy = rng.standard_normal((600, 1))
    target = ema(noisy[:, 0], halflife=8.0)
    search = GridSearchCV(
        make_pipeline(EmaTransformer(halflife=1.0), Ridge(1e-6)),
        {"ematransformer__halflife": [2.0, 4.0, 8.0, 16.0]},
        cv=TimeSeriesSplit(3),
    )
    assert search.fit(noisy, target).best_params_ == {"ematransformer__halflife": 8.0}


def test_types_and_memory():
    assert get_tags(EmaTransformer()).transformer_tags.preserves_dtype == ["float64", "float32"]
    assert EmaTransformer().fit_transform(X.astype(np.float32)).dtype == np.float32
    assert EmaTransformer().fit_transform(np.arange(6).reshape(3, 2)).dtype == np.float64
    fixed = X.copy()
    fixed.flags.writeable = False
    np.testing.assert_array_equal(EmaTransformer().fit_transform(fixed), ema(X, 0.9))


def test_copies():
    fitted = EmaTransformer(Decay(halflife=3.0), by=0, start="first").fit(X)
    for other in (pickle.loads(pickle.dumps(fitted)), clone(fitted).fit(X)):
        assert other.get_params() == fitted.get_params()
        np.testing.assert_array_equal(other.transform(X), fitted.transform(X))
    before = dict(vars(fitted))
    assert dict(vars(fitted.fit(X))) == before


def test_what_is_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["u", "v", "w"])
    refused = [
        (EmaTransformer(0.9, span=3), X, ValueError, "exactly one of"),
        (EmaTransformer(1.5), X, ValueError, "beta must be"),
        (EmaTransformer(axis=2), X, ValueError, "axis must be"),
        (EmaTransformer(by="who"), frame, ValueError, r"by must be a column of X, one of \['u', 'v', 'w'\].*'who'"),
        (EmaTransformer(by="who"), X, ValueError, r"by must be a column of X, one of \[\].*'who'"),
        (EmaTransformer(times=3), X, ValueError, "times must be"),
        (EmaTransformer(by=0, axis=1), X, ValueError, "by must be None with axis=1"),
        (EmaTransformer(gaps="raise"), np.where(X > 0.0, np.nan, X), ValueError, "contains NaN"),
        (EmaTransformer(halflife=1.0, times=0), X, ValueError, "times must not decrease"),
    ]
    for transformer, given, kind, words in refused:
        with pytest.raises(kind, match=words):
            transformer.fit(given)
