"""The atlas: conventions in lock-step with the released rules of other systems.

``python -m optimlab atlas`` runs it over what is installed; ``docs/atlas.md`` is what it found.
"""

from optimlab.lab.atlas.lockstep import difference
from optimlab.lab.atlas.pairs import PAIRS, pair
from optimlab.lab.atlas.streams import stream

__all__ = ["PAIRS", "difference", "pair", "stream"]
