"""Rules as solvers of scikit-learn's nets."""

import copy
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

neural_network = pytest.importorskip("sklearn.neural_network")
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from optimlab import (  # noqa: E402
    ClipNorm,
    Ema,
    Lookahead,
    Optimizer,
    Plateau,
    Weights,
    adam,
    cosine_decay,
    nesterov,
    rmsprop,
    sgd,
)
from optimlab.conventions import sklearn as conventions  # noqa: E402
from optimlab.plug.sklearn import MLPClassifier, MLPRegressor, Solver, solver  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = (array[:300] for array in load_digits(return_X_y=True))
X = X / 16.0
SMALL = {"hidden_layer_sizes": 10, "random_state": 0, "max_iter": 12}
CASES = {
    "adam": (
        {"solver": "adam", "beta_1": 0.8, "epsilon": 1e-4},
        lambda net: conventions.AdamOptimizer(net.learning_rate_init, net.beta_1, net.beta_2, net.epsilon),
    ),
    **{
        f"sgd_{ahead}_{schedule}": (
            {
                "solver": "sgd", "nesterovs_momentum": ahead, "learning_rate": schedule, "learning_rate_init": 0.05,
                "tol": 1.0 if schedule == "adaptive" else 1e-4, "n_iter_no_change": 2,
            },
            lambda net: conventions.SGDOptimizer(
                net.learning_rate_init, momentum=net.momentum, nesterov=net.nesterovs_momentum
            ),
        )
        for ahead in (True, False)
        for schedule in ("constant", "invscaling", "adaptive")
    },
}  # fmt: skip


def pair(case, kind="MLPClassifier", **more):
    """scikit-learn's net with its own solver, and ours with the solver of its conventions."""
    given, make = CASES[case]
    net = getattr(neural_network, kind)(**SMALL | given | more)
    return net, globals()[kind](**net.get_params() | {"solver": solver(partial(make, net))})


