"""profile.changed into the `profile` view; a person's highest version wins, however they come."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from features import online
from features.compare_and_set import Write, compare_and_set
from features.keyed import Store, ask
from features.lake_rows import height_cm
from features.reader import hmget_commands
from features.said import ATTRIBUTES_FIELD, packed_attributes
from features.view_writer import PROFILE_VERSION_FIELD, VERSION_FIELD
from features.views import PROFILE


async def apply_profiles(store: Store, changes: Sequence[events.ProfileChanged]) -> None:
    """Write the latest of the changes of each person, unless a later one is stored already."""
    latest: dict[int, events.ProfileChanged] = {}
    for change in changes:
        if change.person not in latest or change.version >= latest[change.person].version:
            latest[change.person] = change
    while latest:
        latest = await _write(store, latest)


async def _write(
    store: Store, latest: Mapping[int, events.ProfileChanged]
) -> dict[int, events.ProfileChanged]:
    """One round of compare-and-set; returns the changes that lost a race."""
    keys = dict(zip(latest, online.entity_keys(list(latest)), strict=True))
    pack = partial(hmget_commands, fields=[VERSION_FIELD, PROFILE_VERSION_FIELD])
    replies = cast("list[list[bytes | None]]", await ask(store, list(keys.values()), pack))
    newer = {
        person: version or b""
        for (person, change), (version, at) in zip(latest.items(), replies, strict=True)
        if change.version > int(at or 0)
    }
    if not newer:
        return {}
    fields = profile_fields([latest[person] for person in newer])
    writes = [
        Write(keys[person], version, row)
        for (person, version), row in zip(newer.items(), fields, strict=True)
    ]
    done = await compare_and_set(store, writes)
    return {p: latest[p] for p, was in zip(newer, done, strict=True) if not was}


def profile_fields(changes: Sequence[events.ProfileChanged]) -> list[dict[bytes, bytes]]:
    """The hash fields of each change: the `profile` view, its version, and the attributes."""
    columns: tuple[npt.ArrayLike | list[str | None], ...] = (
        [change.gender for change in changes],
        [change.birth_day for change in changes],
        [change.attributes.get("body_type") or None for change in changes],
        np.array([height_cm(change) or np.nan for change in changes], np.float32),
        [change.location.latitude for change in changes],
        [change.location.longitude for change in changes],
    )
    cells = [
        online.encode_column(feature.kind, column)
        for feature, column in zip(PROFILE.features, columns, strict=True)
    ]
    times = online.encode_times([change.occurred_at_ms for change in changes])
    versions = [b"%d" % change.version for change in changes]
    attributes = [packed_attributes(change.attributes) for change in changes]
    names = (*online.view_fields(PROFILE), PROFILE_VERSION_FIELD, ATTRIBUTES_FIELD)
    rows = zip(*cells, times, versions, attributes, strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]
