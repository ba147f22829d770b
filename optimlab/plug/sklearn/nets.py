"""scikit-learn's nets with any rule as their solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Self, final

import numpy as np
from sklearn import neural_network
from sklearn.base import BaseEstimator
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.typing import Array

__all__ = ["MLPClassifier", "MLPRegressor", "Solver", "solver"]

Source = Rule | Mapping[str, Rule | None] | Optimizer | Callable[[], Optimizer]
_SOURCES = "a rule such as adam(), a dict of rules by the leaves' names, an Optimizer, or a function that returns one"


def solver(
    rule: Source, lr: Any = None, *, hooks: Sequence[Any] = (), average: Any = None, engine: str = "auto"
) -> Solver:
    """w ← w - lr · rule(g): any rule as the ``solver`` of ``MLPClassifier`` and ``MLPRegressor``.

    Parameters
    ----------
    rule : Rule, dict of Rule or None by name, Optimizer, or function without arguments that returns an Optimizer
        What steps, such as ``adam()``. The leaves' names are ``coefs.0``, ``coefs.1``, ..., ``intercepts.0``, ...
    lr : float greater than 0, or schedule; or dict of such by name, optional
        Learning rate, or a function of the update's index. None: the net's ``learning_rate_init`` for rules, and its
        own for an ``Optimizer``. The net's ``learning_rate`` ("constant", "invscaling", "adaptive") acts on it, for
        every rule.
    hooks, average, engine
        As for ``Optimizer``; hooks are copied at each fit.

    Returns
    -------
    Solver
        A nested estimator: ``GridSearchCV(net, {"solver__lr": [1e-3, 1e-2]})`` searches over it.

    Raises
    ------
    ValueError, TypeError
        If the rule is none of these, or an argument is outside its range.

    Examples
    --------
    >>> from optimlab import ClipNorm, Weights, adam
    >>> from optimlab.plug.sklearn import MLPClassifier, solver
    >>> adamw = adam() + 0.01 * Weights(only="coefs*")
    >>> clipped = solver(adamw, hooks=[ClipNorm(1.0)])
    >>> net = MLPClassifier(hidden_layer_sizes=8, solver=clipped, alpha=0.0, tol=0.1, random_state=0)
    >>> net.fit([[-1.0], [1.0]] * 50, [0, 1] * 50).score([[-2.0], [2.0]], [0, 1])
    1.0
    """
    made = Solver(rule, lr, hooks=hooks, average=average, engine=engine)
    made.optimizer(1.0)
    return made


@final
class Solver(BaseEstimator):  # type: ignore[misc]
    """What ``solver`` returns: its arguments, which are checked when a net is fitted."""

    def __init__(
        self, rule: Source, lr: Any = None, *, hooks: Sequence[Any] = (), average: Any = None, engine: str = "auto"
    ) -> None:
        self.rule = rule
        self.lr = lr
        self.hooks = hooks
        self.average = average
        self.engine = engine

    def optimizer(self, rate: float) -> Optimizer:
        """Return a new optimizer; ``rate`` is the learning rate of a rule if there is no other."""
        if isinstance(self.rule, (Rule, Mapping)):
            lr = rate if self.lr is None else self.lr
            rule, hooks, average = deepcopy((self.rule, self.hooks, self.average))  # a fit changes no parameter
            return Optimizer(rule, lr, hooks=hooks, average=average, engine=self.engine, check_finite=False)
        made = deepcopy(self.rule) if isinstance(self.rule, Optimizer) else self.rule() if callable(self.rule) else None
        if not isinstance(made, Optimizer):
            raise TypeError(f"rule must be {_SOURCES}; got {self.rule!r}")
        if made.t:
            raise ValueError(f"an Optimizer as rule must be a new one; got one that has done {made.t} steps")
        if self.hooks or self.average is not None or self.engine != "auto":
            raise ValueError("hooks, average and engine go with a rule; give an Optimizer its own")
        if self.lr is not None:
            made.lr = self.lr
        made.check_finite = False
        return made


class _Plug(SGDOptimizer):  # type: ignore[misc]
    """What a net calls its optimizer: scikit-learn's learning rates, and the steps of an Optimizer."""

    def __init__(self, optimizer: Optimizer, net: Any) -> None:
        self.optimizer = optimizer
        self.lr_schedule, self.power_t = net.learning_rate, net.power_t
        self.learning_rate_init = optimizer.lr
        self.params: list[Array] = []
        self.loss: float | None = None
        if self.lr_schedule != "constant" and (
            callable(net.solver.lr) or not isinstance(self.learning_rate_init, float)
        ):
            raise ValueError(
                f"learning_rate={self.lr_schedule!r} needs one number as the solver's lr; got {net.solver.lr!r}; "
                "give learning_rate='constant' with it"
            )

    def __getstate__(self) -> dict[str, Any]:
        """The arrays are the net's: joblib would write them twice."""
        return vars(self) | {"params": []}

    @property
    def learning_rate(self) -> Any:
        return self.optimizer.lr

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.optimizer.lr = rate

    def bind(self, params: list[Array]) -> None:
        """Go on with these arrays: early stopping puts others in the place of those that were stepped."""
        if [*map(id, params)] != [*map(id, self.params)]:
            self.optimizer.adopt(_tree(params))
        self.params = params

    def update_params(self, params: list[Array], grads: list[Array]) -> None:
        if params is not self.params:
            self.bind(params)
        grads = [np.asarray(g, p.dtype) for g, p in zip(grads, params, strict=True)]  # float64 of a float64 target
        self.optimizer.step(_tree(params), _tree(grads), loss=self.loss)


