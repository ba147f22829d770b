"""All claims on one page of HTML that needs nothing else: no network, no other file."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from urllib.parse import quote

from optimlab.lab.frame.articles import article_row, articles, rows
from optimlab.lab.frame.claims import VERDICTS, Claim, expected_text, measured_text
from optimlab.lab.frame.figures import FORMATS, PALETTE
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.outcome import Outcome

__all__ = ["claims_page"]

_MARKS = {"reproduced": "✔", "refuted": "✘", "artefact": "◆"}
_COLOURS = {"reproduced": "blue", "refuted": "vermillion", "artefact": "orange"}
_ALL_DIGITS = 9  # where a claim failed by little
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claims</title>
<style>
:root { $colours }
$css</style>
</head>
<body>
$body
<script>
$script</script>
</body>
</html>
""")


def claims_page(outcomes: Sequence[Outcome], subtitle: str) -> str:
    """Return a page with the claims of all studies: what failed, every row of the articles, and a table to search.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What became of each study; their files are linked as ``<study>/<file>``.
    subtitle : str
        What the page says of the runs.

    Examples
    --------
    >>> page = claims_page([Outcome(study="lag", problem="exit status 1")], "a trial")
    >>> "exit status 1" in page, "http" in page
    (True, False)
    """
    colours = " ".join(f"--{verdict}: {PALETTE[colour]};" for verdict, colour in _COLOURS.items())
    sections = [_summary(outcomes, subtitle), *_failures(outcomes), _articles(outcomes), _studies(outcomes)]
    body = "\n".join([*sections, _all_claims(outcomes)])
    css, script = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return _PAGE.substitute(colours=colours, css=css, body=body, script=script)


def _pairs(outcomes: Iterable[Outcome]) -> list[tuple[Outcome, Claim]]:
    """Every claim beside its study, failed ones first."""
    pairs = [(outcome, claim) for outcome in outcomes for claim in outcome.claims]
    return sorted(pairs, key=lambda pair: pair[1].stands)


def _section(title: str, name: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content, id=name)


def _note(text: str) -> Markup:
    return element("p", text, class_="note")


def _tile(number: int, text: str, alarm: bool) -> Markup:
    return element("div", element("b", number), text, class_="tile alarm" if alarm and number else "tile")


def _summary(outcomes: Sequence[Outcome], subtitle: str) -> Markup:
    claims = [claim for _, claim in _pairs(outcomes)]
    stand, verdicts = sum(claim.stands for claim in claims), Counter[str](claim.verdict for claim in claims)
    missing = len(rows().keys() - {article_row(claim.id) for claim in claims})
    tiles = [
        _tile(len(claims) - stand, "claims failed", alarm=True),
        _tile(sum(bool(outcome.problem) for outcome in outcomes), "studies without a result", alarm=True),
        _tile(missing, "rows of articles missing", alarm=True),
        _tile(stand, "claims stand", alarm=False),
        *(_tile(verdicts[verdict], f"{_MARKS[verdict]} {verdict}", alarm=False) for verdict in VERDICTS),
    ]
    meaning = (
        "A claim stands if the measurement agrees with what is expected, up to the tolerance. The verdict is on the "
        "statement under test: it is reproduced, it is refuted, or it owes its truth to the set-up (artefact)."
    )
    return element(
        "header", element("h1", "Claims"), _note(subtitle), element("div", *tiles, class_="tiles"), _note(meaning)
    )


def _failures(outcomes: Sequence[Outcome]) -> list[Markup]:
    without = [outcome for outcome in outcomes if outcome.problem]
    failed = [pair for pair in _pairs(outcomes) if not pair[1].stands]
    content = [_problem(outcome) for outcome in without]
    if failed:
        content.append(table(_HEAD, [_claim_row(*pair, digits=_ALL_DIGITS) for pair in failed]))
    return [_section("What failed", "failed", *content)] if content else []


def _problem(outcome: Outcome) -> Markup:
    return element("div", element("h3", outcome.study, " has no result"), element("pre", outcome.problem))


