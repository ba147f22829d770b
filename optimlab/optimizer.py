"""The Optimizer: it owns the memory and runs rules over parameters, in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from os import PathLike
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import choice, truth, whole
from optimlab.engine import choose
from optimlab.engine.groups import Groups
from optimlab.engine.run import Run
from optimlab.rules.algebra import Rule
from optimlab.settings import Fixed
from optimlab.signals import Deferred
from optimlab.trees import ByName, mapped, tree_of
from optimlab.typing import Array, Count, Marks, Number

if TYPE_CHECKING:
    from optimlab.checkpoint.header import Header, Saved

__all__ = ["Optimizer"]

_GO_ON = "make a new Optimizer with it, and new.load_state_dict(old.state_dict()) to go on from here"
_AVERAGES = "construct the optimizer with average=Ema(0.999, debias=True), or with a hook such as Lookahead()"

_READ = {
    "t": "load_state_dict and load set it, with the state that belongs to it",
    "state": "load_state_dict and load set it",
    "best": "it is what the hook EarlyStop has kept",
    "diverged": "load_state_dict and load set it",
}
"""What can only be read, and what sets it."""

Schedule = Callable[[Any], Any]


@final
class Optimizer:
    r"""w ← w - lr · rule(g): update parameters in place.

    Parameters
    ----------
    rule : Rule, or dict of Rule or None by name
        The update rule, such as ``adam()``, or one for each group of leaves.
    lr : float greater than 0, sequence of float, shape (S,), or schedule; or dict of such by name
        Learning rate, or a function of the update's index k = 0, 1, 2, ...
    hooks : sequence
        Objects with ``before(step)``, ``after(step)`` or both, called in this order with a ``Step``.
    average : Rule, or dict of Rule or None by name, optional
        What averages the weights after each step, such as ``Ema(0.999, debias=True)``; see ``averaged``. It starts at
        the first weights: ``Ema(0.999)`` stands for ``Ema(FirstValueGain(0.999))``, unless it has a ``first``.
    engine : {"auto", "numpy", "fused"}
        What runs the rule: "auto" compiles it where that pays. The results of all rules here are the same to the last
        bit; for rules of one's own see ``Rule``.
    check_finite : bool
        Refuse gradients that are not finite; may be assigned.
    replicas : int, optional
        S: every parameter has a first axis of S independent runs, and lr and every hyperparameter may be an array of
        shape (S,). A replica whose gradient or weights are not finite is frozen at its last finite weights.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Notes
    -----
    Groups: the keys of a dict are patterns of leaf names such as ``layers.0.bias``, in which ``*`` is any letters and
    ``?`` one; ``\*``, ``\?`` and ``\\`` are these letters themselves, and so are all others, brackets among them. The
    first match wins; each leaf must have one, and each pattern must win one. The rule None freezes leaves: whatever
    their gradient is, they and their average stay as they are. Hooks see all leaves, so that ``ClipNorm`` clips the
    norm over the groups.

    One optimizer steps one set of parameters, in place: the same memory at each step. A program that keeps the arrays
    of the step before, or binds new ones, takes ``updated``. After ``adopt``, and in a copy, they may be others; after
    a load they are equal to those that were saved, unless it says otherwise.

    A step is done whole or not at all: signals such as Ctrl-C wait for its end, and what can be refused is refused
    before anything moves.

    A step is: hooks' ``before``, one sweep over memory, hooks' ``after`` (not if the step was skipped), and the average
    of what the weights are then. The average is part of the sweep if no ``after`` moves weights, as hooks say with
    ``moves_weights = False``; else it is a second pass.

    ``copy.copy``, ``copy.deepcopy`` and ``pickle`` make an optimizer of its own that goes on from the same step, with
    the parameters that it is given then; it can be sent to another process. Several optimizers may step in threads at
    once, each in one of them.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import adam
    >>> w = np.array([1.0, -2.0])
    >>> opt = Optimizer(adam(), lr=0.1)
    >>> for _ in range(200):
    ...     _ = opt.step(w, 2 * w)
    >>> bool(abs(w).max() < 1e-3), opt.t
    (True, 200)
    """

    __slots__ = ("__weakref__", "_average", "_busy", "_engine", "_replicas", "_rule", "_run")
    rule: Fixed[Any] = Fixed("make a new Optimizer with the rule, whose state starts anew")
    average: Fixed[Any] = Fixed("make a new Optimizer with the average, which starts at the weights of then")
    engine: Fixed[str] = Fixed(_GO_ON)
    replicas: Fixed[int | None] = Fixed("make a new Optimizer for so many replicas, whose state starts anew")

    def __init__(
        self,
        rule: Rule | Mapping[str, Rule | None],
        lr: ArrayLike | Schedule | Mapping[str, Any],
        *,
        hooks: Sequence[Any] = (),
        average: Rule | Mapping[str, Rule | None] | None = None,
        engine: str = "auto",
        check_finite: bool = True,
        replicas: int | None = None,
    ) -> None:
        self.replicas = None if replicas is None else whole("replicas", replicas, 1)
        groups = Groups(rule, lr, average, self.replicas)
        self.rule, self.average = groups.rule, groups.average
        self.engine = engine
        for part in groups.rules:
            choose(engine, part, None)  # which says at once what is wrong
        self._run = Run(groups, engine, check_finite=truth("check_finite", check_finite))
        self._busy = Lock()
        self.hooks = hooks

    def __repr__(self) -> str:
        """Return the shortest call that rebuilds the optimizer as it was before the first step."""
        defaults: Any = type(self).__init__.__kwdefaults__
        held = {name: getattr(self, name) for name in defaults}
        words = [f"{name}={value!r}" for name, value in held.items() if value != defaults[name]]
        return f"Optimizer({', '.join([repr(self.rule), repr(self._run.groups.lr), *words])})"

    def __setattr__(self, name: str, given: Any) -> None:
        if name in _READ:
            raise AttributeError(f"{name} cannot be assigned; {_READ[name]}")
        object.__setattr__(self, name, given)

    def __copy__(self) -> Self:
        return deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is an optimizer of its own: it steps other arrays, and does not step at the moment."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in ("__weakref__", "_busy")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, held in (state | {"_busy": Lock()}).items():
            setattr(self, name, held)

    @property
    def t(self) -> Count:
        """Number of updates so far; an array of shape (S,) once replicas have skipped steps of their own."""
        return copy(self._run.t)

    @property
    def lr(self) -> Number | ByName[Number]:
        """Learning rate of the latest update; before the first, of the first. A load leaves out what hooks had set.

        Another number or schedule, or a dict of them by name, may be assigned: the next update takes it. Of rates by
        name it is a mapping.
        """
        t, latest = self._run.t, self._run.latest_lr
        if latest is not None:
            return copy(latest)
        return self._run.groups.lr_at(np.maximum(t - 1, 0) if np.ndim(t) else max(t - 1, 0))

    @lr.setter
    def lr(self, lr: ArrayLike | Schedule | Mapping[str, Any]) -> None:
        with Deferred():
            self._run.regroup(lr, self._busy)

    @property
    def hooks(self) -> tuple[Any, ...]:
        """The hooks; others may be assigned, with what they keep."""
        return self._run.hooks

    @hooks.setter
    def hooks(self, hooks: Sequence[Any]) -> None:
        with Deferred():
            self._run.hooks = hooks

    @property
    def check_finite(self) -> bool:
        """Whether gradients that are not finite are refused; may be assigned."""
        return self._run.check_finite

    @check_finite.setter
    def check_finite(self, check: bool) -> None:
        self._run.check_finite = truth("check_finite", check)

    @property
    def best(self) -> Any:
        """The weights of the best loss, in containers as the parameters: what the hook ``EarlyStop`` has kept.

        Dicts are dicts, lists lists and tuples tuples; the arrays are copies.
        """
        held = next((hook.best for hook in self.hooks if hasattr(hook, "best")), None)
        if held is None:
            raise ValueError("no hook keeps the best weights; give hooks=[EarlyStop()]")
        layout = self._run.layout
        if held and layout is None:
            remedy = "opt.load(path, params) knows them, and so does the next step"
            raise ValueError(f"the best weights have no containers yet: after a load there are no parameters; {remedy}")
        if layout is None or not held.keys() >= set(layout.names):
            raise ValueError("there are no best weights before the first step with these leaves")
        return layout.tree.filled(iter([held[name] for name in layout.names]))

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen, shape (S,)."""
        guard = self._run.passes.guard
        if guard is None:
            raise ValueError("only an optimizer with replicas marks those that diverged; give replicas=S")
        return guard.diverged.copy()

    @property
    def state(self) -> Mapping[str, Mapping[str, Array]]:
        """State by the leaf's and the slot's name, in the leaf's shape: read-only.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import momentum
        >>> opt = Optimizer(momentum(0.75), lr=0.1)
        >>> _ = opt.step({"w": np.ones(2)}, {"w": np.ones(2)})
        >>> opt.state["w"]["ema"]
        array([0.25, 0.25])
        """
        self._run.settle()
        holder = self._run.layout or self._run.pending
        if holder is None:
            raise ValueError("state is there after the first step: the optimizer has not seen params yet")
        found: dict[str, dict[str, Array]] = {name: {} for name in holder.names}
        for leaf, slot, view in holder.memory("state"):
            view.flags.writeable = False
            found[leaf][slot] = view
        return MappingProxyType({leaf: MappingProxyType(slots) for leaf, slots in found.items()})

    def step(self, params: Any, gradients: Any, *, loss: Number | None = None) -> Any:
        """Do one update of the parameters, in place, and return them.

        Parameters
        ----------
        params : ndarray, or (nested) dict, list or tuple of them, of float32 or float64
            The parameters, the same arrays at each step, or views of the same memory.
        gradients : as params
            The gradients, of the same structure, shapes and dtypes. They are never written to. A leaf with None in
            the place of one is skipped: its state and its t wait as if the step had not been; zeros mean zeros.
        loss : float or ndarray, shape (S,), optional
            For hooks that need it.

        Returns
        -------
        container of arrays
            The parameters that were given.

        Raises
        ------
        FloatingPointError
            If a gradient is not finite, or so large that the state would overflow; parameters and state are as before.
        ValueError, TypeError
            If a leaf is not one, or not as in the first step: of another shape, dtype or place in memory.
        RuntimeError
            If a step of this optimizer is under way, in another thread or around the hook that calls it.
        """
        with Deferred(self._busy):
            self._run.step(params, gradients, loss)
        return params

    def updated(self, params: Any, gradients: Any, *, loss: Number | None = None) -> Any:
        """Do one update in copies of the parameters: for programs that bind new arrays at each step.

        Parameters
        ----------
        params, gradients, loss
            As for ``step``; the parameters may be other arrays each time, and are left as they are.

        Returns
        -------
        container of arrays
            The new parameters, in dicts, and lists and tuples of the same types.

        Raises
        ------
        FloatingPointError, ValueError, TypeError, RuntimeError
            As ``step`` does.

        Notes
        -----
        Where a signal has come, such as Ctrl-C, and its handler raises, the update is done but its parameters are not
        returned: they are what ``save(path)`` writes, and are in ``state_dict()``.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import sgd
        >>> opt, w = Optimizer(sgd(), lr=0.5), np.ones(1)
        >>> opt.updated(w, w), w
        (array([0.5]), array([1.]))
        """
        with Deferred(self._busy):
            try:
                new = mapped(_copied, params)
                self._run.release()
                self._run.step(new, gradients, loss)
            finally:
                self._run.release()
        return new

    def step_rows(
        self, params: Any, rows: Any, gradients: Any, *, others: str = "wait", loss: Number | None = None
    ) -> Any:
        """Do one update of some rows of the parameters, in place, and return the parameters: for embeddings.

        Only these rows move. Its cost is that of the rows, whatever the length of the tables.

        Parameters
        ----------
        params : container of arrays
            The parameters, as for ``step``.
        rows : as params, of ndarray of int, shape (n,), or None
            Which rows of each leaf have a gradient; None: the leaf waits, or fades. Rows may repeat.
        gradients : as params, of ndarray, shape (n, ...), or None
            The gradients of these rows; those of equal rows are summed.
        others : {"wait", "decay"}
            What becomes of the state of the other rows. "wait": nothing; t is that of the whole leaf. (torch's
            ``SparseAdam`` lets moments wait before their correction; it is the same once βᵗ is negligible.) "decay": it
            fades as if their gradients had been zeros, in closed form when the row is next seen, but they do not move.
            That is known of momentum, RMSprop, Adam and all rules that average numbers that are 0 where the gradient
            is, with a constant β, ``UniformGain``, or ``Trace``.
        loss : float, optional
            For hooks that need it.

        Returns
        -------
        container of arrays
            The parameters that were given.

        Raises
        ------
        FloatingPointError, RuntimeError
            As ``step`` does.
        ValueError, TypeError
            If rows or gradients are not such, the rule does not fade in closed form, or something needs whole leaves:
            replicas, an average, ``Accumulate``, ``Lookahead``, ``Project`` or ``EarlyStop``.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import momentum
        >>> table, opt = np.zeros((50000, 2)), Optimizer(momentum(0.5), lr=1.0)
        >>> _ = opt.step_rows(table, np.array([7, 3, 7]), np.ones((3, 2)))
        >>> table[[3, 7, 8]]
        array([[-0.5, -0.5],
               [-1. , -1. ],
               [ 0. ,  0. ]])
        """
        decay = choice("others", others, ("wait", "decay")) == "decay"
        with Deferred(self._busy):
            self._run.step_rows(params, rows, gradients, loss, decay=decay)
        return params

    def flush(self, params: Any = None) -> bool:
        """Do one update with the gradients that ``Accumulate`` has collected so far: at the end of an epoch.

        Parameters
        ----------
        params : container of arrays, optional
            The parameters; only needed after ``updated`` or a load, when there are none here.

        Returns
        -------
        bool
            Whether there was anything.

        Raises
        ------
        ValueError
            If there are no parameters here, and none are given.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import Accumulate, sgd
        >>> w, opt = np.zeros(1), Optimizer(sgd(), lr=1.0, hooks=[Accumulate(4)])
        >>> for g in (1.0, 3.0):
        ...     _ = opt.step(w, np.array([g]))
        >>> opt.flush(), w, opt.flush()
        (True, array([-2.]), False)
        """
        with Deferred(self._busy):
            return self._run.flush(params)

    def adopt(self, params: Any) -> None:
        """Go on with these parameters: other arrays, new leaves, or fewer.

        Parameters
        ----------
        params : container of arrays
            Leaves of a name that there was go on from their state, and have the shape and dtype that they had. Others
            are new: their state and their t, with the corrections of it, begin now; ``opt.t`` and schedules go on. The
            state of leaves that are gone is forgotten.

        Raises
        ------
        ValueError, TypeError
            If a leaf is not one, or has another shape or dtype than that of its name before; all is as it was then.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import momentum
        >>> params, opt = {"a": np.zeros(1)}, Optimizer(momentum(0.5), lr=1.0)
        >>> _ = opt.step(params, {"a": np.ones(1)})
        >>> params["b"] = np.zeros(1)
        >>> opt.adopt(params)
        >>> opt.step(params, {"a": np.ones(1), "b": np.ones(1)})
        {'a': array([-1.25]), 'b': array([-0.5])}
        """
        with Deferred(self._busy):
            self._run.adopt(params)

    @contextmanager
    def averaged(self, params: Any) -> Iterator[Any]:
        """Put the averaged weights into the parameters, and the parameters back at the end, whatever happens.

        They are those of ``average=``, or, without it, of the first hook that has some: ``Lookahead``, ``Points``.

        Parameters
        ----------
        params : container of arrays
            The parameters, as for ``step``.

        Yields
        ------
        container of arrays
            The same parameters.

        Raises
        ------
        ValueError
            If there is no average, or no step was done.
        RuntimeError
            If a parameter was bound to another array inside.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import Ema, sgd
        >>> w = np.array([0.0])
        >>> opt = Optimizer(sgd(), lr=1.0, average=Ema(0.5, debias=True))
        >>> for _ in range(2):
        ...     _ = opt.step(w, np.array([-3.0]))
        >>> with opt.averaged(w):
        ...     print(w)
        [5.]
        >>> w
        array([6.])
        """
        run = self._run
        saved: list[tuple[Array, Array]] = []
        if all(average is None for average in run.groups.averages) and not any(
            hasattr(x, "averaged") for x in run.hooks
        ):
            raise ValueError(f"there is no average; {_AVERAGES}")
        if np.any(np.equal(run.t, 0)):
            raise ValueError("there is no average before the first step")
        tree = tree_of(params)
        given = tree.leaves(params)
        try:
            with Deferred(self._busy):  # the handlers of signals that wait are called inside the try
                saved = run.swap(params)
            yield params
        finally:
            try:
                with Deferred():
                    run.swap_back(saved)
            finally:  # a handler was called just before they wait
                run.swap_back(saved)
        for name, old, now in zip(tree.names, given, tree.leaves(params), strict=True):
            if now is not old:
                remedy = "the weights were put back into the old one; write into it, w[...] = new"
                raise RuntimeError(f"parameter {name!r} was bound to another array inside averaged; {remedy}")

    def state_dict(self, params: Any = True) -> dict[str, Array]:
        """Return parameters, state, average, t and the hooks' state, copied, in one flat dict of arrays.

        Parameters
        ----------
        params : bool, or container of arrays
            Whether the parameters of the last step are in it, as they are now; or those that are.

        Returns
        -------
        dict of ndarray
            For ``load_state_dict``.

        Raises
        ------
        ValueError
            Before the first step, or if the parameters are not known.
        RuntimeError
            If a step is under way, or the parameters are the averaged weights at the moment.

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import momentum
        >>> opt = Optimizer(momentum(0.75), lr=0.1)
        >>> _ = opt.step({"w": np.ones(2)}, {"w": np.ones(2)})
        >>> list(opt.state_dict())
        ['header', 't', 'params/w', 'state/w/ema']
        """
        with Deferred(self._busy):
            header, arrays = self._taken(params)
            return {"header": header.text()} | {key: arrays[key].copy() for key in header.kinds()}

    def _taken(self, params: Any) -> tuple[Header, dict[str, Array]]:
        from optimlab.checkpoint.held import held_by, taken

        run = self._run
        if params is True:
            run.check_own_weights()
        run.settle()
        if run.layout is not None:
            return taken(self, held_by(run.layout), params)
        if run.pending is not None:
            return taken(self, run.pending.held, params)
        raise ValueError("there is nothing to save before the first step: the optimizer has not seen params yet")

    def load_state_dict(
        self,
        arrays: Mapping[str, Array],
        params: Any = None,
        *,
        replace: Mapping[str, Any] | None = None,
        strict: bool = True,
    ) -> None:
        """Take a copy of what ``state_dict`` returned.

        Parameters
        ----------
        arrays : dict of ndarray
            From an optimizer of this rule, this average, these hooks and so many replicas.
        params, replace, strict
            As for ``load``.

        Raises
        ------
        ValueError
            If it is of another one, or damaged; nothing is changed then.
        """
        from optimlab.checkpoint.snapshot import of_dict

        self._load(of_dict(arrays), params, replace=replace, strict=strict)

    def _load(self, saved: Saved, params: Any, **how: Any) -> None:
        from optimlab.checkpoint.snapshot import Snapshot

        with Deferred(self._busy):
            self._run.load(Snapshot(saved, self, params, **how), params)

    def save(self, path: str | PathLike[str], params: Any = True) -> None:
        """Write what ``state_dict`` returns to one ``.npz`` file, atomically.

        Parameters
        ----------
        path : str or PathLike
            The file.
        params : bool, or container of arrays
            As for ``state_dict``.

        Raises
        ------
        ValueError, RuntimeError, OSError
            As ``state_dict`` does, or if the file cannot be written; an earlier one is as before then.
        """
        from optimlab.checkpoint.archive import save  # zipfile would be a tenth of `import optimlab`

        with Deferred(self._busy):  # a turn that is cut in two while it begins would never end
            save(*self._taken(params), path)

    def load(
        self,
        path: str | PathLike[str],
        params: Any = None,
        *,
        replace: Mapping[str, Any] | None = None,
        strict: bool = True,
    ) -> None:
        """Read what ``save`` wrote: the next step is the one that would have come then.

        Parameters
        ----------
        path : str or PathLike
            The file.
        params : container of arrays, None or False
            The parameters, into which the saved ones are written. None: the next step must be given parameters that
            are equal to the saved ones. False: it may be given others, which go on from this state.
        replace : dict, optional
            Hyperparameters that this optimizer has and the saved one need not have had, by the name that the error
            says: ``{"weight_decay": 0.1}``.
        strict : bool
            False: all numbers may be others; hooks, leaves and averages that are not in the file start anew, an average
            at the weights of now; those that are not here are left out. A leaf's slots must still be the same. With
            other leaves, hooks that keep an array for each start anew.

        Raises
        ------
        ValueError
            If the file is not a checkpoint of this rule, these leaves and these hooks, or is damaged; nothing is
            changed then. A file without parameters loads as with False, but cannot be written into ``params``.

        Examples
        --------
        >>> import numpy as np
        >>> from tempfile import TemporaryDirectory
        >>> from optimlab import momentum
        >>> opt, w = Optimizer(momentum(), lr=0.1), np.array([1.0])
        >>> with TemporaryDirectory() as folder:
        ...     _ = opt.step(w, 2 * w)
        ...     opt.save(f"{folder}/run.npz")
        ...     new, v = Optimizer(momentum(), lr=0.1), np.zeros(1)
        ...     new.load(f"{folder}/run.npz", v)
        >>> bool(v == w), new.t
        (True, 1)
        """
        from optimlab.checkpoint.archive import load

        self._load(load(path), params, replace=replace, strict=strict)


def _copied(leaf: Any) -> Any:
    return leaf.copy(order="K") if isinstance(leaf, np.ndarray) else leaf
