"""POST /v1/swipes, POST /v1/rewinds, GET /v1/quota."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body

from contracts import events_pb2 as events
from gravity.auth import Asking
from gravity.kernel import Kernel
from gravity.plain_route import PlainRoute
from gravity.problems import Problem, problem_responses
from interactions.availability import available
from interactions.quotas import Left, day_ends, limits_of, read_quota
from interactions.rewinds import NotRewindable, renewed, rewind
from interactions.schemas import (
    CountsOut,
    QuotaOut,
    RewindIn,
    RewindOut,
    SwipeIn,
    SwipeOut,
    SwipesBody,
    SwipesOut,
)
from interactions.swiping import NotRecorded, Sent, Status, Swiping, TooFast

_ACTIONS = {
    "like": events.ACTION_LIKE,
    "pass": events.ACTION_PASS,
    "superlike": events.ACTION_SUPERLIKE,
}
_TIERS: dict[int, Literal["free", "plus", "gold"]] = {
    events.TIER_FREE: "free",
    events.TIER_PLUS: "plus",
    events.TIER_GOLD: "gold",
}


def add_swipes(router: APIRouter, kernel: Kernel, swiping: Swiping) -> None:
    """The route that takes swipes."""

    async def swipe(who: Asking, body: Annotated[SwipesBody, Body()]) -> SwipesOut:
        """Each swipe is answered separately, in order. An accepted one is never lost, and sending
        it again under the same client id neither counts nor charges it twice.

        Problems: `batch_too_large` (413), `too_fast` (429: send the same batch again after
        Retry-After), `swipes_not_recorded` and `unavailable` (503: send the same batch again).
        """
        batch = [body] if isinstance(body, SwipeIn) else body.swipes
        now = kernel.clock()
        try:
            with available():
                taken = await swiping.take(who, [_sent(s, now) for s in batch], now)
        except NotRecorded as error:
            raise _not_recorded(_results(batch, error.statuses)) from None
        except TooFast as error:
            raise _too_fast(_results(batch, error.statuses), error.wait_s) from None
        return SwipesOut(
            results=_results(batch, taken.statuses),
            remaining=taken.left.swipes,
            remaining_superlikes=taken.left.superlikes,
        )

    router.add_api_route(
        "/swipes",
        swipe,
        methods=["POST"],
        summary="Swipe on one card or on many",
        responses=problem_responses(401, 413, 422, 429, 503),
        route_class_override=PlainRoute,
    )


def add_rewinds(router: APIRouter, kernel: Kernel, swiping: Swiping) -> None:
    """The route that takes the last swipe back."""

    @router.post(
        "/rewinds",
        summary="Take back the last swipe",
        responses=problem_responses(401, 409, 422, 503),
    )
    async def rewinds(who: Asking, body: RewindIn) -> RewindOut:
        """The swipe acknowledged last, within five minutes, also after a match, which ends. Its
        place in the day's quota is free again. Safe to send again after any failure.

        Problems: `not_rewindable` (409; `why` is unknown, not_acknowledged, not_the_last or
        too_late), `unavailable` (503: send it again).
        """
        now = kernel.clock()
        try:
            with available():
                rewound = await rewind(
                    kernel.redis,
                    kernel.pool,
                    kernel.producer,
                    who.person,
                    body.client_swipe_id,
                    now,
                )
                quota = await read_quota(kernel.redis, who.person, who.zone, now)
        except NotRewindable as error:
            extras = {"why": error.why.value}
            raise Problem(
                409, "not_rewindable", "The swipe cannot be taken back", extras=extras
            ) from None
        left = Left.of(quota, swiping.limits)
        return RewindOut(
            candidate=rewound.candidate,
            token=body.token and renewed(swiping.tokens, body.token, who.person, rewound, now),
            remaining=left.swipes,
            remaining_superlikes=left.superlikes,
        )


def add_quota(router: APIRouter, kernel: Kernel, swiping: Swiping) -> None:
    """The route that tells what is left of the day."""

    @router.get("/quota", summary="What is left of the day", responses=problem_responses(401, 503))
    async def quota(who: Asking) -> QuotaOut:
        """Swipes and superlikes of the viewer's own day. Problems: `unavailable` (503)."""
        with available():
            used = await read_quota(kernel.redis, who.person, who.zone, kernel.clock())
        allowed, left = limits_of(used.tier, swiping.limits), Left.of(used, swiping.limits)
        return QuotaOut(
            tier=_TIERS[used.tier],
            swipes=CountsOut(limit=allowed.swipes, left=left.swipes),
            superlikes=CountsOut(limit=allowed.superlikes, left=left.superlikes),
            resets_at=day_ends(used.day, who.zone),
        )


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


def _not_recorded(results: Sequence[SwipeOut]) -> Problem:
    return Problem(
        503,
        "swipes_not_recorded",
        "Some swipes could not be recorded",
        "Send those that are not_recorded again.",
        extras=_extras(results),
        headers={"Retry-After": "1"},
    )


def _too_fast(results: Sequence[SwipeOut], wait_s: int) -> Problem:
    return Problem(
        429,
        "too_fast",
        "Swipes come too fast",
        "Send them again later.",
        extras=_extras(results),
        headers={"Retry-After": str(wait_s)},
    )


def _extras(results: Sequence[SwipeOut]) -> Mapping[str, object]:
    return {"results": [result.model_dump() for result in results]}
