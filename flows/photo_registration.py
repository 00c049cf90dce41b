"""A draft of a space becomes one: a run in MLflow with all about it, a version of `photos`."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from features.mlflow_rest import MLflow
from features.photo_registry import HASH, MODEL, NETWORK, NetworkOfSpace
from features.registry import CHAMPION, PREVIOUS, aliases_in
from flows import tracking
from flows.registration import Origin, parameters
from flows.tracking import Run

EXPERIMENT: Final = "photos"
_BUNDLE: Final = "space"


@dataclass(frozen=True, slots=True, eq=False)
class PhotoDraft:
    """A space that has no id yet: its network (ONNX, vectors of `width`), how learning went by name
    and step, measures by name, and pictures (PNG) by name."""

    network: bytes
    width: int
    photos: int
    swipes: int
    measures: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sheets: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredSpace:
    """A space with its id, and its run in MLflow."""

    space: NetworkOfSpace
    run: Run


async def register_space(
    mlflow: MLflow, draft: PhotoDraft, origin: Origin, now: datetime
) -> RegisteredSpace:
    """Store the draft with its figures as the next version, which nobody uses yet.

    Of a failure in between nothing is left but a failed run.
    """
    tags = {
        "mlflow.user": origin.by,
        "mlflow.source.name": "flows.retrain_photos",
        "flow_run": origin.flow_run,
        HASH: hashlib.sha256(draft.network).hexdigest(),
    }
    counts = {name: str(getattr(draft, name)) for name in ("width", "photos", "swipes")}
    name = f"photos {now:%Y-%m-%d %H:%M}"
    run = await tracking.start_run(mlflow, name, tags, now, EXPERIMENT)
    try:
        learned = parameters(origin.settings) | counts | {"seed": origin.seed}
        await tracking.log_params(mlflow, run, learned)
        await tracking.log_measures(mlflow, run, draft.measures, now)
        await tracking.log_curves(mlflow, run, draft.curves, now)
        for sheet, png in draft.sheets.items():
            await tracking.log_file(mlflow, run, f"sheets/{sheet}.png", png)
        await tracking.log_file(mlflow, run, f"{_BUNDLE}/{NETWORK}", draft.network)
        shown = {key: f"{value:.4g}" for key, value in draft.measures.items()}
        about = f"{draft.photos:,} photos, {draft.swipes:,} swipes, {draft.width} numbers a photo"
        source = f"{run.artifacts}/{_BUNDLE}"
        space = await tracking.register(mlflow, run, source, tags | counts | shown, about, MODEL)
    except BaseException:
        await tracking.end_run(mlflow, run, "FAILED", now)
        raise
    return RegisteredSpace(NetworkOfSpace(space, draft.network), run)


async def make_champion(mlflow: MLflow, space: str) -> tuple[str, ...]:
    """Point `champion` at a space whose embeddings are complete, and `previous` at the one before.

    Returns the spaces that are still in use.
    """
    before = (await aliases_in(mlflow, MODEL)).get(CHAMPION)
    if before is not None and before != space:
        await tracking.set_alias(mlflow, PREVIOUS, before, MODEL)
    await tracking.set_alias(mlflow, CHAMPION, space, MODEL)
    return tuple(dict.fromkeys((await aliases_in(mlflow, MODEL)).values()))
