"""Elements of HTML out of text: whatever is not markup already is escaped."""

from html import escape

__all__ = ["Markup", "element", "table"]

_VOID = {"br", "img"}  # elements that hold nothing, and have no end


class Markup(str):
    """Text that is HTML already.

    Examples
    --------
    >>> element("p", Markup("<b>1</b>"), " < 2")
    '<p><b>1</b> &lt; 2</p>'
    """

    __slots__ = ()


def element(tag: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element; children and attributes that are not `Markup` are escaped.

    Of an attribute's name a trailing underscore is dropped (``class_``), others become hyphens (``data_value``).

    Examples
    --------
    >>> element("td", "a & b", class_="wide", data_value=0.5)
    '<td class="wide" data-value="0.5">a &amp; b</td>'
    """
    pairs = [f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()]
    end = "" if tag in _VOID else f"{''.join(map(_escaped, children))}</{tag}>"
    return Markup(f"<{tag}{''.join(pairs)}>{end}")


def table(head: tuple[str, ...], rows: list[Markup], **attributes: object) -> Markup:
    """Return a table of finished rows under a line of names.

    Examples
    --------
    >>> table(("n",), [element("tr", element("td", 1))])
    '<table><thead><tr><th scope="col">n</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    names = element("tr", *(element("th", name, scope="col") for name in head))
    return element("table", element("thead", names), element("tbody", *rows), **attributes)


def _escaped(child: object) -> str:
    return child if isinstance(child, Markup) else escape(str(child))
