"""The flow `retrain`: photos → join → train → rank → price → evaluate → register → gates →
materialise → follow → replay → features → load → promote → serve, then the report. Each task is a
call into a module that knows no Prefect.

Nothing is cached or persisted by Prefect: hashing millions of swipes for a cache key costs more
than it could save, and a release is registered whole or not at all. What learns is imported by the
tasks that learn, so that the runner, which imports this module for good, stays small.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    acreate_image_artifact,
    acreate_link_artifact,
    acreate_markdown_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from features.media import open_media
from features.mlflow_rest import MLflow, open_mlflow
from features.release import Release
from flows import activation, features_gate, promotion, registration, report, tracking
from flows.activation import Candidate
from flows.gates import Gate
from flows.promote import exclusive, hold, judge
from flows.promotion import Promotion
from flows.registration import Origin, Registered
from flows.retirement import retire
from gravity.kernel import Kernel, open_kernel
from gravity.settings import Settings

if TYPE_CHECKING:
    from flows.learning import Draft, TrainingSet
    from training.build import Evaluation, Fitted, TrainingSettings
    from training.snapshot import PhotoVectors


@task(name="photos", cache_policy=NO_CACHE)
async def see_photos(kernel: Kernel, mlflow: MLflow) -> "PhotoVectors | None":
    """Everybody's photos in the champion space, those that are new to it too; None without one."""
    from flows.photo_vectors import champion_vectors

    log, media = get_run_logger(), open_media(kernel.settings.media)

    def say(done: int, of: int) -> None:
        log.info("new photos: %d of %d parts embedded", done, of)

    found = await champion_vectors(mlflow, kernel.settings.lake, media, kernel.clock(), say)
    if found is not None:
        log.info("space %s: photos of %d people", found.space, len(found.person))
    return found


@task(name="join", cache_policy=NO_CACHE)
async def join(
    kernel: Kernel, photos: "PhotoVectors | None", how: "TrainingSettings", seed: int
) -> "TrainingSet":
    """The lake as arrays, and the point-in-time counts of the pairs that calibrate."""
    from flows import learning

    positions = await learning.positions_held(kernel)
    withdrawn = await learning.withdrawn_people(kernel.redis)
    datasets = learning.read_lake(kernel.settings, kernel.clock(), photos, withdrawn)
    live = await activation.live_releases(kernel)
    training_set = learning.join(kernel.settings, datasets, positions, live, how, seed)
    get_run_logger().info(
        "%d people, %d swipes until %s; %d pairs joined",
        *(len(datasets.people), len(datasets.swipes), datasets.window_end),
        len(training_set.pairs),
    )
    return training_set


@task(name="train", cache_policy=NO_CACHE)
def train(training_set: "TrainingSet", how: "TrainingSettings", seed: int) -> "Fitted":
    """Factors, rates, calibration, lines: one model to judge and one to release."""
    from training.build import fit

    return fit(training_set.datasets, training_set.pairs, training_set.counts, how, seed)


@task(name="rank", cache_policy=NO_CACHE)
def train_ranker(training_set: "TrainingSet", fitted: "Fitted", seed: int) -> "Fitted":
    """The network that corrects the calibrated logits, both ways, and what retrieves for it."""
    from training.build import with_ranker

    return with_ranker(training_set.datasets, fitted, seed)


@task(name="price", cache_policy=NO_CACHE)
def price(training_set: "TrainingSet", fitted: "Fitted", seed: int) -> "Fitted":
    """What an exposure of each of the crowded costs the others."""
    from training.build import with_prices

    return with_prices(training_set.datasets, fitted, seed)


@task(name="evaluate", cache_policy=NO_CACHE)
async def assess(training_set: "TrainingSet", fitted: "Fitted", seed: int) -> "Evaluation":
    """The model to judge on the held-out days, by likes and by ranking."""
    from training.build import evaluate

    evaluation = evaluate(training_set.datasets, fitted, seed)
    ranking = report.markdown(report.ranking_table(evaluation.ranking))
    reliability = report.markdown(report.reliability_table(evaluation.likes.reliability))
    prices = report.markdown(report.prices_table(evaluation.decks))
    text = (
        f"## Held-out days\n\n{ranking}\n\n## Reliability\n\n{reliability}\n\n## Prices\n\n{prices}"
    )
    await acreate_markdown_artifact(text, key="evaluation")
    for name, value in evaluation.metrics().items():
        get_run_logger().info("%s %.4g", name, value)
    return evaluation


@task(name="register", cache_policy=NO_CACHE)
async def register(kernel: Kernel, mlflow: MLflow, draft: "Draft", origin: Origin) -> Registered:
    """A run with everything about the draft, and the next version of `deck`."""
    from flows import learning

    folder = activation.releases_folder(kernel)
    registered = await registration.register(mlflow, draft, origin, folder, kernel.clock())
    await learning.hold_for(kernel, registered.id, draft.manifest.bus_positions)
    await acreate_link_artifact(
        f"{kernel.settings.mlflow_url}/#/models/deck/versions/{registered.id}",
        link_text=f"Release {registered.id} in MLflow",
        key="release",
        description=f"Release {registered.id}",
    )
    get_run_logger().info("registered as release %s", registered.id)
    return registered


@task(name="gates", cache_policy=NO_CACHE)
async def pass_gates(kernel: Kernel, mlflow: MLflow, candidate: Candidate) -> tuple[Gate, ...]:
    """What stands between the release and its activation. Raises ReleaseRejected."""
    found = await judge(mlflow, candidate)
    await acreate_markdown_artifact(report.markdown(report.gates_table(found)), key="gates")
    await promotion.require(mlflow, candidate.id, found, kernel.clock())
    return found


