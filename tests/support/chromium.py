"""Debian's Chromium, driven with Selenium."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

needs_chromium = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="LEFT OUT: there is no chromium with its driver, which .ci/run installs",
)


@contextmanager
def chromium(*, width: int = 800, dark: bool = False) -> Generator[Chrome]:
    """A browser without a window and with an empty profile."""
    assert BROWSER is not None
    options = ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--force-device-scale-factor=1",
        f"--window-size={width},1000",
        "--lang=en",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})  # pyright: ignore[reportUnknownMemberType]
        if width < 500:
            # A window can't be that narrow.
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": True}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)  # pyright: ignore[reportUnknownMemberType]
        yield driver
    finally:
        driver.quit()
