"""A release: the immutable folder of everything that serving needs, and nothing it may change.

`Release.open` maps the arrays into memory after checking every hash; `write_release` fills a
folder beside the target and renames it, so that a release is whole or absent.
"""

import hashlib
import json
import mmap
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from features.behaviour import BANDS, GENDERS, logit, rate_after
from features.cold_start_rows import cold_start_dtype
from features.fold_in import HISTORY_LIMIT, FoldIn, Histories
from features.manifest import FeatureField, Manifest, PhotoSpace, Pricing, TrainingWindow
from features.prices import KNOTS, Prices
from features.profile_code import Profiles
from features.ranker import Network, packed_shape
from features.release_photos import ReleasePhotos
from features.said import Said
from features.tower_rows import expected_rows, tower_shape, unpacked_towers
from features.towers import Towers

__all__ = [
    "ARRAYS",
    "MANIFEST",
    "FeatureField",
    "Manifest",
    "PhotoSpace",
    "Pricing",
    "Rates",
    "Release",
    "ReleaseArrays",
    "ReleaseCorrupt",
    "ReleaseExists",
    "TrainingWindow",
    "cold_start_dtype",
    "write_release",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]

MANIFEST: Final = "manifest.json"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ReleaseCorrupt(Exception):
    """A file of the release is missing, altered, or does not fit the others."""


class ReleaseExists(Exception):
    """There is something at the target already; releases are never overwritten."""


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseArrays:
    """The arrays of n people in table order, d factors. Field = file name without `.npy`.

    With e directions of photos, w = d + e is the length of a factor vector.

    person_id (n,) i64; columns (n,) features.eligibility.PERSON_DTYPE; cell (n,) u64, the H3 res-5
    cell; taste, appeal (n, w) f32; taste_prior (n, w) f32, the taste expected of such a person
    before any swipe; given_rate, received_rate (n,) f32 among typical others; counts (n, 4) i64 of
    likes given, swipes given, likes received, swipes received that they come from; line (n, 2) f32
    (alpha, beta); candidate_vectors (n, 2w + 3) f32; price_knots, price_nats (n, KNOTS) f16, see
    features.prices; seen_indptr (n + 1,) and seen_ids (m,) i64,
    sorted person ids that each row's person swiped; passed_indptr (n + 1,) i64 and passed_rows (k,)
    i32, the rows, ascending by id, of who has passed on each row's person: with other rows they
    would have to be numbered anew; cold_start
    (BANDS,) cold_start_dtype(w), by features.behaviour.bands; towers of
    features.tower_rows.tower_shape f32, over the inputs of the manifest's profile code; ranker f32,
    as features.ranker.Network packs it; photo_axes (p, e), photo_mean (3, e) f32 and photo_network
    (b,) u1, see features.release_photos, all empty in a release without photos.
    """

    person_id: Ints
    columns: Table
    cell: npt.NDArray[np.uint64]
    taste: Floats
    taste_prior: Floats
    appeal: Floats
    given_rate: Floats
    received_rate: Floats
    counts: Ints
    line: Floats
    candidate_vectors: Floats
    price_knots: npt.NDArray[np.float16]
    price_nats: npt.NDArray[np.float16]
    seen_indptr: Ints
    seen_ids: Ints
    passed_indptr: Ints
    passed_rows: npt.NDArray[np.int32]
    cold_start: Table
    towers: Floats
    ranker: Floats
    photo_axes: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    photo_mean: Floats = field(default_factory=lambda: np.zeros((len(GENDERS), 0), np.float32))
    photo_network: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))


