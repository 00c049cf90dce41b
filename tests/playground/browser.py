"""A real Chromium for tests and for the picture in the README."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_QUIET: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Where this machine's Chromium is, if it has one."""
    return next((found for found in map(shutil.which, _NAMES) if found), None)


@asynccontextmanager
async def open_browser(executable: str) -> AsyncIterator[Browser]:
    """A browser without a window, with a new folder for what it keeps."""
    # Its sandbox is not for root.
    rooted = ("--no-sandbox",) if os.geteuid() == 0 else ()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=[*_QUIET, *rooted]
        )
        try:
            yield browser
        finally:
            await browser.close()
