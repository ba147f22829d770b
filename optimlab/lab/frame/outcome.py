"""What a run left in its folder, read back and checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimlab.lab.frame.claims import NUMBERS, Claim
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.output import RECORD, inside

__all__ = ["Outcome", "outcomes", "read_outcome"]

_ELSEWHERE = {"--seed": 2, "--out": 2, "--quick": 1, "--claims": 1, "--show": 1}
"""Words of the options that the record has in facts of its own, or that change no result."""
_FACTS: Mapping[str, type | tuple[type, ...]] = {
    "study": str, "question": str, "answer": str, "command": list, "seed": int, "quick": bool, "seconds": (int, float),
    "started": str, "versions": dict, "turned": list, "files": list, "claims": list,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a study: its claims, or the reason why it has none.

    Parameters
    ----------
    study : str
        Name of the study.
    claims : tuple of Claim
        What the study claims.
    facts : mapping
        The content of its ``run.json``.
    problem : str
        Why there is no result; "" if there is one.

    Examples
    --------
    >>> Outcome(study="lag", problem="exit status 1").stands
    False
    """

    study: str
    claims: tuple[Claim, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def stands(self) -> bool:
        """Whether there is a result, and all its claims stand."""
        return not self.problem and all(claim.stands for claim in self.claims)

    @property
    def options(self) -> list[str]:
        """The words of the command line, without seed, length and folder."""
        words, kept = list(map(str, self.facts["command"][1:])), []
        while words:
            name, given, _ = words[0].partition("=")
            count = 1 if given else _ELSEWHERE.get(name, 1)
            kept += [] if name in _ELSEWHERE else words[:count]
            words = words[count:]
        return kept


def read_outcome(folder: Path) -> Outcome:
    """Return what a complete run left in its folder, which is named as the study.

    Raises
    ------
    StudyError
        If the run is not complete, or its record is damaged. The message names file and place.
    """
    path = folder / RECORD
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: a complete run has this file; there is none; run the study again") from None
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path}: must be JSON; {error}; run the study again") from None
    given = facts if isinstance(facts, dict) else {}
    for name, kind in _FACTS.items():
        if not isinstance(given.get(name), kind):
            raise StudyError(f"{path}: {name} is not as a run writes it; got {given.get(name)!r}; run the study again")
    for name in given["files"]:
        if not inside(name):
            raise StudyError(f"{path}: files must be names in its folder; got {name!r}; run the study again")
    claims = tuple(_claim(cells, f"{path}, claim {number}") for number, cells in enumerate(given["claims"], 1))
    if given["study"] != folder.name:
        raise StudyError(f"{path}: study must be {folder.name}; got {given['study']!r}; run the study again")
    return Outcome(study=folder.name, claims=claims, facts=given)


def outcomes(out: Path) -> list[Outcome]:
    """Return what every complete run left in the folders of a folder; what is none of a run is left aside."""
    found = []
    for folder in sorted(path.parent for path in out.glob(f"*/{RECORD}")):
        try:
            found.append(read_outcome(folder))
        except (StudyError, OSError):
            continue
    return found


def _claim(cells: Any, where: str) -> Claim:
    try:
        entries: dict[str, Any] = {name: float(cell) if name in NUMBERS else cell for name, cell in cells.items()}
        return Claim(**entries)
    except (AttributeError, TypeError, ValueError) as error:
        raise StudyError(f"{where}: {error}; run the study again") from None
