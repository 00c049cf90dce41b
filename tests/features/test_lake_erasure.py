"""Nothing in the lake names a person who was erased, and nobody else misses a row."""

import os
import shutil
import struct
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contracts import events_pb2 as events
from contracts.topics import IMPRESSIONS, PERSON_ERASED, PROFILE_CHANGED, SWIPE_RECORDED, Topic
from features import lake_writer
from features.behaviour_rows import behaviour_of
from features.lake import (
    append_rows,
    part_of_import,
    read_rows,
    read_swipe_events,
    read_swipes,
)
from features.lake_erased import add_erased, erased_files, erased_people
from features.lake_eraser import erase_people
from features.lake_erasure import NOBODY
from features.lake_files import place_of, write_parquet
from gravity.bus import Record
from tests.features.file_changes import before_change, killed_before
from tests.features.swipe_worlds import table_of, world_of

AT = 1_770_000_000_000
GONE, ANN, BOB, EVE = 987_654_321_987, 2, 3, 4
LATER = 2e9


def swipe(swiper: int, swiped: int, offset: int, taken_back: bool = False) -> events.SwipeRecorded:
    at = AT + 1000 * ((swiper + swiped) % 1000)
    return events.SwipeRecorded(
        event_id=f"e{offset}", occurred_at_ms=at + 5 if taken_back else at,
        swiper=swiper, swiped=swiped, action=events.ACTION_LIKE,
        impression=events.Impression(deck_id=f"d{swiper}", position=1, policy="ranker"),
        source=events.Source(partition=0, offset=offset),
        taken_back=taken_back, swiped_ms=at if taken_back else 0,
    )  # fmt: skip


def deck(viewer: int, cards: list[int], retrieved: list[int]) -> events.DeckServed:
    return events.DeckServed(
        deck_id=f"d{viewer}", viewer=viewer, occurred_at_ms=AT, policy="ranker",
        cards=[events.ServedCard(candidate=c, position=n) for n, c in enumerate(cards)][::-1],
        retrieved=retrieved, scores=struct.pack(f"<{len(retrieved)}e", *range(len(retrieved))),
        feature_names=["a", "b"],
        features=struct.pack(f"<{2 * len(cards)}f", *range(2 * len(cards))),
    )  # fmt: skip


def profile(person: int) -> events.ProfileChanged:
    return events.ProfileChanged(person=person, version=1, occurred_at_ms=AT, name=f"P{person}")


Message = events.SwipeRecorded | events.DeckServed | events.ProfileChanged | events.PersonErased
SWIPES = [swipe(ANN, GONE, 0), swipe(GONE, BOB, 1), swipe(ANN, BOB, 2), swipe(BOB, EVE, 3)]
TAKEN_BACK = [swipe(ANN, GONE, 4, taken_back=True), swipe(GONE, BOB, 5, taken_back=True)]
DECKS = [
    deck(ANN, [BOB, GONE, EVE], [GONE, EVE, BOB]),
    deck(GONE, [ANN], [ANN]),
    deck(BOB, [EVE], [EVE]),
]


def write(root: Path, topic: Topic, messages: list[Any], first: int = 0) -> None:
    """As the consumer of the topic writes a batch."""
    records = [
        Record(topic.name, 0, first + n, b"", message.SerializeToString())
        for n, message in enumerate(messages)
    ]
    lake_writer.write(str(root), lake_writer.TABLES[topic], records)


def market(root: Path) -> None:
    write(root, SWIPE_RECORDED, SWIPES)
    write(root, IMPRESSIONS, DECKS)
    write(root, PROFILE_CHANGED, [profile(GONE), profile(ANN)])
    imported = table_of(world_of([(1, 2, 1, 9), (2, 3, 1, 9)]).events).set_column(
        1, "swiper", pa.array([GONE, EVE])
    )
    append_rows(root, "swipes", imported, part_of_import("f00d", 0))


def traces(root: Path) -> list[str]:
    """Files, those without a manifest too, that name the person anywhere."""
    files = [path for path in root.rglob("*.parquet") if path.parent.name != "_erased"]
    return [
        str(path)
        for path in files
        if str(GONE) in str(pq.read_table(path, partitioning=None).to_pylist())
    ]


def others(root: Path) -> dict[str, list[Any]]:
    """All that is in the lake of others; of cut decks what must be left."""
    swipes = read_swipes(root, columns=["swiper", "swiped"]).to_pylist()
    cards = read_rows(root, "impressions").to_pylist()
    decks = read_rows(root, "decks").to_pylist()
    profiles = read_rows(root, "profiles", columns=["person"])["person"].to_pylist()
    return {
        "swipes": sorted(
            (s["swiper"], s["swiped"]) for s in swipes if {GONE, NOBODY}.isdisjoint(s.values())
        ),
        "cards": sorted((c["viewer"], c["candidate"]) for c in cards if GONE not in c.values()),
        "decks": sorted(d["viewer"] for d in decks if d["viewer"] != GONE),
        "profiles": sorted(person for person in profiles if person != GONE),
    }


