"""A month of swipes by the truth: who asked when, what was shown, what was answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.fold_in import LIKE, PASS, SUPERLIKE
from features.lake_tables import arrow_schema
from features.person_rows import people_of
from gravity.uuid_text import uuid_texts
from simulator.exposure import POPULARITY, UNIFORM, Shown, show
from simulator.tastes import Market, sigmoid

SWIPE_FILE: Final = arrow_schema(
    pa.field("swiper", pa.int64()),
    pa.field("swiped", pa.int64()),
    pa.field("action", pa.string()),
    pa.field("swiped_at", pa.timestamp("ms", tz="UTC")),
    pa.field("deck_id", pa.string()),
    pa.field("position", pa.int32()),
    pa.field("propensity", pa.float32()),
    pa.field("policy", pa.string()),
    pa.field("simulated", pa.bool_()),
)
"""What `gravity import swipes` reads (docs/import.md)."""
_ACTIONS: Final = {"like": LIKE, "pass": PASS, "superlike": SUPERLIKE}

DAYS: Final = 30
DECK_SIZE: Final = 20

_DAY_MS: Final = 86_400_000
SWIPES_EACH: Final = 34.0
_NEVER: Final = 0.06
"""The share of people who never swiped: those have only a profile."""
_SPREAD: Final = 0.9
_MOST: Final = 600
_SUPERLIKES: Final = 0.02
_SESSION: Final = 18.0
_MONTH_BEFORE: Final = 30

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class History:
    """Swipes (schema SWIPE_FILE) in the order of swiper and time, and `latent` (m,), the logit
    with its noise: the rating that the swiper would have given."""

    swipes: pa.Table
    latent: Floats


def as_in_lake(swipes: pa.Table) -> pa.Table:
    """Swipes of SWIPE_FILE with their actions as the lake has them."""
    words = pa.array(list(_ACTIONS))
    numbers = pa.array(list(_ACTIONS.values()), pa.int8())
    actions = numbers.take(pc.index_in(swipes["action"].combine_chunks(), words))
    return swipes.set_column(swipes.schema.get_field_index("action"), "action", actions)


def draw_history(
    profiles: pa.Table,
    market: Market,
    until: datetime,
    seed: int,
    swipes_each: float = SWIPES_EACH,
) -> History:
    """The swipes of the `DAYS` days before `until` (a UTC midnight), `swipes_each` on average."""
    random = np.random.default_rng([seed, 3])
    until_ms = int(until.timestamp() * 1000)
    table = people_of(profiles)
    wanted = _activity(len(table), swipes_each, random)
    today = until_ms // _DAY_MS - 1
    shown = show(table, _popularity(market, random), wanted, today, random)
    latent = market.logits(shown.viewer, shown.candidate) + random.logistic(size=len(shown.viewer))
    liked = latent > 0.0
    superliked = liked & (random.random(len(latent)) < _SUPERLIKES)
    names = np.array(["pass", "like", "superlike"], dtype=object)
    session = _sessions(shown, random)
    columns: dict[str, Any] = {
        "swiper": market.person[shown.viewer],
        "swiped": market.person[shown.candidate],
        "action": pa.array(names[liked.astype(int) + superliked], pa.string()),
        "swiped_at": _times(shown, session, until_ms, random),
        "deck_id": _deck_ids(session, random),
        "position": session.place % DECK_SIZE,
        "propensity": shown.propensity,
        "policy": pa.array(np.where(shown.uniform, UNIFORM, POPULARITY), pa.string()),
        "simulated": np.ones(len(latent), bool),
    }
    return History(pa.table(columns).cast(SWIPE_FILE), latent)


@dataclass(frozen=True, slots=True)
class _Sessions:
    """`number` (m,) of the session that each card belongs to, and its `place` in it from 0."""

    number: Ints
    place: Ints


def _activity(people: int, swipes_each: float, random: np.random.Generator) -> Ints:
    """Swipes wanted in the month: nobody's for some, log-normal for the others."""
    mean = swipes_each / (1.0 - _NEVER)
    each = np.exp(np.log(mean) - _SPREAD**2 / 2 + _SPREAD * random.standard_normal(people))
    each = np.clip(np.round(each), 1, _MOST)
    return np.where(random.random(people) < _NEVER, 0, each).astype(np.int64)


def _popularity(market: Market, random: np.random.Generator) -> Floats:
    """What the app knew: the smoothed share of likes among so many cards the month before."""
    viewers = random.integers(0, len(market.person), 64)
    logits = market.readiness[viewers].mean() + market.appeal
    return np.asarray((random.binomial(_MONTH_BEFORE, sigmoid(logits)) + 1.0) / (_MONTH_BEFORE + 3))


def _sessions(shown: Shown, random: np.random.Generator) -> _Sessions:
    opens = random.random(len(shown.rank)) < 1.0 / _SESSION
    opens |= shown.rank == 0
    number = np.cumsum(opens) - 1
    first = np.flatnonzero(opens)
    return _Sessions(number, np.arange(len(number)) - first[number])


def _times(shown: Shown, sessions: _Sessions, until_ms: int, random: np.random.Generator) -> Ints:
    """Milliseconds (m,): sessions lie in the month, most in the evening; a viewer's swipes ascend.

    Raises nothing; two sessions that would overlap follow each other.
    """
    first = np.flatnonzero(sessions.place == 0)
    viewer = shown.viewer[first]
    day = random.integers(0, DAYS, len(first))
    # Local evening in California is the small hours of UTC.
    hour = (random.normal(4.5, 3.5, len(first)) % 24.0) / 24.0
    start = ((day + hour) * _DAY_MS).astype(np.int64)
    start = start[np.lexsort((start, viewer))]
    seconds = np.exp(random.normal(1.5, 0.6, len(shown.viewer)))
    elapsed = np.cumsum((1000 * seconds).astype(np.int64))
    into = elapsed - elapsed[first][sessions.number]
    # One number line per viewer, so that one running maximum puts each viewer's swipes in order.
    month = np.int64(DAYS * _DAY_MS)
    line = shown.viewer * (2 * month)
    at = np.maximum.accumulate(line + np.minimum(start[sessions.number] + into, month - 1)) - line
    return np.asarray(until_ms - month + at, np.int64)


def _deck_ids(sessions: _Sessions, random: np.random.Generator) -> "pa.Array[Any]":
    opens = sessions.place % DECK_SIZE == 0
    deck = np.cumsum(opens) - 1
    raw = random.integers(0, 256, (int(opens.sum()), 16), dtype=np.uint8)
    ids: pa.Array[Any] = pa.array(uuid_texts(raw, version=4)).cast(pa.string())
    return ids.take(pa.array(deck))
