"""A population: OkCupid's people with invented names, homes, birthdays, preferences and photos.

What OkCupid has stays as it is (age, gender, orientation, height, body type, attributes); what it
lacks is drawn. Everybody is marked as simulated.
"""

import json
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from faker.providers.person.en_US import Provider as Names

from contracts import events_pb2 as events
from features.eligibility import birthday_reached
from features.lake_tables import PROFILES
from features.prices import USUAL_EXPOSURE
from simulator.geography import draw_homes
from simulator.okcupid import OkCupid, read_okcupid
from simulator.portraits import draw_portraits

DISTANCE_LIMITS_KM: Final = (10.0, 25.0, 50.0, 100.0, 500.0)
DISTANCE_SHARES: Final = (0.15, 0.25, 0.40, 0.15, 0.05)
_HIDDEN_OR_PAUSED: Final = 0.02
_DAY_MS: Final = 86_400_000

Ints = npt.NDArray[np.int64]


def draw_population(people: int, until: datetime, seed: int) -> pa.Table:
    """`people` profiles (schema PROFILES, ids 1..people) as they stood a month before `until`.

    A subset keeps the proportions of gender, orientation and age; beyond OkCupid's 59,946 people
    rows come again with other names and homes. Ages are as of `until`.
    """
    random = np.random.default_rng([seed, 1])
    everybody = read_okcupid()
    rows = everybody.take(_proportional(everybody, people, random))
    homes = draw_homes(people, random)
    limits = _age_limits(rows, random)
    heights = np.where(np.isnan(rows.height_cm), 0.0, rows.height_cm).astype(np.float32)
    columns: dict[str, Any] = {
        "person": np.arange(1, people + 1),
        "version": np.ones(people, np.int64),
        "changed_at": _changed_at(people, until, random),
        "name": pa.array(_names(rows.is_woman, random), pa.string()),
        "birth_day": _birth_days(rows.age, until, random),
        "gender": np.where(rows.is_woman, events.GENDER_WOMAN, events.GENDER_MAN).astype(np.int8),
        "seeks": pa.array(_seeks(rows), pa.list_(pa.int8())),
        "age_min": limits[0],
        "age_max": limits[1],
        "max_distance_km": random.choice(DISTANCE_LIMITS_KM, people, p=DISTANCE_SHARES),
        "latitude": homes.latitude,
        "longitude": homes.longitude,
        "visibility": _visibility(people, random),
        "body_type": pa.array(rows.body_type, pa.string(), mask=rows.body_type == ""),
        "height_cm": pa.array(heights, mask=np.isnan(rows.height_cm)),
        "attributes": pa.array(_attributes(rows), pa.string()),
        "simulated": np.ones(people, bool),
        "exposure": np.full(people, USUAL_EXPOSURE, np.float32),
        # Of a generator of their own: without photos everybody else would be the same.
        "photos": draw_portraits(rows.is_woman, np.random.default_rng([seed, 4])),
    }
    return pa.table(columns).select(PROFILES.names).cast(PROFILES)


def _proportional(everybody: OkCupid, people: int, random: np.random.Generator) -> Ints:
    """Rows (people,): evenly spaced in the order of gender, orientation, age, ties at random."""
    keys = (random.random(len(everybody)), everybody.age, everybody.orientation.astype(str))
    order = np.lexsort((*keys, everybody.is_woman))
    places = (np.arange(people) + random.random()) * len(everybody) / people
    chosen = order[np.floor(places).astype(np.int64) % len(everybody)]
    return np.asarray(random.permutation(chosen), np.int64)


def _names(is_woman: npt.NDArray[np.bool_], random: np.random.Generator) -> npt.NDArray[np.object_]:
    names = np.empty(len(is_woman), dtype=object)
    for mask, listed in (
        (is_woman, Names.first_names_female),
        (~is_woman, Names.first_names_male),
    ):
        weights = np.array(list(listed.values()), np.float64)
        words = np.array(list(listed), dtype=object)
        names[mask] = random.choice(words, int(mask.sum()), p=weights / weights.sum())
    return names


def _birth_days(age: Ints, until: datetime, random: np.random.Generator) -> Ints:
    today = int(until.timestamp() * 1000) // _DAY_MS
    latest = np.array([birthday_reached(today, years) for years in range(130)], np.int64)
    earliest = latest[age + 1] + 1
    return earliest + random.integers(0, latest[age] - earliest + 1)


def _changed_at(people: int, until: datetime, random: np.random.Generator) -> "pa.Array[Any]":
    """Between one and thirteen months ago: before the first simulated swipe."""
    now_ms = int(until.timestamp() * 1000)
    ago = random.integers(32 * _DAY_MS, 400 * _DAY_MS, people)
    return pa.array(now_ms - ago, pa.timestamp("ms", tz="UTC"))


def _seeks(rows: OkCupid) -> list[list[int]]:
    men, women = int(events.GENDER_MAN), int(events.GENDER_WOMAN)
    everyone = [men, women, int(events.GENDER_NONBINARY)]
    own = np.where(rows.is_woman, women, men)
    other = np.where(rows.is_woman, men, women)
    of = {"gay": own, "straight": other}
    return [
        everyone if orientation == "bisexual" else [int(of[orientation][row])]
        for row, orientation in enumerate(rows.orientation)
    ]


def _age_limits(rows: OkCupid, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Men look further down, women further up, everybody wider with age."""
    n, age = len(rows), rows.age
    width = 3.0 + 0.16 * (age - 18) + random.gamma(2.0, 1.5, n)
    down = np.where(rows.is_woman, 0.55, 1.15) * width
    up = np.where(rows.is_woman, 1.25, 0.60) * width
    low = np.maximum(18, np.floor(age - down)).astype(np.int64)
    high = np.minimum(99, np.ceil(np.maximum(age + up, 22))).astype(np.int64)
    return low, high


def _visibility(people: int, random: np.random.Generator) -> npt.NDArray[np.int8]:
    away = random.random(people) < _HIDDEN_OR_PAUSED
    paused = random.random(people) < 0.5
    states = np.where(paused, events.VISIBILITY_PAUSED, events.VISIBILITY_HIDDEN)
    return np.where(away, states, events.VISIBILITY_VISIBLE).astype(np.int8)


def _attributes(rows: OkCupid) -> list[str]:
    """JSON objects of what was said."""
    names = list(rows.attributes)
    columns = [rows.attributes[name] for name in names]
    return [
        json.dumps({name: word for name, word in zip(names, words, strict=True) if word})
        for words in zip(*columns, strict=True)
    ]