def _articles(outcomes: Sequence[Outcome]) -> Markup:
    found: dict[str, list[Claim]] = {row: [] for row in rows()}
    for _, claim in _pairs(outcomes):
        if row := article_row(claim.id):
            found[row].append(claim)
    tables = []
    for article, title in articles().items():
        lines = [_article_row(row, found[row]) for row in rows() if row.startswith(article)]
        head = ("row", "what the article says or shows", "claims", "verdicts", "outcome")
        tables += [element("h3", f"Article {article}: {title}"), table(head, lines)]
    return _section("The articles, row by row", "articles", *tables)


def _article_row(row: str, claims: Sequence[Claim]) -> Markup:
    verdicts = Counter[str](claim.verdict for claim in claims)
    marks = [element("div", f"{_MARKS[v]} {verdicts[v]} {v}", class_=f"mark {v}") for v in VERDICTS if verdicts[v]]
    failed = sum(not claim.stands for claim in claims)
    outcome: object = element("span", f"{failed} FAILED", class_="failed") if failed else "all stand"
    if not claims:
        outcome = element("span", "missing", class_="missing")
    name = element("a", row, href="#claims", data_find=row) if claims else row
    cells = (name, rows()[row], len(claims), Markup("".join(marks)), outcome)
    return element("tr", *(element("td", cell) for cell in cells), class_="fails" if failed else "")


def _studies(outcomes: Sequence[Outcome]) -> Markup:
    rows = []
    for outcome in outcomes:
        failed = sum(not claim.stands for claim in outcome.claims)
        seconds = "" if outcome.problem else f"{outcome.facts['seconds']:.1f}"
        cells = (_link(outcome), len(outcome.claims), failed, seconds, _files(outcome))
        rows.append(element("tr", *(element("td", cell) for cell in cells)))
    return _section("Studies", "studies", table(("study", "claims", "failed", "time / s", "files"), rows))


def _href(outcome: Outcome, file: str) -> str:
    return quote(f"{outcome.study}/{file}")


def _files(outcome: Outcome) -> Markup:
    links = [element("a", file, href=_href(outcome, file)) for file in outcome.facts.get("files", [])]
    return Markup(", ".join(links))


def _link(outcome: Outcome) -> object:
    """Return the name of a study, linked to its figure if it drew one."""
    figures = {f"{outcome.study}.{image}" for image in FORMATS} & set(outcome.facts.get("files", []))
    return element("a", outcome.study, href=_href(outcome, min(figures))) if figures else outcome.study


_HEAD = ("outcome", "claim", "article", "statement", "expected", "measured [low, high]", "verdict", "study")


def _all_claims(outcomes: Sequence[Outcome]) -> Markup:
    rows = [_claim_row(*pair, digits=4) for pair in _pairs(outcomes)]
    return _section("All claims", "claims", _form(), table(_HEAD, rows, id="all"))


def _form() -> Markup:
    verdict = _choice("verdict", {verdict: verdict for verdict in VERDICTS})
    article = _choice("article", {name: f"article {name}" for name in articles()} | {"theory": "theory"})
    words = Markup(
        '<input type="search" name="words" aria-label="words in the claim" placeholder="words, such as 003-a">'
    )
    failed = element("label", Markup('<input type="checkbox" name="failed"> '), "failed only")
    shown = element("output", id="shown")
    return element("form", words, verdict, article, failed, shown, name="filter", hidden="hidden")


def _choice(name: str, options: dict[str, str]) -> Markup:
    every = element("option", f"every {name}", value="")
    named = (element("option", text, value=value) for value, text in options.items())
    return element("select", every, *named, name=name, aria_label=name)


def _claim_row(outcome: Outcome, claim: Claim, digits: int) -> Markup:
    row = article_row(claim.id)
    article = row.partition("-")[0] or "theory"
    stands: object = "stands" if claim.stands else element("span", "FAILED", class_="failed")
    mark = element("span", f"{_MARKS[claim.verdict]} {claim.verdict}", class_=f"mark {claim.verdict}")
    return element(
        "tr",
        *(element("td", cell) for cell in (stands, claim.id, row or "theory", claim.statement)),
        element("td", expected_text(claim, digits), class_="number", data_value=json.dumps(claim.expected)),
        element("td", measured_text(claim, digits), class_="number", data_value=json.dumps(claim.measured)),
        *(element("td", cell) for cell in (mark, _link(outcome))),
        class_="" if claim.stands else "fails",
        data_verdict=claim.verdict,
        data_article=article,
    )
