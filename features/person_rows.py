"""Bulk write of people into Redis: their rows, the H3 cells they are in, their profile view."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from redis.asyncio import Redis

from features import online
from features.disk_cells import cells_of
from features.eligibility import person_table
from features.keyed import Store
from features.newest_row import NewRow, set_if_newest
from features.person_row import cell_key, encode_head
from features.photo_texts import photo_texts
from features.said import ATTRIBUTES_FIELD
from features.view_writer import PROFILE_VERSION_FIELD, write_hashes
from features.views import PROFILE
from features.wire import packed, send_all

CELL_RESOLUTION: Final = 6


async def write_person_rows(redis: Redis, store: Store, rows: pa.Table) -> int:
    """Write person rows and cells to `redis`, profile views to `store`, of a table of schema
    PROFILES; returns how many.

    One row a person; where Redis has a newer version of somebody, nothing of them is written. A
    person who moved stays in the former cell too, where the last look at their row leaves them
    out by distance. Raises `CoordinatesInvalid`.
    """
    versions: list[int] = rows["version"].to_numpy().tolist()
    ids: list[int] = rows["person"].to_numpy().tolist()
    values = zip(ids, versions, _heads(rows), _tails(rows), strict=True)
    old = await set_if_newest(redis, [NewRow(i, v, h + t) for i, v, h, t in values])
    rows = rows.filter(pa.array([reply is not None for reply in old], pa.bool_()))
    changed = pc.cast(rows["changed_at"].cast(pa.timestamp("ms", "UTC")), pa.int64()).to_numpy()
    cells = cells_of(rows["latitude"].to_numpy(), rows["longitude"].to_numpy(), CELL_RESOLUTION)
    await send_all(redis, _cell_commands(rows["person"].to_numpy(), cells, changed // 1000))
    return await write_profiles(store, rows)


async def write_profiles(store: Store, rows: pa.Table) -> int:
    """Write the `profile` view from a table of schema PROFILES. Returns the number of rows."""
    height = rows["height_cm"].to_numpy()
    columns: list[npt.ArrayLike | Sequence[str | None]] = [
        rows["gender"].to_numpy(),
        rows["birth_day"].to_numpy(),
        rows["body_type"].to_pylist(),
        np.asarray(height, np.float32),
        rows["latitude"].to_numpy(),
        rows["longitude"].to_numpy(),
    ]
    changed = rows["changed_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    ids = rows["person"].to_numpy()
    versions = [b"%d" % version for version in rows["version"].to_numpy().tolist()]
    cells = [
        *(online.encode_column(f.kind, c) for f, c in zip(PROFILE.features, columns, strict=True)),
        online.encode_times(changed),
        versions,
        [(text or "{}").encode() for text in rows["attributes"].to_pylist()],
    ]
    fields = (*online.view_fields(PROFILE), PROFILE_VERSION_FIELD, ATTRIBUTES_FIELD)
    await write_hashes(store, ids, fields, cells)
    return rows.num_rows


def people_of(rows: pa.Table) -> npt.NDArray[np.void]:
    """A PERSON_DTYPE table (n,) of a table of schema PROFILES. Raises `CoordinatesInvalid`."""
    names = ("birth_day", "gender", "age_min", "age_max", "max_distance_km")
    return person_table(
        rows["person"].to_numpy(),
        rows["latitude"].to_numpy(),
        rows["longitude"].to_numpy(),
        seeks=seeks_masks(rows["seeks"]),
        visible=rows["visibility"].to_numpy() == 1,
        **{name: rows[name].to_numpy() for name in names},
    )


def seeks_masks(
    seeks: "pa.ChunkedArray[Any]",
) -> npt.NDArray[np.uint8]:
    """Masks (n,) of `1 << gender` of a list column (n,)."""
    lists = seeks.combine_chunks()
    genders = pc.list_flatten(lists).to_numpy().astype(np.int64)
    owner = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    masks = np.zeros(len(lists), np.uint8)
    np.bitwise_or.at(masks, owner, (1 << genders).astype(np.uint8))
    return masks


def _heads(rows: pa.Table) -> list[bytes]:
    names = ("latitude", "longitude", "version", "visibility")
    return encode_head(people_of(rows), *(rows[name].to_numpy() for name in names))


def _tails(rows: pa.Table) -> Iterator[bytes]:
    """JSON tails; attributes are stored as JSON already and are spliced in as they are."""
    columns = (rows[name].to_pylist() for name in ("name", "attributes", "simulated"))
    for name, attributes, simulated, photos in zip(
        *columns, photo_texts(rows["photos"]), strict=True
    ):
        shown = json.dumps(name, ensure_ascii=False)
        flag = "true" if simulated else "false"
        yield (
            f'{{"name":{shown},"attributes":{attributes},"photos":{photos},"simulated":{flag}}}'
        ).encode()


def _cell_commands(
    ids: npt.NDArray[np.int64], cells: npt.NDArray[np.uint64], active_s: npt.NDArray[np.int64]
) -> Iterator[bytes]:
    """One ZADD a cell."""
    order = np.argsort(cells, kind="stable")
    firsts = np.flatnonzero(np.diff(cells[order], prepend=np.uint64(0)))
    for rows in np.split(order, firsts[1:]) if len(order) else []:
        pairs = zip(active_s[rows].tolist(), ids[rows].tolist(), strict=True)
        members = [part for at, i in pairs for part in (b"%d" % at, b"%d" % i)]
        yield packed(b"ZADD", cell_key(int(cells[rows[0]])).encode(), *members)
