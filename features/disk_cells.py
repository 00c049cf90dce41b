"""Which rows of a table in H3 order can lie within a distance: ranges, complete by construction.

Rows are sorted by the res-5 cell of their own coordinates, so each occupied cell is one range.
Each range has a ball (centre, radius) that holds every row of it, measured from the rows
themselves: no property of H3's geometry is assumed, so pentagons, poles and the date line need no
care. Chords obey the triangle inequality in space: a row within chord L of the viewer lies in a
cell whose centre is within L + radius.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3

from features.eligibility import Floats, Mask, squared_chord

TABLE_RESOLUTION: Final = 5
FINE_RESOLUTION: Final = 8
_ROUNDING: Final = 1e-6
"""Of a chord: 6 m on the ground. Its square is far above float64's error in a squared chord, and it
is far below any cell."""

Cells = npt.NDArray[np.uint64]


def cells_of(
    latitude: npt.ArrayLike, longitude: npt.ArrayLike, resolution: int = TABLE_RESOLUTION
) -> Cells:
    """H3 cells (n,) uint64 of the coordinates themselves, in degrees (0.5 µs a point)."""
    lat = np.atleast_1d(np.asarray(latitude, np.float64)).tolist()
    lon = np.atleast_1d(np.asarray(longitude, np.float64)).tolist()
    found: Iterable[int] = map(h3.latlng_to_cell, lat, lon, [resolution] * len(lat))
    return np.fromiter(found, np.uint64, len(lat))


@dataclass(frozen=True, slots=True)
class TableOrder:
    """A permutation of people into table order, and the res-5 cell of each row in that order."""

    order: npt.NDArray[np.int64]
    cell: Cells


def table_order(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> TableOrder:
    """Order of a candidate table: res-5 cell, then a finer one so that neighbours are close.

    The res-5 cell comes from the coordinates: the parent of the finer cell differs for 6%.
    """
    coarse = cells_of(latitude, longitude, TABLE_RESOLUTION)
    order = np.lexsort((cells_of(latitude, longitude, FINE_RESOLUTION), coarse))
    return TableOrder(order, coarse[order])


@dataclass(frozen=True, slots=True)
class CellTable:
    """The occupied cells of a table: starts (m + 1,) of their ranges, balls (m, 3) and (m,), and
    squares (m,) of the balls' centres.

    Any other runs of rows do as well: a run is where the same number stands in `cell`.
    """

    starts: npt.NDArray[np.int64]
    centres: Floats
    radii: Floats
    squares: Floats

    @classmethod
    def of(cls, cell: Cells, x: Floats, y: Floats, z: Floats) -> Self:
        """Cells of rows in table order. Raises ValueError where the rows are not sorted."""
        if np.any(cell[1:] < cell[:-1]):
            raise ValueError("rows are not in the order of their cells")
        firsts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]]) if len(cell) else np.arange(0)
        counts = np.diff(np.r_[firsts, len(cell)])
        points = np.stack((x, y, z), axis=1)
        if not len(cell):
            return cls(np.zeros(1, np.int64), np.zeros((0, 3)), np.zeros(0), np.zeros(0))
        centres = np.add.reduceat(points, firsts, axis=0) / counts[:, None]
        away = np.sum((points - np.repeat(centres, counts, axis=0)) ** 2, axis=1)
        radii = np.sqrt(np.maximum.reduceat(away, firsts))
        starts = np.r_[firsts, len(cell)].astype(np.int64)
        return cls(starts, centres, radii, np.sum(centres**2, axis=1))

    def near(self, xyz: Floats, km: float) -> Mask:
        """Mask (m,) of the cells that may hold somebody within `km` of the unit vector."""
        limit = np.sqrt(squared_chord(km)) + _ROUNDING
        # |c - v|² from products, a quarter of the time; its error is far below _ROUNDING squared.
        away = self.squares - 2.0 * (self.centres @ xyz)
        away += xyz @ xyz
        return np.asarray(away <= (limit + self.radii) ** 2, np.bool_)

    def ranges(self, cells: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Rows (start, stop) of cells (k,) given by ascending number; neighbours are joined."""
        if not len(cells):
            return []
        breaks = np.flatnonzero(cells[1:] - cells[:-1] > 1)
        first = self.starts.take(cells.take(np.append(0, breaks + 1)))
        stop = self.starts.take(cells.take(np.append(breaks, len(cells) - 1)) + 1)
        return list(zip(first.tolist(), stop.tolist(), strict=True))

    def rows_near(self, xyz: Floats, km: float) -> list[tuple[int, int]]:
        """Ranges (start, stop) of rows that hold every row within `km` of the unit vector."""
        return self.ranges(np.flatnonzero(self.near(xyz, km)))
