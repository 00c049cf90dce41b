"""The lake shows whole parts, each row once, and the latest version of each person."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.lake import (
    PROFILES,
    SWIPES,
    append_rows,
    part_of_import,
    part_of_stream,
    read_profiles,
    read_rows,
    read_swipe_events,
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
        "photos": [],
        "exposure": 1.0,
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


def events(*rows: tuple[int, int, datetime, bool]) -> pa.Table:
    """Swipes of one on another at a time, and whether the row takes it back."""
    made = swipes(*((f"{n}", at) for n, (_, _, at, _) in enumerate(rows)))
    for name, column in (("swiper", 0), ("swiped", 1), ("taken_back", 3)):
        place = SWIPES.get_field_index(name)
        cells = pa.array([row[column] for row in rows], SWIPES.field(name).type)
        made = made.set_column(place, SWIPES.field(name), cells)
    return made


def pairs(rows: pa.Table) -> list[tuple[object, ...]]:
    return sorted(zip(*(rows[name].to_pylist() for name in ("swiper", "swiped")), strict=True))


def test_what_was_taken_back_does_not_stand(tmp_path: Path) -> None:
    second = MIDNIGHT + timedelta(seconds=1)
    made = events((1, 2, MIDNIGHT, False), (1, 3, MIDNIGHT, False), (2, 1, MIDNIGHT, False))
    append_rows(tmp_path, "swipes", made, part_of_import("f00d", 0))
    # One imported, one streamed, in the same batch as its end; the pair of another time stands.
    later = events((4, 2, second, False), (4, 2, second, True), (1, 2, MIDNIGHT, True),
                   (1, 2, second, False))  # fmt: skip
    append_rows(tmp_path, "swipes", later, part_of_stream("swipe.recorded", 0, 0, 3))
    assert pairs(read_swipes(tmp_path)) == [(1, 2), (1, 3), (2, 1)]
    assert read_swipes(tmp_path, columns=["action"]).schema.names == ["action"]
    assert read_swipes(tmp_path).schema == SWIPES
    # Both rows are on one side of any window.
    assert pairs(read_swipes(tmp_path, until=second)) == [(1, 3), (2, 1)]
    assert pairs(read_swipes(tmp_path, since=second)) == [(1, 2)]
    assert read_swipe_events(tmp_path).num_rows == 7


def test_profiles_of_before_they_had_photos_have_none_and_are_replaced(tmp_path: Path) -> None:
    photo = {"url": "/photos/x.png", "blurhash": "", "width": 3, "height": 4}
    rows = pa.Table.from_pylist([profile(1, 1, "Ann"), profile(2, 1, "Bo")], PROFILES)
    append_rows(tmp_path, "profiles", rows, part_of_import("f00d", 0))
    (file,) = tmp_path.rglob("*.parquet")
    pq.write_table(rows.drop_columns(["photos"]), file)
    assert read_profiles(tmp_path).equals(rows)
    newer = pa.Table.from_pylist([profile(2, 2, "Bo") | {"photos": [photo, photo]}], PROFILES)
    append_rows(tmp_path, "profiles", newer, part_of_import("f00d", 1))
    found = read_profiles(tmp_path)
    assert found.schema == PROFILES
    assert found["photos"].to_pylist() == [[], [photo, photo]]
    only = read_rows(tmp_path, "profiles", columns=["photos"])
    assert only["photos"].to_pylist() == [[], [], [photo, photo]]


def test_profiles_of_before_there_was_a_dial_find_the_usual_exposure_enough(tmp_path: Path) -> None:
    rows = pa.Table.from_pylist([profile(1, 1, "Ann"), profile(2, 1, "Bo")], PROFILES)
    append_rows(tmp_path, "profiles", rows, part_of_import("f00d", 0))
    (file,) = tmp_path.rglob("*.parquet")
    pq.write_table(rows.drop_columns(["photos", "exposure"]), file)
    newer = pa.Table.from_pylist([profile(2, 2, "Bo") | {"exposure": 2.0}], PROFILES)
    append_rows(tmp_path, "profiles", newer, part_of_import("f00d", 1))
    found = read_profiles(tmp_path)
    assert found.schema == PROFILES
    assert found["exposure"].to_pylist() == [1.0, 2.0]


def test_files_of_before_a_column_was_read_as_if_it_said_no(tmp_path: Path) -> None:
    rows = swipes(("a", MIDNIGHT), ("b", MIDNIGHT))
    append_rows(tmp_path, "swipes", rows, part_of_import("f00d", 0))
    (file,) = tmp_path.rglob("*.parquet")
    pq.write_table(rows.drop_columns(["taken_back"]), file)
    assert read_swipes(tmp_path).sort_by("event_id").equals(rows)
    append_rows(
        tmp_path,
        "swipes",
        events((1, 2, MIDNIGHT, True)),
        part_of_stream("swipe.recorded", 0, 0, 0),
    )
    assert read_swipes(tmp_path).num_rows == 0


def test_parts_that_end_beyond_a_position_are_not_below_it(tmp_path: Path) -> None:
    append_rows(tmp_path, "swipes", swipes(("i", MIDNIGHT)), part_of_import("f00d", 0))
    for partition, first, last in ((0, 0, 4), (0, 5, 9), (0, 3, 7), (1, 0, 0)):
        name = f"{partition}:{first}-{last}"
        part = part_of_stream("swipe.recorded", partition, first, last)
        append_rows(tmp_path, "swipes", swipes((name, MIDNIGHT)), part)
    below = {("swipe.recorded", 0): 5}
    assert ids(read_swipe_events(tmp_path, below=below)) == ["0:0-4", "i"]
    assert ids(read_swipe_events(tmp_path, below={})) == ["i"]


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
