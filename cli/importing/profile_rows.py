"""Profiles of a file, checked row by row and brought into the lake's schema (docs/import.md)."""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.importing.columns import (
    choices,
    days,
    each_word,
    flags,
    instants,
    integers,
    numbers,
    texts,
)
from cli.importing.photo_rows import photo_column
from cli.importing.verdict import Checked, Verdict
from contracts import events_pb2 as events
from features.eligibility import birthday_reached
from features.lake_tables import PROFILES
from features.prices import LEAST_EXPOSURE, MOST_EXPOSURE, USUAL_EXPOSURE

REQUIRED: Final = ("person", "name", "gender", "latitude", "longitude")

GENDERS: Final = {
    "man": int(events.GENDER_MAN),
    "woman": int(events.GENDER_WOMAN),
    "nonbinary": int(events.GENDER_NONBINARY),
}
VISIBILITIES: Final = {
    "visible": int(events.VISIBILITY_VISIBLE),
    "hidden": int(events.VISIBILITY_HIDDEN),
    "paused": int(events.VISIBILITY_PAUSED),
}
ADULT: Final = 18
_OLDEST: Final = 120
_FURTHEST_KM: Final = 20_038.0
"""Half of the Earth's circumference."""
_DEFAULT_KM: Final = 50.0
_LONGEST_NAME: Final = 100
_HEIGHTS_CM: Final = (50.0, 280.0)

Ints = npt.NDArray[np.int64]


