"""Exponentially weighted moving averages of series."""

from typing import TYPE_CHECKING

from optimlab.lazy import lazily

if TYPE_CHECKING:
    from optimlab.ema.choose import Band, FittedDecay, ema_band, fit_decay
    from optimlab.ema.compose import double_ema, ema_inverse, triple_ema
    from optimlab.ema.decay import Decay, bias_correction
    from optimlab.ema.series import ema, ema_corr, ema_cov, ema_std, ema_var
    from optimlab.ema.state import EmaState

__all__ = [
    "Band",
    "Decay",
    "EmaState",
    "FittedDecay",
    "bias_correction",
    "double_ema",
    "ema",
    "ema_band",
    "ema_corr",
    "ema_cov",
    "ema_inverse",
    "ema_std",
    "ema_var",
    "fit_decay",
    "triple_ema",
]

__getattr__ = lazily(__name__, __all__, ("decay", "series", "state", "choose", "compose"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
