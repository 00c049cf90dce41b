"""Columns of an import as typed arrays, with each value that does not fit marked, not fatal.

CSV columns come as text, Parquet columns in types of their own: both are read here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)
Value_co = TypeVar("Value_co", bound=np.generic, covariant=True)

_INTEGER: Final = r"^\s*[+-]?\d{1,18}\s*$"
_NUMBER: Final = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$"
_FLAGS: Final = {"true": 1, "1": 1, "yes": 1, "false": 0, "0": 0, "no": 0}
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Value_co]):
    """Values (n,); `given` (n,): something was there; `bad` (n,): and could not be understood."""

    values: npt.NDArray[Value_co]
    given: Mask
    bad: Mask

    def filled(self, value: float) -> npt.NDArray[Value_co]:
        """The values, with `value` where nothing was there."""
        return np.where(self.given, self.values, np.asarray(value, self.values.dtype))


def integers(rows: pa.Table, name: str) -> Parsed[np.int64]:
    """Whole numbers of up to 18 digits."""
    column = _column(rows, name)
    if pa.types.is_integer(column.type):
        return _plain(column, column.cast(pa.int64()), np.int64)
    text = _text(column)
    fits = _matches(text, _INTEGER)
    values = pc.if_else(fits, pc.utf8_trim_whitespace(text), "0").cast(pa.int64())
    return _parsed(column, values, fits, np.int64)


def numbers(rows: pa.Table, name: str) -> Parsed[np.float64]:
    """Finite numbers; NaN and infinities are bad."""
    column = _column(rows, name)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        plain = _plain(column, column.cast(pa.float64()), np.float64)
        return Parsed(plain.values, plain.given, plain.given & ~np.isfinite(plain.values))
    text = _text(column)
    fits = _matches(text, _NUMBER)
    values = pc.if_else(fits, pc.utf8_trim_whitespace(text), "0").cast(pa.float64())
    return _parsed(column, values, fits, np.float64)


def flags(rows: pa.Table, name: str) -> Parsed[np.int64]:
    """1 and 0 of true and false, yes and no, 1 and 0."""
    return choices(rows, name, _FLAGS)


def choices(rows: pa.Table, name: str, values: Mapping[str, int]) -> Parsed[np.int64]:
    """Numbers of words, in any case; the numbers themselves are understood too."""
    allowed = {str(number): number for number in values.values()} | dict(values)
    return _by_word(rows, name, lambda word: allowed.get(word.strip().lower()))


def instants(rows: pa.Table, name: str) -> Parsed[np.int64]:
    """Milliseconds since 1970 of ISO 8601 times with an offset, or of Parquet timestamps."""
    column = _column(rows, name)
    if pa.types.is_timestamp(column.type):
        utc = column.cast(pa.timestamp("ms", tz="UTC"), safe=False)
        return _plain(column, utc.cast(pa.int64()), np.int64)
    return _by_word(rows, name, _instant)


def days(rows: pa.Table, name: str) -> Parsed[np.int64]:
    """Days since 1970-01-01 of ISO dates, or of whole numbers of days."""
    column = _column(rows, name)
    if pa.types.is_integer(column.type):
        return integers(rows, name)
    return _by_word(rows, name, _day)


def texts(rows: pa.Table, name: str) -> Parsed[np.object_]:
    """Text without the spaces around it; nothing but spaces is missing."""
    trimmed: pa.ChunkedArray[Any] = pc.utf8_trim_whitespace(_text(_column(rows, name)))
    words = np.array([word or "" for word in trimmed.to_pylist()], np.object_)
    return Parsed(words, np.asarray(words != "", bool), np.zeros(len(words), bool))


def each_word(
    rows: pa.Table, name: str, understand: Callable[[str], Any | None]
) -> tuple[list[Any], Mask, Mask]:
    """What `understand` makes of each text, `given` and `bad` masks; lists are joined by `;`."""
    column = _column(rows, name)
    if pa.types.is_list(column.type):
        column = pa.chunked_array([[_joined(part) for part in column.to_pylist()]], pa.string())
    encoded = _text(column).combine_chunks().dictionary_encode()
    found = [understand(str(word)) for word in encoded.dictionary.to_pylist()]
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    values = [found[place] if place >= 0 else None for place in places.tolist()]
    given = places >= 0
    understood = np.array([value is not None for value in found] + [True], bool)
    return values, given, ~understood[places]


def _joined(part: list[Any] | None) -> str | None:
    return None if part is None else ";".join(str(value) for value in part)


def _by_word(
    rows: pa.Table, name: str, understand: Callable[[str], int | None]
) -> Parsed[np.int64]:
    values, given, bad = each_word(rows, name, understand)
    return Parsed(np.array([value or 0 for value in values], np.int64), given, bad)


def _instant(word: str) -> int | None:
    try:
        at = datetime.fromisoformat(word.strip())
        return int(at.astimezone(UTC).timestamp() * 1000) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _day(word: str) -> int | None:
    try:
        return (date.fromisoformat(word.strip()) - _EPOCH).days
    except ValueError:
        return None


def _column(rows: pa.Table, name: str) -> "pa.ChunkedArray[Any]":
    if name not in rows.column_names:
        return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    column: pa.ChunkedArray[Any] = rows.column(name)
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _text(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _matches(text: "pa.ChunkedArray[Any]", pattern: str) -> "pa.ChunkedArray[Any]":
    found: Any = pc.match_substring_regex(text, pattern)
    matches: pa.ChunkedArray[Any] = found.fill_null(False)
    return matches


def _plain(
    column: "pa.ChunkedArray[Any]", values: "pa.ChunkedArray[Any]", kind: type[Value]
) -> Parsed[Value]:
    zero: pa.ChunkedArray[Any] = values.fill_null(pa.scalar(0, values.type))
    return _parsed(column, zero, column.is_valid(), kind)


def _parsed(
    column: "pa.ChunkedArray[Any]",
    values: "pa.ChunkedArray[Any]",
    fits: Any,
    kind: type[Value],
) -> Parsed[Value]:
    given = column.is_valid().to_numpy()
    understood = fits.to_numpy()
    return Parsed(values.to_numpy().astype(kind), given, given & ~understood)
