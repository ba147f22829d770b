"""Every claim of every study in one table: expected, measured, verdict, and whether it stands.

Runs the studies side by side and gathers what they claim into claims.csv and claims.html: what failed first, then the
five articles row by row (a row without a claim is missing there), then all claims, to be searched and sorted.
"""

from pathlib import Path

from optimlab.lab.frame import gather

HERE = Path(__file__)

if __name__ == "__main__":
    studies = [path for path in HERE.parent.glob("*.py") if path.name != HERE.name]
    raise SystemExit(gather(studies, description=__doc__))
