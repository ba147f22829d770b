"""Keras 3's optimizers and schedules by its names, defaults and parameters.

What is Keras's own: the learning rate inside the momentum buffer; ε inside the root, or ε̂ without the correction of the
mean square; a decay of the weights that is decoupled in every rule.

Every optimizer also takes ``weight_decay`` (λ: w ← w - η λ w before the step), one of ``clipnorm`` (of each leaf),
``global_clipnorm`` (of all) and ``clipvalue``, ``use_ema`` with ``ema_momentum`` (``averaged`` is then the average of
the weights), and ``gradient_accumulation_steps``: the step takes the mean of so many gradients, and a schedule counts
gradients, not updates. (Keras's average then takes each gradient for an update, which here it does not.)
``learning_rate`` is a number or a schedule.

Not here: ``LossScaleOptimizer``, which is for half precision, and ``MultiOptimizer``: rules by name, as in Muon.

Schedules are in ``conventions.keras.schedules``. Source: keras 3.15.1, ``keras/src/optimizers``.
"""

from optimlab.conventions.keras import schedules
from optimlab.conventions.keras.gradients import SGD, Adadelta, Adagrad, Ftrl, Lion, RMSprop
from optimlab.conventions.keras.leaves import Adafactor, Lamb, Muon
from optimlab.conventions.keras.moments import Adam, Adamax, AdamW, Nadam, ScheduleFreeAdamW

__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam",
    "RMSprop", "ScheduleFreeAdamW", "schedules",
]  # fmt: skip
