"""Spaces in MLflow: registered whole, made the champion, read back, and learned releases of."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from features.lake import append_rows, part_of_import
from features.media import open_media
from features.mlflow_rest import MLflow, open_mlflow
from features.photo_network import NetworkDamaged
from features.photo_registry import HASH, MODEL, NETWORK, champion_space, network_of
from features.registry import aliases_in, version, versions
from flows.photo_registration import PhotoDraft, RegisteredSpace, make_champion, register_space
from flows.photo_vectors import champion_vectors
from flows.registration import Origin
from tests.features.photo_networks import mean_colour
from tests.training.photo_worlds import with_photos
from tests.training.worlds import market

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CURVES = {"loss": [0.7, 0.6, 0.55], "auc": [0.5, float("nan"), 0.6]}


@dataclass(frozen=True)
class How:
    epochs: int = 3


ORIGIN = Origin("a flow run", "a test", How(), 7)


@pytest.fixture
async def registry(mlflow_url: str) -> AsyncIterator[MLflow]:
    """The session's MLflow without aliases of spaces."""
    async with open_mlflow(mlflow_url) as mlflow:
        for alias in await aliases_in(mlflow, MODEL):
            await mlflow.http.request(
                "DELETE",
                "/api/2.0/mlflow/registered-models/alias",
                json={"name": MODEL, "alias": alias},
            )
        yield mlflow


async def registered(mlflow: MLflow, times: float = 1.0) -> RegisteredSpace:
    draft = PhotoDraft(
        mean_colour(times), 3, 10, 2_000, {"auc": 0.61}, CURVES, {"neighbours": b"a picture"}
    )
    return await register_space(mlflow, draft, ORIGIN, NOW)


def say(done: int, of: int) -> None:
    assert 0 < done <= of


async def test_a_space_is_registered_with_all_about_it(registry: MLflow) -> None:
    made = await registered(registry)
    found = await version(registry, made.space.space, MODEL)
    assert found.tags[HASH] == hashlib.sha256(mean_colour()).hexdigest()
    assert {k: found.tags[k] for k in ("width", "photos", "swipes", "auc", "flow_run")} == {
        "width": "3", "photos": "10", "swipes": "2000", "auc": "0.61", "flow_run": "a flow run"
    }  # fmt: skip
    answer = await registry.get("runs/get", run_id=made.run.id)
    assert '"epochs"' in str(answer).replace("'", '"')
    history = await registry.get("metrics/get-history", run_id=made.run.id, metric_key="loss")
    metrics = history["metrics"]
    assert isinstance(metrics, list)
    values = [metric["value"] for metric in metrics if isinstance(metric, dict)]
    assert values == CURVES["loss"]
    assert await registry.files(f"{made.run.artifacts}/sheets") == ["neighbours.png"]
    assert await registry.files(found.source) == [NETWORK]


async def test_there_is_no_champion_before_the_first(registry: MLflow, tmp_path: Path) -> None:
    await registered(registry)
    assert await champion_space(registry) is None
    media = open_media(str(tmp_path))
    assert await champion_vectors(registry, tmp_path, media, NOW, say) is None


async def test_the_champion_is_read_back_and_the_one_before_stays_in_use(registry: MLflow) -> None:
    first, second, third = [(await registered(registry, n)).space for n in (1.0, 2.0, 3.0)]
    assert await make_champion(registry, first.space) == (first.space,)
    assert await make_champion(registry, first.space) == (first.space,)
    assert set(await make_champion(registry, second.space)) == {first.space, second.space}
    assert set(await make_champion(registry, third.space)) == {second.space, third.space}
    found = await champion_space(registry)
    assert found is not None
    assert (found.space, found.network_bytes) == (third.space, third.network_bytes)
    assert [v.release for v in await versions(str(registry.http.base_url), model=MODEL)][:3] == [
        third.space, second.space, first.space
    ]  # fmt: skip


async def test_a_network_that_was_damaged_since_is_refused(registry: MLflow) -> None:
    made = await registered(registry)
    source = (await version(registry, made.space.space, MODEL)).source
    await registry.write(f"{source}/{NETWORK}", mean_colour(2.0))
    with pytest.raises(NetworkDamaged, match="not what was registered"):
        await network_of(registry, made.space.space)


async def test_a_release_learns_of_everybodys_photos(registry: MLflow, tmp_path: Path) -> None:
    made = await registered(registry)
    await make_champion(registry, made.space.space)
    lake, folder = tmp_path / "lake", tmp_path / "media" / "photos"
    folder.mkdir(parents=True)
    out = BytesIO()
    Image.new("RGB", (50, 50), (255, 0, 0)).save(out, "PNG")
    (folder / "red").write_bytes(out.getvalue())
    urls_of = {2: ["/photos/red"], 3: ["/photos/none"], 1: ["/photos/red", "/photos/none"]}
    rows = with_photos(market(40, 3).profiles, urls_of)
    append_rows(lake, "profiles", rows, part_of_import("f00d", 0))
    found = await champion_vectors(
        registry, lake, open_media(str(tmp_path / "media")), NOW, lambda done, of: None
    )
    assert found is not None
    assert (found.space, found.network) == (made.space.space, mean_colour())
    assert found.person.tolist() == [1, 2]
    np.testing.assert_allclose(found.vector, [[1, 0, 0]] * 2, atol=1e-6)
    # Media that are away: what was embedded before counts.
    away = open_media("http://127.0.0.1:9")
    again = await champion_vectors(registry, lake, away, NOW, lambda done, of: None)
    assert again is not None
    assert again.person.tolist() == [1, 2]
