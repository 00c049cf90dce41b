"""The lake shows whole parts, each row once, and the latest version of each person."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from features.lake import (
    PROFILES,
    SWIPES,
    append_rows,
    part_of_import,
    part_of_stream,
    read_profiles,
    read_rows,
    read_swipes,
)

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)


def swipes(*rows: tuple[str, datetime]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "event_id": event_id,
                "swiper": 1,
                "swiped": 2,
                "action": 1,
                "swiped_at": at,
                "simulated": True,
                "taken_back": False,
            }
            for event_id, at in rows
        ],
        schema=SWIPES,
    )


def profile(person: int, version: int, name: str) -> dict[str, object]:
    return {
        "person": person,
        "version": version,
        "changed_at": MIDNIGHT + timedelta(seconds=version),
        "name": name,
        "birth_day": 5000,
        "gender": 2,
        "seeks": [1],
        "age_min": 18,
        "age_max": 40,
        "max_distance_km": 50.0,
        "latitude": 37.7,
        "longitude": -122.4,
        "visibility": 1,
        "attributes": "{}",
        "simulated": True,
    }


def ids(table: pa.Table) -> list[str]:
    return sorted(map(str, table.column("event_id").to_pylist()))


def test_an_absent_lake_reads_as_empty_tables(tmp_path: Path) -> None:
    assert read_swipes(tmp_path).schema == SWIPES
    assert read_swipes(tmp_path).num_rows == 0
    assert read_profiles(tmp_path).num_rows == 0


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    rows = swipes(("a", MIDNIGHT), ("b", MIDNIGHT + timedelta(days=1)))
    append_rows(tmp_path, "swipes", rows, part_of_import("f00d", 0))
    assert read_swipes(tmp_path).sort_by("event_id").equals(rows)


def test_a_window_includes_its_start_and_excludes_its_end(tmp_path: Path) -> None:
    rows = swipes(
        ("early", MIDNIGHT - timedelta(milliseconds=1)),
        ("start", MIDNIGHT),
        ("late", MIDNIGHT + timedelta(hours=30)),
    )
    append_rows(tmp_path, "swipes", rows, part_of_import("f00d", 0))
    assert ids(read_swipes(tmp_path, since=MIDNIGHT)) == ["late", "start"]
    until = MIDNIGHT + timedelta(hours=30)
    assert ids(read_swipes(tmp_path, MIDNIGHT, until, ["event_id"])) == ["start"]


def test_a_part_written_again_replaces_itself(tmp_path: Path) -> None:
    for _ in range(2):
        append_rows(tmp_path, "swipes", swipes(("a", MIDNIGHT)), part_of_import("f00d", 0))
    assert ids(read_swipes(tmp_path)) == ["a"]


def test_a_redelivered_batch_with_other_bounds_counts_once(tmp_path: Path) -> None:
    first, second = ("a", MIDNIGHT), ("b", MIDNIGHT + timedelta(seconds=1))
    append_rows(tmp_path, "swipes", swipes(first), part_of_stream("swipe.recorded", 0, 0, 0))
    both = swipes(first, second)
    append_rows(tmp_path, "swipes", both, part_of_stream("swipe.recorded", 0, 0, 1))
    assert ids(read_swipes(tmp_path, columns=["event_id"])) == ["a", "b"]
    assert read_swipes(tmp_path, columns=["swiper"]).num_rows == 2


def test_files_without_a_manifest_are_not_there(tmp_path: Path) -> None:
    part = part_of_stream("swipe.recorded", 0, 0, 0)
    append_rows(tmp_path, "swipes", swipes(("a", MIDNIGHT)), part)
    (tmp_path / "swipes" / "_manifest" / f"{part}.json").unlink()
    assert read_swipes(tmp_path).num_rows == 0


def test_profiles_are_the_latest_version_of_each_person(tmp_path: Path) -> None:
    old = [profile(2, 1, "Ana"), profile(1, 1, "Bo")]
    append_rows(
        tmp_path, "profiles", pa.Table.from_pylist(old, PROFILES), part_of_import("f00d", 0)
    )
    new = pa.Table.from_pylist([profile(2, 3, "Anna"), profile(2, 2, "An")], PROFILES)
    append_rows(tmp_path, "profiles", new, part_of_stream("profile.changed", 0, 0, 1))
    assert read_profiles(tmp_path).column("name").to_pylist() == ["Bo", "Anna"]
    before = MIDNIGHT + timedelta(seconds=2)
    assert read_profiles(tmp_path, until=before).column("name").to_pylist() == ["Bo", "Ana"]


def test_an_unknown_table_or_a_wrong_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        read_rows(tmp_path, "likes")
    with pytest.raises((KeyError, pa.ArrowInvalid)):
        append_rows(tmp_path, "swipes", pa.table({"event_id": ["a"]}), "import-x-0")
    assert read_swipes(tmp_path).num_rows == 0
