"""Pages that need nothing else, whatever stands in the records: read as a parser and as a browser read them."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from optimlab.lab.frame import Claim, Run
from optimlab.lab.frame.gallery import write_gallery
from optimlab.lab.frame.markup import element, table
from optimlab.lab.frame.page import claim_items, page

VOID = {"meta", "img"}
EVIL = "<script>alert(1)</script> & \"quoted\" 'twice' $css ${body} 1 < 2"


class Reader(HTMLParser):
    """Reads elements, links and texts, and checks that every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.texts = [], [], {}

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag, name):
        return [attributes[name] for found, attributes in self.attributes if found == tag and name in attributes]


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def ran(out, name, *, question="What?", answer="It is 2.", table=None, claims=((2, 2),), draws=True, **facts):
    """A complete run of a study of this name."""
    run = Run(name, out / name)
    run.folder.mkdir(parents=True)
    run.answer(answer, table)
    if draws:
        run.draw(lambda ax: ax.plot([1, 2]), lambda ax: ax.plot([2, 1]), size=(4, 3))
    for number, (expected, measured) in enumerate(claims):
        run.claim(f"claim {number}", f"{question} no. {number}", expected=expected, measured=measured)
    record = {"study": name, "question": question, "command": [f"/x/{name}.py"], "seed": 0, "quick": False}
    run.write_record(record | {"seconds": 1.0, "started": "2026-01-01T00:00:00+00:00", "versions": {}} | facts)
    return run


def gallery(out):
    return read(write_gallery(out).read_text(encoding="utf-8"))


def change(out, name, **facts):
    path = out / name / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | facts), encoding="utf-8")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_a_study_is_shown_with_question_answer_figure_table_command_and_claims(tmp_path):
    run = ran(tmp_path, "sums", table=pd.DataFrame({"n": [1], "half": [0.5]}), claims=((2, 2), (3, 2)), quick=True,
              command=["/x/sums.py", "--out", "/x/y", "--quick", "--rules", "adam, Trace(.5)"], seed=7)  # fmt: skip
    run.figure(plt.figure(), "more")
    run.page("<p>moves</p>", "way")
    change(tmp_path, "sums", files=[path.name for path in run.files])
    found = gallery(tmp_path)
    assert found.texts["h2"] == found.texts["a"][:1] == ["What?"]
    assert "It is 2." in found.texts["p"]
    assert (found.texts["th"], found.texts["td"]) == (["n", "half"], ["1", "0.5"])
    assert found.texts["pre"] == ["python studies/sums.py --quick --seed 7 --rules 'adam, Trace(.5)'"]
    assert found.texts["summary"] == ["2 claims: 1 FAILED"]
    assert found.texts["li"].count("What? no. 1: expected 3, measured 2") == 2  # in sight, and among all
    assert found.texts["li"].count("What? no. 0: expected 2, measured 2") == 1
    assert [source[:22] for source in found.all("img", "src")] == ["data:image/png;base64,"] * 2
    assert found.all("img", "alt") == ["Figure: What?"] * 2
    assert found.all("a", "href") == ["#sums", "sums/way.html", "sums/sums.png", "sums/more.png"]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["/x/play.py", "--out=y", "--lr", "1"], "python studies/play.py --lr 1"),
        (["/bin/optimlab", "--surface", "saddle"], "python -m optimlab play --surface saddle"),
        ([], "python -m optimlab play"),
    ],
)
def test_the_command_is_one_that_makes_the_results_again(tmp_path, command, shown):
    ran(tmp_path, "play", draws=False, command=command)
    assert gallery(tmp_path).texts["pre"] == [shown]


def test_the_gallery_has_all_studies_and_needs_no_other_file(tmp_path):
    for name in ("b", "a"):
        ran(tmp_path, name, question=f"What is {name}?", claims=())
    found = gallery(tmp_path)
    assert found.texts["h2"] == ["What is a?", "What is b?"]
    assert found.all("a", "href")[:2] == ["#a", "#b"]
    assert found.all("section", "id") == ["a", "b"]
    assert "2 studies; no claims" in found.texts["p"]
    assert not re.search(r"https?:|[^\w+/]//|@import|url\(|<script|<link", (tmp_path / "index.html").read_text())


def test_text_stays_text(tmp_path):
    frame = pd.DataFrame({EVIL: [EVIL]})
    ran(tmp_path, "evil", question=EVIL, answer=EVIL, table=frame, claims=((1, 1), (1, 2)), turned=[EVIL])
    change(tmp_path, "evil", files=["<b> & 'c'.csv", "a.html"], command=["a", EVIL])
    found = gallery(tmp_path)
    assert "script" not in dict(found.attributes)
    for tag in ("h2", "p", "th", "td"):
        assert EVIL in found.texts[tag]
    assert f"{EVIL} no. 1: expected 1, measured 2" in found.texts["li"]
    assert found.all("a", "href") == ["#evil", "evil/a.html", "evil/%3Cb%3E%20%26%20%27c%27.csv"]


