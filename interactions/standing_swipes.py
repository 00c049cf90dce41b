"""Which rows of an import stand: for a run that was killed after it had written them."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np
import numpy.typing as npt

from interactions import copy_binary
from interactions.copy_binary import BIGINT, SMALLINT, TIMESTAMP

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS: Final = (
    ("swiper", BIGINT),
    ("swiped", BIGINT),
    ("action", SMALLINT),
    ("swiped_at", TIMESTAMP),
)
_STORED: Final = (
    "select swiper, swiped, action, swiped_at from swipes where swiper = any($1::bigint[])"
)
_TIMEOUT_S: Final = 600.0


async def standing(pool: asyncpg.Pool, rows: "pa.Table") -> "pa.Table":
    """The rows of a table of schema SWIPES that are stored just as they are, each pair once."""
    swiper = rows["swiper"].to_numpy()
    stream = BytesIO()
    async with pool.acquire() as conn:
        await conn.copy_from_query(
            _STORED, np.unique(swiper).tolist(), output=stream, format="binary", timeout=_TIMEOUT_S
        )
    stored = copy_binary.decode(_COLUMNS, stream.getvalue())
    at_ms = rows["swiped_at"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    asked = (
        swiper,
        rows["swiped"].to_numpy(),
        rows["action"].to_numpy(),
        copy_binary.to_timestamps(at_ms),
    )
    return rows.take(_found(asked, stored))


def _found(
    asked: tuple[npt.NDArray[np.generic], ...], stored: npt.NDArray[np.void]
) -> npt.NDArray[np.int64]:
    """Row numbers, ascending, of the first of each asked row that is among the stored ones."""
    names = [name for name, _ in _COLUMNS]
    columns = [
        np.concatenate((stored[name].astype(np.int64), column.astype(np.int64)))
        for name, column in zip(names, asked, strict=True)
    ]
    order = np.lexsort(columns)
    same = np.ones(len(order) - 1, bool) if len(order) else np.zeros(0, bool)
    for column in columns:
        same &= np.diff(column[order]) == 0
    # Stable: a stored row comes first of its equals, and the first asked one right after it.
    after = order[1:][same & (order[:-1] < len(stored))]
    return np.sort(after[after >= len(stored)] - len(stored))
