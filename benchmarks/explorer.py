"""The explorer's page in a headless Chromium: what a drag costs, how fast a map of basins fills, how soon it is there.

``python benchmarks/explorer.py`` needs selenium, and chromium and chromedriver on the PATH.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import timing
from chromium import Page, opened

from optimlab.lab.explorer import build

LARGEST = 300.0  # kB
_DRAG = """
const [handle, canvas] = [document.querySelector(".handle"), document.querySelector(".map canvas.over")];
const scrap = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const frame = () => new Promise((done) => requestAnimationFrame(() => done(performance.now())));
const found = [];
for (let i = 0; i < arguments[0]; i += 1) {
  await frame();
  const began = frame();
  handle.dispatchEvent(new KeyboardEvent("keydown", { key: i % 20 < 10 ? "ArrowRight" : "ArrowUp" }));
  const ended = new Promise((done) => requestAnimationFrame(() => {
    scrap.drawImage(canvas, 0, 0);
    scrap.getImageData(0, 0, 1, 1);
    done(performance.now());
  }));
  found.push(await ended - await began);
}
return found;
"""
"""The page's own answer to its handle being moved, between what runs before and after it in one frame; the picture is
read at the end, so that all of it has been drawn."""
_FILLED = """
const note = () => document.querySelector("main > :not([hidden]) .note")?.textContent ?? "";
const seconds = () => Number(note().match(/ in (\\S+) s/)?.[1]);
while (!seconds()) await new Promise((done) => requestAnimationFrame(done));
return seconds();
"""
"""What the page itself says once both maps are full."""
_LOADED = "const [entry] = performance.getEntriesByType('navigation'); return entry.loadEventEnd;"


def fragment(**state: Any) -> str:
    """Return the end of a link that sets the page's state."""
    return f"#{quote(json.dumps(state))}"


def contestants(number: int) -> list[dict[str, Any]]:
    """Return so many times Adam, each with a learning rate of its own."""
    return [{"rule": "adam", "text": "", "values": {}, "lr": 0.01 + 0.001 * i, "style": i} for i in range(number)]


def loading(page: Page, rounds: int) -> timing.Spread:
    """Return the milliseconds until the page is loaded, built and drawn."""
    milliseconds = []
    for _ in range(rounds):
        page.open()
        milliseconds.append(page.run(_LOADED))
    return timing.Spread.of(milliseconds)


def drags(page: Page, rounds: int) -> Iterator[timing.Target]:
    """Time a drag of the start: all paths computed and drawn anew. With an n × n grid a rule has n² + 1 paths."""
    for number, grid, limit in ((20, 0, 16.0), (2, 3, 16.0), (4, 7, 33.0)):
        page.open(fragment(optimizers={"steps": 1000, "grid": grid, "contestants": contestants(number)}))
        spread = timing.Spread.of(page.run(_DRAG, rounds)[rounds // 4 :])
        starts = grid**2 + 1
        claim = f"{number * starts} paths of 1000 steps: {number} contestants × {starts} start{'s' * (starts > 1)}"
        yield timing.Target(claim, spread, limit, "ms")


def basins(page: Page, rounds: int) -> timing.Target:
    """Time both maps of basins as they fill and are drawn: over starts, and over lr and β."""
    seconds = []
    for _ in range(rounds):
        page.open(fragment(view="basins"))
        seconds.append(page.run(_FILLED))
    claim = "both maps of basins, 100 × 100 starts and 100 × 100 rates"
    return timing.Target(claim, timing.Spread.of(seconds), 1.0, "s")


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time the explorer's page in a browser.").parse_args()
    report = timing.Report()
    report.add("# The explorer's page, 1280 × 900, in a headless Chromium that draws without a GPU")
    report.add(timing.header(("optimlab", "numpy", "selenium")))
    rounds = 12 if arguments.quick else 40
    with TemporaryDirectory() as folder, opened(build(), Path(folder)) as page:
        size = timing.Spread.of([len(page.file.read_bytes()) / 1000])
        report.add(f"Loaded, built and drawn after {timing.ratio(loading(page, rounds // 4))} ms.")
        report.add("Drags: Adam on Rosenbrock. Basins: heavy ball on Himmelblau, 300 steps.")
        targets = [
            timing.Target("size of the page", size, LARGEST, "kB"), *drags(page, rounds), basins(page, rounds // 4)
        ]  # fmt: skip
    report.add(timing.target_table(targets))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
