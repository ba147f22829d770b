"""The study of schedules leaves none out."""

import runpy
from pathlib import Path

import optimlab

STUDY = Path(__file__).parents[2] / "studies" / "lr_decay.py"


def test_the_default_has_every_schedule_of_the_library():
    knob = next(knob for knob in runpy.run_path(str(STUDY))["KNOBS"] if knob.name == "schedules")
    homes = {name: getattr(getattr(optimlab, name), "__module__", "") for name in dir(optimlab)}
    there = {
        name for name, home in homes.items() if home.startswith("optimlab.schedules.") and home[19:] != "corrections"
    }
    there -= {"Schedule", "cosine_wave"}  # the wave is the cosine for as long as it falls
    assert len(there) == 15
    assert set(knob.value(None)) == there
