"""Play: rules over a surface, and averages of a series, in one line of Python or of a shell.

Examples
--------
>>> paths("saddle", "adam, heavy_ball(.95)").table()["rule"].tolist()
['Adam', 'heavy ball β 0.95']
"""

from optimlab.lab.play.paths import Paths, paths
from optimlab.lab.play.surfaces import surface

__all__ = ["Paths", "paths", "surface"]
