"""Pages of HTML that need nothing else: no network, no other file."""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from optimlab.lab.frame.claims import Claim, expected_text, measured_text
from optimlab.lab.frame.markup import Markup, element

__all__ = ["claim_items", "page"]

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


def claim_items(claims: Iterable[Claim]) -> Markup:
    """Return claims as a list: what was measured, what was expected, and which of them failed."""
    return element("ul", *(
        element("li", f"{claim.statement}: expected {expected_text(claim)}, measured {measured_text(claim)}",
                class_="stands" if claim.stands else "failed") for claim in claims
    ))  # fmt: skip
