"""Surfaces by name have Python's bits; a formula's gradient is right; what is no formula is refused in plain words."""

import numpy as np

from optimlab.lab.explorer.atoms import facts
from optimlab.lab.play.surfaces import scene, surface
from tests.lab.explorer.javascript import differing, run

FIND = """
return data.texts.map((text) => {
  const surface = readSurface(text);
  const [xs, ys] = data.points;
  const f = surface.values(xs, ys, new Float64Array(xs.length));
  const slopes = Float64Array.from(Array.from(xs, (x, i) => surface.gradient(x, ys[i])).flat());
  const { name, start, box, points, minima } = surface;
  return { name, start, box, points, minima: minima.length, f, slopes };
});
"""
FORMULAS = [
    "x**2 - y**2",
    "100*(y - x**2)**2 + (1 - x)**2",
    "sin(x) * exp(-y**2) + cos(3*x*y)",
    "sqrt(x**2 + y**2 + 1) / (2 + tanh(x - y))",
    "log(1 + square(x)) * abs(y) - pi * e",
    "maximum(x, y)**3 + minimum(x, 2*y) * x",
    "(x**2 + 1)**y + 2**-x + (x*x + 3)**1.5",
    "-x**2 + x**9 / 1e3 - -y / (3 + x*y*0.01) + x**0 * y**1",
    "x",
]


def found(texts, points):
    return run(FIND, {"texts": texts, "points": [*map(np.ascontiguousarray, points.T)]})


def test_named_surfaces_have_the_bits_of_python():
    names = [fact["name"] for fact in facts()["surfaces"]]
    points = np.random.default_rng(0).standard_normal((1001, 2)) * 3.0
    points[:4] = [[0.0, 0.0], [-0.0, 1.0], [1e200, 1.0], [np.nan, 0.0]]
    assert len(names) == 8
    for name, page in zip(names, found(names, points), strict=True):
        known = scene(name)
        assert differing(page["f"], known.surface.value(points)) == 0, name
        assert differing(page["slopes"].reshape(-1, 2), known.surface.gradient(points)) == 0, name
        assert (page["start"], page["box"]) == ([*known.start], [*known.box])


def test_critical_points_are_those_of_python():
    names = [fact["name"] for fact in facts()["surfaces"]]
    for name, page in zip(names, found(names, np.ones((1, 2))), strict=True):
        points = scene(name).surface.points
        held = [(tuple(x["at"]), x["value"], tuple(x["curvatures"]), x["kind"]) for x in page["points"]]
        assert held == [(x.at, x.value, x.curvatures, x.kind) for x in points], name
        assert page["minima"] == len(scene(name).surface.minima)


def test_a_formula_has_its_value_and_its_gradient():
    points = np.random.default_rng(1).standard_normal((200, 2))
    for text, page in zip(FORMULAS, found(FORMULAS, points), strict=True):
        known = surface(text)
        np.testing.assert_allclose(page["f"], known.value(points), rtol=1e-12, atol=1e-12, err_msg=text)
        gradient = known.gradient(points)
        np.testing.assert_allclose(page["slopes"].reshape(-1, 2), gradient, rtol=1e-12, atol=1e-12, err_msg=text)


def test_min_and_max_are_those_that_python_calls_minimum_and_maximum():
    one, two = found(["min(x, y) + max(x, 2)", "minimum(x, y) + maximum(x, 2)"], np.array([[1.0, 2.0], [3.0, 0.5]]))
    assert one["name"] == two["name"]
    assert differing(one["slopes"], two["slopes"]) == 0


def test_the_critical_points_of_a_formula_are_found():
    (page,) = found(["(x**2 - 1)**2 + y**2 + 0.1*x"], np.ones((1, 2)))
    kinds = sorted(point["kind"] for point in page["points"])
    assert kinds == ["minimum", "minimum", "saddle"]
    roots = sorted(np.roots([4.0, 0.0, -4.0, 0.1]).real)
    np.testing.assert_allclose(sorted(point["at"][0] for point in page["points"]), roots, atol=1e-9)
    curvatures = [point["curvatures"] for point in sorted(page["points"], key=lambda point: point["at"][0])]
    expected = [sorted([12.0 * x * x - 4.0, 2.0]) for x in roots]
    np.testing.assert_allclose(curvatures, expected, rtol=1e-6)


def test_a_subexpression_is_computed_once():
    calls = run("return readSurface(data).gradientProgram.calls.map(([op]) => op);", "sin(x*y) * sin(x*y) + sin(x*y)")
    assert calls.count("sin") == 1
    assert calls.count("cos") == 1


WRONG = {
    "sadle": '"sadle" is no surface; did you mean saddle?',
    "x**2 +": "must stand here; there is the end",
    "3 + 4": "a formula must contain x or y",
    "sn(x)": '"sn" is no function of a formula; did you mean sin?',
    "a" * 1000000: "at most 2000 characters",
    "x + z": '"z" is not known in a formula',
    "x | y": "| has no meaning in a formula",
    "sin(x, y)": "sin takes 1 argument, without names; got 2",
    "maximum(x)": "maximum takes 2 arguments",
    "sin(x=1)": "sin takes 1 argument, without names; got 0",
    "[x, y]": "a list has no meaning in a formula",
    "x; alert(1)": '";" has no meaning here',
    "constructor(x)": '"constructor" is no function',
    "x**" * 1000 + "x": "at most 2000 characters",
    "x" + "+x" * 100: "must not nest deeper than 60 levels",
}


def test_what_is_no_surface_is_refused_in_plain_words():
    code = """
    return data.map((text) => {
      try { return readSurface(text).name; }
      catch (error) { if (!(error instanceof Said)) throw error; return error.message; }
    });
    """
    for (text, words), message in zip(WRONG.items(), run(code, [*WRONG]), strict=True):
        assert words in message, (text, message)
