"""Animations as pages: matplotlib's player, made to work offline and to be the same file each time."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optimlab.lab.frame.markup import Markup, element
from optimlab.lab.frame.page import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["animation_page"]

_DPI = 80
_INTERVAL = 150  # milliseconds from frame to frame
_GLYPHS = {  # in place of a font that the player would load from the network
    "minus": "−", "fast-backward": "⇤", "step-backward": "◁", "play fa-flip-horizontal": "◀", "pause": "‖",
    "play": "▶", "step-forward": "▷", "fast-forward": "⇥", "plus": "+",
}  # fmt: skip


def animation_page(figure: "Figure", draw: Callable[[int], Any], *, frames: int, title: str, text: str) -> str:
    """Return a page of HTML with the frames in it, and buttons to play them or to step through them.

    It opens on the last frame, before the first.

    The arguments are those of `Run.animation`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> page = animation_page(Figure((1, 1)), lambda k: (), frames=3, title="three", text="It counts.")
    >>> page.count("data:image/png;base64"), "https:" in page
    (4, False)
    """
    import matplotlib as mpl
    from matplotlib.animation import FuncAnimation

    with mpl.rc_context({"savefig.dpi": _DPI}):
        player = FuncAnimation(figure, draw, frames=[frames - 1, *range(frames)], interval=_INTERVAL).to_jshtml(
            default_mode="once"
        )
    player = re.sub(r"<link[^>]*>", "", player)
    player = re.sub(r'<i class="fa fa-([^"]*)"></i>', lambda icon: _GLYPHS[icon[1]], player)
    found = re.search(r"_anim_img([0-9a-f]{32})", player)
    if found is not None:  # the id is random
        player = player.replace(found[1], "")
    note = element("p", "The first picture is the whole; play, or step through.", class_="note")
    return page(title, element("p", text), note, Markup(player))
