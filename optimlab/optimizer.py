"""The Optimizer: it owns the memory and runs a rule over parameters, in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from os import PathLike
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import POSITIVE, hyperparameter, whole
from optimlab.engine import Engine, choose
from optimlab.engine.given import (
    check_shapes,
    checked_average,
    checked_hooks,
    checked_loss,
    checked_lr,
    hyperparameters,
)
from optimlab.engine.guard import Replicas, check_gradients, check_swept, rows_of
from optimlab.engine.layout import Layout, Segment
from optimlab.engine.numbers import Numbers
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import compensated
from optimlab.rules.probe import checked_rule
from optimlab.settings import Fixed
from optimlab.step import Step
from optimlab.trees import mapped
from optimlab.typing import Array, Count, Marks, Number

if TYPE_CHECKING:
    from optimlab.checkpoint.header import Header, Saved
    from optimlab.checkpoint.held import Held
    from optimlab.checkpoint.snapshot import Snapshot

__all__ = ["Optimizer"]

_BUSY = (
    "a step of this optimizer is under way, in another thread or around this hook; one optimizer takes one step at a "
    "time: give each thread one of its own, copy.deepcopy(optimizer)"
)
_GO_ON = "make a new Optimizer with it, and new.load_state_dict(old.state_dict()) to go on from here"


class Optimizer:
    """w ← w - lr · rule(g): update parameters in place.

    Parameters
    ----------
    rule : Rule
        The update rule, such as ``adam()``.
    lr : float greater than 0, sequence of float, shape (S,), or schedule
        Learning rate, or a function of the update's index k = 0, 1, 2, ...
    hooks : sequence
        Objects with ``before(step)``, ``after(step)`` or both, called in this order with a ``Step``.
    average : Rule, optional
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
    One optimizer steps one set of parameters, in place: the same memory at each step. A program that keeps the arrays
    of the step before, or binds new ones, takes ``updated``. After a load or ``release``, and in a copy, they may be
    others.

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

    __slots__ = (
        "__weakref__", "_after", "_average", "_before", "_busy", "_early", "_engine", "_engines", "_follower", "_guard",
        "_hooks", "_late", "_latest_lr", "_layout", "_mean", "_pending", "_rate", "_replicas", "_rule", "_swapped",
        "_t", "check_finite",
    )  # fmt: skip
    rule: Fixed[Rule] = Fixed("make a new Optimizer with the rule, whose state starts anew")
    average: Fixed[Rule | None] = Fixed("make a new Optimizer with the average, which starts at the weights of then")
    engine: Fixed[str] = Fixed(_GO_ON)
    replicas: Fixed[int | None] = Fixed("make a new Optimizer for so many replicas, whose state starts anew")

    def __init__(
        self,
        rule: Rule,
        lr: ArrayLike | Callable[[Any], Any],
        *,
        hooks: Sequence[Any] = (),
        average: Rule | None = None,
        engine: str = "auto",
        check_finite: bool = True,
        replicas: int | None = None,
    ) -> None:
        self.rule = checked_rule(rule)
        self.average = checked_average(average)
        self.engine = engine
        self.check_finite = check_finite
        self.replicas = None if replicas is None else whole("replicas", replicas, 1)
        self._rate = hyperparameter("lr", lr, POSITIVE)
        self._engines: list[Engine] = []
        self._follower: Engine | None = None
        self._mean = None if self.average is None else compensated(self.average)
        choose(engine, rule, self._mean)  # which says at once what is wrong
        self._guard = None if self.replicas is None else Replicas(self.replicas)
        self._t: Count = 0
        self._latest_lr: Number | None = None
        self._layout: Layout | None = None
        self._pending: Snapshot | None = None
        self._swapped = False
        self._busy = Lock()
        check_shapes(
            self.replicas, {"lr": (self._lr_at(0),), "rule": rule.coefficients(1), "average": self._averaging(1)}
        )
        self.hooks = hooks

    def __repr__(self) -> str:
        """Return the shortest call that rebuilds the optimizer as it was before the first step."""
        defaults: Any = type(self).__init__.__kwdefaults__
        held = {name: getattr(self, name) for name in defaults}
        words = [f"{name}={value!r}" for name, value in held.items() if value != defaults[name]]
        return f"Optimizer({', '.join([repr(self.rule), repr(self._rate), *words])})"

    def __copy__(self) -> Optimizer:
        return deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is an optimizer of its own: it steps other arrays, and neither steps nor averages at the moment."""
        held = {name: getattr(self, name) for name in self.__slots__ if name != "__weakref__"}
        return held | {"_swapped": False, "_busy": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, held in (state | {"_busy": Lock()}).items():
            setattr(self, name, held)

    @property
    def t(self) -> Count:
        """Number of updates so far; an array of shape (S,) once replicas have skipped steps of their own."""
        return self._t if isinstance(self._t, int) else self._t.copy()

    @property
    def lr(self) -> Number:
        """Learning rate of the latest update; before the first, of the first. A load leaves out what hooks had set.

        Another number or schedule may be assigned: the next update takes it.
        """
        if self._latest_lr is not None:
            return copy(self._latest_lr)
        return self._lr_at(np.maximum(self._t - 1, 0) if isinstance(self._t, np.ndarray) else max(self._t - 1, 0))

    @lr.setter
    def lr(self, lr: ArrayLike | Callable[[Any], Any]) -> None:
        rate = hyperparameter("lr", lr, POSITIVE)
        if not callable(rate):
            check_shapes(self.replicas, {"lr": (np.array(rate),)})
        self._rate, self._latest_lr = rate, None

    @property
    def hooks(self) -> tuple[Any, ...]:
        """The hooks; others may be assigned, with what they keep."""
        return self._hooks

    @hooks.setter
    def hooks(self, hooks: Sequence[Any]) -> None:
        given = checked_hooks(hooks)
        check_shapes(self.replicas, hyperparameters(given))
        self._hooks = given
        self._before = [hook.before for hook in given if hasattr(hook, "before")]
        self._after = [hook.after for hook in given if hasattr(hook, "after")]
        moving = any(getattr(hook, "moves_weights", True) for hook in given if hasattr(hook, "after"))
        self._late = self._mean if moving else None
        self._early = None if moving else self._mean
        if self._layout is not None:
            self._choose(self._layout)

    def _choose(self, layout: Layout) -> None:
        """Choose the engines, for the rules with or without the average."""
        self._engines = [choose(self.engine, rule, self._early) for rule in layout.rules]
        self._follower = None if self._mean is None else choose(self.engine, None, self._mean)
        for segment in layout.segments:
            segment.kept.clear()

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen, shape (S,)."""
        if self._guard is None:
            raise ValueError("only an optimizer with replicas marks those that diverged; give replicas=S")
        return self._guard.diverged.copy()

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
        if self._layout is not None:
            names, memory = self._layout.names, self._layout.memory("state", self.rule.slots)
        elif self._pending is not None:
            names, memory = tuple(self._pending.saved.header.leaves), self._pending.state()
        else:
            raise ValueError("state is there after the first step (or averaged): the optimizer has not seen params yet")
        found: dict[str, dict[str, Array]] = {name: {} for name in names}
        for leaf, slot, view in memory:
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
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(_BUSY)
        try:
            self._step(params, gradients, loss)
        finally:
            self._busy.release()
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

        Examples
        --------
        >>> import numpy as np
        >>> from optimlab import sgd
        >>> opt, w = Optimizer(sgd(), lr=0.5), np.ones(1)
        >>> opt.updated(w, w), w
        (array([0.5]), array([1.]))
        """
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(_BUSY)
        try:
            new = mapped(_copied, params)
            self.release()
            self._step(new, gradients, loss)
        finally:
            self.release()
            self._busy.release()
        return new

    def release(self) -> None:
        """Forget the parameters: those of the next step may be other arrays, which go on from this state."""
        if self._layout is not None:
            self._layout.release()

    def _step(self, params: Any, gradients: Any, loss: Number | None) -> None:
        layout = self._bound(params)
        given = layout.gradients(gradients)
        lr = self._lr_at(self._t)
        loss = None if loss is None else checked_loss(loss, layout.replicas)
        step = Step(self._t + 1, lr, 1.0, False, layout.leaves, given, layout.names, loss, layout.replicas)
        step.waiting = layout.waiting
        for before in self._before:
            before(step)
        if step.skip is not False and np.all(step.skip):
            return
        if step.gradients is not given:
            step.gradients = layout.checked_gradients(tuple(step.gradients))
        if step.lr is not lr:
            step.lr = checked_lr("set by a hook", step.lr)
        if layout.replicas is not None and step.skip is not False:
            step.skip = np.broadcast_to(np.asarray(step.skip, bool), (layout.replicas,))
        waiting = self._update(layout, step)
        try:
            for after in self._after:
                after(step)
        finally:  # the weights have moved, whatever happens to a hook
            if self._late is not None:
                self._follow(layout.segments, step)
            elif waiting and self._early is not None:
                self._follow(waiting, step)

    def _follow(self, segments: Sequence[Segment], step: Step) -> None:
        """Feed the average what the weights are after the hooks."""
        frozen = step.skip if isinstance(step.skip, np.ndarray) and step.skip.any() else None
        numbers = Numbers(1.0, 0.0, None, self._averaging(step.t), frozen)
        with np.errstate(all="ignore"):
            for segment in segments:
                segment.reread()
                self._follower.sweep(segment, numbers)  # type: ignore[union-attr]

    def _update(self, layout: Layout, step: Step) -> list[Segment]:
        """Sweep all segments with the rules and the average; return those that wait."""
        waiting = layout.activate(step.waiting)
        layout.gather(step.gradients)
        t, skip = self._t + 1, step.skip
        with np.errstate(all="ignore"):
            self._guarded(layout, step, self._numbers(layout, step, t))
        self._latest_lr = step.lr
        for segment in waiting:
            segment.waited = segment.waited + (1 if layout.replicas is None else np.asarray(step.live, np.int64))
        self._t = np.where(skip, self._t, t) if isinstance(skip, np.ndarray) and skip.any() else t
        if self._guard is not None:
            step.skip = skip | self._guard.diverged  # hooks leave a frozen replica alone, too
        return waiting

    def _numbers(self, layout: Layout, step: Step, t: Count) -> list[Numbers]:
        """Return the numbers for each segment; where leaves have waited, t is a smaller one."""
        average = () if self._early is None else self._averaging(t)
        each = [Numbers(step.scale, step.lr, rule.coefficients(t), average) for rule in layout.rules]
        each = [each[segment.rule] for segment in layout.active]
        for i, segment in enumerate(layout.active):
            if not isinstance(segment.waited, int) or segment.waited:
                c = layout.rules[segment.rule].coefficients(t - segment.waited)
                each[i] = Numbers(step.scale, step.lr, c, average)
        if self._guard is not None or not (isinstance(step.lr, float) and isinstance(step.scale, float)):
            for own in each:
                check_shapes(self.replicas, own.groups())
        return each

    def _guarded(self, layout: Layout, step: Step, each: Sequence[Numbers]) -> None:
        """Sweep, and let nothing through that is not finite: an error, with replicas those that are frozen."""
        if self._guard is not None:
            frozen = self._guard.frozen(layout, step, check=self.check_finite)
            for own in each:
                own.frozen = frozen
            saved = self._guard.saved(layout) if self.check_finite else []
            self._sweep(layout, each)
            self._guard.restore(layout, saved)
        elif not self.check_finite or check_gradients(layout, step):
            self._sweep(layout, each)
        else:
            self._careful(layout, step, each)
        for segment in layout.active:
            segment.scatter()

    def _careful(self, layout: Layout, step: Step, each: Sequence[Numbers]) -> None:
        """Sweep with gradients that are so large that something may overflow; if it does, take everything back."""
        kept = [(row, row.copy()) for row in rows_of(layout)]
        try:
            self._sweep(layout, each)
            check_swept(layout, step, self.rule.slots)
        except FloatingPointError:
            for row, before in kept:
                row[...] = before
            raise

    def _sweep(self, layout: Layout, each: Sequence[Numbers]) -> None:
        for segment, numbers in zip(layout.active, each, strict=True):
            self._engines[segment.rule].sweep(segment, numbers)

    def _averaging(self, t: Count) -> tuple[Number, ...]:
        return () if self._mean is None else self._mean.coefficients(t)

    def _lr_at(self, k: Count) -> Number:
        if callable(self._rate):
            return checked_lr(f"from its schedule at k = {k}", self._rate(k))
        return self._rate if isinstance(self._rate, float) else np.array(self._rate)

    def _bound(self, params: Any) -> Layout:
        """Return the layout with these parameters in it; the first time, make it."""
        if self._swapped:
            raise RuntimeError("the averaged weights are swapped in; leave `with opt.averaged(params)` first")
        if self._layout is not None:
            self._layout.bind(params)
            return self._layout
        layout = Layout(params, self.rule, self._mean, replicas=self.replicas)
        return self._started(layout, None if self._pending is None else self._pending.meet(layout))

    def _started(self, layout: Layout, held: Held | None) -> Layout:
        """Take a new layout, with what was loaded."""
        if self._pending is not None and held is not None:
            self._pending.fill(layout, held)
        self._choose(layout)
        self._layout, self._pending = layout, None
        return layout

    @contextmanager
    def averaged(self, params: Any) -> Iterator[Any]:
        """Put the averaged weights into the parameters, and the parameters back at the end, whatever happens.

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
        layout = self._bound(params)
        values = self._averages(layout)
        leaves, given = layout.leaves, layout.tree.leaves(params)
        saved = [leaf.copy() for leaf in leaves]
        self._swapped = True
        try:
            _write(leaves, values)
            yield params
        finally:
            _write(leaves, saved)
            self._swapped = False
        for name, old, now in zip(layout.names, given, layout.tree.leaves(params), strict=True):
            if now is not old:
                remedy = "the weights were put back into the old one; write into it, w[...] = new"
                raise RuntimeError(f"parameter {name!r} was bound to another array inside averaged; {remedy}")

    def _averages(self, layout: Layout) -> list[Array]:
        if self._mean is None:
            raise ValueError("there is no average; construct the optimizer with average=Ema(0.999, debias=True)")
        if np.any(np.equal(self._t, 0)):
            raise ValueError("there is no average before the first step")
        numbers = Numbers(1.0, 0.0, None, self._averaging(self._t))
        return layout.averages(self._mean.read, numbers)  # type: ignore[attr-defined]

    def state_dict(self, params: Any = True) -> dict[str, Array]:
        """Return parameters, state, average, t and the hooks' state, copied, in one flat dict of arrays.

        Parameters
        ----------
        params : bool, or container of arrays
            Whether the parameters of the last step are in it, as they are now; or those that are.

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
        header, arrays = self._taken(params)
        return {"header": header.text()} | {key: arrays[key].copy() for key in header.kinds()}

    def _taken(self, params: Any) -> tuple[Header, dict[str, Array]]:
        from optimlab.checkpoint.held import held_by, taken

        self._check_between_steps()
        if self._swapped and params is True:
            raise RuntimeError("the averaged weights are swapped in; leave `with opt.averaged(params)` before you save")
        if self._layout is not None:
            return taken(self, held_by(self, self._layout), params)
        if self._pending is not None:
            return taken(self, self._pending.held, params)
        raise ValueError("there is nothing to save before the first step: the optimizer has not seen params yet")

    def _check_between_steps(self) -> None:
        if self._busy.locked():  # weights, average and hooks are at different steps
            raise RuntimeError("a step of this optimizer is under way; save and load when opt.step has returned")

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

    def _load(self, saved: Saved, params: Any, **options: Any) -> None:
        from optimlab.checkpoint.snapshot import Snapshot

        self._check_between_steps()
        if self._swapped:
            raise RuntimeError("the averaged weights are swapped in; leave `with opt.averaged(params)` first")
        snapshot = Snapshot(saved, self, params, **options)
        layout = self._layout
        if snapshot.writes:
            layout = Layout(params, self.rule, self._mean, replicas=self.replicas)
        held = None if layout is None else snapshot.check(layout)
        snapshot.load_hooks()  # the last that can fail
        self._layout, self._pending = None, snapshot
        self._t, self._latest_lr = snapshot.t, None
        if self._guard is not None:
            self._guard.diverged[...] = snapshot.diverged
        if layout is not None and snapshot.writes:
            snapshot.write_params(layout)
            self._started(layout, held)

    def save(self, path: str | PathLike[str], params: Any = True) -> None:
        """Write what ``state_dict`` returns to one ``.npz`` file, atomically.

        Parameters
        ----------
        path : str or PathLike
            The file.
        params : bool, or container of arrays
            Whether the parameters of the last step are in it, as they are now; or those that are.
        """
        from optimlab.checkpoint import archive  # zipfile would be a tenth of `import optimlab`

        archive.save(*self._taken(params), path)

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
        from optimlab.checkpoint import archive

        self._load(archive.load(path), params, replace=replace, strict=strict)


def _copied(leaf: Any) -> Any:
    return leaf.copy(order="K") if isinstance(leaf, np.ndarray) else leaf


def _write(leaves: Sequence[Array], values: Sequence[Array]) -> None:
    for leaf, value in zip(leaves, values, strict=True):
        leaf[...] = value
