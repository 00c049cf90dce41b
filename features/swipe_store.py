"""The swipe state of many people in Redis: read in one round trip, written by compare-and-set."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from features import online
from features.compare_and_set import Write, compare_and_set
from features.history import unpack
from features.keyed import Store, ask
from features.reader import hmget_commands
from features.release import Release
from features.said import Said, read_said
from features.swipe_state import PARTITIONS, SwipeState
from features.view_writer import HISTORY_FIELD, VERSION_FIELD, offset_field
from features.views import BEHAVIOUR, Kind, factors, photos

_EVERY: Final = range(PARTITIONS)


@dataclass(frozen=True, slots=True)
class Stored:
    """A person's state as it was read, and the version to compare with."""

    person: int
    version: bytes
    state: SwipeState


@dataclass(frozen=True, slots=True)
class Changed:
    """A state to write. `refolds`: whether the tastes follow from it anew."""

    stored: Stored
    state: SwipeState
    refolds: bool


async def read_states(
    store: Store, persons: Sequence[int], partitions: Sequence[int] = _EVERY
) -> list[Stored]:
    """The states of people in their order; an unknown person has the empty one. Source offsets are
    those of `partitions` only."""
    if not persons:
        return []
    first = [VERSION_FIELD, HISTORY_FIELD, *map(offset_field, partitions)]
    fields = [*first, *online.view_fields(BEHAVIOUR)]
    heard = await ask(store, online.entity_keys(persons), partial(hmget_commands, fields=fields))
    replies = cast("list[list[bytes | None]]", heard)
    columns = list(zip(*replies, strict=True))
    counted = [online.decode_varints(column).tolist() for column in columns[len(first) : -1]]
    swiped_ever = [bool(value) for value in columns[-2]]
    times = online.decode_times(columns[-1]).tolist()
    rows = zip(persons, replies, zip(*counted, strict=True), swiped_ever, times, strict=True)
    return [
        Stored(
            person,
            reply[0] or b"",
            _state(
                reply[1],
                _offsets(partitions, reply[2 : len(first)]),
                counts,
                ever=ever,
                event_ms=at,
            ),
        )
        for person, reply, counts, ever, at in rows
    ]


async def write_states(
    store: Store, changes: Sequence[Changed], releases: Mapping[str, Release]
) -> list[bool]:
    """Write states with rates and tastes under each release; whether each was written.

    False: somebody else wrote the person since; read again and decide anew.
    """
    if not changes:
        return []
    fields = [_own_fields(changes)]
    said = await _said(store, changes, releases.values())
    for release_id, release in releases.items():
        fields.append(await asyncio.to_thread(_factor_fields, release_id, release, changes, said))
    keys = online.entity_keys([change.stored.person for change in changes])
    writes = [
        Write(key, change.stored.version, {name: v for part in parts for name, v in part.items()})
        for key, change, *parts in zip(keys, changes, *fields, strict=True)
    ]
    return await compare_and_set(store, writes)


async def _said(
    store: Store, changes: Sequence[Changed], releases: Iterable[Release]
) -> Said | None:
    """Profiles of those whom one of the releases does not know; there are few."""
    persons = np.array([change.stored.person for change in changes], np.int64)
    new = np.zeros(len(persons), bool)
    for release in releases:
        new |= release.rows_of(persons) < 0
    return await read_said(store, persons[new].tolist()) if new.any() else None


def _state(
    history: bytes | None,
    applied: Mapping[int, bytes],
    counts: Sequence[int],
    *,
    ever: bool,
    event_ms: int,
) -> SwipeState:
    likes_given, swipes_given, likes_received, swipes_received, last = counts
    return SwipeState(
        likes_given=likes_given,
        swipes_given=swipes_given,
        likes_received=likes_received,
        swipes_received=swipes_received,
        last_swipe_s=max(last, -1) if ever else -1,
        event_ms=max(event_ms, 0),
        history=history or b"",
        applied=applied,
    )


def _offsets(partitions: Sequence[int], packed: Iterable[bytes | None]) -> dict[int, bytes]:
    return {at: value for at, value in zip(partitions, packed, strict=True) if value}


def _own_fields(changes: Sequence[Changed]) -> list[dict[bytes, bytes]]:
    columns = zip(*(change.state.counts() for change in changes), strict=True)
    encoded = [
        online.encode_column(feature.kind, np.array(column, np.int64))
        for feature, column in zip(BEHAVIOUR.features, columns, strict=True)
    ]
    times = online.encode_times([change.state.event_ms for change in changes])
    names = online.view_fields(BEHAVIOUR)
    rows: list[dict[bytes, bytes]] = []
    for change, *cells in zip(changes, *encoded, times, strict=True):
        row = dict(zip(names, cells, strict=True)) | {HISTORY_FIELD: change.state.history}
        for partition, offsets in change.state.applied.items():
            if offsets != change.stored.state.applied.get(partition):
                row[offset_field(partition)] = offsets
        rows.append(row)
    return rows


def _factor_fields(
    release_id: str, release: Release, changes: Sequence[Changed], said: Said | None
) -> list[dict[bytes, bytes]]:
    """Fields of `factors_<release>`, both rates of everybody, and tastes, that in photos too, of
    whoever swiped."""
    taste_field, given_field, received_field, time = online.view_fields(factors(release_id))
    counts = np.array([change.state.counts()[:4] for change in changes], np.int64)
    rates = release.rates([change.stored.person for change in changes], counts, said)
    cells = (
        online.encode_column(Kind.FLOAT32, rates.given),
        online.encode_column(Kind.FLOAT32, rates.received),
        online.encode_times([change.state.event_ms for change in changes]),
    )
    names = (given_field, received_field, time)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
    refolded = [at for at, change in enumerate(changes) if change.refolds]
    if not refolded:
        return rows
    d, tastes = release.manifest.d, _tastes(release, [changes[i] for i in refolded], said)
    blocks = {taste_field: tastes[:, :d]}
    if release.manifest.e:
        blocks[online.view_fields(photos(release_id))[1]] = tastes[:, d:]
    for field, block in blocks.items():
        for at, value in zip(refolded, _as_lists(block), strict=True):
            rows[at][field] = value
    return rows


def _as_lists(block: npt.NDArray[np.float32]) -> list[bytes]:
    return online.encode_column(Kind.FLOAT32_LIST, np.ascontiguousarray(block))


def _tastes(
    release: Release, changes: Sequence[Changed], said: Said | None
) -> npt.NDArray[np.float32]:
    """Tastes (m, w) of people by their histories."""
    histories = [unpack(change.state.history) for change in changes]
    indptr = np.cumsum([0, *map(len, histories)])
    swipes = np.concatenate(histories)
    return release.fold_in_many(
        [change.stored.person for change in changes],
        indptr,
        np.ascontiguousarray(swipes["candidate"]),
        np.ascontiguousarray(swipes["action"]),
        said,
    )
