"""The views of series and of averages in a browser: what is turned is seen, and what a link says wrongly is mended."""

import json
from urllib.parse import quote

import numpy as np
import pytest

from optimlab import ema
from optimlab.lab.problems import load_sunspots

TURN = """
const [label, value] = arguments;
const shown = [...document.querySelectorAll("main > :not([hidden]) :is(input, select)")];
const control = shown.find((one) => one.getAttribute("aria-label") === label);
control.value = value;
control.dispatchEvent(new Event("change", { bubbles: true }));
"""
CELLS = """
const shown = [...document.querySelectorAll("main > :not([hidden]) table")].filter((one) => one.checkVisibility());
return [...shown[0].querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
"""
PICTURE = """
return [...document.querySelectorAll("main > :not([hidden]) canvas")].map((one) => one.toDataURL()).join();
"""


def opened(page, view, **state):
    assert page.open("#" + quote(json.dumps({"view": view, view: state}))) == []
    page.painted()


def turned(page, label, value):
    before = page.run(PICTURE)
    page.run(TURN, label, value)
    page.painted()
    assert page.run(PICTURE) != before, label
    assert page.console() == []


SLIDE = """
const shown = [...document.querySelectorAll("main > :not([hidden]) input")];
const range = shown.find((one) => one.getAttribute("aria-label") === arguments[0]);
range.value = "500";
range.dispatchEvent(new Event("input"));
return currentState();
"""


def test_the_middle_of_a_decays_slider_is_a_long_average(page):
    opened(page, "series")
    assert page.run(SLIDE, "β₁")["series"]["betas"][0] == 0.99
    opened(page, "averages")
    assert page.run(SLIDE, "β₂")["averages"]["beta2"] == 0.99


def test_the_table_says_what_python_says_and_every_choice_is_seen(page):
    opened(page, "series", series="sunspots", betas=[0.9])
    (row,) = page.run(CELLS)
    mean = ema(load_sunspots()["SUNACTIVITY"].to_numpy(), 0.9)
    error = np.sqrt(np.mean((load_sunspots()["SUNACTIVITY"].to_numpy()[1:] - mean[:-1]) ** 2))
    assert [float(cell) for cell in row[-2:]] == pytest.approx([error, mean[-1]], rel=1e-3)
    turned(page, "β₁, as a number", "0.5")
    turned(page, "row, as a number", "100")
    turned(page, "Response to", "sine")
    turned(page, "period, as a number", "10")
    turned(page, "Starts from", "zero")
    turned(page, "Band", "values")
    turned(page, "zoom, as a number", "8")
    for name in ("classic", "seattle", "co2"):
        turned(page, "Series", name)


def test_averages_follow_every_slider(page):
    opened(page, "averages")
    code = "return averagesNow.ways.map(({ loss, found }) => [loss, found.mean, found.error].map((x) => x.at(-1)));"
    ends = page.run(code)
    assert len(ends) == len(page.run(CELLS)) == 9
    assert all(abs(exact - measured) < 4 * error for exact, measured, error in ends), ends
    for name, value in {"lr": 0.5, "slow h": 0.1, "noise": 2, "start": 1, "now": 300, "window": 50, "γ": 3}.items():
        turned(page, f"{name}, as a number", str(value))


def test_words_and_numbers_of_a_link_that_mean_nothing_are_mended(page):
    opened(page, "series", betas=["x", {}, 0.5, 2], start="foo", gaps="bar", response="zip", band="<img>", zoom=1e9)
    state = page.run("return currentState().series;")
    assert (state["betas"], state["start"], state["response"], state["zoom"]) == ([0.5], "debiased", "step", 1)
    opened(page, "averages", lr=2.1, hidden=["nothing", 7, None])
    assert "not stable" in page.run("return document.querySelector('main > :not([hidden])').textContent;")
