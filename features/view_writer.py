"""Bulk write of feature views: whole arrays in, packed pipelines out.

It overwrites, and raises the version of every hash it touches, so that a concurrent
compare-and-set of the stream fails and starts again from what was written here. People who were
erased are passed over.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final

import numpy as np
import numpy.typing as npt

from features import online
from features.forget import erased, forget
from features.keyed import Store, send_each
from features.views import View, factors, photos
from features.wire import bulk, packed

VERSION_FIELD: Final = b"_v"
HISTORY_FIELD: Final = b"_hs"
PROFILE_VERSION_FIELD: Final = b"_pv"


def offset_field(partition: int) -> bytes:
    """The hash field of the source offsets applied of a partition of user.swipes (packed <i8)."""
    return b"_p%d" % partition


async def write_view(
    store: Store,
    view: View,
    person_ids: npt.ArrayLike,
    columns: Sequence[npt.ArrayLike | Sequence[str | None]],
    event_ms: npt.ArrayLike,
) -> int:
    """Write one view of people (n,): a column (n,) or (n, d) for each feature, in order.

    NaN and None are written as null. `event_ms` is one time for all or (n,). Returns n.
    """
    ids = np.asarray(person_ids, np.int64)
    encoded = [online.encode_column(f.kind, c) for f, c in zip(view.features, columns, strict=True)]
    times = online.encode_times(np.broadcast_to(np.asarray(event_ms, np.int64), ids.shape))
    await write_hashes(store, ids, online.view_fields(view), [*encoded, times])
    return len(ids)


async def write_factors(
    store: Store,
    release: str,
    person_ids: npt.ArrayLike,
    taste: npt.NDArray[np.float32],
    given_rate: npt.NDArray[np.float32],
    received_rate: npt.NDArray[np.float32],
    event_ms: npt.ArrayLike,
) -> int:
    """Write `factors_<release>` of people (n,): taste (n, d), rates (n,). Returns n."""
    columns = (taste, given_rate, received_rate)
    return await write_view(store, factors(release), person_ids, columns, event_ms)


async def write_photos(
    store: Store,
    release: str,
    person_ids: npt.ArrayLike,
    embedding: npt.NDArray[np.float32],
    taste: npt.NDArray[np.float32],
    event_ms: npt.ArrayLike,
) -> int:
    """Write `photos_<release>` of people (n,): both (n, e). Returns n."""
    return await write_view(store, photos(release), person_ids, (embedding, taste), event_ms)


async def write_hashes(
    store: Store,
    ids: npt.NDArray[np.int64],
    fields: Sequence[bytes],
    columns: Sequence[Sequence[bytes]],
) -> None:
    """Set `fields` of each person's hash (columns of n values) but of those who were erased."""
    stays = ~await erased(store, ids)
    if not stays.all():
        ids = ids[stays]
        columns = [list(compress(column, stays)) for column in columns]
    await send_each(store, _hset_commands(ids, fields, columns))
    # Whoever was erased since the first look may have been written after it.
    await forget(store, ids[await erased(store, ids)])


def _hset_commands(
    ids: npt.NDArray[np.int64], fields: Sequence[bytes], columns: Sequence[Sequence[bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and commands that set the fields and raise the versions."""
    head = b"*%d\r\n$4\r\nHSET\r\n" % (2 + 2 * len(fields))
    names = [bulk(field) for field in fields]
    for key, *values in zip(online.entity_keys(ids), *columns, strict=True):
        cells = [b"%b$%d\r\n%b\r\n" % (n, len(v), v) for n, v in zip(names, values, strict=True)]
        yield key, b"%b$%d\r\n%b\r\n%b" % (head, len(key), key, b"".join(cells))
        raised = b"*4\r\n$7\r\nHINCRBY\r\n$%d\r\n%b\r\n$2\r\n_v\r\n$1\r\n1\r\n"
        yield key, raised % (len(key), key)


async def drop_view(store: Store, view: View, person_ids: npt.ArrayLike) -> None:
    """Remove the fields of a view from the hashes of people, and nothing else of them."""
    fields = online.view_fields(view)
    keys = online.entity_keys(person_ids)
    await send_each(store, ((key, packed(b"HDEL", key, *fields)) for key in keys))
