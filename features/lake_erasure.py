"""What is left of the lake's rows about people who were erased, table by table.

Profiles, embeddings of photos, and cards and decks of theirs, go; out of others' decks they are
cut with all that stands beside them. Of a swipe stays that somebody swiped `NOBODY`, or `NOBODY`
somebody, and when: the other's counts come down only when the swipe is taken back, by an event that
finds it here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.lake_tables import DECKS

Int64s = npt.NDArray[np.int64]
NOBODY: Final = 0
"""In place of a person who was erased. No person has this id."""

_IMPRESSION: Final = ("deck_id", "position", "propensity", "policy", "release")
_SCORE_BYTES: Final = 2
_FEATURE_BYTES: Final = 4

PERSON_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "swipes": ("swiper", "swiped"),
    "profiles": ("person",),
    "impressions": ("viewer", "candidate"),
    "decks": ("viewer", "retrieved", "cards"),
    "photo_embeddings": ("person",),
}
"""The columns of each table that hold ids of people, one or a list a row."""


def without_people(table: str, rows: pa.Table, erased: Int64s) -> pa.Table:
    """Rows of a table (whole, or of `swipes` some columns) without a trace of people (k,),
    ascending."""
    return _WITHOUT[table](rows, erased) if mentions(table, rows, erased) else rows


def mentions(table: str, rows: pa.Table, erased: Int64s) -> bool:
    """Whether a row names one of the people (k,), ascending; needs the columns of people only."""
    found = (rows[name] for name in PERSON_COLUMNS[table] if name in rows.schema.names)
    return any(_among(_ids(column), erased).any() for column in found)


def _among(ids: Int64s, erased: Int64s) -> npt.NDArray[np.bool_]:
    """Which of ids (m,) are among people (k,), ascending: (m,) bool."""
    if not len(erased):
        return np.zeros(len(ids), np.bool_)
    at = np.minimum(np.searchsorted(erased, ids), len(erased) - 1)
    return np.asarray(erased[at] == ids)


def _ids(column: "pa.ChunkedArray[Any]") -> Int64s:
    flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    return np.asarray(flat.to_numpy(), np.int64)


def _swipes(rows: pa.Table, erased: Int64s) -> pa.Table:
    touched = np.zeros(rows.num_rows, np.bool_)
    for name in PERSON_COLUMNS["swipes"]:
        if name in rows.schema.names:
            ids = rows[name].to_numpy()
            gone = _among(ids, erased)
            touched |= gone
            rows = _with(rows, name, pa.array(np.where(gone, NOBODY, ids)))
    # A deck's id leads to its viewer.
    for name in _IMPRESSION:
        if name in rows.schema.names:
            column = rows[name]
            nothing = pa.scalar(None, column.type)
            rows = _with(rows, name, pc.if_else(pa.array(touched), nothing, column))
    return rows


def _with(rows: pa.Table, name: str, column: Any) -> pa.Table:
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, rows.schema.field(at), column)


def _only_others(*columns: str) -> "Callable[[pa.Table, Int64s], pa.Table]":
    def without(rows: pa.Table, erased: Int64s) -> pa.Table:
        gone = np.any([_among(_ids(rows[name]), erased) for name in columns], axis=0)
        return rows.filter(pa.array(~gone))

    return without


def _decks(rows: pa.Table, erased: Int64s) -> pa.Table:
    rows = _only_others("viewer")(rows, erased)
    cut = np.zeros(rows.num_rows, np.bool_)
    for name in ("retrieved", "cards"):
        column = rows[name].combine_chunks()
        cut[pc.list_parent_indices(column).to_numpy()[_among(_ids(rows[name]), erased)]] = True
    decks = [_cut(deck, erased) for deck in rows.filter(pa.array(cut)).to_pylist()]
    return pa.concat_tables([rows.filter(pa.array(~cut)), pa.Table.from_pylist(decks, DECKS)])


def _cut(deck: dict[str, Any], erased: Int64s) -> dict[str, Any]:
    """A deck without people, their scores and their rows of features."""
    retrieved, cards = (np.array(deck[name], np.int64) for name in ("retrieved", "cards"))
    here, shown = (~_among(ids, erased) for ids in (retrieved, cards))
    width = _FEATURE_BYTES * len(deck["feature_names"])
    return deck | {
        "retrieved": retrieved[here].tolist(),
        "scores": _rows_kept(deck["scores"], _SCORE_BYTES, here),
        "cards": cards[shown].tolist(),
        "features": _rows_kept(deck["features"], width, shown),
    }


def _rows_kept(block: bytes, width: int, kept: npt.NDArray[np.bool_]) -> bytes:
    """Rows (n, width) of bytes that are kept. Nothing where there is not one for each of n: which
    is whose is not known then (decks from before `cards` was a column)."""
    if len(block) != width * len(kept):
        return b""
    return np.frombuffer(block, np.uint8).reshape(len(kept), width)[kept].tobytes()


_WITHOUT: Final[Mapping[str, Callable[[pa.Table, Int64s], pa.Table]]] = {
    "swipes": _swipes,
    "profiles": _only_others("person"),
    "impressions": _only_others("viewer", "candidate"),
    "decks": _decks,
    "photo_embeddings": _only_others("person"),
}
