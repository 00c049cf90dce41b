"""The registry of releases: MLflow's registered model `deck`, read over plain HTTP.

A release id is the number of a model version, as a string. Whoever serves asks here which release
is which and fetches its folder; `flows` writes.
"""

import hashlib
import math
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue, ValidationError

from features.mlflow_rest import MLflow, MLflowRefused, open_mlflow
from features.release import MANIFEST, Manifest

MODEL: Final = "deck"
CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
_ABSENT: Final = "RESOURCE_DOES_NOT_EXIST"


class ReleaseUnknown(Exception):
    """No such version of the model is registered."""


class DownloadDamaged(Exception):
    """A file that arrived is not the one that the manifest names; nothing was kept."""


@dataclass(frozen=True, slots=True)
class Version:
    """One registered release: where its files are, the run that made it, and what is said of it."""

    release: str
    run_id: str
    source: str
    created_at: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


async def champion(mlflow_url: str) -> str | None:
    """The release that is to be served, or None before the first promotion."""
    return await alias(mlflow_url, CHAMPION)


async def alias(mlflow_url: str, name: str) -> str | None:
    """The release under an alias, if any. Raises MLflowUnreachable."""
    return (await aliases(mlflow_url)).get(name)


async def aliases(mlflow_url: str) -> dict[str, str]:
    """Release by alias; empty before the first registration. Raises MLflowUnreachable."""
    async with open_mlflow(mlflow_url) as mlflow:
        return await aliases_in(mlflow)


async def aliases_in(mlflow: MLflow, model: str = MODEL) -> dict[str, str]:
    """`aliases`, on a connection that is open already; of another model too."""
    try:
        found = await mlflow.get("registered-models/get", name=model)
    except MLflowRefused as error:
        if error.code == _ABSENT:
            return {}
        raise
    rows = _rows(_object(found["registered_model"]).get("aliases"))
    return {str(row["alias"]): str(row["version"]) for row in rows}


async def versions(mlflow_url: str, most: int = 100, model: str = MODEL) -> list[Version]:
    """The latest registered releases, or versions of another model, newest first.

    Raises MLflowUnreachable.
    """
    async with open_mlflow(mlflow_url) as mlflow:
        named = await aliases_in(mlflow, model)
        found = await mlflow.get(
            "model-versions/search",
            filter=f"name='{model}'",
            max_results=most,
            order_by="version_number DESC",
        )
    return [_version(row, named) for row in _rows(found.get("model_versions"))]


async def version(mlflow: MLflow, release: str, model: str = MODEL) -> Version:
    """One release, or version of another model. Raises ReleaseUnknown, MLflowUnreachable."""
    try:
        found = await mlflow.get("model-versions/get", name=model, version=release)
    except MLflowRefused as error:
        # INVALID_PARAMETER_VALUE: a version that is not a number.
        raise ReleaseUnknown(release) from error
    return _version(_object(found["model_version"]), await aliases_in(mlflow, model))


async def download(mlflow_url: str, release: str, to: Path) -> Path:
    """The folder `to`/<release>, fetched unless it is there; whole or absent at every moment.

    Raises ReleaseUnknown, DownloadDamaged, MLflowUnreachable.
    """
    target = to / release
    if target.is_dir():
        return target
    draft = _draft(target)
    try:
        async with open_mlflow(mlflow_url) as mlflow:
            source = (await version(mlflow, release)).source
            await _fetch(mlflow, source, draft)
        place(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def place(draft: Path, target: Path) -> None:
    """Rename a complete folder to its place; another process may have been faster."""
    draft.chmod(0o755)
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def discard(folder: Path) -> None:
    """Delete a release's folder, if it is there; it is whole or absent at every moment."""
    grave = _draft(folder)
    try:
        # Onto an empty folder, which a rename replaces.
        folder.rename(grave)
    except FileNotFoundError:
        pass
    finally:
        shutil.rmtree(grave, ignore_errors=True)


async def log_metrics(
    mlflow_url: str, run_id: str, metrics: Mapping[str, float], now: datetime
) -> None:
    """Add measurements to a run, which may have ended; those that are not finite are left out.

    Raises MLflowUnreachable.
    """
    at_ms = int(now.timestamp() * 1000)
    rows: list[JsonValue] = [
        {"key": key, "value": value, "timestamp": at_ms, "step": 0}
        for key, value in metrics.items()
        if math.isfinite(value)
    ]
    async with open_mlflow(mlflow_url) as mlflow:
        await mlflow.post("runs/log-batch", {"run_id": run_id, "metrics": rows})


def _draft(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))


async def _fetch(mlflow: MLflow, source: str, draft: Path) -> None:
    names = await mlflow.files(source)
    if MANIFEST not in names:
        raise DownloadDamaged(f"{source} holds no {MANIFEST}")
    await _fetch_file(mlflow, f"{source}/{MANIFEST}", draft / MANIFEST)
    try:
        hashes = Manifest.model_validate_json((draft / MANIFEST).read_bytes()).files
    except ValidationError as error:
        raise DownloadDamaged(f"{MANIFEST}: {error}") from error
    for name in sorted(hashes):
        # A name comes out of a file: it must not lead out of the folder.
        if Path(name).name != name or name not in names:
            raise DownloadDamaged(f"{source} holds no {name}")
        if await _fetch_file(mlflow, f"{source}/{name}", draft / name) != hashes[name]:
            raise DownloadDamaged(f"{name}: its hash is not the manifest's")


async def _fetch_file(mlflow: MLflow, uri: str, to: Path) -> str:
    """Store one artifact and return its sha256."""
    digest = hashlib.sha256()
    async with mlflow.read(uri) as chunks:
        with to.open("wb") as file:
            async for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
    return digest.hexdigest()


def _version(row: Mapping[str, JsonValue], named: Mapping[str, str]) -> Version:
    release = str(row["version"])
    created = row["creation_timestamp"]
    assert isinstance(created, int | str)
    return Version(
        release=release,
        run_id=str(row.get("run_id", "")),
        source=str(row["source"]),
        created_at=datetime.fromtimestamp(int(created) / 1000, UTC),
        aliases=tuple(sorted(name for name, held in named.items() if held == release)),
        tags={str(tag["key"]): str(tag.get("value", "")) for tag in _rows(row.get("tags"))},
    )


def _rows(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
