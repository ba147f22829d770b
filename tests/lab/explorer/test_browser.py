"""The page in a browser: it loads without a word, reaches nobody, and does what its controls say."""

import csv
import io
import json
import re
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from tests.lab.explorer.test_hostile import TEXTS

pytestmark = pytest.mark.slow

TABS = "return [...document.querySelectorAll('[role=tab]')].map((tab) => tab.textContent);"
SHOW = "[...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent === arguments[0]).click();"
PICTURES = """
const seen = [...document.querySelectorAll("main > :not([hidden]) canvas:not(.badge)")];
return seen.filter((one) => one.clientWidth).map((canvas) => {
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const data = new Int32Array(pen.getImageData(0, 0, copy.width, copy.height).data.buffer);
  return [data.reduce((hash, colour) => (Math.imul(hash, 31) + colour) | 0, 0), new Set(data).size];
});
"""
TURN = """
const field = [...document.querySelectorAll("main > :not([hidden]) [aria-label]")]
  .find((one) => one.getAttribute("aria-label") === arguments[0] && one.matches("input, select, textarea"));
field.value = arguments[1];
field.dispatchEvent(new Event("input", { bubbles: true }));
field.dispatchEvent(new Event("change", { bubbles: true }));
"""
FOCUSABLE = """
const all = [...document.querySelectorAll("button, input, select, summary, textarea, a[href], [tabindex='0']")];
window.reached = [];
document.addEventListener("focusin", (event) => window.reached.push(named(event.target)));
return all.filter((one) => one.tabIndex >= 0 && one.checkVisibility()).map(named);
"""
NAMED = """
const named = (one) => [one.tagName, one.getAttribute("aria-label"), one.textContent.slice(0, 30)].join(" ");
"""
CAUGHT = """
window.caught = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  window.caught.push(blob);
  return make.call(URL, blob);
};
HTMLAnchorElement.prototype.click = () => {};
"""
DROP = """
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([arguments[0]], "<img src=x onerror=alert(1)>.csv", { type: "text/csv" }));
const target = document.querySelector("main > :not([hidden])");
target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
await dataTransfer.files[0].text();
"""
INTRUSION = """
const script = document.createElement("script");
script.textContent = "window.intruded = 1;";
const box = document.createElement("div");
box.innerHTML = "<img src='https://example.org/' onerror='window.intruded = 2'>";
document.body.append(script, box);
await fetch("https://example.org/").then(() => (window.intruded = 3), () => {});
"""
MESSAGES = """
const shown = [...document.querySelectorAll(".message")].filter((one) => one.checkVisibility());
return shown.map((one) => one.textContent);
"""
STATE = "return currentState();"


def pictures(page):
    """The drawings that are shown: a number that any pixel changes, and how many colours there are."""
    page.painted()
    return page.run(PICTURES)


def turn(page, label, value):
    """Turn a control, found by what a screen reader calls it."""
    page.run(TURN, label, value)
    page.painted()


def said(page):
    """All messages that are shown."""
    return " ".join(page.run(MESSAGES)).strip()


def drop(page, text):
    """Drop a file of that text on the page, which reads it when it likes."""
    page.run(DROP, text)
    page.painted()


def linked(**state):
    """The end of a link that sets a state."""
    return f"#{quote(json.dumps(state))}"


@pytest.mark.parametrize("width", [1280, 390])
def test_every_tab_draws_without_a_word_and_without_a_request(page, width):
    assert page.open(width=width) == []
    assert len(page.run(TABS)) >= 4
    for tab in page.run(TABS):
        page.run(SHOW, tab)
        drawn = pictures(page)
        assert all(colours >= 4 for _, colours in drawn), tab
        assert drawn or tab == "About", tab
        assert page.run("return document.documentElement.scrollWidth") <= width, tab
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    assert page.console() == []


def test_a_slider_moves_the_path(page):
    page.open()
    before, state = pictures(page), page.run(STATE)
    turn(page, "lr", "700")
    assert pictures(page)[1] != before[1]
    after = page.run(STATE)
    assert after["optimizers"]["contestants"][0]["lr"] > state["optimizers"]["contestants"][0]["lr"]
    assert page.console() == []


def test_a_rule_of_ones_own_runs_and_a_wrong_one_is_told(page):
    page.open()
    turn(page, "Add", "own")
    turn(page, "Rule", "Ema(0.9) | Sign()")
    one = pictures(page)[1]
    turn(page, "Rule", "Ema(0.9) / (Square() | Ema(0.99) | Root(1e-6))")
    assert pictures(page)[1] != one
    assert "Root(1e-06)" in page.run("return document.querySelector('main pre').textContent")
    turn(page, "Rule", "Ema(0.9) | Sihn()")
    assert "did you mean Sign?" in said(page)
    turn(page, "Rule", "Ema(0.9) | Sign()")
    assert said(page) == ""
    assert pictures(page)[1] == one


