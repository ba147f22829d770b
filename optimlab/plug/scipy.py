"""method: any rule as ``method=`` of ``scipy.optimize.minimize``, and inside SciPy's global optimizers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from optimlab.descent.history import History
from optimlab.descent.loop import descend
from optimlab.descent.stop import Progress, Seconds
from optimlab.extras import needed
from optimlab.hooks.project import Project
from optimlab.optimizer import Optimizer
from optimlab.plug.scipy_given import Limits, Objective, Point, begin, teller
from optimlab.plug.scipy_options import Options, names
from optimlab.rules.algebra import Rule

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["method"]


def method(
    rule: Rule, lr: ArrayLike | Callable[[Any], Any], *, hooks: Sequence[Any] = (), **options: Any
) -> Callable[..., OptimizeResult[Any]]:
    """xₖ₊₁ = P(xₖ - lr · rule(∇f(xₖ))): a rule as SciPy's ``minimize(fun, x0, method=method(rule, lr))``.

    P is the projection on the bounds; ``fun`` is never called outside them.

    Parameters
    ----------
    rule : Rule
        The update rule, such as ``adam()``.
    lr : float greater than 0, or schedule
        Learning rate, or a function of k = 0, 1, 2, ...
    hooks : sequence
        Hooks of the ``Optimizer``, such as ``ClipNorm(1.0)`` or ``EarlyStop(50)``; each run has copies of its own.
    **options
        What ``options`` of ``minimize`` may hold, too, and then counts; None stands for the default:

        - maxiter (10000): largest number of updates.
        - gtol (1e-5; ``minimize(tol=...)`` sets it): end where no number of the projected gradient is larger in size;
          differences of float32 are wrong by about 1e-3. If fun is noisy there is no default: a gradient may be small
          by luck.
        - maxtime (inf): time budget in seconds; the first update after it is not done.
        - noisy (False): fun returns another number each time. x is then the last point, not that of the least value,
          which was luck; without jac the differences need a step (eps) that is wide against the noise.
        - clip_x0 (False): begin at the point within the bounds that is nearest to x0, in place of an error.
        - finite_diff_method ("2-point", "3-point", "cs"), finite_diff_rel_step, eps (absolute step): how the gradient
          is found where ``jac`` is not a function. SciPy does not pass on words such as ``jac="3-point"``.
        - disp (False): print the end, and show a bar after two seconds.

    Returns
    -------
    callable
        For ``method=`` of ``minimize``, or in ``minimizer_kwargs`` of ``basinhopping``, ``dual_annealing``, ``shgo``.
        It can be pickled, and used again and in threads: each run starts anew. It returns an ``OptimizeResult`` with

        - x, fun, jac: the point of the least value seen, with ``noisy`` the last one; jac is NaN along numbers that the
          bounds fix, where no differences are made;
        - x_best, fun_best, x_last, fun_last: both;
        - success, status, message: 0 gtol is met at x_last, or a hook has stopped the run (success); 1 maxiter; 2
          maxtime; 3 fun or its gradient not finite; 99 the callback raised StopIteration;
        - nit, nfev (those of differences too), njev; history, a ``History``; hooks, the copies after the run.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    ValueError, TypeError
        If an argument is outside its range: here, or from ``minimize`` for what it is given. Constraints are refused.

    Notes
    -----
    ``callback(x)`` and ``callback(intermediate_result=...)`` are called after each update. ``hess`` and ``hessp`` are
    not needed and left alone. Options that are not known are an ``OptimizeWarning``. After Ctrl-C the update at hand is
    finished, then KeyboardInterrupt is raised.

    Where the least value was not the last one, fun is asked once more there (status 0 and 1). If the answer is another,
    fun is noisy: the message says so, and x is that point only if the new value, too, is at most the last one.

    To ``basinhopping`` runs that end at maxiter are failures; it steps over bounds, for which ``clip_x0`` is meant.
    ``shgo`` does not pass options on: give them here.

    Examples
    --------
    >>> from scipy.optimize import minimize, rosen, rosen_der
    >>> from optimlab import adam
    >>> from optimlab.plug import scipy
    >>> by_adam = scipy.method(adam(), lr=0.1)
    >>> found = minimize(rosen, [-1.0, 0.0], jac=rosen_der, method=by_adam, bounds=[(None, 0.5)] * 2)
    >>> found.success, found.x.round(4), found.nfev == found.nit + 1
    (True, array([0.5 , 0.25]), True)
    """
    needed("scipy.optimize", "lab", "optimlab.plug.scipy.method")
    Optimizer(rule, lr, hooks=hooks)  # which says at once what is wrong
    unknown = sorted(options.keys() - names())
    if unknown:
        raise TypeError(f"options of method must be among {', '.join(sorted(names()))}; got {unknown[0]}")
    return _Method(rule, lr, tuple(deepcopy(hooks)), Options().but(options))


@final
@dataclass(frozen=True, eq=False)
class _Method:
    """What ``method`` returns."""

    rule: Rule
    lr: Any
    hooks: tuple[Any, ...]
    options: Options

    def lower(self) -> str:
        """Return the name under which ``shgo``, which asks each method for it, knows callables."""
        return "_custom"

    def __call__(
        self,
        fun: Any,
        x0: Any,
        *,
        args: Any = (),
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        callback: Any = None,
        **options: Any,
    ) -> OptimizeResult[Any]:
        """Minimize, as SciPy asks for it."""
        _check_constraints(constraints)
        _warn_of_unknown(options)
        asked = self.options.but(options)
        x, within = begin(x0, bounds, clip=asked.clip_x0)
        asked.check(x.size, jac)
        way = jac if callable(jac) or isinstance(jac, str) else asked.finite_diff_method
        objective = Objective(fun, way, args=args, within=within, steps=asked.steps)
        ends: list[Any] = [] if callback is None else [_Callback(teller(callback), objective)]
        ends += [_Flat(asked.flat, within), Seconds(asked.maxtime)]
        hooks = deepcopy(self.hooks)
        optimizer = Optimizer(self.rule, self.lr, hooks=hooks if bounds is None else (*hooks, Project(within)))
        bar, steps = bool(asked.disp) and "minimize", int(asked.maxiter)
        history = descend(objective.value_and_gradient, optimizer, steps, start=x, stop=ends, progress=bar)
        found = _result(objective, history, asked)
        found["hooks"] = hooks
        _tell(found, asked)
        return found


def _check_constraints(constraints: Any) -> None:
    """Refuse constraints; none are None, () or []."""
    if constraints is None or (isinstance(constraints, (Sequence, Mapping)) and not constraints):
        return
    remedy = "write limits as bounds, others as a penalty in fun; or take method='trust-constr'"
    raise ValueError(f"constraints must be empty: a rule keeps to bounds alone; got {constraints!r}; {remedy}")


def _warn_of_unknown(options: Mapping[str, Any]) -> None:
    """Warn of options that are not known, as SciPy's own methods do; None says nothing, whatever its name is."""
    unknown = [name for name, given in options.items() if name not in names() and given is not None]
    if unknown:
        from scipy.optimize import OptimizeWarning

        warnings.warn(f"Unknown solver options: {', '.join(unknown)}", OptimizeWarning, stacklevel=4)


