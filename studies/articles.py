"""What of five tutorials on averages, optimizers and vanishing gradients holds?

Of their 54 sentences and programs that can be measured 26 are reproduced, 22 refuted, and 6 owe
their truth to the set-up.

Runs all other studies, and sets what they measured beside each sentence (articles.csv, beside this file): title,
sentence, finding, verdict, on one page, articles.html. A sentence is reproduced, refuted, or owes its truth to the
set-up (artefact). Takes 5 min (--quick: 2 min).
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from optimlab.lab.frame import Outcome, Run, gather, gather_options, study
from optimlab.lab.frame.claims import COLUMNS, VERDICTS
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.page import claim_items, page

HERE = Path(__file__)
OTHERS = sorted(path for path in HERE.parent.glob("*.py") if path != HERE)
HEAD = ("sentence", "verdict", "finding", "measured")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the choice of studies."""
    gather_options(parser, OTHERS)


def sentences() -> pd.DataFrame:
    """Return the table of sentences, by row."""
    with HERE.with_name("articles.csv").open(newline="", encoding="utf-8") as file:
        return pd.DataFrame(list(csv.DictReader(file))).set_index("row")


def claimed(outcomes: dict[str, Outcome]) -> pd.DataFrame:
    """Return the claims that test a sentence, with the study that made them."""
    found = [(c.row, c.verdict, c.stands, name, c) for name, out in outcomes.items() for c in out.claims if c.row]
    return pd.DataFrame(found, columns=["row", "verdict", "stands", "study", "claim"])


def claim(run: Run, said: pd.DataFrame, claims: pd.DataFrame, outcomes: dict[str, Outcome]) -> None:
    """Claim that each study's claims stand, and that each sentence has claims, some of them of its verdict."""
    for name, outcome in outcomes.items():
        total, stand = len(outcome.claims), sum(claim.stands for claim in outcome.claims)
        if outcome.problem:
            run.say(f"{name}: {outcome.problem}")
        run.claim(name, f"{name}: claims that stand", expected=total + bool(outcome.problem), measured=stand)
    for row, line in said.iterrows():
        own = claims[claims["row"] == row]
        right = own[own["stands"] & (own["verdict"] == line["verdict"])]
        what = f"“{line['sentence']}” ({line['title']}): claims that stand, some of them {line['verdict']}"
        run.claim(str(row), what, expected=max(len(own), 1), measured=own["stands"].sum() if len(right) else 0)


def line(sentence: Any, claims: pd.DataFrame) -> Markup:
    """Return a sentence as a row of the page."""
    count = element("summary", f"{len(claims)} measurement{'' if len(claims) == 1 else 's'}")
    studies = (Markup(element("a", name, href=f"../index.html#{name}") + " ") for name in claims["study"].unique())
    cells = (
        f"“{sentence['sentence']}”",
        element("strong", sentence["verdict"], class_=sentence["verdict"]),
        sentence["finding"],
        Markup(element("details", count, claim_items(claims["claim"])) + "".join(studies)),
    )
    return element("tr", *(element("td", cell) for cell in cells))


def write_page(run: Run, said: pd.DataFrame, claims: pd.DataFrame) -> None:
    """Write the page: a table for each tutorial."""
    parts = [element("p", run.answer_text, class_="answer")]
    for title, rows in said.groupby("title", sort=False):
        lines = [line(sentence, claims[claims["row"] == row]) for row, sentence in rows.iterrows()]
        parts += [element("section", element("h2", str(title)), table(HEAD, lines, class_="text"))]
    run.page(page("What five tutorials say, and what was measured", *parts), "articles")


def answer(run: Run, said: pd.DataFrame, outcomes: dict[str, Outcome]) -> None:
    """Say how many sentences got which verdict, and whether the studies stand."""
    total = sum(len(outcome.claims) for outcome in outcomes.values())
    failed = ", ".join(name for name, outcome in outcomes.items() if not outcome.stands)
    text = f"{total} claims of {', '.join(outcomes) if run.options.only else f'{len(outcomes)} studies'}: "
    text += f"FAILED in {failed}." if failed else "all stand."
    if said.empty:
        run.answer(text)
        return
    counts = Counter(said["verdict"])
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    table = pd.crosstab(said["title"], said["verdict"]).reindex(said["title"].unique())
    run.answer(
        f"Of {len(said)} sentences of five tutorials that were measured: {verdicts}. {text}", table.reset_index()
    )


def main(run: Run) -> None:
    """Run the studies and set their claims beside the sentences."""
    outcomes = gather(OTHERS, run.options)
    said, claims = sentences(), claimed(outcomes)
    if run.quick or run.options.only:  # not all of them are measured
        right = claims["verdict"] == said["verdict"].reindex(claims["row"]).to_numpy()
        said = said[said.index.isin(claims.loc[right, "row"])]
    claim(run, said, claims, outcomes)
    answer(run, said, outcomes)
    cells = [claim.cells(name) for name, claim in claims[["study", "claim"]].itertuples(index=False)]
    measured = pd.DataFrame(cells, columns=list(COLUMNS)).join(said[["title", "sentence", "finding"]], on="row")
    run.table(measured, "articles")
    write_page(run, said, claims)


if __name__ == "__main__":
    raise SystemExit(study(main, options=options))
