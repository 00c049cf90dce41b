"""The routes of interactions; here GET /v1/likes and GET /v1/matches."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from gravity.auth import Viewer
from gravity.card_tokens import CardClaims, CardTokens
from gravity.ids import new_event_id
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions import keys
from interactions.availability import available
from interactions.lists import Cursor, CursorInvalid, Entry, read_page
from interactions.partings_api import add_partings
from interactions.quotas import Limits
from interactions.schemas import LikeOut, LikesOut, MatchesOut, MatchOut, PhotoOut
from interactions.swipes_api import add_quota, add_rewinds, add_swipes
from interactions.swiping import Swiping

LIKES_POLICY = "likes_received"
"""The policy in tokens of likes received: they come from no deck."""

Size = Annotated[int, Query(ge=1, le=100, description="Entries wanted.")]
After = Annotated[str | None, Query(max_length=100, description="`next` of the page before.")]


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of interactions."""
    router = APIRouter(prefix="/v1", tags=["interactions"])
    tokens = CardTokens(kernel.settings.card_token_key.get_secret_value().encode())
    limits = Limits(kernel.settings.daily_swipes, kernel.settings.daily_superlikes)
    swiping = Swiping(kernel.redis, kernel.pool, kernel.producer, tokens, limits)
    add_swipes(router, kernel, swiping)
    add_rewinds(router, kernel, swiping)
    add_quota(router, kernel, swiping)
    _add_lists(router, kernel, tokens)
    add_partings(router, kernel)
    return router


def _add_lists(router: APIRouter, kernel: Kernel, tokens: CardTokens) -> None:
    @router.get(
        "/likes", summary="Who likes the viewer", responses=problem_responses(401, 422, 503)
    )
    async def likes(viewer: Viewer, size: Size = 20, after: After = None) -> LikesOut:
        """People who like the viewer and wait for an answer, newest first; hidden and paused
        people are left out while they are.

        Problems: `cursor_invalid` (422), `unavailable` (503).
        """
        now = kernel.clock()
        with available():
            page = await read_page(
                kernel.redis, keys.likes(viewer), viewer, size, _cursor(after), now, False
            )
        list_id = new_event_id(now)
        items = [
            _like(entry, tokens.issue(_claims(viewer, entry.person, list_id, place, now)))
            for place, entry in enumerate(page.entries)
        ]
        return LikesOut(items=items, count=page.count, next=_text(page.next))

    @router.get("/matches", summary="Matches", responses=problem_responses(401, 422, 503))
    async def matches(viewer: Viewer, size: Size = 20, after: After = None) -> MatchesOut:
        """Standing matches, newest first. Problems: `cursor_invalid` (422), `unavailable` (503)."""
        with available():
            now = kernel.clock()
            page = await read_page(
                kernel.redis, keys.matches(viewer), viewer, size, _cursor(after), now, True
            )
        items = [_match(entry) for entry in page.entries]
        return MatchesOut(items=items, count=page.count, next=_text(page.next))


def _claims(viewer: int, liker: int, list_id: str, place: int, now: datetime) -> CardClaims:
    issued = int(now.timestamp() * 1000)
    return CardClaims(viewer, liker, list_id, place, "", LIKES_POLICY, None, issued)


def _cursor(after: str | None) -> Cursor | None:
    try:
        return Cursor.parse(after) if after else None
    except CursorInvalid:
        raise Problem(422, "cursor_invalid", "Not a cursor of this list") from None


def _text(cursor: Cursor | None) -> str | None:
    return None if cursor is None else str(cursor)


def _photos(entry: Entry) -> list[PhotoOut]:
    return [PhotoOut.model_validate(photo) for photo in entry.shown.photos]


def _like(entry: Entry, token: str) -> LikeOut:
    return LikeOut(
        id=entry.person,
        name=entry.shown.name,
        age=entry.age,
        photos=_photos(entry),
        simulated=entry.shown.simulated,
        liked_at=entry.at,
        token=token,
    )


def _match(entry: Entry) -> MatchOut:
    return MatchOut(
        person=entry.person,
        name=entry.shown.name,
        age=entry.age,
        photos=_photos(entry),
        simulated=entry.shown.simulated,
        matched_at=entry.at,
    )
