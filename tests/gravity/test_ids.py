"""Event ids are unique and sort by time."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gravity.ids import new_event_id

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(moment=MOMENTS, entropy=st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_7_of_its_millisecond(moment: datetime, entropy: bytes) -> None:
    made = uuid.UUID(new_event_id(moment, lambda _: entropy))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(moment.timestamp() * 1000)


@given(moment=MOMENTS)
def test_a_later_id_sorts_after_an_earlier_one(moment: datetime) -> None:
    assert new_event_id(moment) < new_event_id(moment + timedelta(milliseconds=2))


def test_ids_of_one_moment_differ() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert len({new_event_id(now) for _ in range(1000)}) == 1000
