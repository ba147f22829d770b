"""The report: one file that holds all that ran, whatever stands in it, and opens in a browser without a word."""

import json
import shutil
from base64 import b64decode

import pandas as pd
import pytest

from benchmarks.chromium import PROGRAMS, opened
from optimlab.lab.frame.report import command, write_report
from tests.lab.frame.test_page import EVIL, change, ran, read

MEASURED = """
for (const each of document.querySelectorAll("details")) each.open = true;
const images = [...document.images];
await Promise.all(images.map((image) => image.decode()));
return { width: document.documentElement.scrollWidth, images: images.length,
         loaded: images.filter((image) => image.naturalWidth > 0).length };
"""


def full(out):
    """Two runs with a figure, a page and tables, one of them long."""
    run = ran(out, "sums", table=pd.DataFrame({"n": [1]}), claims=((2, 2), (3, 2)), versions={"python": "3"},
              cpu={"model": EVIL, "count": 2})  # fmt: skip
    run.page("<!DOCTYPE html><script>document.title = 'moved'</script><p>moves</p>", "way")
    run.table(pd.DataFrame({"k": range(30), "text": EVIL}), "long")
    change(out, "sums", files=[path.name for path in run.files])
    ran(out, "fine", question="Is it fine?")
    return run


def written(out):
    write_report(out, out / "report.html")
    return read((out / "report.html").read_text(encoding="utf-8"))


def test_all_that_ran_is_in_one_file(tmp_path):
    run = full(tmp_path)
    found = written(tmp_path)
    assert found.texts["h2"] == ["Is it fine?", "What?"]
    assert "2 runs; 3 claims: 1 FAILED" in found.texts["p"]
    assert "1 of 2 FAILED" in found.texts["td"]
    assert "and 22 more rows" in found.texts["p"]
    assert any(f"with python 3; {EVIL}, 2 cores; seed 0." in text for text in found.texts["p"])
    links = dict(zip(found.all("a", "download"), [href for href in found.all("a", "href") if ":" in href], strict=True))
    assert b64decode(links["long.csv"].partition(",")[2]) == (run.folder / "long.csv").read_bytes()
    assert found.all("iframe", "srcdoc") == [(run.folder / "way.html").read_text(encoding="utf-8")]
    assert found.all("iframe", "sandbox") == ["allow-scripts"]
    assert {href[0] for href in found.all("a", "href") if ":" not in href} == {"#"}  # nothing outside the file
    assert "script" not in dict(found.attributes)


def test_a_file_that_is_gone_or_too_large_does_no_harm(tmp_path):
    run = full(tmp_path)
    (run.folder / "way.html").unlink()
    (run.folder / "long.csv").write_bytes(b"a\n" + b"1\n" * 3_000_000)
    found = written(tmp_path)
    assert any("long.csv is too large to be held here" in text for text in found.texts["p"])
    assert found.all("iframe", "srcdoc") == []


def test_the_command_says_where_and_how_many(tmp_path, capsys):
    full(tmp_path)
    assert command(["--results", str(tmp_path)]) == 1
    assert "report.html: 2 runs, 0.1 MB; 3 claims: 1 FAILED" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "sums")
    assert command(["--results", str(tmp_path), "--out", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").is_file()


def test_what_cannot_be_done_is_said_with_a_remedy(tmp_path, capsys):
    assert command(["--results", str(tmp_path)]) == 2
    assert f"optimlab study ema_beta --out {tmp_path} makes one" in capsys.readouterr().err
    ran(tmp_path, "fine", draws=False)
    assert command(["--results", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert f"give --out {tmp_path / 'report.html'}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_browser_opens_it_at_both_widths_without_a_word(tmp_path):
    pytest.importorskip("selenium")
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.skip(f"{' and '.join(missing)} are not installed")
    full(tmp_path)
    written(tmp_path)
    with opened((tmp_path / "report.html").read_text(encoding="utf-8"), tmp_path) as page:
        for width in (1280, 390):
            said = page.open(width=width)
            measured = page.run(MEASURED)
            page.painted()
            assert (said, page.console()) == ([], []), json.dumps(measured)
            assert measured == {"width": width, "images": 2, "loaded": 2}
