"""Drafts of releases of the tiny market, learned without Feast: where promotion starts from."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from features.mlflow_rest import MLflow
from features.registry import version
from features.release import Release
from flows import learning, registration
from flows.activation import Candidate, releases_folder
from flows.learning import Draft, TrainingSet
from flows.registration import Origin
from gravity.kernel import Kernel
from tests.flows.worlds import Market
from training.build import (
    TrainingSettings,
    calibration_pairs,
    counts_before,
    evaluate,
    fit,
    with_prices,
    with_ranker,
)
from training.datasets import datasets_of
from training.snapshot import PhotoVectors

HOW = TrainingSettings()


def drafted(world: Market, now: datetime, path: Path, photos: PhotoVectors | None = None) -> Draft:
    """Learn a draft into the folder `path`; its window ends half an hour before `now`."""
    window_end = (now - timedelta(minutes=30)).replace(microsecond=0)
    datasets = datasets_of(world.profiles, world.swipes, now, window_end, photos)
    pairs = calibration_pairs(datasets, HOW, 0)
    training_set = TrainingSet(datasets, pairs, counts_before(datasets, pairs), {})
    fitted = fit(datasets, pairs, training_set.counts, HOW, 0)
    fitted = with_prices(datasets, with_ranker(datasets, fitted, 0), 0)
    return learning.draft(training_set, fitted, evaluate(datasets, fitted, 0), path)


async def registered(kernel: Kernel, mlflow: MLflow, draft: Draft, scratch: Path) -> Candidate:
    """Register a copy of the draft as the next release."""
    folder = scratch / "copy"
    shutil.copytree(draft.path, folder)
    copy = replace(draft, path=folder)
    origin = Origin("a flow run", "a test", HOW, 0)
    made = await registration.register(
        mlflow, copy, origin, releases_folder(kernel), kernel.clock()
    )
    assert (await version(mlflow, made.id)).run_id == made.run.id
    return Candidate(made.id, Release.open(made.path))
