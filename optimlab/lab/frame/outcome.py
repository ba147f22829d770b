"""What a run left in its folder, read back and checked."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimlab.lab.frame.articles import article_row
from optimlab.lab.frame.claims import COLUMNS, NUMBERS, Claim
from optimlab.lab.frame.errors import StudyError

__all__ = ["Outcome", "read_outcome"]

_FACTS = {"study": str, "seed": int, "quick": bool, "seconds": int | float, "files": list, "claims": dict}
_FIELDS = tuple(column for column in COLUMNS if column not in ("study", "stands"))


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


def read_outcome(folder: Path) -> Outcome:
    """Return what a complete run left in its folder.

    Parameters
    ----------
    folder : Path
        The folder of the run, named as the study.

    Raises
    ------
    StudyError
        If the run is not complete, a file is damaged, the two files do not fit together, two claims have one id, or
        an id names a row that no article has. The message names file and place.

    Examples
    --------
    >>> import tempfile
    >>> from optimlab.lab.frame import Run
    >>> run = Run("sums", Path(tempfile.mkdtemp(), "sums"))
    >>> run.folder.mkdir()
    >>> claim = run.claim("sum", "one and one is two", expected=2, measured=1 + 1)
    >>> _ = run.write_claims(), run.write_record({"study": "sums", "seed": 0, "quick": True, "seconds": 0.1})
    >>> read_outcome(run.folder).claims == (claim,)
    True
    """
    facts = _read_facts(folder / "run.json")
    path = folder / "claims.csv"
    claims = tuple(_read_claims(path, folder.name))
    name, times = Counter(["", *(claim.id for claim in claims)]).most_common(1)[0]
    if times > 1:
        raise StudyError(f"{path}: id must be new in every claim; got {name!r} again; run the study again")
    counted = {"total": len(claims), "failed": sum(not claim.stands for claim in claims)}
    if facts["study"] != folder.name or facts["claims"] != counted:
        raise StudyError(f"{folder}: run.json and claims.csv must be of one run; they are not; run the study again")
    return Outcome(study=folder.name, claims=claims, facts=facts)


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: a complete run has this file; there is none; run the study again") from None
    except ValueError as error:
        raise StudyError(f"{path}: must be JSON; {error}; run the study again") from None
    if not isinstance(facts, dict):
        raise StudyError(f"{path}: must hold facts by name; got {facts!r}; run the study again")
    for name, kind in _FACTS.items():
        if not isinstance(facts.get(name), kind):
            raise StudyError(f"{path}: {name} is not as a run writes it; got {facts.get(name)!r}; run the study again")
    return facts


def _read_claims(path: Path, study: str) -> list[Claim]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise StudyError(f"{path}: a complete run has this file; there is none; run the study again") from None
    except ValueError as error:
        raise StudyError(f"{path}: must be a table in UTF-8; {error}; run the study again") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise StudyError(f"{path}: the columns must be {', '.join(COLUMNS)}; got {', '.join(rows[0] if rows else [])}")
    return [_read_claim(row, study, f"{path}, line {number}") for number, row in enumerate(rows[1:], 2)]


def _read_claim(row: list[str], study: str, where: str) -> Claim:
    if len(row) != len(COLUMNS):
        raise StudyError(f"{where}: a claim must have {len(COLUMNS)} entries; got {len(row)}; run the study again")
    entries: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    try:
        entries |= {name: _number(name, entries[name]) for name in NUMBERS}
        claim = Claim(**{name: entries[name] for name in _FIELDS})
        article_row(claim.id)
    except ValueError as error:
        raise StudyError(f"{where}: {error}") from None
    if (entries["study"], entries["stands"]) != (study, str(claim.stands)):
        raise StudyError(f"{where}: study and stands must be {study}, {claim.stands}; got {', '.join(row)}")
    return claim


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number; got {text!r}") from None