ARRAYS: Final = tuple(ReleaseArrays.__dataclass_fields__)


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Shares of likes (p,) float32 within (0, 1): given and received, among typical others."""

    given: Floats
    received: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """An opened release; its arrays are read-only maps of the files."""

    path: Path
    manifest: Manifest
    arrays: ReleaseArrays
    ranker: Network
    _sorted_ids: Ints
    _order: Ints
    _fold_in: FoldIn
    _mean_prior: Floats
    _towers: Towers

    @classmethod
    def open(cls, path: Path) -> "Release":
        """Open and verify (about 0.5 s for 1 GB). Raises `ReleaseCorrupt`."""
        manifest = _read_manifest(path)
        _verify(path, manifest)
        arrays = _map_arrays(path)
        _check_shapes(arrays, manifest)
        order = np.argsort(arrays.person_id, kind="stable").astype(np.int64)
        fold_in = FoldIn(
            appeal=arrays.appeal,
            received_logit=logit(arrays.received_rate),
            given_prior=manifest.given_prior,
            parameters=manifest.fold_in,
        )
        mean_prior = arrays.taste_prior.mean(axis=0)
        _let_go(arrays.taste_prior)
        towers = unpacked_towers(manifest.profile_code, np.asarray(arrays.towers))
        sorted_ids = arrays.person_id[order]
        ranker = Network.unpacked(np.asarray(arrays.ranker))
        return cls(path, manifest, arrays, ranker, sorted_ids, order, fold_in, mean_prior, towers)

    @property
    def photos(self) -> ReleasePhotos | None:
        """The space of photos that it was learned with, if any."""
        a, space = self.arrays, self.manifest.photos
        if space is None:
            return None
        return ReleasePhotos(space.space, a.photo_network, a.photo_axes, a.photo_mean)

    def rows_of(self, person_ids: npt.ArrayLike) -> Ints:
        """Table rows (m,) int64 of person ids (m,); -1 for people who are not in the release."""
        wanted = np.asarray(person_ids, np.int64)
        if len(self._sorted_ids) == 0:
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted_ids, wanted), len(self._sorted_ids) - 1)
        return np.where(self._sorted_ids[at] == wanted, self._order[at], -1)

    def prices_of(self, rows: Ints) -> Prices:
        """Of people by their rows (m,), -1 for people who are not in the release: those cost
        nothing, nobody crowds them yet."""
        a = self.arrays
        # Plain arrays: to take from a memory map itself costs more than the rest.
        knots = np.asarray(a.price_knots).take(rows, axis=0)
        nats = np.asarray(a.price_nats).take(rows, axis=0)
        nats[rows < 0] = 0
        return Prices(knots.astype(np.float32), nats.astype(np.float32))

    def seen_by(self, row: int) -> Ints:
        """Sorted ids (m,) int64 of everybody whom the person of a row swiped in the window."""
        a = self.arrays
        return np.asarray(a.seen_ids[a.seen_indptr[row] : a.seen_indptr[row + 1]], np.int64)

    def passed_by(self, row: int) -> Ints:
        """Sorted ids (m,) int64 of everybody who has passed on the person of a row."""
        a = self.arrays
        rows = np.asarray(a.passed_rows[a.passed_indptr[row] : a.passed_indptr[row + 1]])
        return np.asarray(a.person_id).take(rows)

    def expected(self, profiles: Profiles) -> Table:
        """What profiles (p) alone let expect, as rows (p,) like those of `cold_start`; ages are as
        of the release's snapshot, so the same profile is always expected the same."""
        return expected_rows(self._towers, profiles, (self.manifest.snapshot_at - _EPOCH).days)

    def fold_in(self, person: int, candidates: Ints, actions: npt.NDArray[np.uint8]) -> Floats:
        """Taste (w,) of one person's history, oldest first; see `fold_in_many`."""
        indptr = np.array([0, len(candidates)], np.int64)
        return np.asarray(self.fold_in_many([person], indptr, candidates, actions)[0], np.float32)

    def fold_in_many(
        self,
        people: npt.ArrayLike,
        indptr: Ints,
        candidates: Ints,
        actions: npt.NDArray[np.uint8],
        said: Said | None = None,
    ) -> Floats:
        """Tastes (p, w) float32 of p people by id: i swiped indptr[i]:indptr[i + 1], oldest first.

        The latest HISTORY_LIMIT swipes count; of those, the ones on people of this release. Who is
        not in it begins with the taste that their profile in `said` lets expect.
        """
        histories = Histories(
            np.asarray(indptr, np.int64), self.rows_of(candidates), np.asarray(actions, np.uint8)
        ).latest(HISTORY_LIMIT)
        return self._fold_in.tastes(
            histories.where(histories.rows >= 0), self._priors(people, said)
        )

    def rates(self, people: npt.ArrayLike, counts: Ints, said: Said | None = None) -> "Rates":
        """Rates (p,) of people by id whose live counts are (p, 4), in the order of `counts`.

        Where the release knows the person, its rate goes on from its counts; else from what their
        profile in `said` lets expect, else from the priors.
        """
        a, rows = self.arrays, self.rows_of(people)
        known = rows >= 0
        before = np.where(known[:, None], a.counts[rows], 0)
        sides = []
        for rate, name, prior, columns in (
            (a.given_rate, "given_rate", self.manifest.given_prior, slice(0, 2)),
            (a.received_rate, "received_rate", self.manifest.received_prior, slice(2, 4)),
        ):
            start = np.where(known, rate[rows], prior.likes / prior.swipes)
            self._expect(start, people, said, name)
            sides.append(rate_after(start, before[:, columns], counts[:, columns], prior.swipes))
        return Rates(*sides)

    def _priors(self, people: npt.ArrayLike, said: Said | None) -> Floats:
        """Prior tastes (p, w); of somebody unknown what their profile, or the mean of all, says."""
        rows = self.rows_of(people)
        prior = np.array(self.arrays.taste_prior[rows], np.float32)
        prior[rows < 0] = self._mean_prior
        self._expect(prior, people, said, "taste")
        return prior

    def _expect(self, values: Floats, people: npt.ArrayLike, said: Said | None, name: str) -> None:
        """Put what profiles let expect into the values (p, ...) of those whom nothing is known of
        but their profile."""
        if said is None or not len(said.ids):
            return
        ids, order = np.asarray(people, np.int64), np.argsort(said.ids)
        at = np.minimum(np.searchsorted(said.ids, ids, sorter=order), len(order) - 1)
        places = order[at]
        new = (said.ids[places] == ids) & (self.rows_of(ids) < 0)
        if new.any():
            values[new] = self.expected(said.profiles)[name][places[new]]


