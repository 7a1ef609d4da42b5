"""One headless Chromium for all tests of pages, and what it saw."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PROGRAMS = (("chromium", "chromium"), ("chromedriver", "chromium-driver"))
"""What must be there, and the Debian package that has it."""
WAIT_S = 30.0


def missing_packages() -> list[str]:
    """Debian packages to install before there is a browser."""
    return [package for program, package in PROGRAMS if shutil.which(program) is None]


class Browser:
    """A browser that keeps its downloads in a folder and notes whatever it asks the network for."""

    def __init__(self, downloads: Path) -> None:
        options = Options()
        options.binary_location = shutil.which("chromium") or ""
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.add_argument("--window-size=1200,900")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(shutil.which("chromedriver"))
        self.driver = Chrome(options=options, service=service)
        self.downloads = downloads
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def open(self, where: Path | str, drawn: bool = True) -> None:
        """Open a file or an address; `drawn`: and wait until all figures are there."""
        self.problems()
        self.requests()
        self.driver.get(where if isinstance(where, str) else where.as_uri())
        if drawn:
            self.until(lambda: self.js("return document.documentElement.dataset.drawn === 'all'"))

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        """What the elements say, seen or not."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return list(self.js(script, css))

    def problems(self) -> list[str]:
        """Errors and warnings of the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last call, but files and data of the page."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [url for url in found if not url.startswith(("file:", "data:", "blob:"))]

    def until(self, holds: Callable[[], Any], wait_s: float = WAIT_S) -> Any:
        """Wait for something to become true, and return it. Raises `TimeoutError`."""
        end = time.monotonic() + wait_s
        while not (found := holds()):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {wait_s} s; the console: {self.problems()}")
            time.sleep(0.02)
        return found

    def downloaded(self, name: str) -> str:
        """The text of a file that the page was asked for."""
        path = self.downloads / name
        self.until(path.is_file)
        text = path.read_bytes().decode()
        path.unlink()
        return text

    def pdf(self) -> bytes:
        """The page as it prints."""
        printed = self.cdp("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(printed["data"])

    def close(self) -> None:
        self.driver.quit()
