"""Other systems' optimizers as contestants: a maker by its dotted name, with the arguments that a text gives."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType, ModuleType
from typing import Any, Final, final

from optimlab.checkpoint.hyperparameters import described, written
from optimlab.export import classes as export
from optimlab.extras import needed
from optimlab.lab.contestants.contestant import Step
from optimlab.lab.frame.looks import labels
from optimlab.lab.frame.reading import nearest
from optimlab.rules.algebra import Rule
from optimlab.typing import Floats

__all__ = ["RATES", "Foreign", "exported", "found", "system_of"]

RATES: Final[Mapping[str, str]] = MappingProxyType({"torch": "lr", "optax": "learning_rate"})
"""The learning rate's name in each system."""

_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"torch": ("torch",), "optax": ("optax", "jax")})
_LONGEST: Final = 100_000
"""Steps of which an exported rule knows its coefficients in compiled code."""


@final
@dataclass(frozen=True)
class Foreign:
    """An optimizer of torch, or a transformation of optax, as a `Contestant`.

    Parameters
    ----------
    system : {"torch", "optax"}
        What runs it.
    make : callable
        A class of torch, called with parameters and lr; or what makes a transformation of a learning_rate.
    words : tuple of (str, object)
        Its further arguments, by name.
    called : str
        How it is called; by default by package, name and arguments.

    Raises
    ------
    TypeError
        If it takes no such arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> momentum = Foreign("torch", torch.optim.SGD, (("momentum", 0.9),))
    >>> momentum.label, momentum.key.partition(" of ")[0]
    ('torch SGD(momentum=0.9)', 'torch.optim.sgd.SGD(momentum=0.9)')
    >>> w = np.ones((2, 1))
    >>> momentum.begin(w, np.array([0.5, 0.25]))(w)
    >>> w[:, 0]
    array([0.5 , 0.75])
    """

    system: str
    make: Callable[..., Any]
    words: tuple[tuple[str, Any], ...] = ()
    called: str = ""

    def __post_init__(self) -> None:
        given = dict(self.words) | {RATES[self.system]: 1.0}
        try:
            self._signature.bind(*([None] if self.system == "torch" else []), **given)
        except TypeError as error:
            raise TypeError(f"{error}; it is {self.make.__name__}{self._plain}") from None

    @property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.make)

    @property
    def _plain(self) -> str:
        names = [str(p.replace(annotation=p.empty)) for p in self._signature.parameters.values()]
        return f"({', '.join(names)})"

    @property
    def rule(self) -> Rule | None:
        """The rule of this library that it computes."""
        held = getattr(self.make, "rule", None)
        return held if isinstance(held, Rule) else None

    @property
    def lr(self) -> float | None:
        """The learning rate that stands among the arguments."""
        rate = dict(self.words).get(RATES[self.system])
        return None if rate is None else float(rate)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments but for the learning rate."""
        return {name: value for name, value in self.words if name != RATES[self.system]}

    @property
    def label(self) -> str:
        """The package, the name and the arguments as they were given."""
        if self.called:
            return self.called
        if self.rule:
            return f"{self.system} export of {labels([self.rule])[0]}"
        words = ", ".join(f"{name}={value!r}" for name, value in self.words)
        return f"{self._package} {self.make.__name__}" + (f"({words})" if words else "")

    @property
    def key(self) -> str:
        """The dotted name, the arguments that are not the defaults, and the versions of what computes it."""
        parameters = self._signature.parameters.items()
        defaults = {name: written(p.default) for name, p in parameters if name != RATES[self.system]}
        words = {name: written(value) for name, value in sorted(self.words)}
        told = [f"{name}={text}" for name, text in words.items() if text != defaults.get(name)]
        if self.rule:
            name, told = f"{self.system} export", [described(self.rule).text, *told]
        else:
            name = f"{self.make.__module__}.{self.make.__qualname__}"
        packages = dict.fromkeys((self._package, *_PACKAGES[self.system]))
        versions = [f"{package} {_version(package, self.make.__module__)}" for package in packages]
        return f"{name}({', '.join(told)}) of {', '.join(versions)}"

    @property
    def _package(self) -> str:
        return "optimlab" if self.rule else self.make.__module__.partition(".")[0]

    def begin(self, w: Any, lr: Floats) -> Step:
        """Return what steps the replicas; see `Contestant`."""
        needed(self.system, self.system, self.label)
        runner = import_module(f"optimlab.lab.contestants.with_{self.system}")
        begun: Step = runner.begin(partial(self.make, **self.options), w, lr)
        return begun


@final
@dataclass(frozen=True)
class _Exported:
    """A rule as a function of a learning_rate."""

    rule: Rule

    def __call__(self, learning_rate: Any) -> Any:
        return export.optax(self.rule, learning_rate, steps=_LONGEST)


def exported(system: str, rule: Rule) -> Foreign:
    """Return a rule of the library as torch or optax computes it.

    Examples
    --------
    >>> from optimlab import sgd
    >>> exported("optax", sgd()).label
    'optax export of SGD'
    """
    return Foreign(system, export.torch(rule) if system == "torch" else _Exported(rule))


def system_of(make: Any) -> str | None:
    """Return the system that a class or function belongs to, without loading any; None if it is no maker.

    Examples
    --------
    >>> import torch
    >>> system_of(torch.optim.Adam), system_of(len)
    ('torch', None)
    """
    if isinstance(make, type):
        classes = [(kind.__module__, kind.__name__) for kind in make.__mro__[1:]]
        return "torch" if ("torch.optim.optimizer", "Optimizer") in classes else None
    try:
        first = next(iter(inspect.signature(make).parameters), "")
    except (TypeError, ValueError):
        return None
    return "optax" if first == RATES["optax"] else None


def found(path: str) -> Any:
    """Return what a dotted name means, or say from where it leads nowhere.

    Raises
    ------
    ImportError
        If it is of torch or optax, which is not installed.
    ValueError
        If a part has no such name.

    Examples
    --------
    >>> found("numpy.linalg.norm").__name__
    'norm'
    """
    first, *rest = path.split(".")
    thing: Any = (
        needed(first, first, path)
        if first in RATES
        else _module(first, f"there is no module {first}; install the package that has it")
    )
    above = first
    for name in rest:
        if hasattr(thing, name):
            thing = getattr(thing, name)
        else:
            thing = _module(f"{above}.{name}", f"{above} has no {name}; {nearest(name, _public(thing))}")
        above += f".{name}"
    return thing


def _module(path: str, otherwise: str) -> ModuleType:
    try:
        return import_module(path)
    except ModuleNotFoundError:
        raise ValueError(otherwise) from None


def _public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")] or ["nothing"]


def _version(package: str, module: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return str(getattr(import_module(package), "__version__", None) or _digest(module))


def _digest(module: str) -> str:
    """Return a number of the text of a module that has no version; it is another one once the text is."""
    try:
        return hashlib.sha256(inspect.getsource(import_module(module)).encode()).hexdigest()[:16]
    except (OSError, TypeError):
        return "unknown"
