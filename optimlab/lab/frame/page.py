"""Pages of HTML that need nothing else: no network, no other file; and the gallery of all studies that ran."""

import shlex
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from string import Template
from urllib.parse import quote

from optimlab.lab.frame.claims import Claim, count_text, expected_text, measured_text
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.outcome import Outcome, outcomes
from optimlab.lab.frame.output import whole_file

__all__ = ["claim_items", "page", "write_gallery"]

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
$title
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
    return _PAGE.substitute(title=element("title", title), css=css, body="\n".join([head, *body]))


def write_gallery(out: Path) -> Path:
    """Write ``<out>/index.html``: of every study that ran its question, answer, figures, table, command and claims.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     "<h1>What the studies found</h1>" in write_gallery(Path(folder)).read_text(encoding="utf-8")
    True
    """
    found = outcomes(out)
    contents = [element("li", element("a", _question(outcome), href=f"#{outcome.study}")) for outcome in found]
    claims = [claim for outcome in found for claim in outcome.claims]
    count = element("p", f"{len(found)} studies; {count_text(claims)}", class_="note")
    nav = element("nav", element("ol", *contents))
    path = out / "index.html"
    with whole_file(path) as file:
        text = page("What the studies found", count, nav, *(_study(outcome, out / outcome.study) for outcome in found))
        file.write(text.encode(errors="backslashreplace"))
    return path


def claim_items(claims: Iterable[Claim]) -> Markup:
    """Return claims as a list: what was measured, what was expected, and which of them failed."""
    return element("ul", *(
        element("li", f"{claim.statement}: expected {expected_text(claim)}, measured {measured_text(claim)}",
                class_="stands" if claim.stands else "failed") for claim in claims
    ))  # fmt: skip


def _study(outcome: Outcome, folder: Path) -> Markup:
    facts, question = outcome.facts, _question(outcome)
    parts = [
        element("h2", question),
        element("p", facts["answer"], class_="answer"),
        *(_image(folder / name, f"Figure: {question}") for name in facts["files"]),
        _small_table(facts.get("table")),
        _links("To open", outcome, {".html"}),
        element("pre", _command(outcome)),
        _claims(outcome),
        _links("Files", outcome, {".csv", ".pdf", *_TYPES}),
    ]
    return element("section", *parts, id=outcome.study)


def _links(text: str, outcome: Outcome, suffixes: set[str]) -> Markup:
    names = [name for name in outcome.facts["files"] if Path(name).suffix in suffixes]
    links = (element("a", name, href=quote(f"{outcome.study}/{name}", errors="replace")) for name in names)
    return element("p", f"{text}: ", *(Markup(f"{link} ") for link in links), class_="note") if names else Markup()


def _question(outcome: Outcome) -> str:
    return outcome.facts["question"] or outcome.study


def _command(outcome: Outcome) -> str:
    """Return what makes these results again, wherever they are to go."""
    facts = outcome.facts
    seed = ["--seed", str(facts["seed"])] if facts["seed"] else []
    quick = ["--quick"] if facts["quick"] else []
    own = Path(str([*facts["command"], ""][0])).stem == outcome.study  # and no command of the package
    program = [f"studies/{outcome.study}.py"] if own else ["-m", "optimlab", outcome.study]
    return shlex.join(["python", *program, *quick, *seed, *outcome.options])


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
    if path.suffix not in _TYPES or not path.is_file():
        return Markup()
    data = path.read_bytes()
    size = {"width": int.from_bytes(data[16:20], "big") * 2 // 3} if path.suffix == ".png" else {}  # a panel: 640
    source = f"data:{_TYPES[path.suffix]};base64,{b64encode(data).decode()}"
    return element("div", element("img", src=source, alt=text, **size), class_="scroll")
