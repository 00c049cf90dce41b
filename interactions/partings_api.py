"""POST /v1/blocks, DELETE /v1/matches/{person}."""

from typing import Annotated

from fastapi import APIRouter, Path

from gravity.auth import Viewer
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from interactions.availability import available
from interactions.partings import (
    MatchUnknown,
    PersonUnknown,
    SelfBlock,
    block,
    unmatch,
)
from interactions.schemas import LARGEST_PERSON, BlockIn

_Person = Annotated[int, Path(ge=1, le=LARGEST_PERSON)]


def add_partings(router: APIRouter, kernel: Kernel) -> None:
    """The routes by which two people part."""

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

    @router.delete(
        "/matches/{person}",
        status_code=204,
        summary="Unmatch",
        responses=problem_responses(401, 404, 422, 503),
    )
    async def unmatches(viewer: Viewer, person: _Person) -> None:
        """The match ends for both, and neither is ever shown to the other again.

        Problems: `match_unknown` (404), `unavailable` (503: send it again).
        """
        try:
            with available():
                await unmatch(kernel.redis, kernel.producer, viewer, person, kernel.clock())
        except MatchUnknown:
            raise Problem(404, "match_unknown", "There is no such match") from None
