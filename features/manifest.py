"""The manifest of a release: what it is, where it came from, and the hash of each file."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from features.behaviour import Prior
from features.fold_in import FoldInParameters
from features.prices import MOST_STRENGTH
from features.profile_code import ProfileCode
from features.score import Calibrations


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingWindow(_Strict):
    """Swipes at `start` or later and before `end` were learned from."""

    start: datetime
    end: datetime


class FeatureField(_Strict):
    """One input of the ranker by the names of the feature store."""

    view: str
    name: str
    dtype: str


class Pricing(_Strict):
    """What prices of exposure were found with: the operator's dial, 0 without prices; how many
    cards people look at in a week, how often they come, and how much exposure they find enough, on
    average; and the tau by which decks were drawn meanwhile."""

    strength: float = Field(ge=0, le=MOST_STRENGTH)
    cards_a_week: float
    visits_a_week: float
    exposure: float
    tau: float


class PhotoSpace(_Strict):
    """Which embeddings of photos a release is of: the version of the registered model `photos`, and
    how many directions it has of them. Those of different spaces never mix."""

    space: str
    e: int = Field(ge=1)


class Manifest(_Strict):
    """What the release is and where it came from; `files` are sha256 by file name.

    A factor vector is `d` numbers, and then the `photos.e` of photos, where there are any.
    """

    format: Literal[6] = 6
    d: int
    photos: PhotoSpace | None = None
    people: int
    training_window: TrainingWindow
    snapshot_at: datetime
    bus_positions: dict[str, dict[int, int]]
    features: tuple[FeatureField, ...]
    fold_in: FoldInParameters
    # Of somebody whom the release does not know; `swipes` is also what a known rate's prior weighs.
    given_prior: Prior
    received_prior: Prior
    # What the columns of the towers stand for.
    profile_code: ProfileCode
    tau: float
    pricing: Pricing
    calibration: Calibrations
    evaluation: dict[str, JsonValue]
    data_hash: str
    code_hash: str
    files: dict[str, str]

    @property
    def e(self) -> int:
        """How many directions of photos there are."""
        return self.photos.e if self.photos else 0

    @property
    def width(self) -> int:
        """Length of a factor vector."""
        return self.d + self.e
