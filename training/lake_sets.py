"""What there is to learn from, as Arrow tables, from the lake alone: no stack has to run.

swipes(lake, as_of)              # what stood by then
impressions(lake, since, until)  # every card served, whether it was seen, and the answer
training_set(lake, release.manifest.training_window)  # with what was known at the time
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.fold_in import LIKE, SUPERLIKE
from features.lake import read_rows, read_swipes
from features.manifest import TrainingWindow
from features.ranker import CORE, CORE_NAMES

Ints = npt.NDArray[np.int64]

COUNTS: Final = ("likes_given", "swipes_given", "likes_received", "swipes_received")
_ANSWER_DAYS: Final = timedelta(days=7)
"""Card tokens last a week, so answers come within one."""
_DAY_MS: Final = 86_400_000
_SWIPE: Final = ("swiper", "swiped", "action", "swiped_at")
_SHOWN: Final = ("deck_id", "position", "propensity", "policy", "release")


def swipes(lake: str | Path, as_of: datetime) -> pa.Table:
    """The swipes that stand of those before `as_of` (schema SWIPES), in order of time."""
    return read_swipes(lake, until=as_of).sort_by(
        [("swiped_at", "ascending"), ("event_id", "ascending")]
    )


def impressions(
    lake: str | Path, since: datetime | None = None, until: datetime | None = None
) -> pa.Table:
    """Cards served in `since <= served_at < until` (schema IMPRESSIONS), deck by deck, with
    `action` int8 of the swipe that stands, null where there is none, and `seen` bool: swiped, or
    above a card that was. Learning uses seen cards: decks are fetched ahead.
    """
    cards = read_rows(lake, "impressions", since, until)
    answers = _answers(lake, since, until and until + _ANSWER_DAYS)
    keys = ["viewer", "deck_id", "candidate"]
    joined = cards.join(answers, keys, join_type="left outer").select(
        [*cards.schema.names, "action"]
    )
    joined = joined.sort_by(
        [
            ("served_at", "ascending"),
            ("viewer", "ascending"),
            ("deck_id", "ascending"),
            ("position", "ascending"),
        ]
    )
    return joined.append_column("seen", pa.array(_seen(joined)))


def _answers(lake: str | Path, since: datetime | None, until: datetime | None) -> pa.Table:
    """One row a card that was swiped: viewer, deck_id, candidate, action."""
    rows = read_swipes(lake, since, until, ["swiper", "deck_id", "swiped", "action", "swiped_at"])
    rows = rows.filter(pc.is_valid(rows["deck_id"])).sort_by("swiped_at")
    rows = rows.select(["swiper", "deck_id", "swiped", "action"])
    last = rows.rename_columns(["viewer", "deck_id", "candidate", "action"])
    return (
        last.group_by(["viewer", "deck_id", "candidate"], use_threads=False)
        .aggregate([("action", "last")])
        .rename_columns(["viewer", "deck_id", "candidate", "action"])
    )


def _seen(cards: pa.Table) -> npt.NDArray[np.bool_]:
    """Which cards (m,), in order of deck and position, were swiped or stand above one that was."""
    if cards.num_rows == 0:
        return np.zeros(0, np.bool_)
    viewer, position = cards["viewer"].to_numpy(), cards["position"].to_numpy()
    deck = cards["deck_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    served = cards["served_at"].cast(pa.int64()).to_numpy()
    _, which = np.unique(np.stack((viewer, deck, served)), axis=1, return_inverse=True)
    which = which.reshape(-1)
    lowest = np.full(int(which.max()) + 1, -1, np.int64)
    answered = cards["action"].is_valid().to_numpy()
    np.maximum.at(lowest, which[answered], position[answered])
    return np.asarray(position <= lowest[which], np.bool_)


def training_set(lake: str | Path, window: TrainingWindow) -> pa.Table:
    """Standing swipes of a release's `training_window` in order of time, the last of each pair.

    viewer, candidate int64; swiped_at; liked bool; deck_id, position, propensity, policy, release
    as logged; `viewer_` and `candidate_` with each of COUNTS, int64, as of the midnight (UTC) of
    the swipe; and CORE_NAMES float32, what the ranker saw when it served the card, null where it
    was not served by one (imports, the fallback).
    """
    rows = read_swipes(lake, until=window.end, columns=[*_SWIPE, *_SHOWN])
    rows = rows.sort_by(
        [("swiped_at", "ascending"), ("swiper", "ascending"), ("swiped", "ascending")]
    )
    # An answer that was given again was one answer until then.
    last = _last_of_pairs(rows)
    counts = {name: values[last] for name, values in _counts_before(rows).items()}
    rows = rows.take(last)
    at = rows["swiped_at"].cast(pa.int64()).to_numpy()
    within = pa.array(at >= int(window.start.timestamp() * 1000))
    action = rows["action"].to_numpy()
    columns = {
        "viewer": rows["swiper"],
        "candidate": rows["swiped"],
        "swiped_at": rows["swiped_at"],
        "liked": pa.array((action == LIKE) | (action == SUPERLIKE)),
        **{name: rows[name] for name in _SHOWN},
        **{name: pa.array(values) for name, values in counts.items()},
    }
    swiped = pa.table(columns).filter(within)
    logged = _logged(lake, window.start - _ANSWER_DAYS, window.end)
    keys = ["viewer", "deck_id", "candidate"]
    names = [*swiped.schema.names, *CORE_NAMES]
    return (
        swiped.join(logged, keys, join_type="left outer")
        .select(names)
        .sort_by([("swiped_at", "ascending"), ("viewer", "ascending"), ("candidate", "ascending")])
    )


def _last_of_pairs(rows: pa.Table) -> Ints:
    """Of swipes in order of time, ascending: the last one on each person."""
    pairs = np.stack((rows["swiper"].to_numpy(), rows["swiped"].to_numpy()), axis=1)[::-1]
    _, first = np.unique(pairs, axis=0, return_index=True)
    return np.sort(len(pairs) - 1 - first).astype(np.int64)


def _counts_before(rows: pa.Table) -> dict[str, Ints]:
    """Counts (m,) of both sides of swipes in order of time, of the days before each one's."""
    swiper, swiped = rows["swiper"].to_numpy(), rows["swiped"].to_numpy()
    people, place = np.unique(np.concatenate((swiper, swiped)), return_inverse=True)
    viewer, candidate = np.split(place, 2)
    action = rows["action"].to_numpy()
    liked = ((action == LIKE) | (action == SUPERLIKE)).astype(np.int64)
    day = rows["swiped_at"].cast(pa.int64()).to_numpy() // _DAY_MS
    counts = np.zeros((len(people), len(COUNTS)), np.int64)
    found = {
        f"{side}_{name}": np.zeros(len(day), np.int64)
        for side in ("viewer", "candidate")
        for name in COUNTS
    }
    for of_day in np.split(np.arange(len(day)), np.flatnonzero(np.diff(day)) + 1):
        u, v, yes = viewer[of_day], candidate[of_day], liked[of_day]
        for i, name in enumerate(COUNTS):
            found[f"viewer_{name}"][of_day] = counts[u, i]
            found[f"candidate_{name}"][of_day] = counts[v, i]
        for i, (who, what) in enumerate(((u, yes), (u, None), (v, yes), (v, None))):
            np.add.at(counts[:, i], who, 1 if what is None else what)
    return found


