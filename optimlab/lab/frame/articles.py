"""The source articles, row by row: what each says that can be measured stands in ``studies/articles.csv``."""

import csv
import re
from functools import cache

from optimlab.lab.folders import shipped
from optimlab.lab.frame.errors import StudyError

__all__ = ["article_row", "articles", "rows"]

_FILE = "articles.csv"


@cache
def _table() -> dict[str, str]:
    with (shipped("studies", _FILE) / _FILE).open(newline="", encoding="utf-8") as file:
        return {line["row"]: line["what"] for line in csv.DictReader(file)}


def articles() -> dict[str, str]:
    """Return what each article is about, by its number.

    Examples
    --------
    >>> articles()["004"]
    'Random initial weights'
    """
    return {row: what for row, what in _table().items() if "-" not in row}


def rows() -> dict[str, str]:
    """Return every row of the articles, and what it is about. A claim belongs to the row that its id begins with.

    Examples
    --------
    >>> rows()["003-b"]
    'β = .9 describes the trend well'
    """
    return {row: what for row, what in _table().items() if "-" in row}


def article_row(claim: str) -> str:
    """Return the row of an article that a claim's id begins with, or "" for a claim of theory or another reference.

    Parameters
    ----------
    claim : str
        Id of a claim.

    Raises
    ------
    StudyError
        If the id begins like a row, and there is no such row.

    Examples
    --------
    >>> article_row("003-a noise"), article_row("lag 0.9")
    ('003-a', '')
    """
    found = re.match(r"\d{3}-\w+", claim)
    if found and found[0] not in rows():
        raise StudyError(f"a claim's id must begin with a row of an article or with another word; got {claim!r}")
    return found[0] if found else ""