def write_release(path: Path, manifest: Manifest, arrays: ReleaseArrays) -> Manifest:
    """Write a release folder at `path`, atomically; `manifest.files` is filled in and returned.

    Raises `ReleaseExists`; `ReleaseCorrupt` if the arrays do not fit each other.
    """
    _check_shapes(arrays, manifest)
    if path.exists():
        raise ReleaseExists(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        hashes = {f"{name}.npy": _save(draft, name, getattr(arrays, name)) for name in ARRAYS}
        complete = manifest.model_copy(update={"files": hashes})
        (draft / MANIFEST).write_text(complete.model_dump_json(indent=1))
        draft.chmod(0o755)
        draft.rename(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return complete


def _save(folder: Path, name: str, array: npt.NDArray[np.generic]) -> str:
    target = folder / f"{name}.npy"
    np.save(target, np.ascontiguousarray(array), allow_pickle=False)
    return _sha256(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise ReleaseCorrupt(f"{MANIFEST}: {error}") from error


def _verify(path: Path, manifest: Manifest) -> None:
    expected: Mapping[str, str] = manifest.files
    if set(expected) != {f"{name}.npy" for name in ARRAYS}:
        raise ReleaseCorrupt("the manifest does not list exactly the files of this format")
    for name, digest in expected.items():
        try:
            found = _sha256(path / name)
        except OSError as error:
            raise ReleaseCorrupt(f"{name}: {error}") from error
        if found != digest:
            raise ReleaseCorrupt(f"{name}: its hash is not the manifest's")


def _map_arrays(path: Path) -> ReleaseArrays:
    try:
        return ReleaseArrays(
            **{name: np.load(path / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        )
    except (OSError, ValueError) as error:
        raise ReleaseCorrupt(str(error)) from error


def _let_go(array: npt.NDArray[np.generic]) -> None:
    """Give a map's pages back to the kernel: what is read of them again is mapped again.

    Who goes through a whole array once would have all of it counted as its own for good.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _check_shapes(arrays: ReleaseArrays, manifest: Manifest) -> None:
    n, w, m = manifest.people, manifest.width, len(arrays.seen_ids)
    expected: dict[str, tuple[str | None, tuple[int, ...]]] = {
        "person_id": ("<i8", (n,)),
        "columns": (None, (n,)),
        "cell": ("<u8", (n,)),
        "taste": ("<f4", (n, w)),
        "taste_prior": ("<f4", (n, w)),
        "appeal": ("<f4", (n, w)),
        "given_rate": ("<f4", (n,)),
        "received_rate": ("<f4", (n,)),
        "counts": ("<i8", (n, 4)),
        "line": ("<f4", (n, 2)),
        "candidate_vectors": ("<f4", (n, 2 * w + 3)),
        "price_knots": ("<f2", (n, KNOTS)),
        "price_nats": ("<f2", (n, KNOTS)),
        "seen_indptr": ("<i8", (n + 1,)),
        "seen_ids": ("<i8", (m,)),
        "passed_indptr": ("<i8", (n + 1,)),
        "passed_rows": ("<i4", arrays.passed_rows.shape[:1]),
        "cold_start": (None, (BANDS,)),
        "towers": ("<f4", tower_shape(manifest.profile_code, w)),
        "ranker": ("<f4", packed_shape(manifest.d, manifest.e, arrays.ranker)),
        "photo_axes": ("<f4", (len(arrays.photo_axes), manifest.e)),
        "photo_mean": ("<f4", (len(GENDERS), manifest.e)),
        "photo_network": ("|u1", arrays.photo_network.shape[:1]),
    }
    for name, (dtype, shape) in expected.items():
        array: npt.NDArray[np.generic] = getattr(arrays, name)
        if array.shape != shape or (dtype is not None and array.dtype != np.dtype(dtype)):
            raise ReleaseCorrupt(
                f"{name}: {array.dtype} {array.shape} where {dtype} {shape} belongs"
            )
    if arrays.cold_start.dtype != cold_start_dtype(w):
        raise ReleaseCorrupt(f"cold_start: {arrays.cold_start.dtype}")
