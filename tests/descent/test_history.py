import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimlab import Every, History, Optimizer, descend, sgd
from tests.descent.problems import Bowl

values = hnp.arrays(float, st.integers(1, 12), elements=st.floats(0, 4).map(round) | st.just(np.nan))


@given(values, st.integers(0, 4), st.integers(1, 3), st.integers(0, 13))
def test_held_by_search(found, target, every, rows):
    steps = every * np.arange(len(found))
    held = [steps[i] for i in range(len(found) - rows) if all(v <= target for v in found[i : i + rows + 1])]
    history = History(None, "steps", {"step": steps, "value": found}, None)
    assert history.held(target, rows) == (held[0] if held else np.inf)
    assert history.held(target, 0) == history.first_hit(target)
    both = History(None, "steps", {"step": steps, "value": np.stack([found, found], axis=1)}, 2)
    assert both.held(target, rows).tolist() == [history.held(target, rows)] * 2


def test_held_for_less_than_no_row_is_refused():
    with pytest.raises(ValueError, match="rows must be a whole number of at least 0; got -1"):
        descend(Bowl(), Optimizer(sgd(), 0.25), 3).held(1.0, -1)


@given(values, st.integers(0, 4), st.integers(1, 3))
def test_first_hit_settled_and_best_by_search(found, target, every):
    steps = every * np.arange(len(found))
    history = History(None, "steps", {"step": steps, "value": found}, None)
    hits = [int(s) for s, v in zip(steps, found, strict=True) if v <= target]
    kept = [int(s) for i, s in enumerate(steps) if all(v <= target for v in found[i:])]
    assert history.first_hit(target) == (hits[0] if hits else np.inf)
    assert history.settled(target) == (kept[0] if kept else np.inf)
    best = [np.nanmin(found[: i + 1]) if not np.isnan(found[: i + 1]).all() else np.nan for i in range(len(found))]
    np.testing.assert_array_equal(history.best_so_far, best)
    both = History(None, "steps", {"step": steps, "value": np.stack([found, found], axis=1)}, 2)
    assert both.first_hit(target).tolist() == [history.first_hit(target)] * 2
    assert both.settled(target).tolist() == [history.settled(target)] * 2


@pytest.mark.parametrize("replicas", [None, 1, 3])
def test_a_history_without_rows(replicas):
    """As after two Ctrl-C before the first row."""

    class Never(Bowl):
        def value(self, w):
            raise KeyboardInterrupt

    start = np.ones(2) if replicas is None else np.ones((replicas, 2))
    history = descend(Never(start), Optimizer(sgd(), 0.1, replicas=replicas), 100, record=Every(1, w=np.copy))
    none = [np.inf] * (replicas or 1)
    for step in (history.first_hit(1.0), history.settled(1.0), history.held(1.0, 2), history.held(1.0, 0)):
        assert np.ravel(step).tolist() == none
        assert np.shape(step) == (() if replicas is None else (replicas,))
    assert np.isnan(history.best).all()
    assert np.shape(history.best) == (() if replicas is None else (replicas,))
    assert len(history.best_so_far) == len(history.frame()) == 0
    assert history["step"].dtype.kind == "i"
    assert repr(history).startswith("<History of 0 rows up to step None, best ")


def test_steps_and_the_best_value_are_plain_numbers():
    history = descend(Bowl(), Optimizer(sgd(), 0.25), 5)
    assert [type(x) for x in (history.first_hit(1.0), history.settled(-1.0), history.best)] == [int, float, float]
    assert repr(history) == f"<History of 6 rows up to step 5, best {history.best}, ended by steps>"
    assert history.held(1.0, 4) == np.inf
    assert history.held(2.0, 4) == 1


def test_targets_may_be_of_each_replica():
    history = descend(Bowl([[1.0], [1.0]]), Optimizer(sgd(), 0.25, replicas=2), 5)
    assert history.first_hit(np.array([0.3, 0.03])).tolist() == [1, 3]
    with pytest.raises(TypeError, match="target must be a number; got 'a'"):
        history.first_hit("a")
    with pytest.raises(ValueError, match="target must be a number; got nan"):
        history.settled(np.nan)


def test_a_history_is_itself_alone_and_does_not_change():
    history, other = (descend(Bowl(), Optimizer(sgd(), 0.25), 3) for _ in range(2))
    assert history == history
    assert history != other
    assert len({history, other}) == 2
    with pytest.raises(AttributeError):
        history.reason = "steps"


def test_a_rate_of_all_replicas_has_a_column_for_each():
    history = descend(Bowl([[1.0, 2.0]] * 3), Optimizer(sgd(), 0.25, replicas=3), 2)
    assert history["lr"].tolist() == [[0.25] * 3] * 3
    assert descend(Bowl(), Optimizer(sgd(), 0.25), 2)["lr"].tolist() == [0.25] * 3


def test_quantities_of_every_shape_make_columns():
    record = Every(1, three=lambda w: np.arange(3.0), own=lambda w: 10.0 * w, one=lambda w: w[:, :1])
    frame = descend(Bowl([[1.0, 2.0]] * 2), Optimizer(sgd(), [0.25, 0.5], replicas=2), 1, record=record).frame()
    columns = ["three_0", "three_1", "three_2", "own_0", "own_1", "one"]
    assert frame[columns].to_numpy().tolist() == [
        [0, 1, 2, 10, 20, 1], [0, 1, 2, 10, 20, 1], [0, 1, 2, 5, 10, 0.5], [0, 1, 2, 0, 0, 0],
    ]  # fmt: skip


def test_a_history_draws_itself_over_its_steps():
    import matplotlib.pyplot as plt

    history = descend(Bowl(), Optimizer(sgd(), lr=0.1), 20, record=Every(5))
    ax = history.plot()
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([history["step"], history["value"]]))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "value", "log")
    below = History(
        None, "steps", {"step": np.arange(3), "value": np.array([[1.0, 2.0], [-1.0, 0.5], [np.nan, 1.0]])}, 2
    )
    assert below.plot(ax) is ax
    assert (len(ax.lines), ax.get_yscale()) == (3, "linear")
    plt.close("all")


def test_drawing_names_the_extra_that_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    history = History(None, "steps", {"step": np.arange(1), "value": np.ones(1)}, None)
    with pytest.raises(ImportError, match=r'History.plot needs matplotlib, .* "optimlab\[lab\]" installs it'):
        history.plot()