OTHERS: dict[str, list[Any]] = {
    "swipes": [(ANN, BOB), (BOB, EVE), (EVE, 3)],
    "cards": [(ANN, BOB), (ANN, EVE), (BOB, EVE)],
    "decks": [ANN, BOB],
    "profiles": [ANN],
}


def test_no_file_names_a_person_who_was_erased(tmp_path: Path) -> None:
    market(tmp_path)
    # What a crash left without a manifest.
    next((tmp_path / "swipes" / "_manifest").glob("swipe*")).unlink()
    assert len(traces(tmp_path)) == 5
    assert erase_people(tmp_path, [GONE], LATER) == 5
    assert traces(tmp_path) == []
    assert erase_people(tmp_path, [GONE], LATER) == 0


def test_others_keep_everything_of_their_own(tmp_path: Path) -> None:
    market(tmp_path)
    assert others(tmp_path) == OTHERS
    erase_people(tmp_path, [GONE, 55], LATER)
    assert others(tmp_path) == OTHERS


def test_a_deck_loses_the_person_with_score_and_features(tmp_path: Path) -> None:
    market(tmp_path)
    erase_people(tmp_path, [GONE], LATER)
    (cut,) = [d for d in read_rows(tmp_path, "decks").to_pylist() if d["viewer"] == ANN]
    assert (cut["retrieved"], struct.unpack("<2e", cut["scores"])) == ([EVE, BOB], (1, 2))
    assert (cut["cards"], struct.unpack("<4f", cut["features"])) == ([BOB, EVE], (0, 1, 4, 5))


def test_a_deck_of_before_its_cards_were_noted_loses_all_features(tmp_path: Path) -> None:
    write(tmp_path, IMPRESSIONS, DECKS[:1])
    (file,) = (tmp_path / "decks").rglob("*.parquet")
    pq.write_table(pq.read_table(file, partitioning=None).drop_columns(["cards"]), file)
    erase_people(tmp_path, [GONE], LATER)
    (cut,) = read_rows(tmp_path, "decks").to_pylist()
    assert (cut["retrieved"], cut["cards"], cut["features"]) == ([EVE, BOB], [], b"")


def test_swipes_on_nobody_count_until_they_are_taken_back(tmp_path: Path) -> None:
    market(tmp_path)
    before = behaviour_of(read_swipe_events(tmp_path))
    erase_people(tmp_path, [GONE], LATER)
    during = behaviour_of(read_swipe_events(tmp_path))
    assert GONE in before.person_id
    assert NOBODY not in during.person_id
    stays = before.person_id != GONE
    for old, new in zip(before.columns, during.columns, strict=True):
        np.testing.assert_array_equal(old[stays], new)

    write(tmp_path, SWIPE_RECORDED, TAKEN_BACK, first=len(SWIPES))
    assert traces(tmp_path) == []
    after = behaviour_of(read_swipe_events(tmp_path))
    given = dict(zip(after.person_id.tolist(), after.columns[1].tolist(), strict=True))
    assert given[ANN] == 1
    # The imported one, which nobody took back here, still counts for whom it was.
    assert np.sort(read_swipes(tmp_path)["swiped"].to_numpy()).tolist() == [ANN, BOB, BOB, EVE]


def test_nobody_has_a_deck_that_leads_back(tmp_path: Path) -> None:
    market(tmp_path)
    erase_people(tmp_path, [GONE], LATER)
    rows = read_swipe_events(tmp_path).to_pylist()
    touched = [row for row in rows if NOBODY in (row["swiper"], row["swiped"])]
    assert len(touched) == 3
    assert {row["deck_id"] for row in touched} == {None}


def test_what_comes_late_does_not_bring_the_person_back(tmp_path: Path) -> None:
    erase_people(tmp_path, [GONE], LATER)
    market(tmp_path)
    assert traces(tmp_path) == []
    assert others(tmp_path) == OTHERS


def test_what_is_half_cleaned_counts_as_if_it_were_done(tmp_path: Path) -> None:
    """The list stands and a late event is written while the file of the swipe is still old."""
    write(tmp_path, SWIPE_RECORDED, SWIPES)
    add_erased(place_of(tmp_path), [GONE])
    write(tmp_path, SWIPE_RECORDED, TAKEN_BACK, first=len(SWIPES))
    assert len(traces(tmp_path)) == 1
    found = read_swipes(tmp_path, columns=["swiper", "swiped"]).to_pylist()
    assert sorted((s["swiper"], s["swiped"]) for s in found) == [(ANN, BOB), (BOB, EVE)]


