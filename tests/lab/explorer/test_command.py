"""The command: one file, whole or not at all, and errors that say what is allowed."""

import pytest

from optimlab.__main__ import main
from tests.lab.explorer.javascript import page


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_one_file_and_says_how_to_open_it(here, capsys):
    assert main(["explorer"]) == 0
    assert (here / "explorer.html").read_text(encoding="utf-8") == page()
    assert [path.name for path in here.iterdir()] == ["explorer.html"]
    said = capsys.readouterr().out
    assert said.startswith(f"explorer.html: {len(page().encode()) / 1000:.0f} kB")
    assert (here / "explorer.html").as_uri() in said


def test_rules_and_a_surface_are_what_it_opens_with(here):
    given = ["--rules", "adam,  heavy_ball( .95), Ema(.9)|Sign()", "--surface", "x**2 + 3*y**2", "--out", "own.html"]
    assert main(["explorer", *given]) == 0
    opening = '"opening":{"rules":["adam","heavy_ball( .95)","Ema(.9)|Sign()"],"surface":"x**2 + 3*y**2"}'
    assert opening in (here / "own.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "said"), [
    (["--rules", "rmsprp"], "'rmsprp' is not known; did you mean rmsprop?"),
    (["--rules", "adam, muon"], "muon looks at whole leaves; the page runs what is elementwise, such as adam"),
    (["--rules", ""], "an expression must have 1 to 1000 characters; got 0"),
    (["--surface", "sadle"], "'sadle' is no surface; did you mean saddle? A formula such as x**2 - y**2 is one, too"),
    (["--surface", "x**"], "x**"),
    (["--surface", "mine.py:f"], "mine.py:f"),
    (["--out", "there"], "--out must be a file; there is a folder; give --out there/explorer.html"),
    (["--out", "nowhere/page.html"], "cannot write nowhere/page.html: No such file or directory"),
])  # fmt: skip
def test_what_it_cannot_do_it_says(given, said, here, capsys):
    (here / "there").mkdir()
    assert main(["explorer", *given]) == 2
    assert said in capsys.readouterr().err
    assert not [*here.rglob("*.html")]
