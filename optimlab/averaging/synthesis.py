"""Averages after the fact: snapshots of some averages of the weights, put together to one that was never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from optimlab.checks import whole
from optimlab.trees import kind, rebuilt, tree_of
from optimlab.typing import Array, Floats

__all__ = ["Synthesis", "Weighted", "synthesize"]


class Weighted(Protocol):
    """What says the weight of each value in its mean: a ``Gain``, an ``Ema``, a ``Bema``."""

    def weights(self, t: int) -> Floats:
        """Return the weights of values 1 to t."""


@dataclass(frozen=True)
class Synthesis:
    """Σ cₛ mₛ: an average of the weights that was not run, and how far its profile is from the one asked for.

    Parameters
    ----------
    params : container of arrays
        The average, with the structure and dtypes of the snapshots.
    error : float
        ‖Σ cₛ wₛ - w‖/‖w‖ of the profiles: 0 is exact. It is that of the average itself for weights of white noise.
    coefficients : ndarray of float64, shape (snapshots,)
        c. Rounding errors of the snapshots grow by up to Σ|cₛ|.

    Examples
    --------
    >>> Synthesis({"w": np.zeros(2)}, 0.0, np.array([0.5, 0.5])).error
    0.0
    """

    params: Any
    error: float
    coefficients: Floats


def synthesize(snapshots: Sequence[tuple[int, Weighted, Any]], target: Weighted, *, t: int | None = None) -> Synthesis:
    """Minimise ‖Σ cₛ wₛ - w‖ over c: the average with the profile w, from snapshots of averages with profiles wₛ.

    So the profile is chosen after the run: snapshots of two power profiles hold all others between and beyond.

    Parameters
    ----------
    snapshots : sequence of (t, average, params)
        After update t the average, a ``Gain``, ``Ema`` or ``Bema``, had these values: a container of arrays, all of one
        structure. The weights of the net themselves are the average ``ConstantGain(0.0)``.
    target : Gain, Ema or Bema
        The average that is wanted.
    t : int, at least 1, optional
        After which update; the latest of the snapshots by default.

    Returns
    -------
    Synthesis
        The average, the error of its profile, and the coefficients.

    Raises
    ------
    ValueError, TypeError
        If there are no snapshots, t is earlier than one of them, or their structures, shapes or kinds differ.

    Notes
    -----
    Profiles are exact sums over updates in float64, solved by orthogonal factors and not by the normal equations, whose
    condition is the square; this takes 8 bytes for each snapshot and update.

    Source
    ------
    Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion models", section 3.2,
    with integrals over continuous profiles.

    Examples
    --------
    >>> from optimlab import PowerGain, ema
    >>> path, gains = np.cumsum(np.random.default_rng(0).normal(size=1000)), (PowerGain(16.97), PowerGain(6.94))
    >>> snapshots = [(t, gain, ema(path[:t], gain)[-1]) for t in range(50, 1001, 50) for gain in gains]
    >>> found = synthesize(snapshots, PowerGain(12.0))
    >>> bool(abs(found.params - ema(path, PowerGain(12.0))[-1]) < 1e-3 * abs(path).max()), bool(found.error < 0.01)
    (True, True)
    """
    if not snapshots:
        raise ValueError("snapshots must hold at least one (t, average, params); got none")
    for each in snapshots:
        if not isinstance(each, (tuple, list)) or len(each) != 3:
            raise TypeError(f"each of snapshots must be (t, average, params); got {each!r}")
    steps = [whole("t of a snapshot", step, 1) for step, _, _ in snapshots]
    last = max(steps) if t is None else whole("t", t, max(steps))
    profiles = np.zeros((last, len(steps) + 1))
    for column, (step, (_, average, _)) in enumerate(zip(steps, snapshots, strict=True)):
        profiles[:step, column] = _profile(average, step, "the average of a snapshot")
    profiles[:, -1] = _profile(target, last, "target")
    scale = float(np.linalg.norm(profiles[:, -1]))
    triangle = np.asarray(np.linalg.qr(profiles, mode="r"))
    c = np.linalg.lstsq(triangle[:, :-1], triangle[:, -1])[0]
    error = float(np.linalg.norm(triangle[:, :-1] @ c - triangle[:, -1])) / scale
    return Synthesis(_combined([params for _, _, params in snapshots], c), error, c)


def _profile(average: Weighted, t: int, what: str) -> Floats:
    """Return the weights of one average."""
    if not hasattr(average, "weights"):
        raise TypeError(f"{what} must be a Gain, an Ema or a Bema, such as PowerGain(6.94); got {average!r}")
    weights = average.weights(t)
    if weights.ndim != 1:
        raise ValueError(f"{what} must be of one number, not of one for each replica; got {average!r}")
    return weights


def _combined(params: Sequence[Any], c: Floats) -> Any:
    """Return Σ c params, leaf by leaf, in float64 and then in the dtype of the leaf."""
    tree = tree_of(params[0])
    leaves = [[_array(name, leaf) for name, leaf in zip(tree.names, tree.leaves(each), strict=True)] for each in params]
    for name, found in zip(tree.names, zip(*leaves, strict=True), strict=True):
        if len({leaf.shape for leaf in found}) > 1:
            shapes = ", ".join(map(str, sorted({leaf.shape for leaf in found})))
            raise ValueError(f"leaf {name!r} must have one shape in all snapshots; got {shapes}")
    return rebuilt(params[0], [_sum(found, c) for found in zip(*leaves, strict=True)])


def _array(name: str, leaf: Any) -> Array:
    if not isinstance(leaf, (np.ndarray, np.floating)):
        raise TypeError(f"leaf {name!r} of a snapshot must be a NumPy array; got {kind(leaf)}")
    if leaf.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"leaf {name!r} of a snapshot must be float32 or float64; got {leaf.dtype}; convert it with .astype"
        )
    return np.asarray(leaf)


def _sum(found: Sequence[Array], c: Floats) -> Array:
    total = np.zeros(found[0].shape)
    for share, leaf in zip(c.tolist(), found, strict=True):
        total += share * leaf
    return total.astype(found[0].dtype)
