"""POST /v1/swipes, GET /v1/likes, GET /v1/matches, POST /v1/blocks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query
from redis.exceptions import RedisError

from contracts import events_pb2 as events
from gravity.auth import Viewer
from gravity.bus import AppendFailed
from gravity.card_tokens import CardClaims, CardTokens
from gravity.ids import new_event_id
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions import keys
from interactions.blocking import PersonUnknown, SelfBlock, block
from interactions.lists import Cursor, CursorInvalid, Entry, read_page
from interactions.schemas import (
    BlockIn,
    LikeOut,
    LikesOut,
    MatchesOut,
    MatchOut,
    PhotoOut,
    SwipeIn,
    SwipeOut,
    SwipesBody,
    SwipesOut,
)
from interactions.swiping import NotRecorded, Sent, Status, Swiping

_ACTIONS = {
    "like": events.ACTION_LIKE,
    "pass": events.ACTION_PASS,
    "superlike": events.ACTION_SUPERLIKE,
}
LIKES_POLICY = "likes_received"
"""The policy in tokens of likes received: they come from no deck."""

Size = Annotated[int, Query(ge=1, le=100, description="Entries wanted.")]
After = Annotated[str | None, Query(max_length=100, description="`next` of the page before.")]


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of interactions."""
    router = APIRouter(prefix="/v1", tags=["interactions"])
    tokens = CardTokens(kernel.settings.card_token_key.get_secret_value().encode())
    swiping = Swiping(kernel.redis, kernel.producer, tokens, kernel.settings.daily_swipes)
    _add_swipes(router, kernel, swiping)
    _add_lists(router, kernel, tokens)
    _add_blocks(router, kernel)
    return router


def _add_swipes(router: APIRouter, kernel: Kernel, swiping: Swiping) -> None:
    @router.post(
        "/swipes",
        summary="Swipe on one card or on many",
        responses=problem_responses(401, 413, 422, 503),
    )
    async def swipe(viewer: Viewer, body: Annotated[SwipesBody, Body()]) -> SwipesOut:
        """Each swipe is answered separately, in order. An accepted one is never lost, and sending
        it again under the same client id neither counts nor charges it twice.

        Problems: `batch_too_large` (413), `swipes_not_recorded` and `unavailable` (503: send the
        same batch again).
        """
        batch = [body] if isinstance(body, SwipeIn) else body.swipes
        now = kernel.clock()
        try:
            with available():
                taken = await swiping.take(viewer, [_sent(s, now) for s in batch], now)
        except NotRecorded as error:
            raise _not_recorded(batch, error.statuses) from None
        return SwipesOut(results=_results(batch, taken.statuses), remaining=taken.remaining)


def _sent(swipe: SwipeIn, now: datetime) -> Sent:
    swiped_at = swipe.swiped_at or now
    ms = int(swiped_at.timestamp() * 1000)
    return Sent(swipe.client_swipe_id, swipe.candidate, _ACTIONS[swipe.action], swipe.token, ms)


def _results(batch: Sequence[SwipeIn], statuses: Sequence[Status]) -> list[SwipeOut]:
    return [
        SwipeOut(
            client_swipe_id=swipe.client_swipe_id, candidate=swipe.candidate, status=status.value
        )
        for swipe, status in zip(batch, statuses, strict=True)
    ]


def _not_recorded(batch: Sequence[SwipeIn], statuses: Sequence[Status]) -> Problem:
    return Problem(
        503,
        "swipes_not_recorded",
        "Some swipes could not be recorded",
        "Send those that are not_recorded again.",
        extras={"results": [result.model_dump() for result in _results(batch, statuses)]},
        headers={"Retry-After": "1"},
    )


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


def _add_blocks(router: APIRouter, kernel: Kernel) -> None:
    @router.post(
        "/blocks",
        status_code=204,
        summary="Block a person",
        responses=problem_responses(401, 404, 422, 503),
    )
    async def blocks(viewer: Viewer, body: BlockIn) -> None:
        """Neither is ever shown to the other again, a match ends, likes between them are gone.

        Problems: `person_unknown` (404), `self_block` (422), `unavailable` (503: send it again).
        """
        try:
            with available():
                await block(kernel.redis, kernel.producer, viewer, body.person, kernel.clock())
        except SelfBlock:
            raise Problem(422, "self_block", "Nobody can block themselves") from None
        except PersonUnknown:
            raise Problem(404, "person_unknown", "There is no such person") from None


@contextmanager
def available() -> Iterator[None]:
    """Answer the failures of Redis and of the log as a problem that asks to try again."""
    try:
        yield
    except (RedisError, OSError, AppendFailed) as error:
        raise Problem(
            503, "unavailable", "Unavailable for the moment", headers={"Retry-After": "1"}
        ) from error
