"""Rows of the lake from records of the bus: one function a table, whole batches at once."""

import json
import math
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from contracts import events_pb2 as events
from features.lake_tables import DECKS, IMPRESSIONS, PROFILES, SWIPES
from features.prices import USUAL_EXPOSURE
from gravity.bus import Record


def swipe_rows(records: Sequence[Record]) -> pa.Table:
    """Schema SWIPES of records of swipe.recorded."""
    found = [events.SwipeRecorded.FromString(record.value) for record in records]
    shown = [event.impression if event.HasField("impression") else None for event in found]
    has_propensity = [i is not None and i.HasField("propensity") for i in shown]
    columns: dict[str, Sequence[object]] = {
        "event_id": [event.event_id for event in found],
        "swiper": [event.swiper for event in found],
        "swiped": [event.swiped for event in found],
        "action": [event.action for event in found],
        "swiped_at": [e.swiped_ms if e.taken_back else e.occurred_at_ms for e in found],
        "deck_id": [i.deck_id if i else None for i in shown],
        "position": [i.position if i else None for i in shown],
        "propensity": [
            i.propensity if i and has else None
            for i, has in zip(shown, has_propensity, strict=True)
        ],
        "policy": [i.policy if i else None for i in shown],
        "release": [i.release or None if i else None for i in shown],
        "simulated": [False] * len(found),
        "source_partition": [event.source.partition for event in found],
        "source_offset": [event.source.offset for event in found],
        "taken_back": [event.taken_back for event in found],
    }
    return _table(columns, SWIPES)


def impression_rows(records: Sequence[Record]) -> pa.Table:
    """Schema IMPRESSIONS of records of discovery.impressions: one row a card."""
    decks = [events.DeckServed.FromString(record.value) for record in records]
    cards = [(deck, card) for deck in decks for card in deck.cards]
    columns: dict[str, Sequence[object]] = {
        "deck_id": [deck.deck_id for deck, _ in cards],
        "viewer": [deck.viewer for deck, _ in cards],
        "candidate": [card.candidate for _, card in cards],
        "position": [card.position for _, card in cards],
        "propensity": [
            card.propensity if card.HasField("propensity") else None for _, card in cards
        ],
        "policy": [deck.policy for deck, _ in cards],
        "release": [deck.release or None for deck, _ in cards],
        "served_at": [deck.occurred_at_ms for deck, _ in cards],
        "tau": [deck.tau for deck, _ in cards],
        "seed": [deck.seed for deck, _ in cards],
    }
    return _table(columns, IMPRESSIONS)


def deck_rows(records: Sequence[Record]) -> pa.Table:
    """Schema DECKS of records of discovery.impressions: one row a deck."""
    decks = [events.DeckServed.FromString(record.value) for record in records]
    columns: dict[str, Sequence[object]] = {
        "deck_id": [deck.deck_id for deck in decks],
        "viewer": [deck.viewer for deck in decks],
        "served_at": [deck.occurred_at_ms for deck in decks],
        "policy": [deck.policy for deck in decks],
        "release": [deck.release or None for deck in decks],
        "tau": [deck.tau for deck in decks],
        "seed": [deck.seed for deck in decks],
        "retrieved": [list(deck.retrieved) for deck in decks],
        "scores": [deck.scores for deck in decks],
        "feature_names": [list(deck.feature_names) for deck in decks],
        "features": [deck.features for deck in decks],
        "cards": [
            [card.candidate for card in sorted(deck.cards, key=lambda card: card.position)]
            for deck in decks
        ],
    }
    return _table(columns, DECKS)


def profile_rows(records: Sequence[Record]) -> pa.Table:
    """Schema PROFILES of records of profile.changed: one row a version."""
    found = [events.ProfileChanged.FromString(record.value) for record in records]
    columns: dict[str, Sequence[object]] = {
        "person": [event.person for event in found],
        "version": [event.version for event in found],
        "changed_at": [event.occurred_at_ms for event in found],
        "name": [event.name for event in found],
        "birth_day": [event.birth_day for event in found],
        "gender": [event.gender for event in found],
        "seeks": [list(event.preferences.seeks) for event in found],
        "age_min": [event.preferences.age_min for event in found],
        "age_max": [event.preferences.age_max for event in found],
        "max_distance_km": [event.preferences.max_distance_km for event in found],
        "latitude": [event.location.latitude for event in found],
        "longitude": [event.location.longitude for event in found],
        "visibility": [event.visibility for event in found],
        "body_type": [event.attributes.get("body_type") or None for event in found],
        "height_cm": [height_cm(event) for event in found],
        "attributes": [json.dumps(dict(event.attributes)) for event in found],
        "simulated": [event.simulated for event in found],
        "photos": [[_photo(photo) for photo in event.photos] for event in found],
        "exposure": [_exposure(event.preferences) for event in found],
    }
    return _table(columns, PROFILES)


def _photo(photo: events.Photo) -> dict[str, str | int]:
    return {
        "url": photo.url,
        "blurhash": photo.blurhash,
        "width": photo.width,
        "height": photo.height,
    }


def _exposure(preferences: events.Preferences) -> float:
    return preferences.exposure if preferences.HasField("exposure") else USUAL_EXPOSURE


def height_cm(event: events.ProfileChanged) -> float | None:
    """The height among a profile's attributes; None where absent or no number."""
    try:
        height = float(event.attributes.get("height_cm") or math.nan)
    except ValueError:
        return None
    return height if math.isfinite(height) else None


_TIME: Final = pa.timestamp("ms", "UTC")


def _table(columns: dict[str, Sequence[object]], schema: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(columns[field.name], pa.int64()).cast(_TIME)
        if field.type == _TIME
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