def test_a_surface_of_ones_own_is_drawn_and_a_wrong_one_is_told(page):
    page.open()
    before = pictures(page)[0]
    turn(page, "Surface", "own")
    turn(page, "f(x, y) =", "cos(x) + y**2/4")
    drawn = pictures(page)[0]
    assert drawn != before
    turn(page, "f(x, y) =", "cos(x")
    assert '")" is missing' in said(page)
    assert pictures(page)[0] == drawn


def test_the_link_restores_the_setting(page):
    page.open(linked(optimizers={"surface": "himmelblau", "start": [1.5, -2.25]}))
    turn(page, "lr", "300")
    turn(page, "seed", "7")
    state, drawn = page.run(STATE), pictures(page)
    assert state["optimizers"]["start"] == [1.5, -2.25]
    assert state["optimizers"]["seed"] == 7
    link = page.run("return new Promise((done) => setTimeout(() => done(location.hash), 500));")
    assert page.open(link) == []
    assert page.run(STATE) == state
    assert pictures(page) == drawn
    assert page.run("return document.getElementById('message').textContent") == ""


@pytest.mark.parametrize("fragment", [
    "#%E0%A4%A", "#{", "#[1]", "#<img src=x onerror=alert(1)>", "#" + "a" * 200_000, linked(view="constructor"),
    linked(optimizers={"nothing": 1, "__proto__": {"polluted": 1}}),
    linked(optimizers={"steps": 1e12, "grid": 1e6}),
    linked(optimizers={"steps": -1, "grid": 0.5, "noise": -1, "seed": 0.5}),
    linked(optimizers={"surface": "<img src=x onerror=alert(1)>", "schedule": "constructor", "settings": {"x": "y"}}),
    linked(optimizers={"surface": "own", "formula": "<img src=x onerror=alert(1)>", "start": ["a", None]}),
    linked(optimizers={"contestants": [None, 1, [], {"rule": "own", "text": "while(1)"}], "chosen": 99}),
    linked(optimizers={"contestants": [{"rule": "adam", "values": {"beta1": 5, "x": "y"}, "lr": "1"}], "chosen": -1}),
    linked(optimizers={"contestants": [{"rule": "__proto__", "text": "Ema(0.9)"}] * 1000}),
    linked(view="basins", basins={"rule": "constructor", "steps": 1e12, "surface": "own", "formula": "x**", "lr": -1}),
    linked(view="series", series=dict.fromkeys(["series", "beta", "start", "csv"], "<img src=x onerror=alert(1)>")),
    linked(view="averages", averages={"beta": 7, "lr": 1e300}),
])  # fmt: skip
def test_a_bad_link_leaves_the_page_alive(page, fragment):
    assert page.open(fragment) == []
    assert page.run("return [{}.polluted, document.querySelectorAll('img, main script').length];") == [None, 0]
    drawn = pictures(page)
    assert said(page) or any(colours >= 4 for _, colours in drawn)
    assert page.console() == []


def test_a_link_that_cannot_be_read_is_told(page):
    for fragment in ("#{", linked(nothing=1), linked(optimizers={"steps": "many"})):
        page.open(fragment)
        assert "link" in page.run("return document.getElementById('message').textContent")


@pytest.mark.parametrize("label", ["Rule", "f(x, y) ="])
def test_a_hostile_text_is_told_and_not_run(page, label):
    own = [{"rule": "own", "text": "adam", "values": {}, "lr": 0.01, "style": 0}]
    page.open(linked(optimizers={"surface": "own", "contestants": own}))
    drawn = pictures(page)
    for name in ("markup", "end of script", "loop", "call", "million letters", "nested brackets", "constructor"):
        turn(page, label, TEXTS[name])
        assert 10 < len(said(page)) < 1000, name
    assert page.run("return document.querySelectorAll('img, main script').length;") == 0
    turn(page, label, "adam" if label == "Rule" else page.run(STATE)["optimizers"]["formula"])
    assert page.console() == []
    assert len(pictures(page)) == len(drawn)


