"""One browser for all tests that look at the page."""

import shutil

import pytest

from benchmarks.chromium import PROGRAMS, opened
from tests.lab.explorer.javascript import page as html


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page, in a browser that ends with the session."""
    pytest.importorskip("selenium")
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.skip(f"{' and '.join(missing)} are not installed")
    with opened(html(), tmp_path_factory.mktemp("explorer")) as found:
        yield found
