"""What the page prints as programs: torch's text letter by letter as Python, and scripts that walk the page's path."""

import contextlib
import io

import numpy as np
import pytest

from optimlab.export.source import source
from optimlab.lab.frame.expressions import rule
from tests.lab.explorer.javascript import differing, run
from tests.lab.explorer.test_latex import texts

PLAIN = {
    "rule": "adam", "surface": "saddle", "rate": "0.01", "start": [0.9, 0.01], "steps": 300,
    "noise": None, "clipNorm": None, "clipValue": None,
}  # fmt: skip
SETTINGS = {
    "plain": PLAIN,
    "noise and a schedule": PLAIN | {
        "rule": "0.5 * nesterov(0.8) | Sign()", "surface": "rosenbrock", "start": [-1.2, 1.0],
        "rate": "cosine_decay(0.01, steps=300)", "noise": {"sd": 0.3, "seed": 7},
    },
    "clipped": PLAIN | {
        "rule": "sgd() + 0.01 * Weights()", "surface": "beale", "start": [1.0, 1.5], "noise": {"sd": 1.0, "seed": 0},
        "clipNorm": 0.75, "clipValue": 0.625,
    },
    "a surface of one's own": PLAIN | {
        "rule": "adopt(0.9, 0.99)", "surface": "x**2 - y**2 + 0.1 * x * y",
        "rate": "2 * exponential_decay(0.01, 0.5, steps=50)",
    },
    "corrections": PLAIN | {"rule": "nadam() | Clip(-0.5, inf)", "surface": "himmelblau", "start": [0.0, 0.0]},
    "it diverges": PLAIN | {"rule": "heavy_ball", "surface": "rosenbrock", "start": [-1.2, 1.0], "rate": "0.1"},
}  # fmt: skip


def test_the_text_of_torch_is_that_of_python():
    given = texts()[:180]
    found = run("return data.map((text) => torchSource(readRule(text)))", given)
    for text, made in zip(given, found, strict=True):
        assert made == source(rule(text), "torch"), text


CODE = """
return data.map((setting) => {
  const made = readRule(setting.rule);
  const scaled = readRule(`${setting.rate} * Gradient()`);
  const [surface, rate] = [readSurface(setting.surface), (k) => scaled.coefficients(k + 1)[0]];
  const found = descend({ ...setting, rule: made, surface, rate, starts: [setting.start] });
  return { script: pythonSnippet({ ...setting, rule: made.text }), x: found.x, y: found.y, f: found.f };
});
"""


@pytest.fixture(scope="module")
def pages():
    """Script and path of each setting."""
    return dict(zip(SETTINGS, run(CODE, list(SETTINGS.values())), strict=True))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_script_walks_the_path_of_the_page(pages, name):
    page, names, said = pages[name], {}, io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(page["script"], names)
    path = names["path"]
    steps = int(np.sum(np.abs(path).max(axis=1) <= 1e9))  # beyond, the page takes no further step
    assert differing(path[:steps].T, [page["x"][:steps], page["y"][:steps]]) == 0
    assert said.getvalue().startswith("<History of")
    if name == "it diverges":
        assert 2 < steps < len(path) < len(page["x"])
        assert np.isnan(page["x"][steps + 1 :]).all()
    else:
        assert steps == len(path) == len(page["x"]) == SETTINGS[name]["steps"] + 1
        assert differing(names["values"], page["f"]) == 0


def test_a_text_in_a_script_stays_a_text(pages):
    hostile = 'x"); import os; os.remove("/")\n#\u2028\\'
    script = run("return pythonSnippet(data)", PLAIN | {"surface": hostile})
    call = next(line for line in script.split("\n") if line.startswith("problem ="))
    assert eval(call.removeprefix("problem = "), {"surface": lambda text: text}) == hostile
