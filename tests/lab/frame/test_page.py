import re
from html.parser import HTMLParser

import pytest

from optimlab.lab.frame import Claim
from optimlab.lab.frame.articles import rows
from optimlab.lab.frame.outcome import Outcome
from optimlab.lab.frame.page import claims_page

VOID = {"meta", "input"}


def claim(id, **entries):  # noqa: A002
    value = entries.pop("measured", 2.0)
    numbers = {"expected": 2.0, "measured": value, "low": value, "high": value, "tolerance": 0.0}
    return Claim(**{"id": id, "statement": "it is two", "verdict": "reproduced", **numbers} | entries)


class Reader(HTMLParser):
    """Reads tables as lists of rows of texts, and checks that every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.sources, self.tables, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.links += [attributes["href"]] if "href" in attributes else []
        self.sources += [attributes["src"]] if "src" in attributes else []
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        elif not {"script", "style"} & set(self.open):
            self.text.append(data)


def read(*outcomes):
    reader = Reader()
    reader.feed(claims_page(outcomes, "quick runs, seed 0"))
    assert reader.open == []
    return reader


EMPTY = {"seconds": 0.25, "files": []}
FACTS = {"seconds": 1.5, "files": ["sums.png", "way down.html", "claims.csv"]}
SUMS = Outcome(
    study="sums",
    claims=(
        claim("003-a sum"),
        claim("theory", verdict="artefact"),
        claim("003-a wrong", measured=3.0123456789, verdict="refuted"),
    ),
    facts=FACTS,
)


def test_every_row_of_the_articles_is_listed_and_what_is_missing_is_seen():
    found = {row[0]: row[2:] for table in read(SUMS).tables for row in table if row[0] in rows()}
    assert set(found) == set(rows())
    assert found["003-a"] == ["2", "✔ 1 reproduced✘ 1 refuted", "1 FAILED"]
    assert {tuple(cells) for row, cells in found.items() if row != "003-a"} == {("0", "", "missing")}
    assert "53rows of articles missing" in "".join(read(SUMS).text)


def test_a_row_whose_claims_stand_says_so():
    rows = {
        row[0]: row[2:]
        for table in read(Outcome(study="a", claims=(claim("000-a"),), facts=EMPTY)).tables
        for row in table
    }
    assert rows["000-a"] == ["1", "✔ 1 reproduced", "all stand"]


def test_failed_claims_come_first_and_with_all_digits():
    reader = read(SUMS)
    first, last = reader.tables[0], reader.tables[-1]
    assert [row[1] for row in first[1:]] == ["003-a wrong"]
    assert first[1][:6] == ["FAILED", "003-a wrong", "003-a", "it is two", "2", "3.01234568"]
    assert [row[1] for row in last[1:]] == ["003-a wrong", "003-a sum", "theory"]
    assert [row[2] for row in last[1:]] == ["003-a", "003-a", "theory"]
    assert [row[6] for row in last[1:]] == ["✘ refuted", "✔ reproduced", "◆ artefact"]


def test_the_summary_counts():
    text = "".join(read(SUMS, Outcome(study="none", problem="gone")).text)
    for part in ("1claims failed", "1studies without a result", "2claims stand", "1✔ reproduced", "1✘ refuted"):
        assert part in text
    assert "quick runs, seed 0" in text


def test_a_study_without_a_result_is_named_with_its_reason():
    reader = read(Outcome(study="sums", problem="exit status 1: a < b\nlast line"))
    text = "".join(reader.text)
    assert "sums has no result" in text
    assert "exit status 1: a < b\nlast line" in text
    assert "What failed" not in "".join(read(Outcome(study="a", claims=(claim("a"),), facts=EMPTY)).text)


def test_links_lead_to_the_files_of_a_study_and_nowhere_else():
    reader = read(SUMS)
    outside = {link for link in reader.links if link != "#claims"}
    assert outside == {"sums/sums.png", "sums/way%20down.html", "sums/claims.csv"}
    assert reader.sources == []
    page = claims_page([SUMS], "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    assert read(Outcome(study="dry", claims=(claim("a"),), facts=EMPTY)).links == []


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b < c > d", "\"quoted\" 'twice'", "$css ${body}"])
def test_text_stays_text(text):
    broken = Outcome(study=text, claims=(claim(text, statement=text, measured=1.0),), facts=EMPTY | {"files": [text]})
    reader = read(broken, Outcome(study=text + " too", problem=text))
    assert text in reader.tables[-1][1]
    assert text in reader.text
    assert claims_page([broken], text).count("<script>") == 1


def test_numbers_that_are_none_are_sorted_as_numbers():
    ends = claim("a", expected=float("inf"), measured=float("nan"))
    page = claims_page([Outcome(study="a", claims=(ends,), facts=EMPTY)], "")
    assert 'data-value="Infinity"' in page
    assert 'data-value="NaN"' in page
