"""What annotations say: an array, a number or one for each replica, a mark or one for each replica."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Count", "Floats", "Mark", "Marks", "Number"]

Array = NDArray[Any]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Number = float | Floats
"""A number, or with replicas one for each of them: shape (S,)."""
Mark = bool | np.bool_ | Marks
"""Yes or no, or with replicas one for each of them: shape (S,)."""
Count = int | NDArray[np.int64]
"""A whole number, or with replicas one for each of them: shape (S,)."""
