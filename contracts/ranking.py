"""What discovery and the ranker service say to each other: ids and constraints, never features."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

PersonId = Annotated[int, Field(gt=0, lt=2**63)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Constraints(_Strict):
    """The viewer as a party to the hard filters; `seeks_mask` has the bits `1 << gender`."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    birth_day: int = Field(description="Days since 1970-01-01.", ge=-80_000, le=80_000)
    gender: int = Field(ge=1, le=3)
    seeks_mask: int = Field(ge=0, le=255)
    age_min: int = Field(ge=0, le=255)
    age_max: int = Field(ge=0, le=255)
    max_distance_km: float = Field(ge=0)


class RankRequest(_Strict):
    """A deck to rank; `release` is the one that discovery bound the request to."""

    viewer: PersonId
    release: str = Field(min_length=1, max_length=64)
    size: int = Field(ge=1, le=200)
    deck_id: UUID
    constraints: Constraints
    today: int = Field(description="Days since 1970-01-01, UTC.", ge=0, le=80_000)


class RetrieveRequest(_Strict):
    """Everybody whom the index finds, the best `k` of them; without `release` the newest loaded."""

    viewer: PersonId
    release: str | None = None
    k: int = Field(ge=1)
    constraints: Constraints
    today: int = Field(ge=0, le=80_000)


class Why(_Strict):
    """One reason that moved a card up: a code for programs, and its parameters."""

    code: str
    parameters: dict[str, float | int | str] = {}


class RankAnswer(_Strict):
    """Up to 200 candidates in the order of the exposure draw; lists are in that order.

    `scores` are log expected matches, exact in half precision; `why` is empty for candidates far
    behind the deck's size; `features` is base64 of row-major little-endian float32
    (ids, feature_names).
    """

    release: str
    policy: str
    tau: float
    seed: int
    complete: bool = Field(description="Nobody else is eligible.")
    ids: list[int]
    scores: list[float]
    why: list[list[Why]]
    feature_names: list[str]
    features: str


class RetrieveAnswer(_Strict):
    """Ids, best first by the retrieval score."""

    release: str
    ids: list[int]
