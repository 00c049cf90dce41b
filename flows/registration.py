"""A draft becomes a release: a run in MLflow with everything about it, a version of `deck`."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from features.mlflow_rest import MLflow
from features.registry import place
from flows import report, tracking
from flows.tracking import Run

if TYPE_CHECKING:
    from flows.learning import Draft

_BUNDLE: Final = "release"
_SHOWN: Final = ("auc_learned", "recall_at_20_learned", "recall_at_20_popularity", "tau")


@dataclass(frozen=True, slots=True)
class Registered:
    """A release: its id, its run in MLflow, its folder on this machine."""

    id: str
    run: Run
    path: Path


@dataclass(frozen=True, slots=True)
class Origin:
    """How the release came to be: the run of the flow, who asked for it, and with what settings."""

    flow_run: str
    by: str
    settings: object
    seed: int


async def register(
    mlflow: MLflow, draft: "Draft", origin: Origin, releases: Path, now: datetime
) -> Registered:
    """Store the draft with its figures as the next version, and keep its folder at its id.

    Of a failure in between nothing is left but a failed run: versions are complete.
    """
    run = await tracking.start_run(
        mlflow, f"deck {now:%Y-%m-%d %H:%M}", _run_tags(draft, origin), now
    )
    try:
        await _log(mlflow, run, draft, origin, now)
        files = await asyncio.to_thread(lambda: sorted(draft.path.iterdir()))
        source = await tracking.log_files(mlflow, run, _BUNDLE, files)
        release_id = await tracking.register(
            mlflow, run, source, _version_tags(draft, origin), _description(draft)
        )
    except BaseException:
        await tracking.end_run(mlflow, run, "FAILED", now)
        raise
    target = releases / release_id
    await asyncio.to_thread(_keep, draft.path, target)
    return Registered(release_id, run, target)


def parameters(value: object, prefix: str = "") -> dict[str, str | int | float]:
    """The leaves of nested dataclasses by dotted name."""
    fields = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    if not isinstance(fields, Mapping):
        return {prefix: fields if isinstance(fields, int | float) else str(fields)}
    flat: dict[str, str | int | float] = {}
    for name, leaf in fields.items():
        flat |= parameters(leaf, f"{prefix}.{name}" if prefix else str(name))
    return flat


async def _log(mlflow: MLflow, run: Run, draft: "Draft", origin: Origin, now: datetime) -> None:
    manifest, evaluation = draft.manifest, draft.evaluation
    window: dict[str, str | int | float] = {
        "window_start": manifest.training_window.start.isoformat(),
        "window_end": manifest.training_window.end.isoformat(),
        "seed": origin.seed,
    }
    await tracking.log_params(mlflow, run, parameters(origin.settings) | window)
    await tracking.log_measures(mlflow, run, evaluation.metrics(), now)
    profile: dict[str, JsonValue] = {"people": evaluation.people, "swipes": evaluation.swipes}
    await tracking.log_dataset(mlflow, run, "swipes", manifest.data_hash, profile)
    tables = {
        "ranking": report.ranking_table(evaluation.ranking),
        "reliability": report.reliability_table(evaluation.likes.reliability),
        "prices": report.prices_table(evaluation.decks),
    }
    await tracking.log_tables(mlflow, run, tables)


def _keep(draft: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    place(draft, target)


def _run_tags(draft: "Draft", origin: Origin) -> dict[str, str]:
    return {
        "mlflow.user": origin.by,
        "mlflow.source.name": "flows.retrain",
        "flow_run": origin.flow_run,
        "data_hash": draft.manifest.data_hash,
        "code_hash": draft.manifest.code_hash,
    }


def _version_tags(draft: "Draft", origin: Origin) -> dict[str, str]:
    metrics = draft.evaluation.metrics()
    shown = {name: f"{metrics[name]:.4g}" for name in _SHOWN}
    dial = {"price_strength": f"{draft.manifest.pricing.strength:g}"}
    counts = {"people": str(draft.evaluation.people), "swipes": str(draft.evaluation.swipes)}
    return _run_tags(draft, origin) | counts | shown | dial


def _description(draft: "Draft") -> str:
    end = draft.manifest.training_window.end
    return (
        f"{draft.evaluation.people:,} people, {draft.evaluation.swipes:,} swipes up to "
        f"{end:%Y-%m-%d %H:%M} UTC, {draft.manifest.d} factors"
    )
