import subprocess
import sys
from io import BytesIO
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from optimlab.lab.frame import PALETTE, figures, literal, style
from optimlab.lab.frame.figures import FORMATS, save_figure


def drawn():
    figure = Figure()
    axes = figure.subplots()
    axes.plot(np.arange(5.0) ** 2, label="square")
    axes.set(title="β and its noise", xlabel="step", ylabel="value")
    axes.legend()
    return figure


def saved(image_format):
    with style():
        save_figure(drawn(), file := BytesIO(), image_format)
    return file.getvalue()


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_same_figure_is_the_same_file_at_any_time(image_format, monkeypatch):
    first = saved(image_format)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")  # another day
    assert saved(image_format) == first
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[image_format])


def test_style_is_left_as_it_was_found():
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["figure.constrained_layout.use"]
        assert not mpl.rcParams["axes.spines.top"]
    assert dict(mpl.rcParams) == before


def test_style_does_not_depend_on_the_user_s_settings():
    plain = saved("png")
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 40, "axes.facecolor": "red"}):
        assert saved("png") == plain


def test_lines_take_the_palette_in_order():
    with style():
        axes = Figure().subplots()
        colours = [to_hex(axes.plot([k])[0].get_color()).upper() for k in range(len(PALETTE))]
    assert colours == list(PALETTE.values())


def test_neighbouring_colours_differ_even_in_grey():
    grey = [float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114))) for colour in PALETTE.values()]
    assert abs(grey[0] - grey[1]) > 0.05
    assert len(set(PALETTE.values())) == 8


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="image_format must be one of 'png', 'svg', 'pdf'; got 'gif'"):
        save_figure(Figure(), BytesIO(), "gif")


@pytest.mark.parametrize("panel", [
    lambda ax: ax.loglog([2, 50], [1, 9]),
    (lambda figure: figure.subplots().loglog([2, 50], [1, 9]), "figure"),
])  # fmt: skip
def test_names_on_a_short_logarithmic_axis_do_not_overlap(panel):
    figure = figures.drawn([panel], 1, (6.4, 4.7))
    figure.canvas.draw()
    names = [*figure.axes[0].get_xticklabels(minor=True), *figure.axes[0].get_xticklabels()]
    boxes = sorted((name.get_window_extent() for name in names if name.get_text()), key=lambda box: box.x0)
    boxes = [box for box in boxes if box.x1 > figure.axes[0].bbox.x0 and box.x0 < figure.axes[0].bbox.x1]
    assert boxes  # matplotlib before 3.11 names powers of ten alone here
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_importing_the_laboratory_loads_nothing_heavy():
    heavy = ("matplotlib", "pandas", "scipy", "numba")
    code = f"import sys, optimlab.lab.frame; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def pixels(text, **options):
    with style():
        figure = Figure(figsize=(4, 0.4), layout="none")
        figure.text(0.05, 0.2, text, **options)
        save_figure(figure, file := BytesIO(), "png")
    return file.getvalue()


@pytest.mark.parametrize("text", ["sales_$ / cost_$", r"$\frac{$", "$x^2$", "a\\$b$", "$", "100 %"])
def test_a_user_s_text_is_drawn_as_it_is(text):
    assert pixels(literal(text)) == pixels(text, parse_math=False)


def test_what_the_font_lacks_is_a_box():
    assert literal("温度 (°C) β") == "□□ (°C) β"


@given(st.text(max_size=60))
def test_a_user_s_text_is_one_short_line_and_never_mathematics(text):
    line = literal(text, 20)
    assert not is_math_text(line)
    assert "\n" not in line
    assert len(line.replace(r"\$", "$")) <= 20
