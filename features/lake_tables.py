"""The tables of the event lake: one Arrow schema each. Names, types and units are the contract.

Times are UTC milliseconds; person ids int64; `action`, `gender`, `seeks` and `visibility` hold the
values of the Protobuf enums of the same names.
"""

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from features.prices import USUAL_EXPOSURE

_TIME: Final = pa.timestamp("ms", tz="UTC")


def arrow_schema(*fields: "pa.Field[Any]") -> pa.Schema:
    """A schema of fields of any types (pyarrow's stubs cannot take them as one list)."""
    return pa.schema(fields)


PHOTO: Final = pa.struct(
    [
        # http(s)://…, or /photos/NAME: relative to where the app's media are.
        pa.field("url", pa.string()),
        pa.field("blurhash", pa.string()),
        # Pixels.
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
    ]
)
PHOTOS: Final = pa.list_(PHOTO)
"""A person's photos, in the order in which they are shown."""

SWIPES: Final = arrow_schema(
    pa.field("event_id", pa.string(), nullable=False),
    pa.field("swiper", pa.int64(), nullable=False),
    pa.field("swiped", pa.int64(), nullable=False),
    pa.field("action", pa.int8(), nullable=False),
    # The server's time of the swipe, never the client's; where taken back, of that swipe too.
    pa.field("swiped_at", _TIME, nullable=False),
    pa.field("deck_id", pa.string()),
    pa.field("position", pa.int32()),
    pa.field("propensity", pa.float32()),
    pa.field("policy", pa.string()),
    pa.field("release", pa.string()),
    pa.field("simulated", pa.bool_(), nullable=False),
    # The record of user.swipes that it came from; null where it was imported.
    pa.field("source_partition", pa.int32()),
    pa.field("source_offset", pa.int64()),
    # The row takes back the swipe of the same swiper, swiped and time: neither stands.
    pa.field("taken_back", pa.bool_(), nullable=False),
)

PROFILES: Final = arrow_schema(
    pa.field("person", pa.int64(), nullable=False),
    pa.field("version", pa.int64(), nullable=False),
    pa.field("changed_at", _TIME, nullable=False),
    pa.field("name", pa.string(), nullable=False),
    # Days since 1970-01-01.
    pa.field("birth_day", pa.int32(), nullable=False),
    pa.field("gender", pa.int8(), nullable=False),
    pa.field("seeks", pa.list_(pa.int8()), nullable=False),
    pa.field("age_min", pa.int16(), nullable=False),
    pa.field("age_max", pa.int16(), nullable=False),
    pa.field("max_distance_km", pa.float32(), nullable=False),
    pa.field("latitude", pa.float64(), nullable=False),
    pa.field("longitude", pa.float64(), nullable=False),
    pa.field("visibility", pa.int8(), nullable=False),
    pa.field("body_type", pa.string()),
    pa.field("height_cm", pa.float32()),
    # A JSON object of strings.
    pa.field("attributes", pa.string(), nullable=False),
    pa.field("simulated", pa.bool_(), nullable=False),
    pa.field("photos", PHOTOS, nullable=False),
    # How much exposure is enough, in shares of the usual.
    pa.field("exposure", pa.float32(), nullable=False),
)

# One row a served card.
IMPRESSIONS: Final = arrow_schema(
    pa.field("deck_id", pa.string(), nullable=False),
    pa.field("viewer", pa.int64(), nullable=False),
    pa.field("candidate", pa.int64(), nullable=False),
    pa.field("position", pa.int32(), nullable=False),
    pa.field("propensity", pa.float32()),
    pa.field("policy", pa.string(), nullable=False),
    pa.field("release", pa.string()),
    pa.field("served_at", _TIME, nullable=False),
    pa.field("tau", pa.float32()),
    pa.field("seed", pa.uint64()),
)

# One row a deck: what any propensity can be computed from later, and what the ranker saw.
DECKS: Final = arrow_schema(
    pa.field("deck_id", pa.string(), nullable=False),
    pa.field("viewer", pa.int64(), nullable=False),
    pa.field("served_at", _TIME, nullable=False),
    pa.field("policy", pa.string(), nullable=False),
    pa.field("release", pa.string()),
    pa.field("tau", pa.float32()),
    pa.field("seed", pa.uint64()),
    pa.field("retrieved", pa.list_(pa.int64()), nullable=False),
    # IEEE half precision, little endian, beside `retrieved`.
    pa.field("scores", pa.binary(), nullable=False),
    pa.field("feature_names", pa.list_(pa.string()), nullable=False),
    # Row-major float32 (cards, feature_names).
    pa.field("features", pa.binary(), nullable=False),
    # The candidates served, by position.
    pa.field("cards", pa.list_(pa.int64()), nullable=False),
)

# One row a photo of a person in one space: vectors of different spaces have nothing in common.
PHOTO_EMBEDDINGS: Final = arrow_schema(
    pa.field("person", pa.int64(), nullable=False),
    # As in the profile.
    pa.field("url", pa.string(), nullable=False),
    # The version of the model `photos` that made it.
    pa.field("space", pa.string(), nullable=False),
    pa.field("embedding", pa.list_(pa.float32()), nullable=False),
    pa.field("embedded_at", _TIME, nullable=False),
)


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table: its schema, the time of its rows, and what makes a row the same row.

    `by_day`: a part is cut into one file a day, so that a window reads only its days. Profiles are
    read whole, and their changes lie over years.
    """

    name: str
    schema: pa.Schema
    time: str
    key: tuple[str, ...]
    by_day: bool = True


ABSENT: Final[dict[str, object]] = {
    "taken_back": False,
    "cards": [],
    "photos": [],
    "exposure": USUAL_EXPOSURE,
}
"""What the rows of files hold that were written before these columns were."""

# Clients make the ids of decks, so an id alone may come again, from another viewer or another day.
_DECK: Final = ("viewer", "deck_id", "served_at")

TABLES: Final[dict[str, LakeTable]] = {
    table.name: table
    for table in (
        LakeTable("swipes", SWIPES, "swiped_at", ("event_id",)),
        LakeTable("profiles", PROFILES, "changed_at", ("person", "version"), by_day=False),
        LakeTable("impressions", IMPRESSIONS, "served_at", (*_DECK, "position")),
        LakeTable("decks", DECKS, "served_at", _DECK),
        LakeTable(
            "photo_embeddings",
            PHOTO_EMBEDDINGS,
            "embedded_at",
            ("person", "url", "space"),
            by_day=False,
        ),
    )
}
