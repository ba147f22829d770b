"""Drawing without a browser: scales, ticks, contours, lines with few points, and the text of an SVG file."""

from xml.etree import ElementTree

import numpy as np
import pytest

from tests.lab.explorer.javascript import run


def test_ticks_are_round_and_inside():
    code = "return data.map(([low, high, log]) => ticks(low, high, 6, log));"
    ranges = [
        [0, 1, False],
        [-3.2, 7.9, False],
        [1990, 2024, False],
        [1e-9, 1e3, True],
        [0.2, 0.7, True],
        [5, 5, False],
    ]
    linear, wide, years, powers, narrow, point = run(code, ranges)
    assert linear == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert wide == [-2, 0, 2, 4, 6]
    assert years == [1990, 2000, 2010, 2020]
    assert powers == [1e-8, 1e-6, 1e-4, 1e-2, 1, 100]
    assert narrow == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert point == [5]


def test_numbers_are_said_shortly():
    values = [0, 0.5, -1234.5, 1e-9, -2.5e7, float("inf"), float("nan"), 1990]
    assert run("return data.map((value) => short(value));", values) == [
        "0", "0.5", "−1230", "10⁻⁹", "−2.5·10⁷", "∞", "–", "1990",
    ]  # fmt: skip


@pytest.mark.parametrize("log", [False, True])
def test_unscale_is_the_inverse_of_scale(log):
    code = "const of = [0.01, 5, 40, 400, data]; return [0.02, 0.3, 4].map((v) => unscale(...of)(scale(...of)(v)));"
    np.testing.assert_allclose(run(code, log), [0.02, 0.3, 4], rtol=1e-12)


def test_a_contour_lies_where_the_function_has_its_level():
    code = """
      const circle = (xs, ys, out) => xs.forEach((x, i) => (out[i] = x * x + ys[i] * ys[i]));
      const grid = gridOf(circle, [-2, 2, -2, 2], 81, 81);
      return { points: Float64Array.from(contour(grid, 1, scale(0, 80, -2, 2), scale(0, 80, -2, 2))),
               levels: levelsOf(grid, 10) };
    """
    found = run(code, None)
    x, y = found["points"].reshape(-1, 2)[np.isfinite(found["points"][::2])].T
    assert len(x) > 100
    np.testing.assert_allclose(np.hypot(x, y), 1, atol=1e-3)  # straight pieces of 1/20 at radius 1 miss by 3e-4
    angles = np.sort(np.arctan2(y, x))
    assert np.diff(angles).max() < 0.1
    assert found["levels"] == sorted(set(found["levels"]))


def test_thinning_loses_no_spike():
    code = """
      const ys = Float64Array.from({ length: 10000 }, (_, i) => (i === 5003 ? 9 : i === 7001 ? -9 : Math.sin(i)));
      return Float64Array.from(thinned(null, ys, scale(0, 9999, 0, 300), (y) => y));
    """
    points = run(code, None).reshape(-1, 2)
    assert len(points) <= 4 * 301
    assert [points[:, 1].min(), points[:, 1].max()] == [-9, 9]


def test_an_svg_is_xml_whatever_the_text():
    code = """
      const pen = new SvgPen(100, 50);
      const points = [0, 0, 10, 10, NaN, NaN, 20, 20, 1e9, 3];
      pen.group([0, 0, 100, 50], () => pen.line(points, { color: "#123456", dash: [2, 1] }));
      pen.dot(5, 5, 3, { color: "#123456", shape: "square", edge: "#ffffff" });
      pen.text(1, 2, data, { color: "#123456" });
      pen.page(90, "#ffffff");
      return pen.file();
    """
    text = '<script>alert("1")</script> & β'
    root = ElementTree.fromstring(run(code, text))
    assert root.attrib["height"] == "90"
    assert [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")] == [text]
    line = next(root.iter("{http://www.w3.org/2000/svg}path"))
    assert line.attrib["d"] == "M0 0L10 10M20 20"


def test_a_run_that_diverges_leaves_the_others_in_the_picture():
    code = """
      const surface = readSurface("rosenbrock");
      const series = [[24, 1e20, 1e90, NaN], [24, 4, 1, 0.1]].map((ys) => ({ ys: Float64Array.from(ys) }));
      return chartRange({ series, ...linesLoss(surface, surface.start) });
    """
    _, last, low, high = run(code)
    assert (last, low) == (3, 0.1)
    assert 24 < high < 1e6
