"""The four series of the page, with their times, units and sources."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from optimlab.lab.problems.curves import classic_curve
from optimlab.lab.problems.datasets import load_co2, load_seattle_weather, load_sunspots
from optimlab.typing import Array

__all__ = ["facts"]

_GAP = -(2**15)


def facts() -> dict[str, Any]:
    """Return ``{"series": {name: {"title", "unit", "source", "time", "values"}}}``.

    ``time`` is [what a row is, the first row, its step]: a date and days, or a number. ``values`` is [the type of
    numbers, their bytes in base64, what they are divided by]: whole tenths in two bytes, the least of them for a gap.

    Examples
    --------
    >>> co2 = facts()["series"]["co2"]
    >>> co2["time"], co2["values"][0], co2["values"][2]
    (['week', '1958-03-29', 7], 'Int16Array', 10)
    """
    noaa = "NOAA, public domain"
    return {
        "series": {
            "classic": {
                "title": "Classic curve", "unit": "value", "time": ["sample", 0, 1],
                "values": ["Float64Array", _text(classic_curve().values.astype("<f8")), 1],
                "source": "1 - x², x from -1 to 1, with noise of deviation 0.1 (RandomState(0))",
            },
            "seattle": {
                "title": "Seattle, daily maximum", "unit": "°C", "time": ["day", "2012-01-01", 1],
                "values": _tenths(load_seattle_weather()["temp_max"]), "source": f"{noaa}, by vega_datasets",
            },
            "sunspots": {
                "title": "Sunspots", "unit": "number of the year", "time": ["year", 1700, 1],
                "values": _tenths(load_sunspots()["SUNACTIVITY"]), "source": f"{noaa}, by statsmodels",
            },
            "co2": {
                "title": "CO₂ at Mauna Loa, with gaps", "unit": "ppmv", "time": ["week", "1958-03-29", 7],
                "values": _tenths(load_co2()["co2"]),
                "source": "Keeling and Whorf 2004, CDIAC, public domain, by statsmodels",
            },
        }
    }  # fmt: skip


def _tenths(values: Any) -> list[Any]:
    """Numbers of one decimal, which a tenth of a whole number is to the last bit."""
    return ["Int16Array", _text(np.rint(10.0 * values.fillna(_GAP / 10).to_numpy()).astype("<i2")), 10]


def _text(numbers: Array) -> str:
    return b64encode(numbers.tobytes()).decode()
