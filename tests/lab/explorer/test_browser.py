"""The page in a browser: it loads without a word, reaches nobody, and does what its controls say."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [1280, 390])
def test_it_loads_without_a_word_and_without_a_request(page, width):
    assert page.open(width=width) == []
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    assert page.run("return document.documentElement.scrollWidth") <= width
