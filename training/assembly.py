"""A fitted and judged model as a release folder."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

import features
import training
from features.release import (
    FeatureField,
    Manifest,
    PhotoSpace,
    ReleaseArrays,
    TrainingWindow,
    write_release,
)
from features.score import candidate_vectors
from features.tower_rows import packed_towers
from training.datasets import Datasets
from training.fitting import Fitted
from training.judging import Evaluation
from training.pricing import pricing_of
from training.towers import fit_towers

Ints = npt.NDArray[np.int64]


def assemble(
    datasets: Datasets,
    fitted: Fitted,
    evaluation: Evaluation,
    bus_positions: Mapping[str, Mapping[int, int]],
    path: Path,
) -> Manifest:
    """Write the release folder. `bus_positions`: where each topic's snapshot ends, by partition.

    Raises `ReleaseExists`.
    """
    model, d, photos = fitted.final, fitted.settings.factors.d, datasets.people.photos
    space = PhotoSpace(space=photos.space, e=model.e) if photos and model.e else None
    manifest = Manifest(
        d=d,
        photos=space,
        people=len(datasets.people),
        training_window=TrainingWindow(start=datasets.window_start, end=datasets.window_end),
        snapshot_at=datasets.snapshot_at,
        bus_positions={topic: dict(of_topic) for topic, of_topic in bus_positions.items()},
        features=signature(d, model.e),
        fold_in=model.fold_in,
        given_prior=model.rates.given_prior,
        received_prior=model.rates.received_prior,
        profile_code=datasets.people.code,
        tau=evaluation.tau,
        pricing=pricing_of(datasets, fitted.settings.price_strength),
        calibration=model.calibrations,
        evaluation={name: _finite(value) for name, value in evaluation.metrics().items()},
        data_hash=datasets.data_hash,
        code_hash=code_hash(),
        files={},
    )
    return write_release(path, manifest, _arrays(datasets, fitted))


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if np.isfinite(value) else None


def _arrays(datasets: Datasets, fitted: Fitted) -> ReleaseArrays:
    people, model, prices = datasets.people, fitted.final, fitted.prices
    seen_indptr, seen_ids = _seen(datasets)
    passed_indptr, passed_rows = _passed(datasets)
    axes = model.factors.basis.photo_axes
    network = people.photos.network if people.photos and model.e else b""
    return ReleaseArrays(
        person_id=np.asarray(people.table["person_id"], np.int64),
        columns=people.table,
        cell=people.cell,
        taste=model.factors.taste,
        taste_prior=model.factors.prior,
        appeal=model.factors.appeal,
        given_rate=model.rates.given,
        received_rate=model.rates.received,
        counts=model.rates.counts,
        line=model.line,
        candidate_vectors=candidate_vectors(model.sides(), prices.uppermost()),
        price_knots=prices.knots.astype(np.float16),
        price_nats=prices.nats.astype(np.float16),
        seen_indptr=seen_indptr,
        seen_ids=seen_ids,
        passed_indptr=passed_indptr,
        passed_rows=passed_rows,
        cold_start=model.cold_start,
        towers=packed_towers(fit_towers(people, model)),
        ranker=fitted.ranker.packed(),
        photo_axes=axes.axes.astype(np.float32),
        photo_mean=axes.mean.astype(np.float32),
        photo_network=np.frombuffer(network, np.uint8),
    )


def _seen(datasets: Datasets) -> tuple[Ints, Ints]:
    """Sorted ids that each row's person swiped: indptr (n + 1,), ids (m,)."""
    seen, person_id = datasets.seen, np.asarray(datasets.people.table["person_id"], np.int64)
    indptr, rows = lists_of(seen.viewer, seen.candidate, person_id)
    return indptr, person_id[rows]


def _passed(datasets: Datasets) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Rows, ascending by id, of who has passed on each row's person: indptr (n + 1,), rows (k,)."""
    seen, person_id = datasets.seen, np.asarray(datasets.people.table["person_id"], np.int64)
    passed = ~seen.liked
    return lists_of(seen.candidate[passed], seen.viewer[passed], person_id)


def lists_of(
    of: npt.NDArray[np.signedinteger], rows: npt.NDArray[np.signedinteger], person_id: Ints
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Pairs (m,) of rows as a list for each of n people, ascending by `person_id` (n,): indptr
    (n + 1,) and rows (m,). Some 30 bytes a pair meanwhile."""
    order = np.lexsort((person_id[rows], of))
    counts = np.bincount(of, minlength=len(person_id))
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), rows[order].astype(np.int32)


def signature(d: int, e: int = 0) -> tuple[FeatureField, ...]:
    """What ranking reads of a person; `factors` and `photos` stand for the views of this release's
    id."""
    of_photos = (
        FeatureField(view="photos", name="embedding", dtype=f"float32[{e}]"),
        FeatureField(view="photos", name="photo_taste", dtype=f"float32[{e}]"),
    )
    return (
        FeatureField(view="factors", name="taste", dtype=f"float32[{d}]"),
        FeatureField(view="factors", name="given_rate", dtype="float32"),
        FeatureField(view="factors", name="received_rate", dtype="float32"),
        *(of_photos if e else ()),
    )


_SOURCES: Final = (features, training)


def code_hash() -> str:
    """sha256 of the sources that learn and score."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        for source in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()