def same(net, other):
    assert net.loss_curve_ == other.loss_curve_
    for a, b in zip([*net.coefs_, *net.intercepts_], [*other.coefs_, *other.intercepts_], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("early", [False, True])
def test_losses_and_weights_are_theirs_to_the_last_bit(case, kind, early):
    net, other = pair(case, kind, early_stopping=early)
    same(net.fit(X, Y), other.fit(X, Y))
    assert net.validation_scores_ == other.validation_scores_
    assert net.n_iter_ == other.n_iter_ > 1


@pytest.mark.parametrize("case", CASES)
def test_so_are_those_of_partial_fits(case):
    net, other = pair(case)
    for i in range(0, 300, 50):
        for each in (net, other):
            each.partial_fit(X[i : i + 50], Y[i : i + 50], classes=range(10))
    same(net, other)


def test_float32_and_sparse_data():
    scipy = pytest.importorskip("scipy.sparse")
    net, other = pair("sgd_True_constant")
    same(net.fit(X.astype(np.float32), Y), other.fit(X.astype(np.float32), Y))
    assert other.coefs_[0].dtype == np.float32
    same(net.fit(scipy.csr_array(X), Y), other.fit(scipy.csr_array(X), Y))


@pytest.mark.parametrize("rule", [adam(), rmsprop(), nesterov(), adam() + 0.1 * Weights(only="coefs*")])
def test_a_warm_start_goes_on_with_the_moments(rule):
    how = SMALL | {"shuffle": False, "solver": solver(rule), "n_iter_no_change": 99}
    whole = MLPClassifier(**how).fit(X, Y)
    halves = MLPClassifier(**how | {"max_iter": 6, "warm_start": True}).fit(X, Y).fit(X, Y)
    same(whole, halves)
    assert halves._optimizer.optimizer.t == 24
    theirs = neural_network.MLPClassifier(**how | {"solver": "adam"}).fit(X, Y)
    theirs_again = neural_network.MLPClassifier(
        **how | {"solver": "adam", "max_iter": 6, "warm_start": True}
    ).fit(X, Y).fit(X, Y)  # fmt: skip
    assert theirs.loss_curve_ != theirs_again.loss_curve_  # which is why


def test_a_warm_start_goes_on_with_the_average_and_the_hooks():
    given = solver(adam(), hooks=[Lookahead(5), ClipNorm(1.0)], average=Ema(0.99))
    how = SMALL | {"shuffle": False, "solver": given, "n_iter_no_change": 99}
    whole = MLPClassifier(**how).fit(X, Y)
    halves = MLPClassifier(**how | {"max_iter": 6, "warm_start": True}).fit(X, Y).fit(X, Y)
    with whole.averaged(), halves.averaged():
        same(whole, halves)


def test_a_warm_start_takes_a_new_rate_and_a_new_rule_begins_anew():
    net = MLPClassifier(**SMALL, warm_start=True, n_iter_no_change=99, solver=solver(adam())).fit(X, Y)
    net.set_params(solver__lr=1e-9).fit(X, Y)
    assert (net._optimizer.optimizer.t, net._optimizer.learning_rate) == (48, 1e-9)
    net.set_params(solver__rule=sgd()).fit(X, Y)
    assert net._optimizer.optimizer.t == 24
    net.set_params(warm_start=False).fit(X, Y)
    assert net._optimizer.optimizer.t == 24


def test_a_warm_start_after_early_stopping_steps_the_weights_that_were_kept():
    net = MLPClassifier(**SMALL, warm_start=True, early_stopping=True, solver=solver(adam(), 0.01)).fit(X, Y)
    before, score = net.coefs_[0].copy(), net.best_validation_score_
    net.fit(X, Y)
    assert net._optimizer.optimizer.t == 2 * 24
    assert net.best_validation_score_ > score
    assert not np.array_equal(before, net.coefs_[0])


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_goes_on_as_the_original(travel):
    net = MLPClassifier(**SMALL, solver=solver(adam(), cosine_decay(0.01, steps=100))).fit(X, Y)
    other = travel(net)
    assert not other._optimizer.params  # which joblib would write a second time
    same(net.partial_fit(X, Y), other.partial_fit(X, Y))
    assert other._optimizer.optimizer.t == net._optimizer.optimizer.t == 26


def test_a_clone_is_new_and_its_hooks_are_its_own():
    hook = Plateau(patience=1)
    net = MLPClassifier(**SMALL, solver=solver(adam(), hooks=[hook])).fit(X, Y)
    other = clone(net)
    assert not hasattr(other, "coefs_")
    assert other.solver.rule == net.solver.rule
    assert repr(hook) == repr(Plateau(patience=1))
    same(net, other.fit(X, Y))


def test_search_over_rules_and_rates():
    net = make_pipeline(StandardScaler(), MLPClassifier(**SMALL, solver=solver(adam())))
    grid = [
        {"mlpclassifier__solver__lr": [1e-6, 1e-2]},
        {"mlpclassifier__solver": [solver(adam(), 1e-6), solver(rmsprop(), 1e-2)]},
    ]
    found = [GridSearchCV(net, each, cv=2).fit(X, Y).best_params_ for each in grid]
    assert found[0] == {"mlpclassifier__solver__lr": 1e-2}
    assert found[1]["mlpclassifier__solver"].rule == rmsprop()


def test_the_rate_is_the_nets_unless_the_solver_has_one():
    def rate(given, **how):
        return MLPRegressor(**SMALL, learning_rate_init=0.02, solver=given, **how).fit(X, Y)._optimizer.learning_rate

    assert rate(solver(adam())) == 0.02
    assert rate(solver(adam(), 0.03)) == 0.03
    assert rate(solver(Optimizer(adam(), 0.04))) == 0.04
    assert rate(solver(Optimizer(adam(), 0.04), 0.03)) == 0.03
    assert rate(solver(conventions.AdamOptimizer)) == 0.001
    assert rate(solver(adam(), cosine_decay(0.1, steps=23))) == 0.0
    assert rate(solver(adam()), learning_rate="invscaling") == 0.02 / np.sqrt(12 * 300 + 1)
    assert rate(solver(adam()), learning_rate="adaptive", tol=1e9, n_iter_no_change=1) < 0.02 / 5**4


def test_leaves_have_names():
    frozen = solver({"coefs*": adam(), "intercepts.*": None})
    net = MLPClassifier(**SMALL, solver=frozen)
    start = MLPClassifier(**SMALL, solver=solver(sgd(), 1e-300)).fit(X, Y)
    net.fit(X, Y)
    np.testing.assert_array_equal(net.intercepts_[0], start.intercepts_[0])
    assert not np.array_equal(net.coefs_[0], start.coefs_[0])


def test_hooks_see_the_loss_of_the_batch():
    seen = []

    class Losses:
        def before(self, step):
            seen.append(step.loss)

    Losses.__deepcopy__ = lambda self, memo: self
    net = MLPClassifier(**SMALL, batch_size=300, solver=solver(adam(), hooks=[Losses()])).fit(X, Y)
    assert seen == net.loss_curve_


def test_averaged_weights_are_lent_for_predictions():
    net = MLPClassifier(**SMALL, early_stopping=True, solver=solver(sgd(), 0.5, average=Ema(0.99))).fit(X, Y)
    before = net.coefs_[0].copy()
    with net.averaged() as lent:
        assert lent is net
        assert not np.array_equal(net.coefs_[0], before)
        assert 0.0 <= net.score(X, Y) <= 1.0
    np.testing.assert_array_equal(net.coefs_[0], before)


def test_no_average_no_loan():
    for net in (MLPClassifier(**SMALL), MLPClassifier(**SMALL, solver=solver(adam())).fit(X, Y)):
        with pytest.raises(ValueError, match="there is no average"), net.averaged():
            pass
    remedy = MLPClassifier(**SMALL, solver=solver(adam(), average=Ema(0.999))).fit(X, Y)
    with remedy.averaged():
        pass


def test_scikit_learn_says_that_weights_are_not_finite():
    huge = np.finfo(np.float64).max * np.random.default_rng(0).uniform(size=(10, 2))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite parameter weights"):
        MLPRegressor(**SMALL, solver=solver(adam())).fit(huge, np.arange(10.0))


def test_its_own_solvers_are_as_they_were():
    for word in ("adam", "sgd", "lbfgs"):
        ours, theirs = MLPClassifier(**SMALL, solver=word), neural_network.MLPClassifier(**SMALL, solver=word)
        np.testing.assert_array_equal(ours.fit(X, Y).coefs_[0], theirs.fit(X, Y).coefs_[0])
        assert hasattr(ours, "partial_fit") == (word != "lbfgs")
    assert hasattr(MLPClassifier(solver=solver(adam())), "partial_fit")


@pytest.mark.parametrize("given", [3, "adam", None, [adam()], lambda: 3])
def test_what_is_no_rule_is_refused(given):
    with pytest.raises(TypeError, match="rule must be a rule such as adam"):
        solver(given)


@pytest.mark.parametrize("bare", [adam(), {"*": adam()}, Optimizer(adam(), 0.1)])
def test_a_rule_alone_is_no_solver_and_what_is_said_makes_it_one(bare):
    for step in ("fit", "partial_fit"):
        with pytest.raises(TypeError, match=r"solver must be a Solver, or a word; got .*; write solver=solver\(...\)"):
            getattr(MLPRegressor(**SMALL, solver=bare), step)(X, Y)
    MLPRegressor(**SMALL, solver=solver(bare)).fit(X, Y)


def test_arguments_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="hooks, average and engine go with a rule; give an Optimizer its own"):
        solver(Optimizer(adam(), 0.1), hooks=[ClipNorm(1.0)])
    used = Optimizer(adam(), 0.1, hooks=[ClipNorm(1.0)])
    solver(used)
    used.step(np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="must be a new one; got one that has done 1 steps"):
        solver(used)
    with pytest.raises(ValueError, match="lr must be"):
        solver(adam(), -1.0)
    net = MLPClassifier(**SMALL, learning_rate="adaptive", solver=solver(adam(), cosine_decay(0.1, steps=9)))
    with pytest.raises(ValueError, match=r"learning_rate='adaptive' needs one number as the solver's lr; got cosine"):
        net.fit(X, Y)
    net.set_params(learning_rate="constant").fit(X, Y)
    with pytest.raises(ValueError, match="'solver' parameter of MLPClassifier must be"):
        net.set_params(solver="adamw").fit(X, Y)


def test_a_fit_that_fails_leaves_the_solver_where_it_was():
    given = solver(adam())
    net = MLPClassifier(**SMALL, solver=given)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        net.fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
    assert net.solver is given
    assert isinstance(net.solver, Solver)


def test_without_scikit_learn_the_import_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import optimlab.plug, optimlab.plug.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    remedy = 'needs sklearn, which is not installed; python -m pip install "optimlab[sklearn]" installs it'
    assert done.stderr.strip().endswith(f"ImportError: optimlab.plug.sklearn {remedy}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_nets_pass_all_checks_of_estimators(kind):
    check_estimator(kind(solver=solver(adam()), max_iter=100))
