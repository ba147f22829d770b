"""The other systems: each runs a released rule of its own over given parameters and gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from operator import attrgetter
from typing import Any, Final, final

import numpy as np

from optimlab.extras import needed
from optimlab.lab.atlas.streams import Stream, Trajectory
from optimlab.typing import Array

__all__ = ["SYSTEMS", "Run", "System", "rates", "stacked"]

Run = Callable[[str, Mapping[str, Any], Stream], Iterator[list[Array]]]


@final
@dataclass(frozen=True)
class System:
    """A package whose rules can be run: its word for the learning rate, and what runs a rule."""

    rate: str
    package: str
    module: str
    steps: Run

    @property
    def version(self) -> str | None:
        """The installed version; None if there is none."""
        try:
            return version(self.package) if find_spec(self.module.partition(".")[0]) else None
        except PackageNotFoundError:
            return None

    def trajectory(self, name: str, options: Mapping[str, Any], stream: Stream) -> Trajectory:
        """Return the parameters after each step: for each leaf an array of shape (steps, ...)."""
        return stacked(self.steps(name, options, stream))

    def made(self, name: str) -> Any:
        """Return what the system itself has by this name."""
        return _found(self.module, name)


def stacked(steps: Iterator[list[Array]]) -> Trajectory:
    """Return the parameters of all steps, for each leaf one array."""
    return tuple(map(np.stack, zip(*steps, strict=True)))


def rates(schedule: Callable[[int], Any], stream: Stream) -> Iterator[list[Array]]:
    """Yield the numbers of a schedule."""
    return ([np.array(float(schedule(k)))] for k in range(len(stream.gradients)))


def _found(module: str, name: str) -> Any:
    """Return what a module has by a dotted name."""
    return attrgetter(name)(needed(module, "atlas", "the atlas"))


@contextmanager
def _torch_in(dtype: np.dtype[Any]) -> Iterator[Any]:
    """Yield torch with this default dtype: NAdam keeps a product in it, whatever the parameters are."""
    torch = needed("torch", "atlas", "the atlas")
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype.name))
    try:
        yield torch
    finally:
        torch.set_default_dtype(before)


def _like_torch(module: str) -> Run:
    """Return what runs an optimizer over tensors whose gradients are set."""

    def steps(name: str, options: Mapping[str, Any], stream: Stream) -> Iterator[list[Array]]:
        with _torch_in(stream.dtype) as torch:
            if stream.rates:
                yield from _scheduled(torch, _found(module, name), dict(options), stream)
                return
            params = [torch.nn.Parameter(torch.from_numpy(w.copy())) for w in stream.start]
            optimizer = _found(module, name)(params, **options)
            getattr(optimizer, "train", lambda: None)()
            for gradients in stream.gradients:
                for p, g in zip(params, gradients, strict=True):
                    p.grad = torch.from_numpy(g.copy())
                optimizer.step()
                yield [p.detach().numpy().copy() for p in params]

    return steps


def _scheduled(torch: Any, scheduler: Any, options: dict[str, Any], stream: Stream) -> Iterator[list[Array]]:
    """Yield the learning rates that a scheduler sets over the base rate ``lr``, if it does not bring its own."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=options.pop("lr", 1.0))
    schedule = scheduler(optimizer, **options)
    for _ in stream.gradients:
        yield [np.array(float(optimizer.param_groups[0]["lr"]))]
        optimizer.step()
        schedule.step()


def _optax(name: str, options: Mapping[str, Any], stream: Stream) -> Iterator[list[Array]]:
    """Run a gradient transformation."""
    jax, library = needed("jax", "atlas", "the atlas"), needed("optax", "atlas", "the atlas")
    with jax.enable_x64(stream.dtype == np.float64):
        if stream.rates:
            yield from rates(_found("optax", name)(**options), stream)
            return
        rule = library.with_extra_args_support(_found("optax", name)(**options))
        params = [jax.numpy.asarray(w) for w in stream.start]

        def step(params: Any, state: Any, gradients: Any, loss: Any) -> Any:
            updates, state = rule.update(gradients, state, params, value=loss)
            return library.apply_updates(params, updates), state

        state, step = rule.init(params), jax.jit(step)
        for gradients, loss in zip(stream.gradients, stream.losses, strict=True):
            params, state = step(params, state, list(gradients), loss)
            yield [np.array(w) for w in params]


def _keras(name: str, options: Mapping[str, Any], stream: Stream) -> Iterator[list[Array]]:
    """Run an optimizer over variables, on the backend JAX, where its step is compiled."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    library, jax = needed("keras", "atlas", "the atlas"), needed("jax", "atlas", "the atlas")
    if library.backend.backend() != "jax":
        raise RuntimeError("the atlas runs Keras on JAX; set KERAS_BACKEND=jax before Keras is imported")
    before = library.config.floatx()
    library.config.set_floatx(stream.dtype.name)
    try:
        with jax.enable_x64(stream.dtype == np.float64):
            if stream.rates:
                with jax.disable_jit():  # each choice by a number would be compiled anew
                    yield from rates(_found("keras.optimizers", name)(**options), stream)
                return
            variables = [library.Variable(w, dtype=stream.dtype.name) for w in stream.start]
            optimizer = _found("keras.optimizers", name)(**options)
            optimizer.build(variables)
            params, state = [v.value for v in variables], [v.value for v in optimizer.variables]
            step = jax.jit(optimizer.stateless_apply)
            for gradients in stream.gradients:
                params, state = step(state, list(gradients), params)
                yield [np.array(w) for w in params]
    finally:
        library.config.set_floatx(before)


def _sklearn(name: str, options: Mapping[str, Any], stream: Stream) -> Iterator[list[Array]]:
    """Run an optimizer of the multi-layer perceptrons."""
    params = [w.copy() for w in stream.start]
    optimizer = _found("sklearn.neural_network._stochastic_optimizers", name)(params, **options)
    for gradients in stream.gradients:
        optimizer.update_params(params, list(gradients))
        yield [w.copy() for w in params]


def _autograd(name: str, options: Mapping[str, Any], stream: Stream) -> Iterator[list[Array]]:
    """Run an optimizer that asks for gradients and calls back before each step."""
    seen: list[list[Array]] = []
    last = _found("autograd.misc.optimizers", name)(
        lambda x, i: list(stream.gradients[i]),
        list(stream.start),
        lambda x, i, g: seen.append([w.copy() for w in x]),
        num_iters=len(stream.gradients),
        **options,
    )
    yield from [*seen[1:], last]


SYSTEMS: Final[dict[str, System]] = {
    "torch": System("lr", "torch", "torch.optim", _like_torch("torch.optim")),
    "pytorch_optimizer": System("lr", "pytorch_optimizer", "pytorch_optimizer", _like_torch("pytorch_optimizer")),
    "schedulefree": System("lr", "schedulefree", "schedulefree", _like_torch("schedulefree")),
    "optax": System("learning_rate", "optax", "optax", _optax),
    "keras": System("learning_rate", "keras", "keras.optimizers", _keras),
    "sklearn": System("learning_rate_init", "scikit-learn", "sklearn.neural_network._stochastic_optimizers", _sklearn),
    "autograd": System("step_size", "autograd", "autograd.misc.optimizers", _autograd),
}
"""By the name of the module of ``optimlab.conventions`` that speaks for it."""
