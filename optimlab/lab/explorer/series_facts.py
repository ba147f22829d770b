"""The four series of the page, with their times, units and sources."""

from __future__ import annotations

import math
from typing import Any

from optimlab.lab.problems.curves import classic_curve
from optimlab.lab.problems.datasets import load_co2, load_seattle_weather, load_sunspots

__all__ = ["facts"]


def facts() -> dict[str, Any]:
    """Return ``{"series": {name: {"title", "unit", "source", "time", "values"}}}``, a gap as None.

    ``time`` is [what a row is, the first row, its step]: a date and days, or a number and its unit.

    Examples
    --------
    >>> co2 = facts()["series"]["co2"]
    >>> co2["time"], co2["values"][:2], co2["values"].count(None)
    (['week', '1958-03-29', 7], [316.1, 317.3], 59)
    """
    curve, noaa = classic_curve(), "NOAA, public domain"
    seattle, sunspots, co2 = load_seattle_weather()["temp_max"], load_sunspots()["SUNACTIVITY"], load_co2()["co2"]
    return {
        "series": {
            "classic": {
                "title": "Classic curve", "unit": "value", "time": ["sample", 0, 1], "values": curve.values.tolist(),
                "source": "1 - x², x from -1 to 1, with noise of deviation 0.1 (RandomState(0))",
            },
            "seattle": {
                "title": "Seattle, daily maximum", "unit": "°C", "time": ["day", "2012-01-01", 1],
                "values": seattle.tolist(), "source": f"{noaa}, by vega_datasets",
            },
            "sunspots": {
                "title": "Sunspots", "unit": "number of the year", "time": ["year", 1700, 1],
                "values": sunspots.tolist(), "source": f"{noaa}, by statsmodels",
            },
            "co2": {
                "title": "CO₂ at Mauna Loa, with gaps", "unit": "ppmv", "time": ["week", "1958-03-29", 7],
                "values": [None if math.isnan(value) else value for value in co2.tolist()],
                "source": "Keeling and Whorf 2004, CDIAC, public domain, by statsmodels",
            },
        }
    }  # fmt: skip