def test_an_erasure_at_any_moment_of_a_write_leaves_nobody(tmp_path: Path) -> None:
    """The writer is held before each change of a file while the whole erasure happens."""
    for nth in count(1):
        root = tmp_path / str(nth)
        with before_change(nth, root, partial(erase_people, root, [GONE], 0)) as changes:
            write(root, SWIPE_RECORDED, SWIPES)
            write(root, IMPRESSIONS, DECKS)
        if not changes.acted:
            break
        assert traces(root) == []
        assert {name: others(root)[name] for name in ("cards", "decks")} == {
            name: OTHERS[name] for name in ("cards", "decks")
        }
    assert nth > 10


def test_a_write_at_any_moment_of_an_erasure_leaves_nobody(tmp_path: Path) -> None:
    for nth in count(1):
        root = tmp_path / str(nth)
        market(root)
        late = [swipe(GONE, EVE, 90), swipe(EVE, ANN, 91)]
        with before_change(
            nth, root, partial(write, root, SWIPE_RECORDED, late, first=90)
        ) as changes:
            erase_people(root, [GONE], 0)
        if not changes.acted:
            break
        # The list came first, or the part did: it was found.
        assert traces(root) == []
        assert others(root) == OTHERS | {"swipes": sorted([*OTHERS["swipes"], (EVE, ANN)])}
    assert nth > 10


def test_readers_at_any_moment_of_an_erasure_miss_nobody_else(tmp_path: Path) -> None:
    seen: list[dict[str, list[Any]]] = []

    def look(root: Path) -> None:
        seen.append(others(root))

    for nth in count(1):
        root = tmp_path / str(nth)
        market(root)
        with before_change(nth, root, partial(look, root)) as changes:
            erase_people(root, [GONE], 0)
        if not changes.acted:
            break
    assert seen == [OTHERS] * (nth - 1)


def test_killed_at_any_change_of_a_file_it_is_whole_and_finishes_next_time(tmp_path: Path) -> None:
    market(tmp_path / "lake")
    for nth in count(1):
        root = tmp_path / f"killed-{nth}"
        shutil.copytree(tmp_path / "lake", root)
        was_killed = killed_before(nth, root, erase_people, root, [GONE], LATER)
        # Whatever was reached: nobody else lacks a row, and none is there twice.
        assert others(root) == OTHERS
        erase_people(root, [GONE], LATER)
        assert (traces(root), others(root)) == ([], OTHERS)
        if not was_killed:
            break
    assert nth > 10


def test_what_a_crash_left_half_written_is_deleted_once_it_is_old(tmp_path: Path) -> None:
    market(tmp_path)
    (folder,) = (tmp_path / "profiles",)
    old, fresh = folder / ".part.parquet.a1b2", folder / ".part.parquet.c3d4"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (1e9, 1e9))
    os.utime(fresh, (LATER, LATER))
    erase_people(tmp_path, [GONE], LATER)
    assert [path.exists() for path in (old, fresh)] == [False, True]


def test_the_list_is_one_file_and_a_crash_before_that_loses_nobody(tmp_path: Path) -> None:
    lake = place_of(tmp_path)
    for person in (5, 3, 5):
        add_erased(lake, [person])
    assert (len(erased_files(lake)), erased_people(lake).tolist()) == (1, [3, 5])
    # Killed before the older file was deleted, and another one's late work.
    for name, person in (("a", 9), ("b", 7)):
        write_parquet(lake.within("_erased"), f"{name}.parquet", pa.table({"person": [person]}))
    assert erased_people(lake).tolist() == [3, 5, 7, 9]
    assert add_erased(lake, [4]).tolist() == [3, 4, 5, 7, 9]
    assert (len(erased_files(lake)), erased_people(lake).tolist()) == (1, [3, 4, 5, 7, 9])


async def test_the_consumer_erases_a_batch_in_one_pass(pool: asyncpg.Pool, tmp_path: Path) -> None:
    market(tmp_path)
    (subscription,) = [
        s for s in lake_writer.subscriptions(str(tmp_path)) if s.topics == (PERSON_ERASED,)
    ]
    assert subscription.name == "lake.person.erased"
    records = [
        Record(PERSON_ERASED.name, 0, n, b"", events.PersonErased(person=p).SerializeToString())
        for n, p in enumerate([GONE, EVE, GONE])
    ]
    async with pool.acquire() as conn:
        await subscription.handle(conn, records)
    assert traces(tmp_path) == []
    assert read_rows(tmp_path, "impressions")["candidate"].to_pylist() == [BOB]
