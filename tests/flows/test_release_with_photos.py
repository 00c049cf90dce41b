"""A release with photos goes live after one without, steps back for it, and leaves nothing."""

from pathlib import Path

import numpy as np
import pytest

from features.mlflow_rest import MLflow
from features.reader import read
from features.release import Release
from features.views import photos
from flows.gates import ReleaseRejected
from flows.learning import Draft
from flows.promote import promote_release, roll_back
from gravity.kernel import Kernel
from tests.flows.drafts import drafted, registered
from tests.flows.test_promotion import quiet, serving
from tests.flows.worlds import Market, colours_of, utc_now
from training.snapshot import PhotoVectors


@pytest.fixture(scope="module")
def photographed(
    world: Market, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Draft, PhotoVectors]:
    """A draft that passes its audit, and its photos. Of colours that mean nothing the audit
    refuses one in some, by chance, and which ones hangs on the hour that the market ends at."""
    for running in range(1, 11):
        photos = colours_of(world, running)
        folder = tmp_path_factory.mktemp("draft") / "release"
        draft = drafted(world, utc_now(), folder, photos)
        if draft.manifest.evaluation["photo_audit_passed"]:
            return draft, photos
    pytest.fail("the audit refuses whatever colours mean nothing")


@pytest.fixture(scope="module")
def with_photos(photographed: tuple[Draft, PhotoVectors]) -> Draft:
    return photographed[0]


async def test_it_is_served_after_one_without_and_before_another(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    with_photos: Draft,
    workers: None,
    tmp_path: Path,
) -> None:
    plain = await registered(kernel, mlflow, draft, tmp_path)
    await promote_release(mlflow, kernel, plain.id, "Ada", quiet)
    made = await registered(kernel, mlflow, with_photos, tmp_path)
    await promote_release(mlflow, kernel, made.id, "Ada", quiet)
    assert await serving(kernel) == made.id

    arrays, d = made.release.arrays, made.release.manifest.d
    view, e = photos(made.id), made.release.manifest.e
    widths = {"embedding": e, "photo_taste": e}
    found = (await read(kernel.redis, [view], arrays.person_id, widths=widths))[view.name]
    np.testing.assert_array_equal(found.lists("embedding"), arrays.appeal[:, d:])
    np.testing.assert_allclose(found.lists("photo_taste"), arrays.taste[:, d:], atol=1e-5)

    await roll_back(mlflow, kernel, "Ada", quiet)
    assert await serving(kernel) == plain.id
    for _ in range(2):
        later = await registered(kernel, mlflow, draft, tmp_path)
        await promote_release(mlflow, kernel, later.id, "Ada", quiet)
    gone = (await read(kernel.redis, [view], arrays.person_id, widths=widths))[view.name]
    assert (gone.event_ms == -1).all()


async def test_it_is_refused_where_nobody_audited_it(
    kernel: Kernel,
    mlflow: MLflow,
    with_photos: Draft,
    workers: None,
    tmp_path: Path,
) -> None:
    made = await registered(kernel, mlflow, with_photos, tmp_path)
    manifest = made.release.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"photo_audit_passed"', '"photo_audit_never"'))
    with pytest.raises(ReleaseRejected, match="too few swipes to audit"):
        await promote_release(mlflow, kernel, made.id, "Ada", quiet)
    assert await serving(kernel) is None


def test_what_the_release_says_of_a_photo_is_what_training_said(
    photographed: tuple[Draft, PhotoVectors],
) -> None:
    draft, photos = photographed
    release = Release.open(draft.path)
    assert release.photos is not None
    ids = np.asarray(release.arrays.person_id)
    vectors = photos.vector[np.searchsorted(photos.person, ids)]
    placed = release.photos.coordinates(vectors, release.arrays.columns["gender"])
    expected = release.arrays.appeal[:, release.manifest.d :]
    np.testing.assert_allclose(placed, expected, atol=1e-4)
