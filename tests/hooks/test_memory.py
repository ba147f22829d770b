"""What hooks keep fits the leaves that they are given."""

import numpy as np
import pytest

from optimlab import Accumulate, ClipEach, ClipValue, Lookahead, Optimizer, Record, WeightDecay, sgd
from optimlab.hooks.memory import Buffers


@pytest.mark.parametrize("hook", [ClipEach(1.0), ClipValue(1.0), WeightDecay(0.5), Record()], ids=repr)
def test_a_hook_that_keeps_no_numbers_may_serve_other_leaves(hook):
    for shape, dtype in (((2, 3), np.float64), ((2, 3), np.float32), ((3,), np.float32), ((2, 3), np.float64)):
        w, v = np.ones(shape, dtype), np.ones(shape, dtype)
        Optimizer(sgd(), 1.0, hooks=[hook]).step(w, np.full(shape, 3.0, dtype))
        fresh = type(hook)(*([] if isinstance(hook, Record) else [vars(hook)[next(iter(hook.ranges))]]))
        Optimizer(sgd(), 1.0, hooks=[fresh]).step(v, np.full(shape, 3.0, dtype))
        assert w.dtype == dtype
        assert np.array_equal(w, v)
    if isinstance(hook, Record):
        np.testing.assert_allclose(hook.frame().weight_norm, np.sqrt([6.0, 6.0, 3.0, 6.0]))


def test_buffers_are_made_once():
    buffers, leaves = Buffers(), [np.ones(3), np.ones((2, 2), np.float32)]
    first = buffers.like(leaves)
    assert buffers.like([leaf + 1 for leaf in leaves]) is first
    assert [(b.shape, b.dtype) for b in first] == [((3,), np.float64), ((2, 2), np.float32)]
    assert len(buffers.like(leaves[:1])) == 1


@pytest.mark.parametrize(
    ("hook", "state"),
    [(Accumulate(2), {"count": np.array(1), "sum/V": np.ones(3)}), (Lookahead(2), {"V": np.ones(3)})],
    ids=repr,
)
class TestKept:
    def test_what_was_loaded_for_other_leaves_is_refused(self, hook, state):
        name = type(hook).__name__
        for wrong in (np.ones(2), np.ones(3, np.float32), np.ones((3, 1))):
            hook = type(hook)(2)
            hook.load_state(state)
            with pytest.raises(
                ValueError, match=rf"{name} holds arrays for the leaves .*'V'.*; it was given .*; use a new hook"
            ):
                Optimizer(sgd(), 1.0, hooks=[hook]).step({"V": wrong}, {"V": wrong.copy()})
        hook = type(hook)(2)
        hook.load_state(state)
        with pytest.raises(ValueError, match=f"{name} holds arrays"):
            Optimizer(sgd(), 1.0, hooks=[hook]).step({"W": np.ones(3)}, {"W": np.ones(3)})

    def test_it_is_refused_in_the_midst_of_a_run_too(self, hook, state):
        hook = type(hook)(2)
        optimizer, w = Optimizer(sgd(), 1.0, hooks=[hook]), {"W": np.ones(3)}
        optimizer.step(w, {"W": np.ones(3)})
        hook.load_state(state)
        with pytest.raises(ValueError, match="holds arrays"):
            optimizer.step(w, {"W": np.ones(3)})

    def test_what_was_loaded_is_used(self, hook, state):
        hook, w = type(hook)(2), {"V": np.zeros(3)}
        hook.load_state(state | ({} if isinstance(hook, Accumulate) else {"V": np.full(3, 8.0)}))
        optimizer = Optimizer(sgd(), 1.0, hooks=[hook])
        for _ in range(2):
            optimizer.step(w, {"V": np.full(3, 3.0)})
        assert w["V"].tolist() == ([-2.0] * 3 if isinstance(hook, Accumulate) else [1.0] * 3)
