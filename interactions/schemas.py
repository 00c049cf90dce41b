"""What the interactions API takes and gives, with examples."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)
from pydantic.config import JsonDict

from gravity.problems import Problem

LARGEST_BATCH = 500
LARGEST_PERSON = 2**63 - 1
_TOKEN = "AQAAAAAAAAAqAAAAAAAAEmcBmMDeAAB…"  # noqa: S105
_ID = "0198c0de-0000-7000-8000-000000000001"
_EXAMPLE_SWIPE: JsonDict = {
    "client_swipe_id": _ID,
    "candidate": 4711,
    "action": "like",
    "token": _TOKEN,
    "swiped_at": "2026-03-01T12:00:00Z",
}

ClientSwipeId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$",
        description="Made by the client, once a swipe; the same when it is sent again.",
    ),
]
CardToken = Annotated[str, Field(max_length=1024, description="The card's token.")]
PersonId = Annotated[int, Field(strict=True, ge=1, le=LARGEST_PERSON)]
StatusName = Literal[
    "accepted",
    "duplicate",
    "already_swiped",
    "rewound",
    "over_limit",
    "over_superlikes",
    "token_expired",
    "token_invalid",
    "token_used",
    "self_swipe",
    "client_id_reused",
    "not_recorded",
    "too_fast",
]


class SwipeIn(BaseModel):
    """A decision on one card."""

    model_config = ConfigDict(title="Swipe", json_schema_extra={"example": _EXAMPLE_SWIPE})

    client_swipe_id: ClientSwipeId
    candidate: PersonId
    action: Literal["like", "pass", "superlike"]
    token: CardToken
    swiped_at: Annotated[
        AwareDatetime | None,
        Field(description="By the client's clock; informative: the server's time rules."),
    ] = None


def _small_enough(swipes: object) -> object:
    # Before each is looked at: thousands of them are one mistake, not thousands.
    if isinstance(swipes, list) and len(swipes) > LARGEST_BATCH:
        detail = f"At most {LARGEST_BATCH} swipes a request; these are {len(swipes)}."
        raise Problem(413, "batch_too_large", "The batch has too many swipes", detail)
    return swipes


class SwipesIn(BaseModel):
    """Swipes in the order in which they were made."""

    model_config = ConfigDict(
        title="Swipes", json_schema_extra={"example": {"swipes": [_EXAMPLE_SWIPE]}}
    )

    swipes: Annotated[
        list[SwipeIn], Field(min_length=1, max_length=LARGEST_BATCH), BeforeValidator(_small_enough)
    ]


def _one_or_many(body: object) -> str:
    return "many" if isinstance(body, SwipesIn) or "swipes" in _fields(body) else "one"


def _fields(body: object) -> dict[str, object]:
    return body if isinstance(body, dict) else {}


SwipesBody = Annotated[
    Annotated[SwipesIn, Tag("many")] | Annotated[SwipeIn, Tag("one")], Discriminator(_one_or_many)
]


class SwipeOut(BaseModel):
    """What became of one swipe. `accepted`, `duplicate` and `already_swiped` are final and good, so
    is `rewound`: it was accepted, and taken back since. `not_recorded` and `too_fast` want to be
    sent again, the latter somewhat later; the others are final refusals."""

    model_config = ConfigDict(title="SwipeResult")

    client_swipe_id: str
    candidate: int
    status: StatusName


class SwipesOut(BaseModel):
    """The answers, in the order of the swipes."""

    model_config = ConfigDict(
        title="SwipeResults",
        json_schema_extra={
            "example": {
                "results": [{"client_swipe_id": _ID, "candidate": 4711, "status": "accepted"}],
                "remaining": 1999,
                "remaining_superlikes": 1,
            }
        },
    )

    results: list[SwipeOut]
    remaining: int = Field(description="Likes and passes left of the viewer's own day.")
    remaining_superlikes: int = Field(description="Superlikes left of it.")


class RewindIn(BaseModel):
    """The swipe to take back."""

    model_config = ConfigDict(
        title="Rewind", json_schema_extra={"example": {"client_swipe_id": _ID, "token": _TOKEN}}
    )

    client_swipe_id: ClientSwipeId
    token: Annotated[CardToken | None, Field(description="To get a fresh one for the card.")] = None


class RewindOut(BaseModel):
    """Who is undecided again."""

    model_config = ConfigDict(
        title="RewindResult",
        json_schema_extra={
            "example": {
                "candidate": 4711,
                "token": _TOKEN,
                "remaining": 2000,
                "remaining_superlikes": 1,
            }
        },
    )

    candidate: int
    token: str | None = Field(
        description="To swipe the card again, if its old token was sent along and is valid."
    )
    remaining: int = Field(description="Likes and passes left of the viewer's own day.")
    remaining_superlikes: int = Field(description="Superlikes left of it.")


class CountsOut(BaseModel):
    """A day's limit, and what is left of it."""

    model_config = ConfigDict(title="Counts")

    limit: int
    left: int


