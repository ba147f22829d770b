"""The map: its table, its figure, its page, and the command that makes them."""

import json
import re
import shlex
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from optimlab import adam, sgd
from optimlab.lab.check import EXAMS, THEMES, battery, examined
from optimlab.lab.check.check import command
from optimlab.lab.check.exam import Exam
from optimlab.lab.check.map import answer, colour, frame, panel, summary, word
from optimlab.lab.check.report import report, said
from optimlab.lab.contestants import Ruled
from optimlab.lab.frame import Run, style

NAMES = ("saddle", "distance does not matter", "its own path", "condition 10", "decays")


@pytest.fixture(scope="module")
def marks():
    """Of SGD, and of Adam under a name that is HTML."""
    return examined([Ruled(sgd(), "SGD"), Ruled(adam(), "<b>&Adam")], [EXAMS[name] for name in NAMES])


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.titles, self.words = Counter(), [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags[tag] += 1
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.titles += [found["title"]] if "title" in found else []

    def handle_data(self, data):
        self.words.append(data)


def test_every_exam_says_what_it_asks():
    modules = [each for module in battery._MODULES for each in vars(module).values() if isinstance(each, Exam)]
    assert len(EXAMS) == len(modules) >= 40  # no name stands twice
    for each in EXAMS.values():
        assert each.question.startswith("Whether ")
        assert each.question.endswith(".")
        assert each.failure.startswith("If not:" if each.trait else "A failure:")
        assert each.formula
        assert each.source
        assert 0.0 < each.share < 1.0
    assert len(THEMES) >= 12


def test_signs_and_words(marks):
    assert {(m.exam, m.contestant): word(m) for m in marks if m.contestant == "SGD"} == {
        ("saddle", "SGD"): "✓", ("distance does not matter", "SGD"): "no", ("its own path", "SGD"): "✓",
        ("condition 10", "SGD"): "✓", ("decays", "SGD"): "no",
    }  # fmt: skip
    table = summary(marks)
    assert list(table.columns) == ["theme", "SGD", "<b>&Adam"]
    assert dict(zip(table["theme"], table["<b>&Adam"], strict=True)) == {
        "escape times": "✓y", "limits of stability": "–", "ill-conditioning": "✗", "weight decay": "n",
    }  # fmt: skip
    assert answer(marks) == "Of 3 problems were passed: SGD 3; <b>&Adam 1 (1 not asked)."
    assert len(frame(marks)) == len(marks)


def test_what_is_said_of_a_mark(marks):
    saddle, *_, own = marks[0], marks[7]
    assert said(saddle) == "measured 13, allowed at most 20; one trial without chance; lr 2"
    assert said(own) == "it is no linear rule of one buffer, whose limit has a closed form"
    ravine = next(mark for mark in marks if mark.exam == "condition 10")
    assert "16 of 16 trials passed, Wilson interval 0.71 to 1.00" in said(ravine)


def test_the_farther_from_the_threshold_the_stronger(marks):
    passed, failed = (
        next(m for m in marks if m.exam == "condition 10" and m.verdict == v) for v in ("passed", "failed")
    )
    assert colour(passed)[0] != colour(failed)[0]
    assert passed.margin < 1.0 < -failed.margin
    assert colour(passed)[1] < colour(failed)[1] == 1.0


def test_the_page_says_all_of_every_mark_and_leads_to_it(marks):
    text = report(marks)
    found = Page(text)
    assert found.tags["script"] == 0
    assert found.tags["b"] == 3 * len(NAMES) + len(marks)  # words of the page, and none that a name brings
    assert "http" not in text
    assert len(found.ids) == len(set(found.ids)) == len(NAMES)
    assert {link.removeprefix("#") for link in found.links} == set(found.ids)
    assert len(found.links) == len(marks) + len(NAMES)
    for mark in marks:
        assert f"{mark.contestant}: {said(mark)}" in found.titles
        assert said(mark) in found.words
    for name in NAMES:
        assert {EXAMS[name].question, EXAMS[name].failure, EXAMS[name].formula, EXAMS[name].source} <= set(found.words)


def test_the_figure_has_a_cell_for_every_mark(marks):
    from matplotlib.figure import Figure

    with style():
        ax = Figure().subplots()
        panel(marks)(ax)
    assert len(ax.patches) == len(marks)
    assert [text.get_text() for text in ax.texts[: len(marks)]] == [word(mark) for mark in marks]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(NAMES)


def test_the_command_writes_table_figure_page_and_gallery(tmp_path, capsys):
    only = "saddle, ill-conditioning"
    assert (
        command(["sgd, heavy_ball(.5)", "--only", only, "--jobs", "1", "--lr", "0.5", "1", "--out", str(tmp_path)]) == 0
    )
    out = capsys.readouterr().out
    assert out.startswith("Of 6 problems were passed: SGD 5; heavy ball β 0.5")
    marks = pd.read_csv(tmp_path / "check" / "marks.csv")
    assert len(marks) == 12
    assert set(marks["lr"]) <= {0.5, 1.0}
    assert {path.name for path in (tmp_path / "check").iterdir()} == {"marks.csv", "check.png", "map.html", "run.json"}
    assert "check/map.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    facts = json.loads((tmp_path / "check" / "run.json").read_text(encoding="utf-8"))
    assert facts["answer"] in " ".join(out.split())


def test_the_command_of_the_readme_runs(tmp_path):
    pytest.importorskip("torch")
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    words = shlex.split(re.findall(r"^python -m optimlab check (.*)$", readme, re.M)[0], comments=True)
    assert command([*words, "--only", "saddle, monkey saddle", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert len(pd.read_csv(tmp_path / "check" / "marks.csv")) == 6


@pytest.mark.parametrize(("words", "remedy"), [
    (["sgd", "--only", "ill-condtioning"], "did you mean ill-conditioning?"),
    (["sgd", "--lr", "0"], "--lr must be greater than 0"),
    (["sgd", "--jobs", "0"], "a whole number of at least 1"),
    (["sgd", "--cluster", "nowhere"], "'local', an address"),
    (["adamm"], "did you mean adam?"),
])  # fmt: skip
def test_what_cannot_be_asked_says_why(words, remedy, tmp_path, capsys):
    assert command([*words, "--out", str(tmp_path)]) == 2
    assert remedy in capsys.readouterr().err


def test_a_package_that_is_missing_is_named_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert command(["torch:torch.optim.Adam"]) == 2
    assert 'python -m pip install "optimlab[torch]" installs it' in capsys.readouterr().err


def test_a_quick_map_has_one_exam_of_each_theme_and_a_tall_one_two_parts(marks):
    from optimlab.lab.check.check import _chosen, _parts

    assert [each.theme for each in _chosen("first")] == list(THEMES)
    assert len(_chosen("all")) == len(EXAMS)
    assert _parts(marks, NAMES) == [marks]
    names = list(EXAMS)
    tall = [marks[0].__class__(theme=EXAMS[n].theme, exam=n, contestant="a", verdict="passed") for n in names]
    upper, lower = _parts(tall, names)
    assert [mark.exam for mark in [*upper, *lower]] == names
    assert not {mark.theme for mark in upper} & {mark.theme for mark in lower}


@pytest.mark.slow
def test_any_number_of_workers_and_any_company_gives_the_same_marks():
    exams = [EXAMS[name] for name in ("saddle by noise", "rotated saddle")]
    two = [Ruled(sgd(), "SGD"), Ruled(adam(), "Adam")]
    assert examined(two, exams) == examined(two[:1], exams) + examined(two[1:], exams, executor=2)


def test_seeds_give_other_trials_and_the_same_one_the_same():
    first, again, other = (examined([Ruled(sgd(), "SGD")], [EXAMS["saddle by noise"]], seed=s)[0] for s in (0, 0, 1))
    assert first == again
    assert first.measured != other.measured or first.share != other.share


def test_progress_counts_marks(tmp_path):
    run = Run("check", tmp_path)
    seen = []

    def progress(items, description, total):
        seen.append((description, total))
        return run.progress(items, description, total)

    examined([Ruled(sgd(), "SGD")], [EXAMS["decays"]], progress=progress)
    assert seen == [("marks", 1)]