def _logged(lake: str | Path, since: datetime, until: datetime) -> pa.Table:
    """One row a card that a ranker served: viewer, deck_id, candidate, and CORE_NAMES."""
    wanted = ["viewer", "deck_id", "cards", "feature_names", "features"]
    parts: dict[str, list[npt.NDArray[np.generic]]] = {"viewer": [], "candidate": [], "core": []}
    deck_ids: list[str] = []
    for deck in read_rows(lake, "decks", since, until, wanted).to_pylist():
        cards, names = deck["cards"], tuple(deck["feature_names"])
        # Decks of the fallback have no features, and those of another ranker may have others.
        if names != CORE_NAMES or not cards:
            continue
        parts["core"].append(np.frombuffer(deck["features"], "<f4").reshape(-1, CORE)[: len(cards)])
        parts["candidate"].append(np.asarray(cards, np.int64))
        parts["viewer"].append(np.full(len(cards), deck["viewer"], np.int64))
        deck_ids += [deck["deck_id"]] * len(cards)
    core = np.concatenate([np.zeros((0, CORE), np.float32), *parts["core"]])
    ids = {
        name: np.concatenate([np.zeros(0, np.int64), *parts[name]])
        for name in ("viewer", "candidate")
    }
    table = pa.table(
        {
            "viewer": pa.array(ids["viewer"]),
            "deck_id": pa.array(deck_ids, pa.string()),
            "candidate": pa.array(ids["candidate"]),
            **{name: pa.array(core[:, i].astype(np.float32)) for i, name in enumerate(CORE_NAMES)},
        }
    )
    # The same deck may have been logged twice: one row a card, or a join would double swipes.
    keys = ["viewer", "deck_id", "candidate"]
    once = table.group_by(keys, use_threads=False).aggregate([(n, "first") for n in CORE_NAMES])
    return once.rename_columns([*keys, *CORE_NAMES])
