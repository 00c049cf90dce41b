"""Changes from the bus reach the overlay, and no record keeps those behind it away."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np

from contracts import events_pb2 as events
from contracts.topics import ALL, PROFILE_CHANGED, person_key
from features.release import Release
from gravity.bus import Message, Producer, create_topics
from gravity.settings import Settings
from serving.changes import follow, positions_of
from serving.overlay import Overlay
from tests.serving.worlds import TODAY, world, write_world


def profile(person: int, **changes: object) -> Message:
    """Somebody at a place; `changes` over fields of the event."""
    event = events.ProfileChanged(
        event_id=f"of {person}",
        person=person,
        version=1,
        birth_day=TODAY - 31 * 365,
        gender=events.GENDER_WOMAN,
        preferences=events.Preferences(
            seeks=[events.GENDER_MAN], age_min=18, age_max=99, max_distance_km=50.0
        ),
        location=events.Location(latitude=37.0, longitude=-122.0),
        visibility=events.VISIBILITY_VISIBLE,
    )
    event.MergeFrom(events.ProfileChanged(**changes))  # type: ignore[arg-type]
    return Message(PROFILE_CHANGED.name, person_key(person), event.SerializeToString())


async def test_records_that_make_no_sense_do_not_keep_the_later_ones_away(
    settings: Settings, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    strange = [
        profile(901, gender=200),
        profile(902, preferences=events.Preferences(seeks=[77])),  # type: ignore[list-item]
        profile(903, preferences=events.Preferences(seeks=[-1])),  # type: ignore[list-item]
        profile(904, location=events.Location(latitude=400.0)),
        Message(PROFILE_CHANGED.name, person_key(905), b"\xff\xff"),
    ]
    producer = Producer.open(settings.bus_url)
    try:
        await producer.append_many([*strange, profile(906)])
    finally:
        await producer.close()
    assert await followed(settings, overlay, lambda: TODAY) == [906]


async def test_an_error_of_any_kind_is_no_end_of_following(
    settings: Settings, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    producer = Producer.open(settings.bus_url)
    try:
        await producer.append_many([profile(906)])
    finally:
        await producer.close()
    days = iter([None, *[TODAY] * 100])

    def today() -> int:
        """The first time it fails."""
        day = next(days)
        if day is None:
            raise RuntimeError("no clock")
        return day

    assert await followed(settings, overlay, today) == [906]


async def followed(settings: Settings, overlay: Overlay, today: Callable[[], int]) -> list[int]:
    """Who is visible in the overlay once there is somebody."""
    start = positions_of({}, settings.bus_url)
    following = asyncio.create_task(
        follow(overlay, settings.bus_url, start, today, asyncio.Event())
    )
    try:
        async with asyncio.timeout(20):
            while not visible(overlay):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not following.done()
        return visible(overlay)
    finally:
        following.cancel()
        await asyncio.wait([following])


def visible(overlay: Overlay) -> list[int]:
    now = overlay.current().candidates
    ids: list[int] = now.person_id[now.visible].tolist()
    return ids


def opened(folder: Path) -> Release:
    rng = np.random.default_rng(5)
    return write_world(folder / "1", world(rng, 5), rng)
