"""optax's optimizers, schedules and transforms by its names, defaults and parameters."""

from optimlab.conventions.optax.gradients import (
    adadelta,
    adagrad,
    optimistic_gradient_descent,
    rmsprop,
    rprop,
    sgd,
    sign_sgd,
    signum,
    sm3,
)
from optimlab.conventions.optax.moments import (
    adabelief,
    adam,
    adamax,
    adamaxw,
    adamw,
    adan,
    amsgrad,
    lion,
    nadam,
    nadamw,
    optimistic_adam,
    optimistic_adam_v2,
    radam,
    yogi,
)
