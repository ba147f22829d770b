"""The atlas: the conventions in lock-step with the released rules of other systems."""

from optimlab.lab.atlas.lockstep import difference, lock_step, worst
from optimlab.lab.atlas.pairs import PAIRS, Pair, pair
from optimlab.lab.atlas.streams import Stream, stream
from optimlab.lab.atlas.systems import SYSTEMS, System

__all__ = ["PAIRS", "SYSTEMS", "Pair", "Stream", "System", "difference", "lock_step", "pair", "stream", "worst"]
