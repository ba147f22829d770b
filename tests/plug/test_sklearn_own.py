"""scikit-learn's own tests of its nets and optimizers, with "adam" and "sgd" replaced by ours of its conventions."""

import importlib.util
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

neural_network = pytest.importorskip("sklearn.neural_network")
from optimlab.conventions import sklearn as conventions  # noqa: E402
from optimlab.plug import sklearn as plug  # noqa: E402
from optimlab.plug.sklearn import nets  # noqa: E402
from tests.conventions.lockstep import go_on  # noqa: E402

TESTS = "sklearn.neural_network.tests"
if importlib.util.find_spec(TESTS) is None:
    pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
NOT_REPLACED = {
    "test_base_optimizer": "it is of the class that scikit-learn's own optimizers, and our plug, derive from"
}
"""Those that say nothing of ours, and why; all others hold."""


class _Replaced:
    """A net that takes our solver wherever its own would be taken, with all that its parameters say."""

    def _fit(self, *data, **how):
        given = self.solver, self.learning_rate
        if self.solver == "adam":
            hyperparameters = self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon
            self.solver = plug.solver(partial(conventions.AdamOptimizer, *hyperparameters))
            self.learning_rate = "constant"  # "adam" has no other, whatever it is told
        elif self.solver == "sgd":
            hyperparameters = self.learning_rate_init, "constant", self.momentum, self.nesterovs_momentum
            self.solver = plug.solver(partial(conventions.SGDOptimizer, *hyperparameters))
        try:
            super()._fit(*data, **how)
        finally:
            self.solver, self.learning_rate = given
        assert self.solver == "lbfgs" or isinstance(self._optimizer, nets._Plug)
        return self


class MLPClassifier(_Replaced, plug.MLPClassifier):
    pass


class MLPRegressor(_Replaced, plug.MLPRegressor):
    pass


class _Stated(nets._Plug):
    """A plug to which a test may give the state, as attributes, before it steps."""

    def __init__(self, optimizer, lr_schedule="constant"):
        super().__init__(optimizer, SimpleNamespace(learning_rate=lr_schedule, power_t=0.5, solver=optimizer))

    def update_params(self, params, grads):
        held, t = self.held()
        if all(held):
            zeros = nets._tree([np.zeros_like(w) for w in params])
            go_on(self.optimizer, zeros, dict(zip(self.optimizer.rule.slots, held, strict=True)), t)
        super().update_params(params, grads)


class SGDOptimizer(_Stated):
    velocities = ()

    def __init__(self, params, learning_rate_init, lr_schedule="constant", **how):
        super().__init__(conventions.SGDOptimizer(learning_rate_init, **how), lr_schedule)

    def held(self):
        return [[-v for v in self.velocities]], 1


class AdamOptimizer(_Stated):
    def __init__(self, params, *hyperparameters):
        super().__init__(conventions.AdamOptimizer(*hyperparameters))

    def held(self):
        return [self.ms, self.vs], self.t


def _own(name, home, *classes):
    """The tests of a new copy of a module of theirs, which has imported these classes in the place of its own."""
    spec = importlib.util.find_spec(f"{TESTS}.{name}")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for each in classes:
            patch.setattr(home, each.__name__, each)
        spec.loader.exec_module(module)
    return {key: test for key, test in vars(module).items() if key.startswith("test_") and key not in NOT_REPLACED}


OWN = _own("test_mlp", neural_network, MLPClassifier, MLPRegressor)
OWN |= _own("test_stochastic_optimizers", neural_network._stochastic_optimizers, SGDOptimizer, AdamOptimizer)
globals().update(OWN)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture
def global_random_seed():
    return 42
