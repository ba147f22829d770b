"""Pages of HTML that need nothing else: no network, no other file; and the gallery of all studies that ran."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from string import Template
from urllib.parse import quote

from optimlab.lab.frame.claims import count_text, expected_text, measured_text
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.outcome import Outcome, outcomes
from optimlab.lab.frame.output import whole_file

__all__ = ["failed_claims", "page", "write_gallery"]

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$css</style>
</head>
<body>
$body
</body>
</html>
""")


def page(title: str, *body: Markup) -> str:
    """Return a page, readable on a telephone too.

    Examples
    --------
    >>> "<h1>1 &lt; 2</h1>" in page("1 < 2", element("p", "It is."))
    True
    """
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    head = element("h1", title)
    return _PAGE.substitute(title=element("span", title)[6:-7], css=css, body="\n".join([head, *body]))


def write_gallery(out: Path) -> Path:
    """Write ``<out>/index.html``: of every study that ran its question, answer, figures, table, command and claims.

    Parameters
    ----------
    out : Path
        The folder that holds the folders of the studies.
    """
    found = outcomes(out)
    contents = element("nav", *(element("a", outcome.study, href=f"#{outcome.study}") for outcome in found))
    text = page("What the studies found", contents, *(_study(outcome, out) for outcome in found))
    path = out / "index.html"
    with whole_file(path) as file:
        file.write(text.encode(errors="backslashreplace"))
    return path


def failed_claims(outcome: Outcome) -> Markup:
    """Return the count of a study's claims, and those that failed."""
    failed = [claim for claim in outcome.claims if not claim.stands]
    lines = (
        element("li", f"{c.statement}: expected {expected_text(c)}, measured {measured_text(c)}", class_="failed")
        for c in failed
    )
    left = "; some knobs were turned, and claims of the defaults left out" if outcome.facts["turned"] else ""
    note = element("p", f"{count_text(outcome.claims)}{left}", class_="failed" if failed else "note")
    return Markup(note + (element("ul", *lines) if failed else ""))


def _study(outcome: Outcome, out: Path) -> Markup:
    facts, folder = outcome.facts, out / outcome.study
    command = " ".join(["python", f"studies/{outcome.study}.py", *map(str, facts["command"][1:])])
    parts = [
        element("h2", facts["question"] or outcome.study),
        element("p", facts["answer"], class_="answer"),
        _small_table(facts.get("table")),
        *(_image(folder / name, f"{outcome.study}: {facts['answer']}") for name in facts["files"]),
        element("pre", command),
        failed_claims(outcome),
        element("p", "files: ", *_links(outcome), class_="note"),
    ]
    return element("section", *parts, id=outcome.study)


def _small_table(shown: object) -> Markup:
    match shown:
        case {"head": list(head), "rows": list(rows)}:
            lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
            return element("div", table(tuple(head), lines), class_="scroll")
    return Markup()


def _image(path: Path, text: str) -> Markup:
    """Return a figure as a part of the page; nothing for another file, or one that is gone."""
    if path.suffix not in _TYPES or not path.is_file():
        return Markup()
    data = b64encode(path.read_bytes()).decode()
    return element("img", src=f"data:{_TYPES[path.suffix]};base64,{data}", alt=text)


def _links(outcome: Outcome) -> Sequence[Markup]:
    links = [element("a", name, href=quote(f"{outcome.study}/{name}")) for name in map(str, outcome.facts["files"])]
    return [Markup(link + " ") for link in links]
