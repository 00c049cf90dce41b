"""GET /v1/me/interactions: everything that one did, to keep or to take elsewhere."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gravity.auth import Viewer
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions.export import export


class ExportedSwipe(BaseModel):
    """A swipe that stands."""

    candidate: int
    action: Literal["like", "pass", "superlike"]
    at: datetime


class ExportedRewind(BaseModel):
    """A swipe that was taken back, and no other on the same person since."""

    candidate: int
    swiped_at: datetime


class ExportedMatch(BaseModel):
    """A match; a rewound one that came again is its next episode."""

    person: int
    match_id: UUID
    episode: int
    matched_at: datetime
    ended_at: datetime | None
    end_reason: Literal["rewind", "unmatch", "block"] | None = Field(
        description="`block` only where one blocked oneself."
    )


class ExportedBlock(BaseModel):
    """A person whom one blocked."""

    person: int
    at: datetime


class Export(BaseModel):
    """All interactions of one person. Of others only ids on whom one acted or with whom one
    matched."""

    model_config = ConfigDict(
        title="Interactions",
        json_schema_extra={
            "example": {
                "person": 42,
                "exported_at": "2026-03-01T12:00:00.000+00:00",
                "swipes": [
                    {"candidate": 4711, "action": "like", "at": "2026-02-01T12:00:00.000+00:00"}
                ],
                "swipes_count": 1,
                "rewound": [],
                "rewound_count": 0,
                "matches": [],
                "matches_count": 0,
                "blocks": [],
                "blocks_count": 0,
                "likes_received": ["2026-02-03T09:00:00.000+00:00"],
                "likes_received_count": 1,
            }
        },
    )

    person: int
    exported_at: datetime
    swipes: list[ExportedSwipe]
    swipes_count: int
    rewound: list[ExportedRewind]
    rewound_count: int
    matches: list[ExportedMatch]
    matches_count: int
    blocks: list[ExportedBlock]
    blocks_count: int
    likes_received: list[datetime] = Field(description="When, to the hour; not by whom.")
    likes_received_count: int


def create_router(kernel: Kernel) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/v1", tags=["interactions"])

    @router.get(
        "/me/interactions",
        summary="All of one's interactions",
        response_model=Export,
        responses=problem_responses(401, 422, 503),
    )
    async def interactions(viewer: Viewer) -> StreamingResponse:
        """Swipes, rewinds, matches with how they ended, blocks, and likes received without whom
        they are of, as one document, however long.

        Problems: `unavailable` (503).
        """
        pieces = export(kernel.pool, viewer, kernel.clock())
        try:
            # The first page is read before the answer begins: a failure can still be said.
            begun = [await anext(pieces), await anext(pieces), await anext(pieces)]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise Problem(
                503, "unavailable", "Unavailable for the moment", headers={"Retry-After": "1"}
            ) from error
        return StreamingResponse(_whole(begun, pieces), media_type="application/json")

    return router


async def _whole(begun: list[str], rest: AsyncIterator[str]) -> AsyncIterator[str]:
    for piece in begun:
        yield piece
    async for piece in rest:
        yield piece