def _tree(arrays: list[Array]) -> dict[str, list[Array]]:
    half = len(arrays) // 2
    return {"coefs": arrays[:half], "intercepts": arrays[half:]}


class _Solved:
    """A net of scikit-learn whose ``solver`` may be a ``Solver``."""

    solver: Any
    learning_rate_init: float
    warm_start: bool
    coefs_: list[Array]
    intercepts_: list[Array]
    _optimizer: Any

    @contextmanager
    def averaged(self) -> Iterator[Self]:
        """Predict with the averaged weights: they are in ``coefs_`` and ``intercepts_`` until the end of the block.

        Yields
        ------
        MLPClassifier or MLPRegressor
            The same net.

        Raises
        ------
        ValueError
            If the solver has no average, or the net is not fitted.

        Examples
        --------
        >>> from optimlab import Ema, adam
        >>> from optimlab.plug.sklearn import MLPRegressor, solver
        >>> net = MLPRegressor(hidden_layer_sizes=8, solver=solver(adam(), average=Ema(0.9)), tol=0.1, random_state=0)
        >>> net = net.fit([[-1.0], [1.0]] * 50, [-1.0, 1.0] * 50)
        >>> with net.averaged():
        ...     averaged = net.predict([[1.0]])
        >>> bool(averaged < net.predict([[1.0]]))
        True
        """
        plug = getattr(self, "_optimizer", None)
        if not isinstance(plug, _Plug):
            raise ValueError("there is no average; fit with solver=solver(adam(), average=Ema(0.999)) first")
        params = [*self.coefs_, *self.intercepts_]
        plug.bind(params)
        with plug.optimizer.averaged(_tree(params)):
            yield self

    def _validate_params(self) -> None:
        if isinstance(self.solver, (Rule, Mapping, Optimizer)):
            remedy = "write solver=solver(...) around it, of optimlab.plug.sklearn"
            raise TypeError(f"solver must be a Solver, or a word; got {self.solver!r}; {remedy}")
        super()._validate_params()  # type: ignore[misc]

    def _check_solver(self) -> bool:
        return isinstance(self.solver, Solver) or bool(super()._check_solver())  # type: ignore[misc]

    def _fit(self, *data: Any, **how: Any) -> Self:
        """Fit; scikit-learn asks whether the solver is in ["sgd", "adam"], so that ours goes by one of these words."""
        self._given = self.solver
        if isinstance(self._given, Solver):
            self.solver = "sgd"
        try:
            return super()._fit(*data, **how)  # type: ignore[misc,no-any-return]
        finally:
            self.solver = self.__dict__.pop("_given")

    def _fit_stochastic(self, *given: Any) -> None:
        """Do the steps; for a solver that is none of its words scikit-learn takes the optimizer that is there."""
        self.solver = self._given
        if isinstance(self.solver, Solver):
            self._optimizer = self._plugged(incremental=given[-1])
        super()._fit_stochastic(*given)  # type: ignore[misc]

    def _backprop(self, *given: Any) -> Any:
        """Return loss and gradients; the optimizer is told the loss."""
        found = super()._backprop(*given)  # type: ignore[misc]
        plug = getattr(self, "_optimizer", None)
        if isinstance(plug, _Plug):
            plug.loss = found[0]
        return found

    def _plugged(self, *, incremental: bool) -> Any:
        """Return what steps: partial fits go on with what there is, warm starts with its state."""
        held = getattr(self, "_optimizer", None)
        if incremental and held is not None:
            return held
        new = self.solver.optimizer(self.learning_rate_init)
        old = held.optimizer if isinstance(held, _Plug) else None
        if self.warm_start and old is not None and old.t and old.rule == new.rule:
            new.load_state_dict(old.state_dict(False), False)
        return _Plug(new, self)


