"""A picture of the playground of a running demo:

python -m tests.playground.screenshot http://127.0.0.1:8010 docs/playground.png --viewer 42
"""

import argparse
import asyncio
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page, expect

from tests.playground.browser import chromium, open_browser

_SWIPES: Final = ("Like", "Like", "Like", "Pass")


async def take(url: str, viewer: int, to: Path, width: int, height: int) -> None:
    """Swipe a little as the viewer, so that something has moved, and keep a picture of it (PNG)."""
    executable = chromium()
    if executable is None:
        raise SystemExit("there is no Chromium on this machine")
    async with open_browser(executable) as browser:
        page = await browser.new_page(viewport={"width": width, "height": height})
        match = page.locator("#match[open]")
        await page.add_locator_handler(match, _close)
        await page.goto(f"{url}/?viewer={viewer}")
        for decision in _SWIPES:
            await _swipe(page, decision)
        await page.remove_locator_handler(match)
        if await match.count():
            await _close(match)
        await page.wait_for_function(
            "[...document.images].every((image) => image.complete)", timeout=10_000
        )
        await page.screenshot(path=to, animations="disabled")


async def _close(match: Locator) -> None:
    await match.get_by_role("button").click()


async def _swipe(page: Page, decision: str) -> None:
    await expect(page.locator(".card:not(.left)").first).to_be_visible()
    async with page.expect_response(lambda answer: "/v1/deck" in answer.url):
        await page.get_by_role("button", name=decision, exact=True).click()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("to", type=Path)
    parser.add_argument("--viewer", type=int, default=42)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=820)
    given = parser.parse_args()
    asyncio.run(take(given.url, given.viewer, given.to, given.width, given.height))


if __name__ == "__main__":
    main()
