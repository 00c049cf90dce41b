"""The playground in a real browser, on the real API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from tests.playground.conftest import MEN, UNTRUSTED, VIEWER, Opened, Visit, visiting

BLURHASH_AVERAGE: Final = "rgb(222, 217, 213)"
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
# Every text, as WCAG computes it: (its class, contrast with what is behind it).
CONTRASTS = """
() => {
  const luminance = ([r, g, b]) => {
    const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(each).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((each) => [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((each) => each.checkVisibility())
    .filter((each) => !each.closest("[aria-disabled=true], .hidden, .left"))
    .map((each) => {
      const pair = [luminance(numbers(getComputedStyle(each).color)), luminance(behind(each))];
      const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      return [each.className || each.id || each.tagName, contrast];
    });
}
"""
# How far things moved by themselves, as browsers score it.
SHIFTED = """
() => new Promise((resolve) => new PerformanceObserver((list) =>
  resolve(list.getEntries().reduce((sum, each) => sum + each.value, 0))
).observe({ type: "layout-shift", buffered: true }) || setTimeout(() => resolve(0), 300))
"""
# Controls that say nothing of themselves to who cannot see them.
NAMELESS = """
() => [...document.querySelectorAll("button, a, input, select, textarea, img, dialog")]
  .filter((each) => !(
    each.labels?.length || each.textContent.trim() || each.getAttribute("aria-label")
    || each.getAttribute("aria-labelledby") || each.getAttribute("alt") !== null))
  .map((each) => each.outerHTML)
"""


@pytest.fixture
async def visit(browser: Browser, opened: Opened) -> AsyncIterator[Visit]:
    """The landing page on a desktop."""
    async with await browser.new_context() as context, visiting(context) as visit:
        await visit.page.goto(opened.url)
        yield visit


def in_hand(page: Page) -> Any:
    return page.locator(".card:not(.left):not([inert])")


async def hand(page: Page) -> int:
    await expect(in_hand(page)).to_have_count(1)
    return int(await in_hand(page).get_attribute("data-id"))


async def name_in_hand(page: Page) -> str:
    return str(await in_hand(page).locator("h2 b").text_content())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def choose(page: Page) -> None:
    await page.get_by_label("Viewer").fill(str(VIEWER))
    await page.get_by_role("button", name="Play").click()
    await expect(page.get_by_text("You are Robin")).to_be_visible()


async def test_whoever_is_swiped_by_the_keys_is_swiped_in_the_api(
    visit: Visit, opened: Opened
) -> None:
    page = visit.page
    await choose(page)
    await expect(page.locator("#ranked button")).to_have_count(len(MEN))
    await expect(page.locator("#policy")).to_contain_text("Fallback")
    passed, name = await hand(page), await name_in_hand(page)
    await page.keyboard.press("ArrowLeft")
    await until(lambda: is_decided(opened, passed))
    await expect(page.locator("#ranked button")).to_have_count(len(MEN) - 1)
    await expect(page.locator("#left")).to_have_text("1,999 swipes, 1 superlike left")

    await page.keyboard.press("ArrowDown")
    assert await hand(page) == passed
    await until(lambda: is_undecided(opened, passed))
    # Its token is a new one: it can be decided on again.
    await page.keyboard.press("ArrowRight")
    await until(lambda: is_decided(opened, passed))
    await expect(page.locator("#said")).to_contain_text(f"Liked {name}. Now ")


async def is_decided(opened: Opened, person: int) -> bool:
    return person not in await opened.ids()


async def is_undecided(opened: Opened, person: int) -> bool:
    return person in await opened.ids()


async def test_a_mutual_like_is_shown_as_it_happens_and_ends_with_a_rewind(
    visit: Visit, opened: Opened
) -> None:
    page = visit.page
    await choose(page)
    liked = await hand(page)
    await opened.like_viewer(liked)
    await page.get_by_role("button", name="Like", exact=True).click()
    await expect(page.get_by_role("dialog", name="It’s a match")).to_be_visible()
    assert await opened.matches() == [liked]
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#matches li")).to_have_count(1)

    await page.keyboard.press("Backspace")
    await expect(page.locator("#matches li")).to_have_count(0)
    assert await opened.matches() == []


async def test_a_swipe_without_a_connection_is_sent_again_and_counts_once(
    browser: Browser, opened: Opened
) -> None:
    sent: list[str] = []

    async def broken_at_first(route: Route) -> None:
        sent.extend(
            s["client_swipe_id"] for s in json.loads(route.request.post_data or "")["swipes"]
        )
        if len(sent) == 1:
            # It arrives, but nobody hears so.
            await route.fetch()
        await (route.continue_() if len(sent) > 2 else route.abort())

    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.route("**/v1/swipes", broken_at_first)
        await page.goto(f"{opened.url}/?viewer={VIEWER}")
        swiped, name = await hand(page), await name_in_hand(page)
        await page.keyboard.press("ArrowLeft")
        assert await hand(page) != swiped
        await expect(page.locator("#said")).to_contain_text("No connection")
        await expect(page.locator("#said")).to_contain_text(f"Passed on {name}.")
        await expect(page.locator("#left")).to_contain_text("1,999 swipes")
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert await is_decided(opened, swiped)


async def test_what_is_undone_at_a_reload_is_sent_by_the_next_page(
    browser: Browser, opened: Opened
) -> None:
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.route("**/v1/swipes", lambda route: route.abort())
        await page.goto(f"{opened.url}/?viewer={VIEWER}")
        swiped = await hand(page)
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#said")).to_contain_text("No connection")
        await page.unroute("**/v1/swipes")
        await page.reload()
        assert await hand(page) != swiped
        await until(lambda: is_decided(opened, swiped))


async def test_a_limit_is_said_and_the_card_comes_back(visit: Visit) -> None:
    page = visit.page
    await choose(page)
    await hand(page)
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#left")).to_contain_text("0 superlikes")
    second = await hand(page)
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#said")).to_contain_text("No superlikes are left")
    assert await hand(page) == second


async def test_somebody_who_is_nobody_is_said(browser: Browser, opened: Opened) -> None:
    page = await browser.new_page()
    await page.goto(f"{opened.url}/?viewer=999")
    await expect(page.locator("#why-empty")).to_contain_text("nobody with this number")
    await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_needs_no_scrolling_sideways_and_everything_can_be_read(
    browser: Browser, opened: Opened, scheme: Any
) -> None:
    context = await browser.new_context(
        viewport=PHONE, color_scheme=scheme, has_touch=True, reduced_motion="reduce"
    )
    async with context, visiting(context) as visit:
        page = visit.page
        for address in (opened.url, f"{opened.url}/?viewer={VIEWER}"):
            await page.goto(address)
            if address != opened.url:
                await hand(page)
                await expect(page.locator("#ranked button")).to_have_count(len(MEN))
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE["width"]
            assert await page.evaluate(NAMELESS) == []
            assert await page.locator("h1").count() == 1
            dim = [each for each in await page.evaluate(CONTRASTS) if each[1] < 4.5]
            assert dim == []
        assert await page.evaluate(SHIFTED) < 0.02
        like = await page.locator("#like").bounding_box()
        assert like is not None
        assert like["y"] + like["height"] <= PHONE["height"], "the buttons are below the fold"


async def test_a_card_is_decided_on_by_dragging_it_far_enough(visit: Visit, opened: Opened) -> None:
    page = visit.page
    await choose(page)
    dragged = await hand(page)
    x, y = await middle(page)
    for far in (40, 160):
        assert await hand(page) == dragged
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + far, y, steps=4)
        await page.mouse.up()
    await expect(page.locator("#said")).to_contain_text("Liked")
    await until(lambda: is_decided(opened, dragged))


async def test_a_finger_passes_sideways_and_scrolls_upwards(
    browser: Browser, opened: Opened
) -> None:
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    async with context, visiting(context) as visit:
        page = visit.page
        await page.goto(f"{opened.url}/?viewer={VIEWER}")
        touched = await hand(page)
        await touch(page, 0, -200)
        await page.wait_for_function("scrollY > 50")
        assert await hand(page) == touched
        await page.evaluate("scrollTo(0, 0)")
        await touch(page, -150, 0)
        await expect(page.locator("#said")).to_contain_text("Passed on")
        await until(lambda: is_decided(opened, touched))


async def middle(page: Page) -> tuple[float, float]:
    box = await in_hand(page).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def touch(page: Page, by_x: int, by_y: int) -> None:
    """One finger on the card in hand, moved by so many pixels."""
    x, y = await middle(page)
    devices = await page.context.new_cdp_session(page)
    for step in range(8):
        kind = "touchMove" if step else "touchStart"
        point = {"x": x + by_x * step / 7, "y": y + by_y * step / 7}
        await devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    await devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_pictures_are_those_of_the_media_and_initials_where_there_are_none(
    visit: Visit,
) -> None:
    page, asked = visit.page, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    await choose(page)
    for number, initials, pictures in ((4, "M4", 1), (3, "M3", 0), (5, "M5", 0)):
        thumb = page.locator(f"#ranked button[data-id='{number}']")
        await expect(thumb.locator(".picture.loaded img")).to_have_count(pictures)
        await expect(thumb.locator(".picture span")).to_have_text(initials)
        # The average of its blurhash, or a colour of the name.
        grounds = {await thumb.locator(".picture").evaluate("(e) => e.style.backgroundColor")}
        assert (grounds == {BLURHASH_AVERAGE}) == (number != 3)
    assert not [url for url in asked if "photos.example" in url]


async def test_names_are_text_and_the_exposure_of_whom_one_chooses_is_told(
    visit: Visit,
) -> None:
    page = visit.page
    await choose(page)
    chosen = page.get_by_role("button", name=UNTRUSTED)
    await chosen.click()
    await expect(page.locator("#exposed")).to_have_text(f"of {UNTRUSTED}")
    await expect(page.locator("#exposure")).to_contain_text("In 1 of the last 1 decks")
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#exposure")).to_contain_text("In 2 of the last 2 decks")
    await expect(page.locator("#chart rect")).to_have_count(2)
    # Whatever its new place is.
    await expect(chosen).to_be_focused()
