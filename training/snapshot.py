"""The candidate snapshot: lake profiles as columns in table order."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.behaviour import bands
from features.disk_cells import table_order
from features.eligibility import person_table
from features.profile_code import ProfileCode
from training.attributes import fit_code, read_profile_columns

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_VISIBLE = 1


class NoProfiles(Exception):
    """The lake holds no profile, so there is nobody to rank."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoVectors:
    """Mean embeddings (k, p) float32 of the photos of people by id (k,), from the space of a
    network (ONNX)."""

    space: str
    network: bytes
    person: Ints
    vector: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """The same of n people in table order: vector (n, p) float32, and who has any, present (n,)."""

    space: str
    network: bytes
    vector: Floats
    present: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """n people in table order (H3 res-5 cell, then finer).

    table (n,) PERSON_DTYPE; cell (n,) uint64; band (n,) of features.behaviour.bands;
    attributes (n, a) float32, observed and standardised, whose columns `code` names; exposure (n,)
    float32, how much of it each finds enough, in shares of the usual.
    """

    table: npt.NDArray[np.void]
    cell: npt.NDArray[np.uint64]
    band: Ints
    attributes: Floats
    code: ProfileCode
    exposure: Floats
    photos: Photos | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def gender(self) -> npt.NDArray[np.uint8]:
        """(n,) of the contracts' Gender."""
        return np.asarray(self.table["gender"], np.uint8)

    def rows_of(self, ids: npt.ArrayLike) -> Ints:
        """Rows (m,) of person ids (m,); -1 for the unknown."""
        wanted = np.asarray(ids, np.int64)
        order = np.argsort(self.table["person_id"], kind="stable")
        known = self.table["person_id"][order]
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.asarray(np.where(known[at] == wanted, order[at], -1), np.int64)


def snapshot(profiles: pa.Table, today: int, photos: PhotoVectors | None = None) -> People:
    """People of lake profiles (one row a person); `today` in days since 1970.

    Raises `NoProfiles`.
    """
    if profiles.num_rows == 0:
        raise NoProfiles
    columns = {
        name: profiles.column(name).to_numpy()
        for name in ("person", "birth_day", "gender", "age_min", "age_max", "max_distance_km")
    }
    latitude, longitude = (profiles.column(c).to_numpy() for c in ("latitude", "longitude"))
    placed = table_order(latitude, longitude)
    table = person_table(
        columns.pop("person"),
        latitude,
        longitude,
        seeks=_seeks_mask(profiles.column("seeks")),
        visible=profiles.column("visibility").to_numpy() == _VISIBLE,
        **columns,
    )[placed.order]
    said = read_profile_columns(profiles)
    code = fit_code(said, today)
    return People(
        table=table,
        cell=placed.cell,
        band=bands(table["gender"], table["birth_day"], today),
        attributes=code.encode(said, today)[placed.order],
        code=code,
        exposure=profiles.column("exposure").to_numpy().astype(np.float32)[placed.order],
        photos=None if photos is None else _placed(photos, table["person_id"]),
    )


def _placed(photos: PhotoVectors, ids: Ints) -> Photos:
    """The vectors of some people (k) as those of a table's (n), who are others in part."""
    order = np.argsort(photos.person)
    at = np.minimum(np.searchsorted(photos.person, ids, sorter=order), len(order) - 1)
    rows = order[at] if len(order) else np.zeros(len(ids), np.int64)
    present = np.isin(ids, photos.person)
    vector = np.zeros((len(ids), photos.vector.shape[1]), np.float32)
    vector[present] = photos.vector[rows[present]]
    return Photos(photos.space, photos.network, vector, present)


def _seeks_mask(seeks: "pa.ChunkedArray[pa.ListScalar[pa.DataType]]") -> npt.NDArray[np.uint8]:
    """Masks of `1 << gender` (n,) of lists of genders."""
    combined = seeks.combine_chunks()
    person = pc.list_parent_indices(combined).to_numpy()
    gender = pc.list_flatten(combined).to_numpy()
    mask = np.zeros(len(combined), np.uint8)
    np.bitwise_or.at(mask, person, np.left_shift(1, gender).astype(np.uint8))
    return mask
