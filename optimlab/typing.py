"""What annotations say: an array, a number or one for each replica, a mark or one for each replica."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Count", "Floats", "Mark", "Marks", "Number", "Rng"]

Array = NDArray[Any]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Number = float | Floats
"""A number, or with replicas one for each of them: shape (S,)."""
Mark = bool | np.bool_ | Marks
"""Yes or no, or with replicas one for each of them: shape (S,)."""
Count = int | NDArray[np.int64]
"""A whole number, or with replicas one for each of them: shape (S,)."""
Rng: TypeAlias = "np.random.Generator | int | None"
"""A random generator, a seed, or None for another one each time; as text, for numpy.random takes 18 ms to load."""