class QuotaOut(BaseModel):
    """What is left of the viewer's own day."""

    model_config = ConfigDict(
        title="Quota",
        json_schema_extra={
            "example": {
                "tier": "free",
                "swipes": {"limit": 2000, "left": 1999},
                "superlikes": {"limit": 1, "left": 1},
                "resets_at": "2026-03-02T23:00:00Z",
            }
        },
    )

    tier: Literal["free", "plus", "gold"]
    swipes: CountsOut = Field(description="Likes and passes.")
    superlikes: CountsOut
    resets_at: datetime = Field(description="The next midnight in the viewer's zone.")


class PhotoOut(BaseModel):
    """One photo; pixels."""

    model_config = ConfigDict(title="ListPhoto")

    url: str
    blurhash: str
    width: int
    height: int


_EXAMPLE_LIKE: JsonDict = {
    "blurred": False,
    "id": 4711,
    "name": "Robin",
    "age": 34,
    "photos": [],
    "simulated": False,
    "liked_at": "2026-03-01T12:00:00Z",
    "token": _TOKEN,
}


class LikeOut(BaseModel):
    """Somebody who likes the viewer and waits for an answer."""

    model_config = ConfigDict(title="Like", json_schema_extra={"example": _EXAMPLE_LIKE})

    blurred: Literal[False] = False
    id: int
    name: str
    age: int
    photos: list[PhotoOut]
    simulated: bool = Field(description="Made up by the simulator, not a person.")
    liked_at: datetime
    token: str = Field(description="To be sent back with the swipe; valid for seven days.")


class BlurredLikeOut(BaseModel):
    """Somebody who likes the viewer, to whom the viewer's tier does not say who.

    No blurhash either: decks show the same one, beside the name.
    """

    model_config = ConfigDict(
        title="BlurredLike",
        json_schema_extra={
            "example": {
                "blurred": True,
                "simulated": False,
                "liked_at": "2026-03-01T12:00:00Z",
            }
        },
    )

    blurred: Literal[True] = True
    simulated: bool = Field(description="Made up by the simulator, not a person.")
    liked_at: datetime = Field(description="To the hour.")


class LikesOut(BaseModel):
    """Likes received, newest first; all of them blurred, or none."""

    model_config = ConfigDict(
        title="Likes",
        json_schema_extra={"example": {"items": [_EXAMPLE_LIKE], "count": 1, "next": None}},
    )

    items: list[LikeOut | BlurredLikeOut]
    count: int = Field(description="All that wait, about: withdrawn or hidden ones count too.")
    next: str | None = Field(description="Cursor of the next page, if there is one.")


_EXAMPLE_MATCH: JsonDict = {
    "person": 4711,
    "name": "Robin",
    "age": 34,
    "photos": [],
    "simulated": False,
    "matched_at": "2026-03-01T12:00:00Z",
}


class MatchOut(BaseModel):
    """Somebody with whom the viewer has a match."""

    model_config = ConfigDict(title="Match", json_schema_extra={"example": _EXAMPLE_MATCH})

    person: int
    name: str
    age: int
    photos: list[PhotoOut]
    simulated: bool = Field(description="Made up by the simulator, not a person.")
    matched_at: datetime


class MatchesOut(BaseModel):
    """Standing matches, newest first."""

    model_config = ConfigDict(
        title="Matches",
        json_schema_extra={"example": {"items": [_EXAMPLE_MATCH], "count": 1, "next": None}},
    )

    items: list[MatchOut]
    count: int = Field(description="All that stand, about.")
    next: str | None = Field(description="Cursor of the next page, if there is one.")


class BlockIn(BaseModel):
    """Whom to block."""

    model_config = ConfigDict(title="Block", json_schema_extra={"example": {"person": 4711}})

    person: PersonId
