"""Many people's features as one typed matrix: ids in, one round trip, numbers out.

What Feast's `get_online_features` gives, as `features.reader.read` does, for whoever scores: the
columns are those of a signature, and nobody asks why a number is not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt

from features import online
from features.fixed_rows import find
from features.keyed import Store, hear, raised
from features.reader import decode_column, hmget_commands
from features.signature import Group, Signature
from features.views import Kind
from features.wire import replies_in

Numbers = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Replies = Sequence[Sequence[bytes | None]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features of n people.

    `values` (n, w): float32 or float64 as the signature says; NaN where missing, null, expired or
    a list of another length. Timestamps are seconds since the epoch. `present` (n,) bool: whether
    the store has a row of the person in every view that was asked for, be it of nulls or expired.
    `texts`: by feature (`view:feature`) object (n,) of str, or None where there is none.
    """

    signature: Signature
    values: Numbers
    present: npt.NDArray[np.bool_]
    texts: Mapping[str, npt.NDArray[np.object_]]

    def of(self, feature: str) -> Numbers:
        """The columns (n, width) of one feature (`view:feature`), not copied."""
        return self.values[:, self.signature.columns[feature]]


async def read_matrix(
    store: Store, signature: Signature, person_ids: npt.ArrayLike, now_ms: int = 0
) -> Matrix:
    """Features of people (n,) in their order, in one round trip; a person may come twice.

    `now_ms`, milliseconds since the epoch, decides what is expired; it matters only to views with
    a TTL. Raises redis-py's ConnectionError, TimeoutError or ResponseError.
    """
    keys = online.entity_keys(person_ids)
    matrix = _empty(signature, len(keys))
    if not keys:
        return matrix
    for heard in await hear(store, keys, partial(hmget_commands, fields=signature.fields)):
        if heard.replies is None:
            _decode(matrix, heard.at, heard.data, now_ms)
        else:
            _fill(matrix, heard.at, cast("_Replies", raised(heard.replies)), now_ms)
    return matrix


def matrix_of(
    signature: Signature, replies: Sequence[Sequence[bytes | None]], now_ms: int = 0
) -> Matrix:
    """Features of people (n,) from the replies (n,) to an HMGET of the signature's fields, for
    whoever asks for something else in the same round trip."""
    matrix = _empty(signature, len(replies))
    if replies:
        _fill(matrix, np.arange(len(replies)), replies, now_ms)
    return matrix


def _empty(signature: Signature, people: int) -> Matrix:
    """Of people of whom nothing is known."""
    texts = [asked.name for asked in signature.features if asked.feature.kind is Kind.STRING]
    return Matrix(
        signature,
        np.full((people, signature.width), np.nan, signature.dtype),
        np.zeros(people, np.bool_),
        {name: np.full(people, None, object) for name in texts},
    )


def _decode(matrix: Matrix, people_at: Ints, data: bytes, now_ms: int) -> None:
    """Fill in what a server sent of people (m,): the replies of the one form at once, all others
    one by one."""
    people = len(people_at)
    frame = matrix.signature.frame
    found = find(frame, data, people) if frame else None
    if found is None:
        _fill(matrix, people_at, _replies_in(data, people), now_ms)
        return
    asked = [asked for group in matrix.signature.views for asked in group.features]
    at = people_at[found.at]
    for number, feature in enumerate(asked):
        columns = matrix.signature.columns[feature.name]
        matrix.values[at, columns] = found.rows[f"f{number}"]
    matrix.present[at] = True
    if len(found.others):
        replies = _replies_in(found.unread, len(found.others))
        _fill(matrix, people_at[found.others], replies, now_ms)


def _replies_in(data: bytes, people: int) -> _Replies:
    """The replies to n HMGETs. Raises the first that is an error."""
    replies = raised(replies_in(data))
    assert len(replies) == people, f"{len(replies)} replies for {people} people"
    return cast("_Replies", replies)


def _fill(matrix: Matrix, at: Ints, replies: _Replies, now_ms: int) -> None:
    """Fill in people `at` (m,) from their replies (m, fields of the signature), of any form."""
    matrix.present[at] = True
    columns = iter(zip(*replies, strict=True))
    start = 0
    for group in matrix.signature.views:
        end = start + len(group.features)
        _fill_view(matrix, at, group, [next(columns) for _ in group.fields], now_ms)
        matrix.present[at] &= [row[start:end].count(None) < end - start for row in replies]
        start += len(group.fields)


def _fill_view(
    matrix: Matrix,
    at: Ints,
    group: Group,
    cells: Sequence[Sequence[bytes | None]],
    now_ms: int,
) -> None:
    """Fill in what a view says of people `at` (m,), by its columns of m values, times last."""
    alive = _alive(group, cells, now_ms)
    at = at[alive]
    for asked, raw in zip(group.features, cells, strict=False):
        column = decode_column(asked.feature.kind, raw, asked.width)[alive]
        if asked.feature.kind is Kind.STRING:
            matrix.texts[asked.name][at] = column
        else:
            columns = matrix.signature.columns[asked.name]
            matrix.values[at, columns] = column.reshape(len(at), asked.width)


def _alive(
    group: Group, cells: Sequence[Sequence[bytes | None]], now_ms: int
) -> npt.NDArray[np.bool_]:
    """Who (m,) is not older than the view's TTL."""
    if not group.view.ttl_s:
        return np.ones(len(cells[0]), np.bool_)
    event_ms = online.decode_times(cells[-1])
    return (event_ms < 0) | (now_ms - event_ms <= 1000 * group.view.ttl_s)
