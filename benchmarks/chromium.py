"""A page in a headless Chromium: what the benchmark and the tests of the explorer share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["PROGRAMS", "Page", "opened"]

PROGRAMS = ("chromium", "chromedriver")
"""What must be on the PATH."""

_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
_PAINTED = """
const frame = () => new Promise((done) => requestAnimationFrame(done));
await frame();
await frame();
await new Promise((done) => requestIdleCallback(done, { timeout: 2000 }));
await frame();
"""


class Page:
    """A page that is opened from its file.

    Attributes
    ----------
    driver : selenium.webdriver.Chrome
        The browser.
    file : Path
        The page.
    """

    def __init__(self, driver: Any, file: Path) -> None:
        self.driver, self.file = driver, file

    def open(self, fragment: str = "", *, width: int = 1280, height: int = 900) -> list[str]:
        """Load the page anew, in a window of that size, and return what its console said."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        self.console()
        self.driver.get(self.file.as_uri() + fragment)
        self.painted()
        return self.console()

    def run(self, code: str, *arguments: Any) -> Any:
        """Return what a body of JavaScript returns, which sees the page's own script; a promise is waited for."""
        return self.driver.execute_script(code, *arguments)

    def painted(self) -> None:
        """Wait until what was asked for is drawn, and what may wait for an idle moment is done."""
        self.run(_PAINTED)

    def console(self) -> list[str]:
        """Return what the console says since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def opened(html: str, folder: Path) -> Iterator[Page]:
    """Write a page into a folder, where the browser keeps what is its own, too; the browser ends with the block."""
    from selenium import webdriver

    browser, driver = map(shutil.which, PROGRAMS)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*_OPTIONS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    file = folder / "explorer.html"
    file.write_text(html, encoding="utf-8")
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield Page(chrome, file)
    finally:
        chrome.quit()
