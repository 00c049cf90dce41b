"""GET /v1/changes: what is new, as soon as it is."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from contracts import events_pb2 as events
from gravity.auth import Viewer
from gravity.kernel import Kernel
from gravity.problems import problem_responses
from interactions.availability import available
from interactions.changes import Change, Look, Place, look
from interactions.cursors import CursorInvalid, Cursors
from interactions.lists_api import cursor_invalid
from interactions.wakeups import Wakeups

LONGEST_WAIT_S: Final = 30
_CHANGES: Final = "changes"
# In case a notification was lost.
_LOOK_AGAIN_S: Final = 10.0
# Thousands may be woken at once; they share some connections.
_LOOKING_AT_ONCE: Final = 8
_KINDS: Final = {
    "created": "match_created",
    "ended": "match_ended",
    "withdrawn": "card_withdrawn",
}
_EXAMPLE: JsonDict = {
    "changes": [
        {"kind": "match_created", "person": 4711, "at": "2026-03-01T12:00:00Z", "reason": None}
    ],
    "next": "pW3_2c1KqS1l7bQ0…",
    "reset": False,
}


class ChangeOut(BaseModel):
    """One change."""

    model_config = ConfigDict(title="Change")

    kind: Literal["match_created", "match_ended", "card_withdrawn"]
    person: int
    at: datetime
    reason: Literal["rewind", "unmatch"] | None = Field(
        description="Why a match ended; a block is told as an unmatch."
    )


class ChangesOut(BaseModel):
    """What is new since a cursor, oldest first."""

    model_config = ConfigDict(title="Changes", json_schema_extra={"example": _EXAMPLE})

    changes: list[ChangeOut]
    next: str = Field(description="To be sent as `after`; the same one again gives the same again.")
    reset: bool = Field(
        description="Not everything since is known any more, or may be named: fetch matches again, "
        "and a new deck."
    )


After = Annotated[str | None, Query(max_length=120, description="`next` of the answer before.")]
Wait = Annotated[
    float,
    Query(ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False, description="Seconds to wait for news."),
]


def create_router(kernel: Kernel) -> APIRouter:
    """The route, with a lifespan of its own: the subscription that wakes who waits."""
    cursors = Cursors(kernel.settings.card_token_key.get_secret_value().encode())
    wakeups = Wakeups(kernel.redis)
    polls = Polls(kernel, wakeups)

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(wakeups.run()), asyncio.create_task(polls.end_when_stopping())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    router = APIRouter(prefix="/v1", tags=["interactions"], lifespan=lifespan)

    @router.get("/changes", summary="What is new", responses=problem_responses(401, 422, 503))
    async def changes(viewer: Viewer, after: After = None, wait: Wait = 25) -> ChangesOut:
        """Matches that began or ended, and cards of decks that are not to be shown any more: at
        once where there are some, else as soon as there are, else none after `wait` seconds.
        Without `after` it answers at once with the cursor of now. Each change is told once for a
        cursor; the same cursor again gives the same changes again.

        Problems: `cursor_invalid` (422), `unavailable` (503).
        """
        try:
            place = Place.unpack(cursors.open(viewer, _CHANGES, after)) if after else None
        except CursorInvalid:
            raise cursor_invalid() from None
        with available():
            found = await polls.look(viewer, place, wait if place else 0)
        return ChangesOut(
            changes=[_out(change) for change in found.changes],
            next=cursors.seal(viewer, _CHANGES, found.next.pack()),
            reset=found.reset,
        )

    return router


class Polls:
    """The polls of one process."""

    def __init__(self, kernel: Kernel, wakeups: Wakeups) -> None:
        self._kernel = kernel
        self._wakeups = wakeups
        self._looking = asyncio.Semaphore(_LOOKING_AT_ONCE)

    async def end_when_stopping(self) -> None:
        """Nobody waits in a process that is to end."""
        await self._kernel.stopping.wait()
        self._wakeups.wake_all()

    async def look(self, viewer: int, after: Place | None, wait_s: float) -> Look:
        """What there is to tell within so many seconds."""
        if wait_s == 0:
            return await self._look(viewer, after)
        ends = asyncio.get_running_loop().time() + wait_s
        try:
            with self._wakeups.waiting(viewer) as waiter:
                await self._wakeups.heard(viewer)
                while True:
                    waiter.woken.clear()
                    found = await self._look(viewer, after)
                    left = ends - asyncio.get_running_loop().time()
                    if found.tells or left <= 0 or self._kernel.stopping.is_set():
                        return found
                    self._wakeups.holds(waiter, found.held)
                    again = random.uniform(_LOOK_AGAIN_S / 2, _LOOK_AGAIN_S)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(left, again)):
                            await waiter.woken.wait()
        finally:
            await self._wakeups.left(viewer)

    async def _look(self, viewer: int, after: Place | None) -> Look:
        async with self._looking:
            return await look(self._kernel.redis, viewer, after, self._kernel.clock())


def _out(change: Change) -> ChangeOut:
    kind = _KINDS[change.kind]
    reason = None
    if kind == "match_ended":
        # Nobody is told that they were blocked.
        reason = "rewind" if change.reason == events.MATCH_END_REWIND else "unmatch"
    at = datetime.fromtimestamp(change.at_s, UTC)
    return ChangeOut.model_validate(
        {"kind": kind, "person": change.person, "at": at, "reason": reason}
    )
