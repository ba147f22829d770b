"""The map as a page of HTML that needs nothing else: every mark leads to its question, threshold, interval, source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optimlab.lab.check.battery import EXAMS
from optimlab.lab.check.map import answer, colour, word
from optimlab.lab.check.mark import CONFIDENCE, UNASKED, Mark
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.page import page

__all__ = ["report", "said"]

_CSS = Markup("""
.map td { text-align: center; padding: 0; min-width: 2.4rem; }
.map td a { display: block; padding: 0.15rem 0.4rem; color: #111; text-decoration: none; }
.map th { vertical-align: bottom; text-align: left; } .map th.theme { padding-top: 0.8rem; font-size: 1rem; }
.map thead th { writing-mode: vertical-rl; transform: rotate(180deg); padding: 0.2rem 0.5rem; }
.map th[scope=row] { font-weight: normal; padding-right: 0.8rem; position: sticky; left: 0; background: #fff; }
section:target { background: #fff8d6; }
""")


def report(marks: Sequence[Mark]) -> str:
    """Return the page.

    Examples
    --------
    >>> from optimlab.lab.check import examined
    >>> from optimlab.lab.contestants import contestants
    >>> text = report(examined(contestants("sgd").values(), [EXAMS["saddle"]]))
    >>> "<h2>saddle</h2>" in text and "<script" not in text
    True
    """
    exams = list(dict.fromkeys(mark.exam for mark in marks))
    parts = [_section(name, [mark for mark in marks if mark.exam == name]) for name in exams]
    key = (
        "Each mark leads to its numbers. ✓ passed, ✗ failed, ? undecided, – not asked; the stronger the colour, the "
        "farther from the threshold. Yes and no stand for a trait, of which neither is better. Each interval stands "
        f"for itself, at {CONFIDENCE:.0%}: nothing is corrected for how many there are."
    )
    head = [element("p", answer(marks), class_="answer"), element("p", key, class_="note")]
    return page("Optimizers against theory", element("style", _CSS), *head, _map(marks, exams), *parts)


def said(mark: Mark) -> str:
    """Say what was measured and what is allowed.

    Examples
    --------
    >>> said(Mark(theme="steps", exam="one step", contestant="SGD", verdict="passed", trials=1, share=1.0, measured=0.5,
    ...           least=-np.inf, most=0.6, lr=0.5))
    'measured 0.5, allowed at most 0.6; one trial without chance; lr 0.5'
    """
    if mark.verdict == UNASKED:
        return mark.note
    parts = [f"measured {mark.measured:.4g}, allowed {_allowed(mark)}", _trials(mark)]
    parts += [f"lr {mark.lr:.4g}"] if np.isfinite(mark.lr) else []
    return "; ".join([*parts, *([mark.note] if mark.note else [])])


def _allowed(mark: Mark) -> str:
    least, most = f"{mark.least:.4g}", f"{mark.most:.4g}"
    if np.isinf(mark.least):
        return f"at most {most}"
    return f"at least {least}" if np.isinf(mark.most) else f"{least} to {most}"


def _trials(mark: Mark) -> str:
    if mark.trials == 1:
        return "one trial without chance"
    passed = round(mark.share * mark.trials)
    return f"{passed} of {mark.trials} trials passed, Wilson interval {mark.low:.2f} to {mark.high:.2f}"


def _map(marks: Sequence[Mark], exams: Sequence[str]) -> Markup:
    names = list(dict.fromkeys(mark.contestant for mark in marks))
    found = {(mark.exam, mark.contestant): mark for mark in marks}
    rows, theme = [], ""
    for exam in exams:
        if EXAMS[exam].theme != theme:
            theme = EXAMS[exam].theme
            rows.append(element("tr", element("th", theme, colspan=len(names) + 1, class_="theme")))
        link = element("a", exam, href=f"#{_anchor(exam)}", title=EXAMS[exam].question)
        cells = (_cell(found[exam, name]) for name in names)
        rows.append(element("tr", element("th", link, scope="row"), *cells))
    return element("div", table(("", *names), rows, class_="map"), class_="scroll")


def _cell(mark: Mark) -> Markup:
    hue, strength = colour(mark)
    red, green, blue = (int(hue[k : k + 2], 16) for k in (1, 3, 5))
    pale = 0.8 * strength  # so that black letters can be read on it
    link = element("a", word(mark), href=f"#{_anchor(mark.exam)}", title=f"{mark.contestant}: {said(mark)}")
    return element("td", link, style=f"background: rgb({red} {green} {blue} / {pale:.2f})")


def _section(name: str, marks: Sequence[Mark]) -> Markup:
    exam = EXAMS[name]
    facts = {"Threshold": exam.formula, "Source": exam.source, "Must pass": f"{exam.share:g} of the trials"}
    lines = [Markup(f"{element('b', key)}: {element('span', text)}") for key, text in facts.items()]
    numbers = [element("td", element("b", word(mark)), " ", element("span", said(mark))) for mark in marks]
    rows = [element("tr", element("td", m.contestant), cell) for m, cell in zip(marks, numbers, strict=True)]
    return element(
        "section", element("h2", name), element("p", exam.question), element("p", exam.failure, class_="note"),
        *(element("p", line, class_="note") for line in lines),
        table(("contestant", f"mark, intervals of {CONFIDENCE:.0%}"), rows, class_="text"), id=_anchor(name),
    )  # fmt: skip


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
