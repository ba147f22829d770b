import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.frame.articles import article_row, articles, rows


def letters(last, *more):
    return sorted([*(chr(k) for k in range(ord("a"), ord(last) + 1)), *more])


def test_the_rows_are_those_of_the_five_articles():
    found = {article: sorted(row.split("-")[1] for row in rows() if row.startswith(article)) for article in articles()}
    assert found == {
        "000": letters("m"),
        "001": letters("l"),
        "002": letters("i", "c2"),
        "003": letters("m"),
        "004": letters("f"),
    }
    assert len(rows()) == sum(map(len, found.values()))
    assert len(set(rows().values())) == len(rows())


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("000-a", "000-a"),
        ("002-c2 dw0", "002-c2"),
        ("002-c dw0", "002-c"),
        ("001-c y(0, 1)", "001-c"),
        ("lag 0.9", ""),
        ("P at 1.6", ""),
        ("2000-a", ""),
    ],
)
def test_a_claim_belongs_to_the_row_it_begins_with(claim, row):
    assert article_row(claim) == row


@pytest.mark.parametrize("claim", ["000-n", "005-a", "003-aa noise", "002-c3", "000-A"])
def test_a_row_that_no_article_has_is_refused(claim):
    with pytest.raises(StudyError, match="a claim's id must begin with a row of an article or with another word; got"):
        article_row(claim)