def test_a_file_is_dropped_and_a_hostile_one_is_told(page):
    page.open(linked(view="series"))
    drawn = pictures(page)
    drop(page, "day,<b>level</b>\n2024-01-01,1.5\n2024-01-02,2.5\n2024-01-03,0.5\n")
    assert said(page) == ""
    assert pictures(page)[0] != drawn[0]
    assert "<b>level</b>" in page.run("return document.querySelector('main > :not([hidden])').textContent")
    for name in ("markup", "end of script", "million letters", "zero byte", "nothing"):
        drop(page, TEXTS[name])
        assert 10 < len(said(page)) < 1000, name
    assert page.run("return document.querySelectorAll('img, main script, main b').length;") == 0
    assert page.console() == []


def test_the_policy_stops_what_would_get_in_all_the_same(page):
    page.open()
    page.run(INTRUSION)
    page.painted()
    assert page.run("return window.intruded;") is None
    told = page.console()
    for directive in ("script-src", "img-src", "default-src"):
        assert any("Content Security Policy" in line and directive in line for line in told), directive


def test_keys_reach_every_control_and_move_the_start(page):
    page.open()
    keys = pytest.importorskip("selenium.webdriver").Keys
    wanted = page.run(NAMED + FOCUSABLE)
    page.driver.switch_to.active_element.send_keys(keys.TAB * (len(wanted) + 5))
    assert set(wanted) <= set(page.run("return window.reached;"))
    start = page.run("document.querySelector('.handle').focus(); " + STATE)["optimizers"]["start"]
    page.driver.switch_to.active_element.send_keys(keys.ARROW_RIGHT)
    page.painted()
    moved = page.run(STATE)["optimizers"]["start"]
    assert moved != start


def test_keys_add_one_rule(page):
    page.open()
    keys = pytest.importorskip("selenium.webdriver").Keys
    rules = "return currentState().optimizers.contestants.map(({ rule }) => rule);"
    before = page.run(rules)
    page.run("document.querySelector('[aria-label=Add]').focus();")
    page.driver.switch_to.active_element.send_keys("Lion")
    assert page.run(rules) == before
    page.driver.switch_to.active_element.send_keys(keys.ENTER)
    assert page.run(rules) == [*before, "lion"]


def test_it_steps_and_plays_and_rests(page):
    page.open()
    shown = "return document.querySelector('.step').textContent;"
    whole = pictures(page)[1]
    page.run("const one = document.querySelector('[aria-label=\"One step\"]'); one.click(); one.click(); one.click();")
    assert page.run(shown) == "2 / 500"
    assert pictures(page)[1] != whole
    page.run("document.body.focus(); document.dispatchEvent(new KeyboardEvent('keydown', { key: ' ' }));")
    page.painted()
    playing = int(page.run(shown).split(" ")[0])
    assert 2 <= playing < 500
    turn(page, "Step shown", "1000")
    assert page.run(shown) == "500 / 500"
    assert pictures(page)[1] == whole


def test_tabs_turn_with_the_arrow_keys(page):
    page.open()
    keys = pytest.importorskip("selenium.webdriver").Keys
    page.run("document.querySelector('[role=tab]').focus();")
    page.driver.switch_to.active_element.send_keys(keys.ARROW_RIGHT)
    page.painted()
    assert page.run(STATE)["view"] == "basins"
    assert page.run("return document.activeElement.textContent") == page.run(TABS)[1]


def test_the_start_is_dragged(page):
    page.open()
    chains = pytest.importorskip("selenium.webdriver").ActionChains(page.driver, duration=20)
    before = pictures(page)[1]
    handle = page.driver.find_element("css selector", ".handle")
    chains.click_and_hold(handle).move_by_offset(80, -60).release().perform()
    assert pictures(page)[1] != before
    assert len(page.run(STATE)["optimizers"]["start"]) == 2


def test_it_is_dark_where_the_system_is(page):
    try:
        media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        page.open()
        colours = page.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color];")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    paper, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert paper < 200 < 500 < ink


def test_figures_are_saved_as_svg_and_tables_as_csv(page):
    page.open()
    page.run(CAUGHT)
    for button in page.driver.find_elements("css selector", "main button"):
        if button.is_displayed() and button.accessible_name.startswith("Save"):
            page.run("arguments[0].click();", button)
    kept = page.run("return Promise.all(window.caught.map((blob) => blob.text()));")
    pictures = [text for text in kept if text.startswith("<svg")]
    assert len(pictures) >= 3
    for text in pictures:
        tags = {element.tag.split("}")[1] for element in ElementTree.fromstring(text).iter()}
        assert tags >= {"svg", "text"}
        assert tags & {"path", "polyline"}
    (table,) = [text for text in kept if not text.startswith("<svg")]
    rows = list(csv.reader(io.StringIO(table)))
    assert len(rows) == 1 + len(page.run(STATE)["optimizers"]["contestants"])
    assert len({*map(len, rows)}) == 1
