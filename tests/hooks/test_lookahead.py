import numpy as np
import pytest

from optimlab import Lookahead, Optimizer, adam, momentum, sgd


class TestLookahead:
    def test_optax_cases(self):
        w = np.array([3.0])
        optimizer = Optimizer(sgd(), 0.5, hooks=[Lookahead(3, share=1 / 3)])
        path = [w.item()]
        for _ in range(6):
            optimizer.step(w, np.array([2.0]))
            path.append(w.item())
        assert path == [3, 2, 1, 2, 1, 0, 1]

    @pytest.mark.parametrize(("share", "end"), [(0.0, 3.0), (0.5, 1.0), (1.0, -1.0)])
    def test_optax_shares(self, share, end):
        w = np.array([3.0])
        optimizer = Optimizer(sgd(), 1.0, hooks=[Lookahead(1, share=share)])
        for _ in range(2):
            optimizer.step(w, np.array([2.0]))
        assert w == end

    def test_a_whole_share_changes_nothing(self):
        one, two = np.ones(2), np.ones(2)
        ahead, plain = Optimizer(momentum(), 0.25, hooks=[Lookahead(2, share=1.0)]), Optimizer(momentum(), 0.25)
        for k in range(7):
            ahead.step(one, np.sin(k + one))
            plain.step(two, np.sin(k + two))
        np.testing.assert_allclose(one, two, rtol=1e-14)

    def test_replicas_are_the_runs_alone(self):
        gradients = np.random.default_rng(0).standard_normal((9, 3, 2))
        shares, steps = [0.2, 0.5, 0.9], [2, 3, 4]
        w = np.ones((3, 2))
        together = Optimizer(adam(), 0.1, hooks=[Lookahead(steps, share=shares)], replicas=3)
        for g in gradients:
            together.step(w, g)
        for i in range(3):
            v = np.ones(2)
            alone = Optimizer(adam(), 0.1, hooks=[Lookahead(steps[i], share=shares[i])])
            for g in gradients:
                alone.step(v, g[i].copy())
            assert np.array_equal(w[i], v)

    def test_it_goes_on_from_a_checkpoint(self, tmp_path):
        first, second, whole = (Optimizer(adam(), 0.1, hooks=[Lookahead(4)]) for _ in range(3))
        w, v = np.ones(3), np.ones(3)
        for k in range(10):
            whole.step(v, np.sin(k + v))
        for k in range(6):
            first.step(w, np.sin(k + w))
        first.save(tmp_path / "run.npz")
        second.load(tmp_path / "run.npz")
        for k in range(6, 10):
            second.step(w, np.sin(k + w))
        assert np.array_equal(w, v)


def test_a_replica_that_skips_does_not_synchronise():
    class SkipFirstLater:
        def before(self, step):
            step.skip = np.array([step.loss == 1, False])

    w = np.zeros((2, 1))
    optimizer = Optimizer(sgd(), 1.0, hooks=[SkipFirstLater(), Lookahead(2, share=0.5)], replicas=2)
    for k in range(2):
        optimizer.step(w, np.ones((2, 1)), loss=k)
    assert w.ravel().tolist() == [-1, -1]
    optimizer.step(w, np.ones((2, 1)), loss=2)
    assert w.ravel().tolist() == [-1, -2]
