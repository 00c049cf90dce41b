"""Swipes of a file, checked row by row and brought into the lake's schema (docs/import.md)."""

import uuid
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.importing.columns import (
    Parsed,
    choices,
    each_word,
    flags,
    instants,
    integers,
    numbers,
    texts,
)
from cli.importing.verdict import Checked, Verdict
from contracts import events_pb2 as events
from features.lake_tables import IMPRESSIONS, SWIPES
from gravity.uuid_text import uuid_texts

REQUIRED: Final = ("swiper", "swiped", "action", "swiped_at")
REQUIRED_OF_RATINGS: Final = ("rater", "rated", "rating")

ACTIONS: Final = {
    "like": int(events.ACTION_LIKE),
    "pass": int(events.ACTION_PASS),
    "superlike": int(events.ACTION_SUPERLIKE),
}
_EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01: earlier than any dating app, later than a clock that was never set."""
_LAST_POSITION: Final = 10_000

Ints = npt.NDArray[np.int64]


class SwipeRules:
    """The rules of one file of swipes, given who is known (sorted ids; None: anybody)."""

    def __init__(self, file_hash: str, now_ms: int, known: Ints | None) -> None:
        self._seed = np.uint64(int(file_hash, 16))
        self._now_ms = now_ms
        self._known = known

    def check(self, rows: pa.Table, first_row: int) -> Checked:
        """Check the chunk that begins at `first_row` of the file."""
        verdict = Verdict(rows.num_rows)
        columns = self._pair(rows, verdict)
        columns |= self._decision(rows, verdict, first_row)
        columns |= _impression(rows, verdict)
        accepted = verdict.accepted
        arrays = [pa.array(columns[field.name], field.type) for field in SWIPES]
        kept = pa.Table.from_arrays(arrays, schema=SWIPES).filter(pa.array(accepted))
        return Checked(kept, np.flatnonzero(~accepted), verdict.reasons)

    def _pair(self, rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
        swiper, swiped = integers(rows, "swiper"), integers(rows, "swiped")
        for name, person in (("swiper", swiper), ("swiped", swiped)):
            verdict.require(name, person)
            verdict.refuse(person.values <= 0, f"{name} is not a positive number")
        verdict.refuse(swiper.values == swiped.values, "swiper and swiped are the same person")
        for name, person in (("swiper", swiper), ("swiped", swiped)):
            verdict.refuse(self._unknown(person), f"{name} is not a known person")
        return {"swiper": swiper.values, "swiped": swiped.values}

    def _unknown(self, person: Parsed[np.int64]) -> npt.NDArray[np.bool_]:
        if self._known is None:
            return np.zeros(len(person.values), bool)
        if not len(self._known):
            return np.ones(len(person.values), bool)
        place = np.minimum(np.searchsorted(self._known, person.values), len(self._known) - 1)
        return np.asarray(self._known[place] != person.values, bool)

    def _decision(self, rows: pa.Table, verdict: Verdict, first_row: int) -> dict[str, Any]:
        action, at = choices(rows, "action", ACTIONS), instants(rows, "swiped_at")
        verdict.require("action", action)
        verdict.require("swiped_at", at)
        verdict.refuse(at.values < _EARLIEST_MS, "swiped_at is before the year 2000")
        verdict.refuse(at.values > self._now_ms, "swiped_at is in the future")
        simulated = flags(rows, "simulated")
        verdict.understand("simulated", simulated)
        place = np.arange(first_row, first_row + rows.num_rows, dtype=np.uint64)
        ids = _event_ids(at.values, place, self._seed)
        return {
            "event_id": pa.array(ids).cast(pa.string()),
            "action": action.values.astype(np.int8),
            "swiped_at": at.values.astype("datetime64[ms]"),
            "simulated": simulated.filled(0).astype(bool),
            "source_partition": pa.nulls(rows.num_rows, pa.int32()),
            "source_offset": pa.nulls(rows.num_rows, pa.int64()),
            "taken_back": np.zeros(rows.num_rows, bool),
        }


def _impression(rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
    position, propensity = integers(rows, "position"), numbers(rows, "propensity")
    verdict.understand("position", position)
    out = position.given & ((position.values < 0) | (position.values > _LAST_POSITION))
    verdict.refuse(out, f"position is not within 0 and {_LAST_POSITION}")
    verdict.understand("propensity", propensity)
    out = propensity.given & ((propensity.values <= 0) | (propensity.values > 1))
    verdict.refuse(out, "propensity is not a probability above 0")
    deck, given, bad = each_word(rows, "deck_id", _uuid)
    verdict.refuse(bad, "deck_id is not a UUID")
    verdict.refuse(given & ~position.given, "deck_id without a position")
    return {
        "deck_id": pa.array(deck, pa.string()),
        "position": pa.array(position.values, mask=~position.given, from_pandas=False),
        "propensity": pa.array(propensity.values, mask=~propensity.given),
        **{name: _optional(texts(rows, name)) for name in ("policy", "release")},
    }


def impressions_of(swipes: pa.Table) -> pa.Table:
    """The cards (schema IMPRESSIONS) that swipes (schema SWIPES) with a deck tell of."""
    shown = swipes.filter(swipes["deck_id"].is_valid())
    policy: pa.ChunkedArray[Any] = shown["policy"]
    columns: dict[str, Any] = {
        "deck_id": shown["deck_id"],
        "viewer": shown["swiper"],
        "candidate": shown["swiped"],
        "position": shown["position"],
        "propensity": shown["propensity"],
        "policy": policy.fill_null(pa.scalar("imported")),
        "release": shown["release"],
        # The deck was served before its first swipe; the file does not say when.
        "served_at": shown["swiped_at"],
        "tau": pa.nulls(shown.num_rows, pa.float32()),
        "seed": pa.nulls(shown.num_rows, pa.uint64()),
    }
    return pa.table(columns).cast(IMPRESSIONS)


def _optional(words: Parsed[np.object_]) -> "pa.Array[Any]":
    return pa.array(words.values, pa.string(), mask=~words.given)


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        return None


def _event_ids(at_ms: Ints, place: npt.NDArray[np.uint64], seed: np.uint64) -> Any:
    """UUIDv7 texts (n,) of the swipe's time and a hash of the file and the row's place in it: the
    same row has the same id in every run."""
    high = _mix(place ^ seed)
    low = _mix(high ^ _mix(seed))
    raw = np.empty((len(place), 16), np.uint8)
    raw[:, :6] = at_ms.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    raw[:, 6:8] = high.astype(">u8").view(np.uint8).reshape(-1, 8)[:, :2]
    raw[:, 8:] = low.astype(">u8").view(np.uint8).reshape(-1, 8)
    return uuid_texts(raw, version=7)


def _mix(x: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    with np.errstate(over="ignore"):
        z = np.asarray(x, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)