class ProfileRules:
    """The rules of one file: they remember who was in it already."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._today = now_ms // 86_400_000
        self._met = np.zeros(0, np.int64)

    def check(self, rows: pa.Table) -> Checked:
        """Check one chunk, in the order of the file."""
        verdict = Verdict(rows.num_rows)
        columns = self._who(rows, verdict)
        columns |= self._wishes(rows, verdict)
        columns |= _place(rows, verdict)
        columns |= _rest(rows, verdict)
        self._refuse_again(columns["person"], verdict)
        accepted = verdict.accepted
        self._met = np.union1d(self._met, columns["person"][accepted])
        table = pa.table({name: pa.array(columns[name]) for name in PROFILES.names})
        kept = table.filter(pa.array(accepted)).cast(PROFILES)
        return Checked(kept, np.flatnonzero(~accepted), verdict.reasons)

    def _refuse_again(self, person: Ints, verdict: Verdict) -> None:
        """Of several good rows of a person the first one counts."""
        good = np.flatnonzero(verdict.accepted)
        _, first = np.unique(person[good], return_index=True)
        again = np.zeros(len(person), bool)
        again[np.delete(good, first)] = True
        verdict.refuse(again | np.isin(person, self._met), "person was in this file before")

    def _who(self, rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
        person, name = integers(rows, "person"), texts(rows, "name")
        verdict.require("person", person)
        verdict.refuse(person.values <= 0, "person is not a positive number")
        verdict.require("name", name)
        too_long = np.array([len(word) > _LONGEST_NAME for word in name.values], bool)
        verdict.refuse(too_long, f"name is longer than {_LONGEST_NAME} characters")
        version, changed_at = integers(rows, "version"), instants(rows, "changed_at")
        verdict.understand("version", version)
        verdict.refuse(version.given & (version.values <= 0), "version is not a positive number")
        verdict.understand("changed_at", changed_at)
        verdict.refuse(changed_at.values > self._now_ms, "changed_at is in the future")
        return {
            "person": person.values,
            "name": name.values,
            "birth_day": self._birth_day(rows, verdict),
            "version": version.filled(1),
            "changed_at": changed_at.filled(self._now_ms).astype("datetime64[ms]"),
        }

    def _birth_day(self, rows: pa.Table, verdict: Verdict) -> Ints:
        name = "birth_day" if "birth_day" in rows.column_names else "birth_date"
        born = integers(rows, name) if name == "birth_day" else days(rows, name)
        verdict.require(name, born)
        too_young = born.values > birthday_reached(self._today, ADULT)
        verdict.refuse(too_young, f"younger than {ADULT}")
        too_old = born.values <= birthday_reached(self._today, _OLDEST + 1)
        verdict.refuse(too_old, f"older than {_OLDEST}")
        # Refused values need not fit the column that they will be dropped from.
        return np.where(too_young | too_old, 0, born.values)

    def _wishes(self, rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
        gender = choices(rows, "gender", GENDERS)
        verdict.require("gender", gender)
        seeks, _, bad = each_word(rows, "seeks", _genders)
        verdict.refuse(bad, "seeks is not understood")
        low, high = integers(rows, "age_min"), integers(rows, "age_max")
        for name, limit in (("age_min", low), ("age_max", high)):
            verdict.understand(name, limit)
            outside = limit.given & ((limit.values < ADULT) | (limit.values > _OLDEST))
            verdict.refuse(outside, f"{name} is not within {ADULT} and {_OLDEST}")
        age_min, age_max = low.filled(ADULT), high.filled(_OLDEST)
        verdict.refuse(age_min > age_max, "age_min is above age_max")
        km = numbers(rows, "max_distance_km")
        verdict.understand("max_distance_km", km)
        out = km.given & ((km.values <= 0) | (km.values > _FURTHEST_KM))
        verdict.refuse(out, "max_distance_km is not a distance on Earth")
        exposure = numbers(rows, "exposure")
        verdict.understand("exposure", exposure)
        beyond = (exposure.values < LEAST_EXPOSURE) | (exposure.values > MOST_EXPOSURE)
        verdict.refuse(
            exposure.given & beyond,
            f"exposure is not within {LEAST_EXPOSURE:g} and {MOST_EXPOSURE:g}",
        )
        return {
            "gender": gender.values.astype(np.int8),
            "seeks": [wish or [] for wish in seeks],
            "age_min": np.clip(age_min, 0, _OLDEST).astype(np.int16),
            "age_max": np.clip(age_max, 0, _OLDEST).astype(np.int16),
            "max_distance_km": km.filled(_DEFAULT_KM).astype(np.float32),
            "exposure": exposure.filled(USUAL_EXPOSURE).astype(np.float32),
        }


def _place(rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
    latitude, longitude = numbers(rows, "latitude"), numbers(rows, "longitude")
    for name, degrees, limit in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        verdict.require(name, degrees)
        verdict.refuse(np.abs(degrees.values) > limit, f"{name} is not within ±{limit}")
    return {"latitude": latitude.values, "longitude": longitude.values}


def _rest(rows: pa.Table, verdict: Verdict) -> dict[str, Any]:
    visibility = choices(rows, "visibility", VISIBILITIES)
    verdict.understand("visibility", visibility)
    height, body_type = numbers(rows, "height_cm"), texts(rows, "body_type")
    verdict.understand("height_cm", height)
    low, high = _HEIGHTS_CM
    outside = height.given & ((height.values < low) | (height.values > high))
    verdict.refuse(outside, f"height_cm is not within {low:g} and {high:g}")
    attributes, _, bad = each_word(rows, "attributes", _attributes)
    verdict.refuse(bad, "attributes is not a JSON object of texts")
    simulated = flags(rows, "simulated")
    verdict.understand("simulated", simulated)
    return {
        "visibility": visibility.filled(VISIBILITIES["visible"]).astype(np.int8),
        "body_type": pa.array(body_type.values, pa.string(), mask=~body_type.given),
        "height_cm": pa.array(height.values, mask=~height.given),
        "attributes": [text or "{}" for text in attributes],
        "simulated": simulated.filled(0).astype(bool),
        "photos": photo_column(rows, verdict),
    }


def _genders(text: str) -> list[int] | None:
    """The genders of `man;woman`; none for an empty text, nothing where a word is unknown."""
    numbers_too = {str(number): number for number in GENDERS.values()} | GENDERS
    words = [word.strip().lower() for word in text.split(";") if word.strip()]
    found = sorted({numbers_too[word] for word in words if word in numbers_too})
    return found if all(word in numbers_too for word in words) else None


def _attributes(text: str) -> str | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(isinstance(word, str) for word in found.values()):
        return None
    return json.dumps(found)
