"""torch.optim's optimizers by its names, defaults and parameters; clipping, averages of weights; ``lr_scheduler``.

What is torch's own: ε outside the root, the learning rate outside the buffer, ``weight_decay`` as part of the gradient
(except in AdamW, Muon and Adafactor), and ``maximize``. ``lr`` is a number or a schedule. Hooks and averages go with
an ``Optimizer``: ``opt = torch.Adam(); opt.hooks = [torch.clip_grad_norm_(1.0)]``, and
``Optimizer(torch.Adam().rule, 1e-3, average=torch.get_ema_multi_avg_fn(0.999))``.

Not here: ``SparseAdam``, for sparse gradients alone (see ``Optimizer.step_rows``), and ``LBFGS``, which searches along
lines. Source: torch 2.13, ``torch/optim``; 2.14 has the same formulas, and a third scale of Muon.
"""

from optimlab.conventions.torch import lr_scheduler
from optimlab.conventions.torch.averages import get_ema_multi_avg_fn, get_swa_multi_avg_fn
from optimlab.conventions.torch.clip_grad import clip_grad_norm_, clip_grad_value_
from optimlab.conventions.torch.gradients import ASGD, SGD, Adadelta, Adagrad, RMSprop, Rprop
from optimlab.conventions.torch.leaves import Adafactor, Muon
from optimlab.conventions.torch.moments import Adam, Adamax, AdamW, NAdam, RAdam

__all__ = [
    "ASGD", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam", "RAdam", "RMSprop",
    "Rprop", "clip_grad_norm_", "clip_grad_value_", "get_ema_multi_avg_fn", "get_swa_multi_avg_fn", "lr_scheduler",
]  # fmt: skip
