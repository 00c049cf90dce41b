"""The feature views, named and typed once: repo, reader, writer and stream build on these."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

PROJECT: Final = "gravity"
JOIN_KEY: Final = "person_id"


class Kind(Enum):
    """Type of a feature; the value is the number of its field in Feast's `Value` message."""

    STRING = 2
    INT64 = 4
    FLOAT64 = 5
    FLOAT32 = 6
    UNIX_TIMESTAMP = 8
    FLOAT32_LIST = 16


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a view."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class View:
    """A named group of features of a person that is written together. `ttl_s` 0 means for ever."""

    name: str
    features: tuple[Feature, ...]
    ttl_s: int = 0


BEHAVIOUR: Final = View(
    "behaviour",
    (
        Feature("likes_given", Kind.INT64),
        Feature("swipes_given", Kind.INT64),
        Feature("likes_received", Kind.INT64),
        Feature("swipes_received", Kind.INT64),
        Feature("last_swipe_at", Kind.UNIX_TIMESTAMP),
    ),
)
"""What a person did and what was done to them, ever. A superlike counts as a like."""

PROFILE: Final = View(
    "profile",
    (
        Feature("gender", Kind.INT64),
        Feature("birth_day", Kind.INT64),
        Feature("body_type", Kind.STRING),
        Feature("height_cm", Kind.FLOAT32),
        Feature("latitude", Kind.FLOAT64),
        Feature("longitude", Kind.FLOAT64),
    ),
)


def factors(release: str) -> View:
    """What a live release knows of a person; spaces of different releases never mix."""
    return View(
        f"factors_{release}",
        (
            Feature("taste", Kind.FLOAT32_LIST),
            Feature("given_rate", Kind.FLOAT32),
            Feature("received_rate", Kind.FLOAT32),
        ),
    )


def photos(release: str) -> View:
    """A person's photos and their taste in photos, along the directions of a live release."""
    return View(
        f"photos_{release}",
        (Feature("embedding", Kind.FLOAT32_LIST), Feature("photo_taste", Kind.FLOAT32_LIST)),
    )
