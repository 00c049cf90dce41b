"""A release's people in the order of a search: who is incompatible is skipped in whole ranges.

Visible people by kind (gender and whom they seek), then in the release's own order, which is by
place. Each kind is cut into blocks of neighbours with a ball around them, so a search touches only
compatible blocks that can lie near enough. Of everybody in them it reads a birthday and a few
numbers that bound the score; only who can still be among the best is looked at more closely.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.disk_cells import CellTable
from features.eligibility import Viewer, genders_match, within_ages

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]

_BLOCK: Final = 256
"""Smaller blocks are nearer to a disk's edge and more of them to test: 128 and 512 cost as much."""
_RATES: Final = 3
_AXES: Final = 4
"""Six cost 16 MB of a million more, and save a twentieth of a search."""
_AXES_FROM: Final = 16_384
"""People whose halves say along which axes such halves are longest."""
_CHUNK: Final = 65_536
_KIND: Final = np.uint64(32)
_EPS: Final = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """People (m,) and what the score of each cannot exceed, `bounds` (m,) float32.

    `kept` (m,) are their places among all of some ranges of the table; of a range, `ends` (r,) is
    the place where it ends and `shift` (r,) its distance to the table's own places.
    """

    bounds: Floats
    kept: Ints
    ends: Ints
    shift: Ints
    table_rows: npt.NDArray[np.int32]

    def rows(self, at: Ints) -> Ints:
        """Rows (k,) of the release of people `at` (k,)."""
        places = self.kept.take(at)
        places += self.shift.take(np.searchsorted(self.ends, places, side="right"))
        return self.table_rows.take(places).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SearchTable:
    """The m visible people of a release.

    rows (m,) int32 of the release, ascending within a kind; birth_day (m,) int32; parts (5 + 2a, m)
    float32 with axes (2, d, a), see `bound_parts`; blocks, and the kind of each (b,) by its place
    in gender and seeks (kinds,) uint8; longest: of all vectors.
    """

    rows: npt.NDArray[np.int32]
    birth_day: npt.NDArray[np.int32]
    axes: Floats
    parts: Floats
    blocks: CellTable
    kind: Ints
    gender: npt.NDArray[np.uint8]
    seeks: npt.NDArray[np.uint8]
    longest: float

    @classmethod
    def of(cls, columns: Table, vectors: Floats) -> Self:
        """From PERSON_DTYPE (n,) and vectors (n, 2d + 3), both of finite numbers.

        Any order of the rows is right, one by place is fast. Of a million some .6 s and 60 MB.
        """
        visible = np.flatnonzero(columns["visible"])
        kinds, kind = np.unique(
            columns["gender"][visible].astype(np.uint16) << 8 | columns["seeks"][visible],
            return_inverse=True,
        )
        order = np.argsort(kind, kind="stable")
        rows, kind = visible[order], kind[order]
        within = np.arange(len(rows)) - np.searchsorted(kind, kind)
        block = (kind.astype(np.uint64) << _KIND) | (within // _BLOCK).astype(np.uint64)
        blocks = CellTable.of(block, *(columns[axis][rows] for axis in "xyz"))
        axes = _axes_of(vectors, rows)
        parts, longest = _parts_of(vectors, rows, axes)
        return cls(
            rows=rows.astype(np.int32),
            birth_day=columns["birth_day"][rows],
            axes=axes,
            parts=parts,
            blocks=blocks,
            kind=kind[blocks.starts[:-1]],
            gender=(kinds >> 8).astype(np.uint8),
            seeks=(kinds & 0xFF).astype(np.uint8),
            longest=longest,
        )

    def bounded(self, viewer: Viewer, today: int, vector: Floats) -> Bounded:
        """Everybody who may be eligible, by kind, age and block, for a query (2d + 3,)."""
        may = genders_match(viewer, self.gender, self.seeks)[self.kind]
        may &= self.blocks.near(np.array((viewer.x, viewer.y, viewer.z)), viewer.max_distance_km)
        ranges = self.blocks.ranges(np.flatnonzero(may))
        starts, stops = np.array(ranges, np.int64).reshape(-1, 2).T
        ends = np.cumsum(stops - starts)
        bounds = np.empty(int(ends[-1]) if len(ends) else 0, np.float32)
        part = bound_parts(vector[None], self.axes)[:, 0]
        for (start, stop), end in zip(ranges, ends.tolist(), strict=True):
            np.dot(part, self.parts[:, start:stop], out=bounds[end - (stop - start) : end])
        born = [self.birth_day[start:stop] for start, stop in ranges] or [self.birth_day[:0]]
        kept = np.flatnonzero(within_ages(viewer, np.concatenate(born), today))
        bounds = bounds.take(kept)
        bounds += self._rounding(vector)
        return Bounded(bounds, kept, ends, stops - ends, self.rows)

    def _rounding(self, vector: Floats) -> np.float32:
        """More than float32 can lose of a score and of its bound together."""
        # Score, projections and remainders lose a rounding for each number of a vector; 64 are for
        # the short sums, and for axes that are orthonormal but for their own rounding.
        terms = 2 * len(vector) + 64
        return np.float32(terms * _EPS * self.longest * np.sqrt(vector @ vector))


def bound_parts(vectors: Floats, axes: Floats) -> Floats:
    """Of vectors (n, 2d + 3), whose halves are each seen along a of its orthonormal axes
    (2, d, a): the three last columns, the lengths of what of the halves is across their axes, and
    where each lies along them, (5 + 2a, n).

    The inner product of two people's parts is at least that of their vectors (Cauchy-Schwarz
    across the axes, along them it is exact).
    """
    d = (vectors.shape[1] - _RATES) // 2
    halves = vectors[:, :d], vectors[:, d : 2 * d]
    along = [half @ axis for half, axis in zip(halves, axes, strict=True)]
    across = [h - at @ axis.T for h, at, axis in zip(halves, along, axes, strict=True)]
    return np.concatenate(
        (
            vectors[:, 2 * d :].T,
            np.stack([_lengths(rest) for rest in across]),
            *(a.T for a in along),
        )
    )


def _lengths(vectors: Floats) -> Floats:
    # Of a single query this takes a third of the time of np.linalg.norm.
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", vectors, vectors)), np.float32)


def _axes_of(vectors: Floats, rows: Ints) -> Floats:
    """The axes (2, d, a) along which the halves of the vectors of rows (m,) are longest."""
    d = (vectors.shape[1] - _RATES) // 2
    some = vectors.take(rows[:: 1 + len(rows) // _AXES_FROM], axis=0).astype(np.float64)
    halves = some[:, :d], some[:, d : 2 * d]
    axes = [np.linalg.eigh(half.T @ half).eigenvectors[:, ::-1][:, :_AXES] for half in halves]
    return np.stack(axes).astype(np.float32)


def _parts_of(vectors: Floats, rows: Ints, axes: Floats) -> tuple[Floats, float]:
    """Parts (5 + 2a, m) of the vectors of rows (m,), and the length of the longest."""
    parts = np.empty((_RATES + 2 + 2 * axes.shape[2], len(rows)), np.float32)
    longest = 0.0
    for start in range(0, len(rows), _CHUNK):
        of = slice(start, start + _CHUNK)
        some = vectors.take(rows[of], axis=0)
        parts[:, of] = bound_parts(some, axes)
        longest = max(longest, float(_lengths(some).max()))
    return parts, longest