@task(name="materialise", cache_policy=NO_CACHE)
async def materialise(kernel: Kernel, candidate: Candidate) -> None:
    """The release's factors of everybody into Redis."""
    people = await activation.materialise(kernel, candidate)
    get_run_logger().info("factors of %d people in Redis", people)


@task(name="follow", cache_policy=NO_CACHE)
async def follow(kernel: Kernel, candidate: Candidate) -> None:
    """The feature stream keeps the release current from here on. Raises NotFollowed."""
    await activation.follow(kernel, candidate.id)


@task(name="replay", cache_policy=NO_CACHE)
async def replay(kernel: Kernel, candidate: Candidate) -> None:
    """What people did since the training window's end."""
    people = await activation.replay(kernel, candidate)
    get_run_logger().info("%d people's swipes since the window replayed", people)


@task(name="features", cache_policy=NO_CACHE)
async def have_features(kernel: Kernel, mlflow: MLflow, candidate: Candidate) -> Gate:
    """Whether the store has what the release reads. Raises ReleaseRejected."""
    found = await features_gate.judge(kernel, candidate)
    await promotion.require(mlflow, candidate.id, (found,), kernel.clock())
    get_run_logger().info(found.found)
    return found


@task(name="load", cache_policy=NO_CACHE)
async def load(kernel: Kernel, mlflow: MLflow, candidate: Candidate) -> None:
    """The rankers hold the release beside the one they serve.

    Raises SnapshotRefused, NotFollowed.
    """
    await hold(mlflow, kernel, candidate.id)


@task(name="promote", cache_policy=NO_CACHE)
async def promote_task(
    kernel: Kernel, mlflow: MLflow, candidate: Candidate, by: str, found: tuple[Gate, ...]
) -> Promotion:
    """The alias `champion`, the event, who and on which numbers."""
    return await promotion.promote(mlflow, kernel, candidate.id, by, found)


@task(name="serve", cache_policy=NO_CACHE)
async def serve(kernel: Kernel, mlflow: MLflow, candidate: Candidate) -> None:
    """Requests are bound to the release; what is older retires."""
    await activation.serve(kernel, candidate.id)
    await promotion.finish(mlflow)
    get_run_logger().info("release %s is served", candidate.id)
    for gone in await retire(mlflow, kernel):
        get_run_logger().info("release %s retired", gone)


@task(name="report", cache_policy=NO_CACHE)
async def illustrate(
    kernel: Kernel, mlflow: MLflow, registered: Registered, evaluation: "Evaluation"
) -> None:
    """Plots, in MLflow and in Prefect; last, since nobody's deck waits for them."""
    plots = {
        "reliability": report.reliability_plot(evaluation.likes.reliability),
        "ranking": report.recall_plot(evaluation.ranking),
    }
    for name, png in plots.items():
        path = f"plots/{name}.png"
        await tracking.log_file(mlflow, registered.run, path, png)
        url = f"{kernel.settings.mlflow_url}/get-artifact?path={path}&run_uuid={registered.run.id}"
        await acreate_image_artifact(url, key=name, description=f"Release {registered.id}")
    await tracking.end_run(mlflow, registered.run, "FINISHED", kernel.clock())


@flow(name="retrain", persist_result=False)
async def retrain(
    promote: bool = True, by: str = "schedule", seed: int = 0, price_strength: float = 1.0
) -> str:
    """Learn a release from the lake, register it and, if it passes the gates, serve it.

    promote: False stops after registering. by: who or what asked, noted in MLflow. price_strength:
    how strongly prices of exposure count, 0 (not at all) to 10; 1 as they are found.
    Returns the release id. Raises StrengthRefused.
    """
    from flows import learning
    from training.build import TrainingSettings

    how = TrainingSettings(price_strength=price_strength)
    origin = Origin(str(flow_run.id), by, how, seed)
    settings = Settings.load()
    async with open_kernel(settings) as kernel, open_mlflow(settings.mlflow_url) as mlflow:
        folder = activation.releases_folder(kernel)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft.", dir=folder) as drafts:
            photos = await see_photos(kernel, mlflow)
            training_set = await join(kernel, photos, how, seed)
            fitted = train(training_set, how, seed)
            fitted = train_ranker(training_set, fitted, seed)
            fitted = price(training_set, fitted, seed)
            evaluation = await assess(training_set, fitted, seed)
            draft = learning.draft(training_set, fitted, evaluation, Path(drafts) / "release")
            registered = await register(kernel, mlflow, draft, origin)
        try:
            if promote:
                await _go_live(kernel, mlflow, registered, by)
        finally:
            await illustrate(kernel, mlflow, registered, evaluation)
    return registered.id


async def _go_live(kernel: Kernel, mlflow: MLflow, registered: Registered, by: str) -> None:
    candidate = Candidate(registered.id, Release.open(registered.path))
    async with exclusive(kernel):
        found = await pass_gates(kernel, mlflow, candidate)
        await materialise(kernel, candidate)
        await follow(kernel, candidate)
        await replay(kernel, candidate)
        found += (await have_features(kernel, mlflow, candidate),)
        await load(kernel, mlflow, candidate)
        await promote_task(kernel, mlflow, candidate, by, found)
        await serve(kernel, mlflow, candidate)
