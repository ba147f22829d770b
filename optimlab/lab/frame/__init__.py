"""The frame of every study: command line, output folder, figures, intervals, claims; and all studies by name.

Nothing heavy is imported here: pandas, SciPy and matplotlib load when a study first needs them.

Examples
--------
>>> from optimlab.lab.frame import Claim
>>> Claim(id="lag", statement="lag of β = 0.9", expected=9.0, measured=9.01, low=8.9, high=9.1).stands
True
"""

from optimlab.lab.frame.claims import Claim
from optimlab.lab.frame.command import study
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.figures import PALETTE, legend_above, literal, style
from optimlab.lab.frame.gather import gather, gather_options
from optimlab.lab.frame.intervals import mean_interval, median_interval, proportion_interval, wilson_interval
from optimlab.lab.frame.knobs import Knob, each_rule, rules_knob
from optimlab.lab.frame.looks import look, looks
from optimlab.lab.frame.outcome import Outcome
from optimlab.lab.frame.run import Run
from optimlab.lab.frame.workers import side_by_side, tick

__all__ = [
    "PALETTE", "Claim", "Knob", "Outcome", "Run", "StudyError", "each_rule", "gather", "gather_options",
    "legend_above", "literal", "look", "looks", "mean_interval", "median_interval", "proportion_interval",
    "rules_knob", "side_by_side", "study", "style", "tick", "wilson_interval",
]  # fmt: skip
