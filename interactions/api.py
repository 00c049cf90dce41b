"""POST /v1/swipes, POST /v1/blocks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body
from redis.exceptions import RedisError

from contracts import events_pb2 as events
from gravity.auth import Viewer
from gravity.bus import AppendFailed
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions.blocking import PersonUnknown, SelfBlock, block
from interactions.schemas import (
    BlockIn,
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


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of interactions."""
    router = APIRouter(prefix="/v1", tags=["interactions"])
    tokens = CardTokens(kernel.settings.card_token_key.get_secret_value().encode())
    swiping = Swiping(kernel.redis, kernel.producer, tokens, kernel.settings.daily_swipes)
    _add_swipes(router, kernel, swiping)
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
