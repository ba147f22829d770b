"""torch.nn.utils' clipping of gradients by its names: hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, value
from optimlab.conventions.spelling import spelled
from optimlab.hooks.clip import ClipValue
from optimlab.settings import Checked

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


@final
@dataclass(eq=False)
class _ClipGradNorm(Checked):
    """The hook of ``clip_grad_norm_``."""

    max_norm: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"max_norm": Range("at least 0 (infinite: no limit)")}

    def before(self, step: Step) -> None:
        """Put the factor on the gradients' scale; a norm that is not finite is left to the optimizer's check."""
        if not step.idle:
            norm = step.norm(step.gradients)
            with np.errstate(invalid="ignore"):
                factor = np.minimum(1.0, value(self, "max_norm", step.t) / (norm + 1e-6))
            step.scale = step.scale * np.where(np.isfinite(norm), factor, 1.0)[()]


@spelled("torch")
def clip_grad_norm_(max_norm: Hyperparameter) -> Any:
    """g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶)), a hook; ``ClipNorm`` without the 10⁻⁶ leaves g at the limit as it is.

    Parameters
    ----------
    max_norm : float, at least 0, sequence of float, shape (S,), or schedule of such
        The limit of the norm of all leaves together.

    Source: torch 2.13, ``nn/utils/clip_grad.py``, with norm_type=2.

    Examples
    --------
    >>> from optimlab.conventions.torch import SGD
    >>> opt, w = SGD(1.0), np.zeros(2)
    >>> opt.hooks = [clip_grad_norm_(5.0)]
    >>> opt.step(w, np.array([3.0, 4.0]))
    array([-2.9999994, -3.9999992])
    """
    return _ClipGradNorm(max_norm)


@spelled("torch")
def clip_grad_value_(clip_value: Hyperparameter) -> ClipValue:
    """g ← min(max(g, -c), c): the hook ``ClipValue``.

    Source: torch 2.13, ``nn/utils/clip_grad.py``.
    """
    return ClipValue(clip_value)
