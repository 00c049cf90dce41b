"""The lake in a bucket of the S3 server that the stack runs."""

from datetime import timedelta

import pytest

from features.lake import append_rows, part_of_import, part_of_stream, read_swipes
from features.lake_erased import erased_people
from features.lake_eraser import erase_people
from features.lake_files import place_of
from gravity.stack.probe import wait_until_ready
from gravity.stack.servers import s3
from tests.features.test_lake import MIDNIGHT, ids, swipes
from tests.infrastructure import Infra

BUCKET = "test-lake"
TOMORROW = MIDNIGHT + timedelta(days=1)


@pytest.fixture
def root(infra: Infra, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty lake of the test's own, as GRAVITY_LAKE_URL names one; AWS's variables the keys."""
    infra.wait(s3.NAME)
    assert wait_until_ready(s3.check(infra.place, BUCKET), lambda: False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", infra.s3_access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", infra.s3_secret_key)
    place = f"{BUCKET}/{request.node.name}"
    return f"s3://{place}?region=us-east-1&endpoint_override={infra.s3_url}"


def test_an_absent_lake_reads_as_empty(root: str) -> None:
    assert read_swipes(root).num_rows == 0


def test_rows_come_back_as_written_by_day(root: str) -> None:
    rows = swipes(("a", MIDNIGHT), ("b", TOMORROW))
    append_rows(root, "swipes", rows, part_of_import("f00d", 0))
    assert read_swipes(root).sort_by("event_id").equals(rows)
    assert ids(read_swipes(root, since=TOMORROW)) == ["b"]


def test_a_part_written_again_replaces_itself(root: str) -> None:
    part = part_of_import("f00d", 0)
    append_rows(root, "swipes", swipes(("a", MIDNIGHT)), part)
    append_rows(root, "swipes", swipes(("b", MIDNIGHT)), part)
    assert ids(read_swipes(root)) == ["b"]


def test_a_redelivered_batch_with_other_bounds_counts_once(root: str) -> None:
    append_rows(root, "swipes", swipes(("a", MIDNIGHT)), part_of_stream("t", 0, 0, 0))
    twice = swipes(("a", MIDNIGHT), ("b", MIDNIGHT))
    append_rows(root, "swipes", twice, part_of_stream("t", 0, 0, 1))
    assert ids(read_swipes(root)) == ["a", "b"]


def test_people_are_erased(root: str) -> None:
    append_rows(root, "swipes", swipes(("a", MIDNIGHT)), part_of_import("f00d", 0))
    assert [erase_people(root, [2], 0), erase_people(root, [2, 9], 0)] == [1, 0]
    append_rows(root, "swipes", swipes(("b", MIDNIGHT)), part_of_import("f00d", 1))
    assert read_swipes(root)["swiped"].to_pylist() == [0, 0]
    assert erased_people(place_of(root)).tolist() == [2, 9]
