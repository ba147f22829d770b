"""The runs of a folder as sections of one page, and the gallery that lies beside them, with links to their files."""

import shlex
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from optimlab.lab.frame.claims import count_text
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.outcome import Outcome, outcomes
from optimlab.lab.frame.output import whole_file
from optimlab.lab.frame.page import claim_items, page

__all__ = ["FIGURES", "Files", "command", "data_url", "question", "section", "write_gallery"]

FIGURES = {".png": "image/png", ".svg": "image/svg+xml"}
"""Files that are shown as a part of a page, with their types."""

Files = Callable[[str, Outcome, set[str]], Markup]
"""What stands for files of a run that are no figures: of a heading, the run, and the suffixes that are meant."""


def write_gallery(out: Path) -> Path:
    """Write ``<out>/index.html``: of every run there its question, answer, figures, table, command and claims.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     "<h1>What the studies found</h1>" in write_gallery(Path(folder)).read_text(encoding="utf-8")
    True
    """
    found = outcomes(out)
    contents = [element("li", element("a", question(outcome), href=f"#{outcome.study}")) for outcome in found]
    claims = [claim for outcome in found for claim in outcome.claims]
    count = element("p", f"{len(found)} studies; {count_text(claims)}", class_="note")
    nav = element("nav", element("ol", *contents))
    path = out / "index.html"
    with whole_file(path) as file:
        sections = (section(outcome, out / outcome.study, _links) for outcome in found)
        file.write(page("What the studies found", count, nav, *sections).encode(errors="backslashreplace"))
    return path


def section(outcome: Outcome, folder: Path, files: Files) -> Markup:
    """Return what a run found, as a part of a page; ``files`` shows those of its files that are no figures."""
    facts, asked = outcome.facts, question(outcome)
    parts = [
        element("h2", asked),
        element("p", facts["answer"], class_="answer"),
        *(_image(folder / name, f"Figure: {asked}") for name in facts["files"]),
        _small_table(facts.get("table")),
        files("To open", outcome, {".html"}),
        element("pre", command(outcome)),
        _claims(outcome),
        files("Files", outcome, {".csv", ".pdf", *FIGURES}),
    ]
    return element("section", *parts, id=outcome.study)


def question(outcome: Outcome) -> str:
    """Return what a run asked, or its name."""
    return outcome.facts["question"] or outcome.study


def command(outcome: Outcome) -> str:
    """Return what makes these results again, wherever they are to go."""
    facts = outcome.facts
    seed = ["--seed", str(facts["seed"])] if facts["seed"] else []
    quick = ["--quick"] if facts["quick"] else []
    own = Path(str([*facts["command"], ""][0])).stem == outcome.study  # and no command of the package
    program = [f"studies/{outcome.study}.py"] if own else ["-m", "optimlab", outcome.study]
    return shlex.join(["python", *program, *quick, *seed, *outcome.options])


def data_url(data: bytes, kind: str) -> str:
    """Return an address that holds the content itself.

    Examples
    --------
    >>> data_url(b"a,b", "text/csv")
    'data:text/csv;base64,YSxi'
    """
    return f"data:{kind};base64,{b64encode(data).decode()}"


def _links(text: str, outcome: Outcome, suffixes: set[str]) -> Markup:
    names = [name for name in outcome.facts["files"] if Path(name).suffix in suffixes]
    links = (element("a", name, href=quote(f"{outcome.study}/{name}", errors="replace")) for name in names)
    return element("p", f"{text}: ", *(Markup(f"{link} ") for link in links), class_="note") if names else Markup()


def _claims(outcome: Outcome) -> Markup:
    """Return the count of a study's claims, those that failed, and all of them behind a click."""
    failed = [claim for claim in outcome.claims if not claim.stands]
    left = "; those of the defaults alone are left out, since knobs were turned" if outcome.facts["turned"] else ""
    count = f"{count_text(outcome.claims)}{left}"
    if not outcome.claims:
        return element("p", count, class_="note")
    every = element(
        "details", element("summary", count, class_="failed" if failed else ""), claim_items(outcome.claims)
    )
    return Markup((claim_items(failed) if failed else "") + every)


def _small_table(shown: object) -> Markup:
    match shown:
        case {"head": list(head), "rows": list(rows)} if all(isinstance(row, list) for row in rows):
            lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
            return element("div", table(tuple(head), lines), class_="scroll")
    return Markup()


def _image(path: Path, text: str) -> Markup:
    """Return a figure as a part of the page; nothing for another file, or one that is gone."""
    if path.suffix not in FIGURES or not path.is_file():
        return Markup()
    data = path.read_bytes()
    size = {"width": int.from_bytes(data[16:20], "big") * 2 // 3} if path.suffix == ".png" else {}  # a panel: 640
    return element("div", element("img", src=data_url(data, FIGURES[path.suffix]), alt=text, **size), class_="scroll")