def _constraints(net: Any) -> dict[str, Any]:
    """Return what the parameters of a net may be: the solver also ours."""
    known = net._parameter_constraints
    return {**known, "solver": [*known["solver"], Solver]}


@final
class MLPClassifier(_Solved, neural_network.MLPClassifier):  # type: ignore[misc]
    """scikit-learn's ``MLPClassifier``, whose ``solver`` may be any rule.

    All parameters, methods and attributes are scikit-learn's; those that belong to its own solvers (``momentum``,
    ``beta_1``, ...) do nothing for a rule. ``partial_fit`` goes on with the moments, and so does ``fit`` with
    ``warm_start=True``, while the learning rate begins anew; scikit-learn's own solvers begin both anew. A step whose
    gradient is not finite is done: ``fit`` says at the end that the weights are not.

    Parameters
    ----------
    solver : Solver or {"adam", "sgd", "lbfgs"}
        What ``solver(rule)`` returns; or scikit-learn's own.
    **others
        As for ``sklearn.neural_network.MLPClassifier``.

    Source
    ------
    scikit-learn 1.9.1, ``sklearn/neural_network/_multilayer_perceptron.py``.

    Examples
    --------
    >>> from optimlab import rmsprop
    >>> from optimlab.plug.sklearn import MLPClassifier, solver
    >>> net = MLPClassifier(hidden_layer_sizes=8, solver=solver(rmsprop(), lr=0.01), tol=0.1, random_state=0)
    >>> net.fit([[-1.0], [1.0]] * 50, [0, 1] * 50).predict([[-2.0], [2.0]])
    array([0, 1])
    """

    _parameter_constraints = _constraints(neural_network.MLPClassifier)


@final
class MLPRegressor(_Solved, neural_network.MLPRegressor):  # type: ignore[misc]
    """scikit-learn's ``MLPRegressor``, whose ``solver`` may be any rule.

    Parameters
    ----------
    solver : Solver or {"adam", "sgd", "lbfgs"}
        As for ``MLPClassifier``.
    **others
        As for ``sklearn.neural_network.MLPRegressor``.

    Source
    ------
    scikit-learn 1.9.1, ``sklearn/neural_network/_multilayer_perceptron.py``.

    Examples
    --------
    >>> from optimlab import adam
    >>> from optimlab.plug.sklearn import MLPRegressor, solver
    >>> net = MLPRegressor(hidden_layer_sizes=8, solver=solver(adam(), lr=0.01), tol=1e-3, random_state=0)
    >>> net.fit([[-1.0], [1.0]] * 50, [-1.0, 1.0] * 50).predict([[1.0]]).round(1)
    array([0.9])
    """

    _parameter_constraints = _constraints(neural_network.MLPRegressor)
