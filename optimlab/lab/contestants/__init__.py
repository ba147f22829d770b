"""Contestants: whatever steps independent replicas, be it a rule of the library or an optimizer of torch or optax.

Examples
--------
>>> import numpy as np
>>> from optimlab.lab.contestants import contestants
>>> adam = contestants("adam")["Adam"]
>>> w = np.ones((3, 2))
>>> step = adam.begin(w, np.array([0.1, 0.2, 0.4]))
>>> step(2 * w)
>>> w[:, 0].round(6)
array([0.9, 0.8, 0.6])
"""

from optimlab.lab.contestants.contestant import Contestant, Ruled, Step
from optimlab.lab.contestants.foreign import Foreign
from optimlab.lab.contestants.reading import contestants

__all__ = ["Contestant", "Foreign", "Ruled", "Step", "contestants"]
