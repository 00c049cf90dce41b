"""A release that a benchmark drew goes live as every release does: registered, then promoted."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from features.manifest import Manifest
from features.mlflow_rest import MLflow, open_mlflow
from features.registry import place
from features.release import MANIFEST
from flows import tracking
from flows.activation import releases_folder
from flows.promote import promote_release
from gravity.kernel import Kernel

_BY: Final = "gravity bench"
_BUNDLE: Final = "release"


async def activate(kernel: Kernel, draft: Path, say: Callable[[str], None]) -> str:
    """Register the release folder `draft` and promote it through its gates; returns its id.

    Raises what `flows.promote.promote_release` does.
    """
    async with open_mlflow(kernel.settings.mlflow_url) as mlflow:
        release = await register(mlflow, kernel, draft)
        await promote_release(mlflow, kernel, release, _BY, say)
    return release


async def register(mlflow: MLflow, kernel: Kernel, draft: Path) -> str:
    """Register the release folder `draft`; returns its id.

    The folder moves to where this machine keeps releases: nobody needs to fetch it. So MLflow gets
    the manifest only.
    """
    now = kernel.clock()
    manifest = Manifest.model_validate_json((draft / MANIFEST).read_bytes())
    tags = {"mlflow.user": _BY, "data_hash": manifest.data_hash}
    run = await tracking.start_run(mlflow, f"bench {now:%Y-%m-%d %H:%M}", tags, now)
    source = await tracking.log_files(mlflow, run, _BUNDLE, [draft / MANIFEST])
    people = f"{manifest.people:,} people of a benchmark"
    release = await tracking.register(mlflow, run, source, tags, people)
    await tracking.end_run(mlflow, run, "FINISHED", now)
    folder = releases_folder(kernel)
    folder.mkdir(parents=True, exist_ok=True)
    place(draft, folder / release)
    return release
