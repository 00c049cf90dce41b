"""Photos that changed while a release was learned are in its view when it is served."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED
from features import lake_writer, reader
from features.photo_stream import LivePhotos
from features.release_photos import ReleasePhotos
from features.views import photos
from features.whereabouts import features_of
from features.writer import write_photos
from flows.photo_replay import replay_photos
from gravity.bus import Record
from gravity.kernel import Kernel
from tests.features.photo_networks import mean_colour

SNAPSHOT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SNAPSHOT_MS = int(SNAPSHOT.timestamp() * 1000)
MINUTE = 60_000
NETWORK = np.frombuffer(mean_colour(), np.uint8)
AXES, MEAN = np.eye(3, 2, dtype=np.float32), np.zeros((3, 2), np.float32)
LIVE = LivePhotos(ReleasePhotos("1", NETWORK, AXES, MEAN), SNAPSHOT_MS)
STAYED, CHANGED, NEW, GONE, MOVED = range(1, 6)


def profile(person: int, version: int, minutes: int, *names: str) -> events.ProfileChanged:
    return events.ProfileChanged(
        person=person, version=version, occurred_at_ms=SNAPSHOT_MS + minutes * MINUTE,
        gender=events.GENDER_MAN, photos=[events.Photo(url=f"/photos/{name}") for name in names],
    )  # fmt: skip


LONG_AGO, BETWEEN = -600, 5
PROFILES = [
    profile(STAYED, 1, LONG_AGO, "red"),
    profile(CHANGED, 1, LONG_AGO, "red"),
    profile(GONE, 1, LONG_AGO, "red"),
    profile(MOVED, 1, LONG_AGO, "red"),
    profile(CHANGED, 2, BETWEEN, "red", "green"),
    profile(CHANGED, 3, BETWEEN, "green"),
    profile(NEW, 1, BETWEEN, "green", "none"),
    profile(GONE, 2, BETWEEN),
    profile(MOVED, 2, BETWEEN, "red"),
]


async def test_what_changed_since_the_snapshot_is_written_again(kernel: Kernel) -> None:
    folder = Path(kernel.settings.media) / "photos"
    folder.mkdir(parents=True)
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        out = BytesIO()
        Image.new("RGB", (70, 70), colour).save(out, "PNG")
        (folder / name).write_bytes(out.getvalue())
    records = [
        Record(PROFILE_CHANGED.name, 0, at, b"", each.SerializeToString())
        for at, each in enumerate(PROFILES)
    ]
    lake_writer.write(kernel.settings.lake, lake_writer.TABLES[PROFILE_CHANGED], records)
    everybody = np.array([STAYED, CHANGED, NEW, GONE, MOVED], np.int64)
    store, place = features_of(kernel), np.full((5, 2), 7, np.float32)
    await write_photos(store, "3", everybody, place, place, SNAPSHOT_MS)
    # Twice: a rerun after a crash begins with the materialisation.
    for _ in range(2):
        await write_photos(store, "3", everybody, place, place, SNAPSHOT_MS)
        assert await replay_photos(kernel, "3", LIVE) == 3
        rows = (await reader.read(store, [photos("3")], everybody))["photos_3"]
        found = np.asarray(rows.columns["embedding"]).tolist()
        assert found == [[7, 7], [0, 1], [0, 1], [0, 0], [7, 7]]
    assert timedelta(milliseconds=int(rows.event_ms[1]) - SNAPSHOT_MS) == timedelta(minutes=BETWEEN)


async def test_a_lake_without_changes_has_nothing_to_replay(kernel: Kernel) -> None:
    assert await replay_photos(kernel, "3", LIVE) == 0
