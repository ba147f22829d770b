"""Pages of animations: whole without a network, equal each time, and written like any other file of a run."""

import base64
import re

import matplotlib.pyplot as plt
import pytest

from optimlab.lab.frame import Run
from optimlab.lab.frame.animation import animation_page

FRAMES = 4


def moving():
    figure, axes = plt.subplots(figsize=(2, 2))
    (point,) = axes.plot([0.0], [0.0], "o")
    axes.set(xlim=(-1, FRAMES))

    def draw(k):
        point.set_xdata([k])
        return (point,)

    return figure, draw


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_a_page_holds_every_frame_and_needs_no_network():
    page = animation_page(*moving(), frames=FRAMES, title="a <b>", text="It <moves>.")
    frames = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=\\\n]+)", page)
    images = {base64.b64decode(re.sub(r"[\\\n]", "", frame)) for frame in frames}
    assert len(images) == FRAMES  # all different
    assert all(image.startswith(b"\x89PNG") for image in images)
    assert "http" not in page
    assert "<title>a &lt;b&gt;</title>" in page
    assert "<p>It &lt;moves&gt;.</p>" in page
    assert '<i class="fa' not in page
    for button in ("Previous frame", "Next frame", "Play", "First frame"):
        assert f'title="{button}"' in page


def test_a_page_opens_on_the_last_frame():
    page = animation_page(*moving(), frames=FRAMES, title="a", text="")
    frames = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=\\\n]+)", page)
    assert len(frames) == FRAMES + 1
    assert frames[0] == frames[-1] != frames[1]


def test_the_same_animation_is_the_same_page():
    first, second = (animation_page(*moving(), frames=FRAMES, title="a", text="") for _ in range(2))
    assert first == second


def test_a_run_writes_it_and_closes_the_figure(tmp_path):
    run = Run("demo", tmp_path)
    path = run.animation(*moving(), frames=FRAMES, name="walk", text="A walk.")
    assert path == tmp_path / "walk.html"
    assert run.files == [path]
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert plt.get_fignums() == []
