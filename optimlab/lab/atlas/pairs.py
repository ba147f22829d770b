"""The table of the atlas: each convention that stands beside a released rule, and how its hyperparameters are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from operator import attrgetter
from typing import Any, Final, Self, final

import numpy as np

from optimlab.lab.atlas.draws import BETA, BETAS, DECAY, EITHER, EPS, RATE, Draw, between, one_of, together
from optimlab.lab.atlas.systems import SYSTEMS, System

__all__ = ["MATRICES", "PAIRS", "RATES", "VECTORS", "Pair", "pair"]

Shapes = tuple[tuple[int, ...], ...]
ARRAYS: Final[Shapes] = ((7,), (3, 4), (2, 3, 4))
VECTORS: Final[Shapes] = ((7,), (12,), (3,))
MATRICES: Final[Shapes] = ((4, 6), (6, 4), (5, 5))
RATES: Final[Shapes] = ()
"""No leaves: the pair is one of schedules, and what is compared are their numbers."""


SLOW: Final = between(0.05, 0.2)
SHARE: Final = between(0.5, 2.0)
NORM: Final = between(1.0, 10.0)
BETAS3: Final = together(BETA, BETA, BETA)
ROUNDED: Final = (2e-5, "it rounds 1 - ηλ, the factor of w, to float32")
SINGLE: Final = "it keeps a correction in float32, whatever the parameters are"
LENGTH: Final = one_of(20, 64, 100)
COSINE: Final = (1e-6, "Keras takes the cosine in float32")
MEAN: Final = (1e-4, "optax computes x from y and z")
START: Final[dict[str, Any]] = {"initial_learning_rate": 0.5}
HALVED: Final = START | {"decay_steps": 50, "decay_rate": 0.5}
LONG: Final = START | {"decay_steps": 60}


@final
@dataclass(frozen=True, eq=False)
class Pair:
    """A function of ``optimlab.conventions`` and the released rule that it stands for."""

    system: str
    name: str
    given: Mapping[str, Any]
    drawn: Mapping[str, Draw]
    released: str
    shapes: Shapes = ARRAYS
    bar: float = 1e-11
    single: float = 1e-5
    because: str = ""
    rate: str | None = None

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.given.items())
        return f"{self.system}.{self.name}" + (f"({given})" if given else "")

    def on(self, shapes: Shapes) -> Self:
        """Return the pair for parameters of these shapes."""
        return replace(self, shapes=shapes)

    def called(self, released: str) -> Self:
        """Return the pair for what the system has under another name."""
        return replace(self, released=released)

    def within(self, bar: float, because: str) -> Self:
        """Return the pair with a bar of its own, and the reason for it."""
        return replace(self, bar=bar, because=because)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """In which types parameters are compared; schedules are numbers of float64 here."""
        return ("float64", "float32") if self.shapes else ("float64",)

    def in_float32(self, bar: float, because: str) -> Self:
        """Return the pair with a bar of its own in float32, and the reason for it."""
        return replace(self, single=bar, because=because)

    def rated(self, name: str) -> Self:
        """Return the pair with another name of the learning rate, or none, ""."""
        return replace(self, rate=name)

    @property
    def rates(self) -> tuple[str, ...]:
        """The name of the learning rate, if it has one."""
        name = self.other.rate if self.rate is None else self.rate
        return (name,) if name and self.shapes else ()

    def bar_in(self, dtype: str) -> float:
        """Return the largest relative difference that is allowed in float64 or float32."""
        return self.bar if dtype == "float64" else max(self.bar, self.single)

    @property
    def other(self) -> System:
        """The system that has released the rule."""
        return SYSTEMS[self.system]

    @property
    def convention(self) -> Callable[..., Any]:
        """The function of ``optimlab.conventions``: it returns an Optimizer or a Schedule."""
        made: Callable[..., Any] = attrgetter(self.name)(import_module(f"optimlab.conventions.{self.system}"))
        return made

    def options(self, seed: int) -> dict[str, Any]:
        """Return the arguments of a run: for seed 0 the defaults and what is given, else random ones."""
        rng, rates = np.random.default_rng(seed), dict.fromkeys(self.rates, RATE)
        if seed == 0:
            return {**dict.fromkeys(rates, 0.01), **self.given}
        return {**self.given, **{name: draw(rng) for name, draw in (rates | dict(self.drawn)).items()}}


def pair(name: str, given: Mapping[str, Any] | None = None, **drawn: Draw) -> Pair:
    """Return the pair of a name such as ``torch.SGD``: with what is given always, and what is drawn at random.

    The learning rate is always drawn. What is both given and drawn is as given in the run with the defaults.

    Examples
    --------
    >>> str(pair("torch.SGD", {"momentum": 0.9}))
    'torch.SGD(momentum=0.9)'
    """
    system, _, own = name.partition(".")
    return Pair(system, own, given or {}, drawn, released=own)


PAIRS: Final[tuple[Pair, ...]] = (
    pair("keras.SGD", weight_decay=DECAY, global_clipnorm=NORM),
    pair("keras.SGD", {"momentum": 0.9}, momentum=BETA, clipnorm=NORM),
    pair("keras.SGD", {"momentum": 0.9, "nesterov": True}, momentum=BETA, clipvalue=NORM),
    pair("keras.RMSprop", rho=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.RMSprop", {"momentum": 0.9, "centered": True}, rho=BETA, momentum=BETA, epsilon=EPS),
    pair("keras.Adam", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adam", {"amsgrad": True}, beta_1=BETA, beta_2=BETA, epsilon=EPS),
    pair("keras.AdamW", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY, amsgrad=EITHER),
    pair("keras.Adadelta", rho=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adagrad", initial_accumulator_value=between(0.01, 1.0), epsilon=EPS, weight_decay=DECAY).in_float32(
        2e-5, "short ways: Keras in float32 is 7e-6 from Keras in float64, ours 5e-6"),
    pair("keras.Adamax", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Nadam", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Lion", beta_1=BETA, beta_2=BETA, weight_decay=DECAY),
    pair("keras.Ftrl", initial_accumulator_value=between(0.01, 1.0), l1_regularization_strength=DECAY,
         l2_regularization_strength=DECAY, l2_shrinkage_regularization_strength=DECAY, beta=DECAY, weight_decay=DECAY),
    pair("keras.ScheduleFreeAdamW", beta_1=BETA, beta_2=BETA, epsilon=EPS),
    pair("keras.ScheduleFreeAdamW", {"warmup_steps": 20}, beta_1=BETA, warmup_steps=LENGTH),
    pair("keras.Lamb", beta_1=BETA, beta_2=BETA, epsilon=EPS, weight_decay=DECAY),
    pair("keras.Adafactor", beta_2_decay=one_of(-0.5, -0.8, -1.0), epsilon_2=EPS, clip_threshold=between(0.5, 2.0),
         weight_decay=DECAY).within(1e-6, "Keras takes means in float32"),
    pair("keras.Muon", momentum=BETA, weight_decay=DECAY, nesterov=EITHER, rms_rate=one_of(None, 0.1)).on(
        MATRICES).within(1e-6, "Keras takes norms in float32"),
    pair("keras.schedules.ExponentialDecay", HALVED, staircase=EITHER).on(RATES),
    pair("keras.schedules.InverseTimeDecay", HALVED, staircase=EITHER).on(RATES),
    pair("keras.schedules.PiecewiseConstantDecay", {"boundaries": [9, 49], "values": [1.0, 0.5, 0.1]}).on(RATES),
    pair("keras.schedules.PolynomialDecay", LONG, power=between(0.5, 3.0), cycle=EITHER).on(RATES),
    pair("keras.schedules.CosineDecay", LONG, alpha=DECAY, decay_steps=LENGTH).on(RATES).within(*COSINE),
    pair("keras.schedules.CosineDecay", LONG | {"warmup_target": 1.0, "warmup_steps": 20},
         alpha=DECAY, warmup_steps=LENGTH).on(RATES).within(*COSINE),
    pair("keras.schedules.CosineDecayRestarts", START | {"first_decay_steps": 20}, t_mul=between(1.1, 3.0), m_mul=BETA,
         alpha=DECAY).on(RATES).within(*COSINE),
    pair("sklearn.SGDOptimizer", momentum=BETA),
    pair("sklearn.SGDOptimizer", {"nesterov": False}, momentum=BETA),
    pair("sklearn.AdamOptimizer", beta_1=BETA, beta_2=BETA, epsilon=EPS),
    pair("autograd.sgd", mass=BETA),
    pair("autograd.rmsprop", gamma=BETA, eps=EPS),
    pair("autograd.adam", b1=BETA, b2=BETA, eps=EPS),
    pair("optax.sgd"),
    pair("optax.sgd", {"momentum": 0.9}, momentum=BETA, nesterov=EITHER),
    pair("optax.sign_sgd"),
    pair("optax.signum", beta=BETA),
    pair("optax.optimistic_gradient_descent", alpha=SHARE, beta=SHARE),
    pair("optax.adagrad", initial_accumulator_value=between(0.01, 1.0), eps=EPS),
    pair("optax.adadelta", {"learning_rate": 1.0}, rho=BETA, eps=EPS, weight_decay=DECAY),
    pair("optax.rmsprop", decay=BETA, eps=EPS, initial_scale=DECAY, eps_in_sqrt=EITHER, bias_correction=EITHER),
    pair("optax.rmsprop", {"momentum": 0.9, "centered": True}, decay=BETA, eps=EPS, momentum=BETA, nesterov=EITHER),
    pair("optax.sm3", momentum=BETA).on(VECTORS),
    pair("optax.adam", b1=BETA, b2=BETA, eps=EPS, eps_root=DECAY),
    pair("optax.adamw", b1=BETA, b2=BETA, eps=EPS, weight_decay=DECAY, nesterov=EITHER),
    pair("optax.nadam", b1=BETA, b2=BETA, eps=EPS),
    pair("optax.nadamw", b1=BETA, b2=BETA, eps=EPS, weight_decay=DECAY),
    pair("optax.adamax", b1=BETA, b2=BETA, eps=EPS),
    pair("optax.adamaxw", b1=BETA, b2=BETA, eps=EPS, weight_decay=DECAY),
    pair("optax.amsgrad", b1=BETA, b2=BETA, eps=EPS, eps_root=DECAY, bias_correction_mu=EITHER,
         bias_correction_nu=EITHER),
    pair("optax.radam", b1=BETA, b2=BETA, eps=EPS, threshold=between(4.5, 6.0),
         nesterov=EITHER).in_float32(1e-3, "optax computes ρₜ in float32, a difference of numbers near 1999"),
    pair("optax.adabelief", b1=BETA, b2=BETA, eps=EPS, eps_root=EPS, nesterov=EITHER),
    pair("optax.yogi", b1=BETA, b2=BETA, eps=EPS),
    pair("optax.adan", b1=BETA, b2=BETA, b3=BETA, eps=EPS, eps_root=EPS, weight_decay=DECAY),
    pair("optax.lion", b1=BETA, b2=BETA, weight_decay=DECAY),
    pair("optax.lars", {"weight_decay": 0.1}, momentum=BETA, weight_decay=DECAY, eps=EPS, nesterov=EITHER),
    pair("optax.lamb", b1=BETA, b2=BETA, eps=EPS, eps_root=EPS, weight_decay=DECAY),
    pair("optax.fromage", min_norm=EPS),
    pair("optax.novograd", b1=BETA, b2=BETA, eps=EPS, weight_decay=DECAY),
    pair("optax.adafactor").within(1e-5, "optax computes t^-c in float32"),
    pair("optax.adafactor", {"min_dim_size_to_factor": 2}, decay_rate=between(0.5, 1.0), momentum=BETA,
         clipping_threshold=between(0.5, 2.0), weight_decay_rate=DECAY).within(1e-5, "optax computes t^-c in float32"),
    pair("optax.contrib.muon", beta=BETA, weight_decay=DECAY, nesterov=EITHER, adaptive=EITHER,
         ns_coeffs=one_of("standard", "dion")).on(MATRICES),
    pair("optax.polyak_sgd", max_learning_rate=RATE, f_min=DECAY, eps=EPS).rated(""),
    pair("optax.contrib.momo", beta=BETA, lower_bound=DECAY),
    pair("optax.contrib.momo_adam", b1=BETA, b2=BETA, eps=EPS, lower_bound=DECAY),
    pair("optax.contrib.dog", {"learning_rate": 0.1, "init_step": ("heuristic", 0.01)}, learning_rate=SLOW, eps=EPS,
         weight_decay=DECAY),
    pair("optax.contrib.dowg", {"learning_rate": 0.1}, learning_rate=SLOW, init_estim_sq_dist=DECAY, eps=EPS,
         weight_decay=DECAY),
    pair("optax.contrib.prodigy", {"learning_rate": 0.1, "estim_lr0": 0.01}, learning_rate=SLOW, betas=BETAS, eps=EPS,
         estim_lr_coef=SHARE, weight_decay=DECAY).in_float32(1e-3, "optax corrects by 1 - β₂ᵗ in float32"),
    pair("optax.contrib.schedule_free_sgd", b1=BETA, weight_decay=DECAY).in_float32(*MEAN),
    pair("optax.contrib.schedule_free_adamw", b1=BETA, b2=BETA, eps=EPS, weight_decay=DECAY).in_float32(*MEAN),
    pair("optax.contrib.schedule_free_adamw", {"warmup_steps": 20}, b1=BETA, b2=BETA,
         weight_lr_power=SHARE).in_float32(*MEAN).within(1e-6, "optax has the rates of a warm-up in float32"),
    pair("optax.optimistic_adam", optimism=DECAY, b1=BETA, b2=BETA, eps=EPS, nesterov=EITHER),
    pair("optax.contrib.acprop", b1=BETA, b2=BETA, eps=EPS, eps_root=EPS, weight_decay=DECAY),
    pair("optax.contrib.ademamix", b1=BETA, b2=BETA, b3=BETA, alpha=between(1.0, 8.0), eps=EPS, eps_root=EPS,
         weight_decay=DECAY),
    pair("optax.contrib.simplified_ademamix", b1=BETA, b2=BETA, alpha=between(1.0, 8.0), eps=EPS, eps_root=EPS,
         weight_decay=DECAY),
    pair("optax.contrib.adopt", b1=BETA, b2=BETA, eps=EPS, nesterov=EITHER, use_clipping=EITHER),
    pair("optax.contrib.cocob", alpha=between(10.0, 200.0), eps=EPS, weight_decay=DECAY),
    pair("optax.contrib.madgrad", momentum=BETA, weight_decay=DECAY,
         eps=EPS).within(1e-6, "optax computes √t in float32"),
    pair("optax.optimistic_adam_v2", alpha=SHARE, beta=SHARE, b1=BETA, b2=BETA, eps=EPS, nesterov=EITHER),
    pair("optax.noisy_sgd", {"eta": 0.0, "key": 0}, gamma=SHARE),
    pair("optax.polynomial_schedule", {"init_value": 1.0, "end_value": 0.1, "power": 2.0, "transition_steps": 50},
         power=between(0.5, 3.0), transition_begin=LENGTH).on(RATES),
    pair("optax.linear_schedule", {"init_value": 1.0, "end_value": 0.1, "transition_steps": 50},
         transition_begin=LENGTH).on(RATES),
    pair("optax.exponential_decay", {"init_value": 1.0, "transition_steps": 30, "decay_rate": 0.5},
         staircase=EITHER, end_value=DECAY, transition_begin=LENGTH).on(RATES),
    pair("optax.cosine_decay_schedule", {"init_value": 1.0, "decay_steps": 50}, alpha=DECAY,
         exponent=SHARE).on(RATES),
    pair("optax.warmup_cosine_decay_schedule",
         {"init_value": 0.1, "peak_value": 1.0, "warmup_steps": 20, "decay_steps": 120}, end_value=DECAY,
         exponent=SHARE).on(RATES),
    pair("optax.warmup_exponential_decay_schedule",
         {"init_value": 0.1, "peak_value": 1.0, "warmup_steps": 20, "transition_steps": 30, "decay_rate": 0.5},
         staircase=EITHER, end_value=DECAY).on(RATES),
    pair("optax.linear_onecycle_schedule", {"transition_steps": 150, "peak_value": 1.0}, pct_start=between(0.1, 0.5),
         div_factor=NORM).on(RATES),
    pair("optax.cosine_onecycle_schedule", {"transition_steps": 150, "peak_value": 1.0}, pct_start=between(0.1, 0.5),
         div_factor=NORM).on(RATES),
    pair("torch.SGD", weight_decay=DECAY, maximize=EITHER),
    pair("torch.SGD", {"momentum": 0.9}, momentum=BETA, dampening=between(0.1, 0.9), weight_decay=DECAY),
    pair("torch.SGD", {"momentum": 0.9, "nesterov": True}, momentum=BETA, weight_decay=DECAY, maximize=EITHER),
    pair("torch.Adam", betas=BETAS, eps=EPS, weight_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.Adam", {"amsgrad": True}, betas=BETAS, eps=EPS, weight_decay=DECAY, maximize=EITHER),
    pair("torch.AdamW", betas=BETAS, eps=EPS, weight_decay=DECAY, amsgrad=EITHER),
    pair("torch.NAdam", betas=BETAS, eps=EPS, weight_decay=DECAY, momentum_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.RAdam", betas=BETAS, eps=EPS, weight_decay=DECAY, decoupled_weight_decay=EITHER),
    pair("torch.Adamax", betas=BETAS, eps=EPS, weight_decay=DECAY),
    pair("torch.Adagrad", lr_decay=DECAY, weight_decay=DECAY, initial_accumulator_value=EPS, eps=EPS),
    pair("torch.Adadelta", {"lr": 1.0}, lr=between(0.3, 3.0), rho=BETA, eps=EPS, weight_decay=DECAY),
    pair("torch.RMSprop", alpha=BETA, eps=EPS, weight_decay=DECAY),
    pair("torch.RMSprop", {"momentum": 0.9, "centered": True}, alpha=BETA, eps=EPS, momentum=BETA, weight_decay=DECAY),
    pair("torch.Rprop", etas=together(between(0.2, 0.8), between(1.05, 1.5)), maximize=EITHER),
    pair("torch.ASGD", lambd=DECAY, alpha=between(0.5, 1.0), t0=one_of(0.0, 50.0), weight_decay=DECAY).in_float32(
        *ROUNDED),
    pair("torch.Muon", momentum=BETA, weight_decay=DECAY, nesterov=EITHER,
         adjust_lr_fn=one_of(None, "match_rms_adamw")).on(MATRICES).within(1e-2, "torch orthogonalises in bfloat16"),
    pair("torch.Adafactor", beta2_decay=one_of(-0.5, -0.8, -1.0), d=between(1.0, 3.0), weight_decay=DECAY),
    pair("torch.lr_scheduler.StepLR", {"lr": 0.5, "step_size": 30}, step_size=LENGTH, gamma=BETA).on(RATES),
    pair("torch.lr_scheduler.MultiStepLR", {"lr": 0.5, "milestones": [20, 50, 50]}, gamma=BETA).on(RATES),
    pair("torch.lr_scheduler.ConstantLR", {"lr": 0.5}, factor=BETA, total_iters=LENGTH).on(RATES),
    pair("torch.lr_scheduler.LinearLR", {"lr": 0.5}, start_factor=BETA, end_factor=BETA, total_iters=LENGTH).on(RATES),
    pair("torch.lr_scheduler.ExponentialLR", {"lr": 0.5, "gamma": 0.9}, gamma=BETA).on(RATES),
    pair("torch.lr_scheduler.PolynomialLR", {"lr": 0.5}, total_iters=LENGTH, power=between(0.5, 3.0)).on(RATES),
    pair("torch.lr_scheduler.CosineAnnealingLR", {"lr": 0.5, "T_max": 60}, T_max=LENGTH, eta_min=DECAY).on(RATES),
    pair("torch.lr_scheduler.CosineAnnealingWarmRestarts", {"lr": 0.5, "T_0": 20}, T_mult=one_of(1, 2, 3),
         eta_min=DECAY).on(RATES),
    pair("torch.lr_scheduler.CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 20},
         step_size_down=LENGTH, mode=one_of("triangular", "triangular2")).on(RATES),
    pair("torch.lr_scheduler.CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 20, "mode": "exp_range"},
         gamma=between(0.9, 1.0)).on(RATES),
    pair("torch.lr_scheduler.OneCycleLR", {"max_lr": 0.5, "total_steps": 201}, pct_start=between(0.1, 0.9),
         anneal_strategy=one_of("cos", "linear"), div_factor=NORM, final_div_factor=NORM).on(RATES),
    pair("torch.lr_scheduler.OneCycleLR", {"max_lr": 0.5, "epochs": 3, "steps_per_epoch": 67, "three_phase": True},
         pct_start=between(0.1, 0.4), anneal_strategy=one_of("cos", "linear")).on(RATES),
    pair("torch.lr_scheduler.SWALR", {"lr": 0.5, "swa_lr": 0.1}, anneal_epochs=LENGTH,
         anneal_strategy=one_of("cos", "linear")).called("swa_utils.SWALR").on(RATES),
    pair("schedulefree.SGDScheduleFree", momentum=BETA, weight_decay=DECAY, warmup_steps=one_of(0, 20), r=BETA),
    pair("schedulefree.AdamWScheduleFree", {"warmup_steps": 20}, betas=BETAS, eps=EPS, weight_decay=DECAY,
         weight_lr_power=between(1.0, 3.0)),
    pair("pytorch_optimizer.AdEMAMix", betas=BETAS3, alpha=NORM, eps=EPS, weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.AdEMAMix", {"t_alpha_beta3": 100, "betas": (0.9, 0.999, 0.9999)}, alpha=NORM),
    pair("pytorch_optimizer.SimplifiedAdEMAMix", betas=BETAS, alpha=NORM, eps=EPS,
         weight_decay=DECAY).within(1e-7, SINGLE),
    pair("pytorch_optimizer.ADOPT", betas=BETAS, eps=EPS, weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.LaProp", betas=BETAS, eps=EPS, weight_decay=DECAY).within(1e-8, SINGLE),
    pair("pytorch_optimizer.Grams", betas=BETAS, eps=EPS,
         weight_decay=DECAY).in_float32(*ROUNDED),
    pair("pytorch_optimizer.MARS", betas=BETAS, eps=EPS, gamma=DECAY, weight_decay=DECAY, cautious=EITHER).on(MATRICES),
    pair("pytorch_optimizer.Lion", betas=BETAS, weight_decay=DECAY, weight_decouple=EITHER, fixed_decay=EITHER),
    pair("pytorch_optimizer.Lion", {"cautious": True}, betas=BETAS, weight_decay=DECAY),
    pair("pytorch_optimizer.QHM", momentum=BETA, nu=BETA, weight_decay=DECAY),
    pair("pytorch_optimizer.QHAdam", betas=BETAS, nus=together(BETA, BETA), eps=EPS,
         weight_decay=DECAY).within(1e-6, SINGLE),
    pair("pytorch_optimizer.AggMo", weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.Yogi", betas=BETAS, initial_accumulator=EPS, eps=EPS,
         weight_decay=DECAY).in_float32(*ROUNDED),
    pair("pytorch_optimizer.AdaBelief", betas=BETAS, eps=EPS, weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.Adan", betas=BETAS3, eps=EPS, weight_decay=DECAY,
         weight_decouple=EITHER).in_float32(*ROUNDED),
    pair("pytorch_optimizer.StableAdamW", betas=BETAS, eps=EPS, weight_decay=DECAY),
    pair("pytorch_optimizer.NovoGrad", betas=BETAS, eps=EPS, weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.SignSGD", momentum=BETA, weight_decay=DECAY, weight_decouple=EITHER),
    pair("pytorch_optimizer.GrokFastAdamW", betas=BETAS, grokfast_alpha=BETA, grokfast_lamb=NORM, eps=EPS,
         weight_decay=DECAY, normalize_lr=EITHER).in_float32(*ROUNDED),
)  # fmt: skip
