"""GET /v1/likes, GET /v1/matches."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query

from contracts import events_pb2 as events
from gravity.auth import Viewer
from gravity.card_tokens import CardClaims, CardTokens
from gravity.ids import new_event_id
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions import keys
from interactions.availability import available
from interactions.cursors import CursorInvalid, Cursors
from interactions.lists import Entry, Page, Place, read_page
from interactions.schemas import (
    BlurredLikeOut,
    LikeOut,
    LikesOut,
    MatchesOut,
    MatchOut,
    PhotoOut,
)

LIKES_POLICY: Final = "likes_received"
"""The policy in tokens of likes received: they come from no deck."""

_LIKES: Final = "likes"
_MATCHES: Final = "matches"
_SEES_LIKES: Final = frozenset({events.TIER_PLUS, events.TIER_GOLD})

Size = Annotated[int, Query(ge=1, le=100, description="Entries wanted.")]
After = Annotated[str | None, Query(max_length=120, description="`next` of the page before.")]


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of the lists."""
    router = APIRouter(prefix="/v1", tags=["interactions"])
    key = kernel.settings.card_token_key.get_secret_value().encode()
    tokens, cursors = CardTokens(key), Cursors(key)

    async def page_of(
        viewer: int, of: str, list_key: str, size: int, after: str | None, hidden_too: bool
    ) -> Page:
        place = _place(cursors, viewer, of, after)
        with available():
            return await read_page(
                kernel.redis, list_key, viewer, size, place, kernel.clock(), hidden_too
            )

    def next_of(viewer: int, of: str, page: Page) -> str | None:
        return None if page.next is None else cursors.seal(viewer, of, page.next.pack())

    @router.get(
        "/likes", summary="Who likes the viewer", responses=problem_responses(401, 422, 503)
    )
    async def likes(viewer: Viewer, size: Size = 20, after: After = None) -> LikesOut:
        """People who like the viewer and wait for an answer, newest first; hidden and paused
        people are left out while they are. Who they are is told from the tier `plus` on; to others
        the entries are blurred: no id, name, age, photo or token.

        Problems: `cursor_invalid` (422), `unavailable` (503).
        """
        page = await page_of(viewer, _LIKES, keys.likes(viewer), size, after, False)
        items: list[LikeOut | BlurredLikeOut]
        if page.tier in _SEES_LIKES:
            items = _likes(tokens, viewer, page, kernel.clock())
        else:
            items = [_blurred(entry) for entry in page.entries]
        return LikesOut(items=items, count=page.count, next=next_of(viewer, _LIKES, page))

    @router.get("/matches", summary="Matches", responses=problem_responses(401, 422, 503))
    async def matches(viewer: Viewer, size: Size = 20, after: After = None) -> MatchesOut:
        """Standing matches, newest first. Problems: `cursor_invalid` (422), `unavailable` (503)."""
        page = await page_of(viewer, _MATCHES, keys.matches(viewer), size, after, True)
        items = [_match(entry) for entry in page.entries]
        return MatchesOut(items=items, count=page.count, next=next_of(viewer, _MATCHES, page))

    return router


def _place(cursors: Cursors, viewer: int, of: str, after: str | None) -> Place | None:
    try:
        return Place.unpack(cursors.open(viewer, of, after)) if after else None
    except CursorInvalid:
        raise cursor_invalid() from None


def cursor_invalid() -> Problem:
    """The cursor is not one that this viewer was given for this list."""
    return Problem(422, "cursor_invalid", "Not a cursor of this list")


def _likes(
    tokens: CardTokens, viewer: int, page: Page, now: datetime
) -> list[LikeOut | BlurredLikeOut]:
    list_id = new_event_id(now)
    issued = int(now.timestamp() * 1000)
    return [
        LikeOut(
            id=entry.person,
            name=entry.shown.name,
            age=entry.age,
            photos=_photos(entry),
            simulated=entry.shown.simulated,
            liked_at=entry.at,
            token=tokens.issue(
                CardClaims(viewer, entry.person, list_id, n, "", LIKES_POLICY, None, issued)
            ),
        )
        for n, entry in enumerate(page.entries)
    ]


def _blurred(entry: Entry) -> BlurredLikeOut:
    # To the hour: the minute of a like may tell who was awake.
    hour = entry.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return BlurredLikeOut(simulated=entry.shown.simulated, liked_at=hour)


def _photos(entry: Entry) -> list[PhotoOut]:
    return [PhotoOut.model_validate(photo) for photo in entry.shown.photos]


def _match(entry: Entry) -> MatchOut:
    return MatchOut(
        person=entry.person,
        name=entry.shown.name,
        age=entry.age,
        photos=_photos(entry),
        simulated=entry.shown.simulated,
        matched_at=entry.at,
    )
