"""What discovery and the ranker service say to each other: ids and constraints, never features."""

import math
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field

from contracts.ranking_pb2 import RankAnswer

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
    """A deck to rank; `release` is the one that discovery bound the request to. As JSON: some 300
    bytes, which pydantic writes and checks in 10 µs."""

    viewer: PersonId
    release: str = Field(min_length=1, max_length=64)
    size: int = Field(ge=1, le=200)
    deck_id: UUID
    constraints: Constraints
    today: int = Field(description="Days since 1970-01-01, UTC.", ge=0, le=80_000)
    budget_ms: int = Field(
        default=10_000, description="After that nobody waits for the answer.", ge=1, le=60_000
    )


class RetrieveRequest(_Strict):
    """Everybody whom the index finds, the best `k` of them; without `release` the newest loaded."""

    viewer: PersonId
    release: str | None = None
    k: int = Field(ge=1)
    constraints: Constraints
    today: int = Field(ge=0, le=80_000)


class RetrieveAnswer(_Strict):
    """Ids, best first by the retrieval score."""

    release: str
    ids: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Up to 200 candidates (m,) in the order of the exposure draw.

    `ids` (m,) int64; `scores` (m,) float64, log expected matches, exact in half precision;
    `why_codes` (w, 2) uint8 and `why_values` (w, 2) float32: `WhyCode`s of the first w <= m
    candidates, strongest first, 0 for none, and their parameters; `features` (m, f) float32 by
    `feature_names`. `complete`: nobody else is eligible.
    """

    viewer: int
    release: str
    policy: str
    tau: float
    seed: int
    complete: bool
    ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    why_codes: npt.NDArray[np.uint8]
    why_values: npt.NDArray[np.float32]
    feature_names: tuple[str, ...]
    features: npt.NDArray[np.float32]

    def encoded(self) -> bytes:
        """A `RankAnswer`."""
        return RankAnswer(
            viewer=self.viewer,
            release=self.release,
            policy=self.policy,
            tau=self.tau,
            seed=self.seed,
            complete=self.complete,
            ids=self.ids.astype("<i8").tobytes(),
            scores=self.scores.astype("<f2").tobytes(),
            why_codes=self.why_codes.tobytes(),
            why_values=self.why_values.astype("<f4").tobytes(),
            feature_names=self.feature_names,
            features=self.features.astype("<f4").tobytes(),
        ).SerializeToString()

    @classmethod
    def decoded(cls, data: bytes) -> "Ranking":
        """From a `RankAnswer`. Raises ValueError where no deck could be made of it: columns of
        different lengths, somebody twice, numbers out of range."""
        try:
            answer = RankAnswer.FromString(data)
        except DecodeError as error:
            raise ValueError(str(error)) from error
        ids = np.frombuffer(answer.ids, "<i8")
        if not answer.feature_names:
            # Without names the number of rows could not be checked.
            raise ValueError("a ranking without features")
        features = np.frombuffer(answer.features, "<f4")
        codes = np.frombuffer(answer.why_codes, np.uint8).reshape(-1, 2)
        ranking = cls(
            answer.viewer,
            answer.release,
            answer.policy,
            answer.tau,
            answer.seed,
            answer.complete,
            ids,
            np.frombuffer(answer.scores, "<f2").astype(np.float64),
            codes,
            np.frombuffer(answer.why_values, "<f4").reshape(codes.shape),
            tuple(answer.feature_names),
            features.reshape(len(ids), len(answer.feature_names)),
        )
        if not ranking._fits():
            raise ValueError("a ranking that does not fit together")
        return ranking

    def _fits(self) -> bool:
        return (
            len(self.scores) == len(self.ids) >= len(self.why_codes)
            and len(np.unique(self.ids)) == len(self.ids)
            and bool(np.all(self.ids > 0))
            and 0 < self.tau < math.inf
            and all(
                bool(np.isfinite(numbers).all())
                for numbers in (self.scores, self.why_values, self.features)
            )
        )