@final
@dataclass(frozen=True)
class _Flat:
    """The condition that no step downhill from a finite value stays inside."""

    gtol: float
    within: Limits
    reason: ClassVar[str] = "gtol"

    def __call__(self, now: Progress) -> bool:
        return bool(np.isfinite(now.value)) and self.within.slope(now.w, now.gradient) <= self.gtol


@final
@dataclass(frozen=True)
class _Callback:
    """The condition that a callback, which is called after each update, raises StopIteration."""

    tell: Callable[[Point], object]
    objective: Objective
    reason: ClassVar[str] = "callback"

    def __call__(self, now: Progress) -> bool:
        try:
            if now.step:
                self.tell(self.objective.last)
        except StopIteration:
            return True
        return False


def _result(objective: Objective, history: History, asked: Options) -> OptimizeResult[Any]:
    """Return what a run has found."""
    from scipy.optimize import OptimizeResult

    if history.reason == "interrupted":  # or the global optimizer around this run would go on
        raise KeyboardInterrupt
    status, message = _ended(history.reason, asked)
    best, last = objective.best or objective.last, objective.last
    at = last if asked.noisy else best
    if at is not last and status in (0, 1):  # no more calls where the user or the clock has stopped it
        at, remark = _confirmed(objective, best, last)
        message += remark
    if status in (0, 1) and not math.isfinite(at.value):
        status, message = 3, f"fun is {at.value} at x."
    result: Any = OptimizeResult  # whose stubs know no fields
    found: OptimizeResult[Any] = result(
        x=np.copy(at.x), fun=at.value, jac=objective.stated(at.gradient), success=status == 0, status=status,
        message=message, nit=int(history["step"][-1]), nfev=objective.nfev, njev=objective.njev,
        x_best=best.x, fun_best=best.value, x_last=last.x, fun_last=last.value, history=history,
    )  # fmt: skip
    return found


def _confirmed(objective: Objective, best: Point, last: Point) -> tuple[Point, str]:
    """Return the point of the least value if it is better than the last when fun is asked again; and what to say."""
    again = float(objective.value(best.x))
    if again == best.value:
        return best, ""
    said = f" fun is noisy: it gave {best.value!r} and then {again!r} at x_best"
    remark = f"{said}; with options={{'noisy': True}} x is the last point."
    return (best._replace(value=again) if again <= last.value else last), remark


def _ended(reason: str, asked: Options) -> tuple[int, str]:
    """Return status and message."""
    if reason == "callback":
        return 99, "`callback` raised `StopIteration`."
    if reason == repr(Seconds(asked.maxtime)):
        return 2, f"The time budget has been spent: maxtime={asked.maxtime} seconds."
    if reason.startswith("diverged"):
        return 3, f"Optimization {reason}."
    if reason == "steps":
        return 1, f"Maximum number of iterations has been exceeded: maxiter={asked.maxiter}."
    met = f"gtol={asked.flat:g} is met" if reason == "gtol" else f"{reason} has stopped it"
    return 0, f"Optimization terminated successfully: {met}."


def _tell(found: OptimizeResult[Any], asked: Options) -> None:
    """Print how it ended, if ``disp`` asks for it; what was no success is a warning, as in SciPy."""
    if not asked.disp:
        return
    if found.success:
        print(found.message)
    else:
        from scipy.optimize import OptimizeWarning

        warnings.warn(found.message, OptimizeWarning, stacklevel=4)
    print(f"         Current function value: {found.fun:f}")
    print(f"         Iterations: {found.nit:d}")
    print(f"         Function evaluations: {found.nfev:d}")
    print(f"         Gradient evaluations: {found.njev:d}")
