"""One browser for all tests that look at the page."""

import shutil

import pytest

from optimlab.lab.explorer import build

_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


class Page:
    """The page in a headless Chromium, opened from its file."""

    def __init__(self, driver, file):
        self.driver, self.file = driver, file

    def open(self, fragment="", width=1280, height=900):
        """Load the page anew, in a window of that size, and return what its console said."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        self.console()
        self.driver.get(self.file.as_uri() + fragment)
        self.painted()
        return self.console()

    def run(self, code, *arguments):
        """What a body of JavaScript, beside the page's own script, returns."""
        return self.driver.execute_script(code, *arguments)

    def painted(self):
        """Wait until two frames have been drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"
        )

    def console(self):
        """What the console says since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page, in a browser that ends with the session."""
    webdriver = pytest.importorskip("selenium.webdriver")
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        pytest.skip("chromium and chromedriver are not installed")
    folder = tmp_path_factory.mktemp("explorer")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for option in (*_OPTIONS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    file = folder / "explorer.html"
    file.write_text(build(), encoding="utf-8")
    driver = webdriver.Chrome(options, webdriver.ChromeService(paths[1]))
    yield Page(driver, file)
    driver.quit()