BROKEN = {
    "outside": {"files": ["../secret.png"]},
    "no names": {"files": [1, None]},
    "no list": {"files": 3},
    "another": {"study": "other"},
    "no claims": {"claims": [3]},
    "no time": {"seconds": "long"},
}


def test_a_broken_or_foreign_folder_beside_does_no_harm(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    ran(tmp_path, "fine", draws=False)
    for name, facts in BROKEN.items():
        ran(tmp_path, name, draws=False)
        change(tmp_path, name, **facts)
    (tmp_path / "empty").mkdir()
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "run.json").write_bytes(b"\xff{")
    assert gallery(tmp_path).all("section", "id") == ["fine"]


@pytest.mark.parametrize("table", [3, [], {"head": ["a"]}, {"head": ["a"], "rows": [3]}, {"head": 3, "rows": []}])
def test_a_table_that_is_none_is_left_out(tmp_path, table):
    ran(tmp_path, "odd", draws=False, table=None)
    change(tmp_path, "odd", table=table, files=["gone.png", "folder.png"])
    (tmp_path / "odd" / "folder.png").mkdir()
    found = gallery(tmp_path)
    assert found.all("section", "id") == ["odd"]
    assert found.all("img", "src") == found.texts.get("td", []) == []


def test_a_name_that_is_no_unicode_is_shown(tmp_path):
    ran(tmp_path, "caf\udce9", draws=False)
    change(tmp_path, "caf\udce9", files=["caf\udce9.csv"], study="caf\udce9")
    assert len(gallery(tmp_path).all("section", "id")) == 1


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=5000",
         "--dump-dom", "--allow-file-access-from-files")  # fmt: skip
WIDTH = 390
FRAME = """<!DOCTYPE html><title>waiting</title><body style="margin: 0">
<iframe src="{}" style="width: {}px; height: 800px; border: 0"></iframe><script>
onload = () => setTimeout(() => {{ // the player of an animation draws its first frame after a while
  const inner = frames[0], root = inner.document.documentElement, images = [...inner.document.images];
  for (const each of inner.document.querySelectorAll("details")) each.open = true;
  document.title = JSON.stringify({{
    inner: inner.innerWidth, width: root.scrollWidth, images: images.length,
    loaded: images.filter(image => image.complete && image.naturalWidth > 0).length,
    height: root.scrollHeight}});
}}, 1000);
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, which would open the pages")
def test_a_browser_opens_the_pages_on_a_telephone(tmp_path):
    long = "a_very_long_name_without_any_space_" * 5
    wide = pd.DataFrame({f"column {k}": [1 / 3] for k in range(12)})
    run = ran(tmp_path, "sums", question=f"{EVIL} {long}?", answer=long, table=wide, claims=((2, 2), (3, 2)),
              command=["sums.py", "--rules", long])  # fmt: skip
    figure, axes = plt.subplots(figsize=(8, 3))
    (line,) = axes.plot([0.0, 1.0])
    run.animation(figure, lambda k: line.set_ydata([0, k]), frames=3, name="moves", text=long)
    change(tmp_path, "sums", files=[path.name for path in run.files])
    cells = [element("td", text) for text in (long, "refuted", long, claim_items([Claim(**CLAIM, statement=long)]))]
    run.page(page("What tutorials say", table(("a", "b", "c", "d"), [element("tr", *cells)], class_="text")), "said")
    for path, images in ((write_gallery(tmp_path), 1), (run.folder / "moves.html", 1), (run.folder / "said.html", 0)):
        opened, said = shown(path, tmp_path)
        assert (opened["inner"], opened["images"], opened["loaded"]) == (WIDTH, images, images), path.name
        assert opened["width"] <= WIDTH, path.name
        assert opened["height"] > 200
        assert "CONSOLE" not in said, said


CLAIM = {"id": "a", "expected": 1.0, "measured": 1.0, "low": 1.0, "high": 1.0}


def shown(path, tmp_path):
    """What a browser measures of a page in a frame that is as wide as a telephone, and what its console says."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(path.as_uri(), WIDTH), encoding="utf-8")
    options = (f"--user-data-dir={tmp_path / 'user'}", "--window-size=800,900", frame.as_uri())
    done = subprocess.run([CHROMIUM, *FLAGS, *options], capture_output=True, encoding="utf-8", timeout=300)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title, done.stdout[:500] + done.stderr[-2000:]
    return json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")), done.stderr
