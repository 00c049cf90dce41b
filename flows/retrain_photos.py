"""The flow `retrain_photos`: swipes → photos → learn → register → embed → champion. It learns a
space when asked to, or where there is none yet; else it embeds what the champion does not have.

Everybody's photos are in a space before it becomes the champion, so that the next release finds
them there. Releases that are live keep the network that they were learned with.
"""

from typing import TYPE_CHECKING, Final

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_image_artifact, acreate_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from features.media import Media, open_media
from features.mlflow_rest import MLflow, open_mlflow
from features.photo_embeddings import forget_spaces
from features.photo_reading import Say
from features.photo_registry import NetworkOfSpace, champion_space
from flows import photo_embedding, photo_registration, tracking
from flows.photo_embedding import Embedded
from flows.photo_registration import PhotoDraft, RegisteredSpace
from flows.registration import Origin
from gravity.kernel import Kernel, open_kernel
from gravity.settings import Settings

if TYPE_CHECKING:
    from flows.photo_learning import PhotoSet
    from training.liked_photos import LikedPhotos
    from training.photos.fitting import PhotoSettings

_TENTHS: Final = 10


@task(name="swipes", cache_policy=NO_CACHE)
def read_swipes(kernel: Kernel) -> "LikedPhotos":
    """The lake's swipes on people with photos. Raises NoPhotos, TooFewSwipes."""
    from flows import photo_learning

    liked = photo_learning.read_liked(kernel.settings, kernel.clock())
    get_run_logger().info("%d swipes on %d photos", len(liked.liked), len(liked.urls))
    return liked


@task(name="photos", cache_policy=NO_CACHE)
def read_photos(kernel: Kernel, media: Media, liked: "LikedPhotos") -> "PhotoSet":
    """Their pixels. Raises NoPhotos, TooFewSwipes, MediaUnreachable."""
    from flows import photo_learning

    photos = photo_learning.read_set(kernel.settings, media, liked, _said("photos read"))
    _log_refused(photos.refused)
    return photos


@task(name="learn", cache_policy=NO_CACHE)
def learn_space(photos: "PhotoSet", how: "PhotoSettings", seed: int) -> PhotoDraft:
    """The network, from random weights."""
    from flows import photo_learning

    return photo_learning.learn(photos, how, seed, get_run_logger().info)


@task(name="register", cache_policy=NO_CACHE)
async def register(
    kernel: Kernel, mlflow: MLflow, draft: PhotoDraft, origin: Origin
) -> RegisteredSpace:
    """A run with everything about the draft, and the next version of `photos`."""
    made = await photo_registration.register_space(mlflow, draft, origin, kernel.clock())
    space, url = made.space.space, kernel.settings.mlflow_url
    await acreate_link_artifact(
        f"{url}/#/models/photos/versions/{space}",
        link_text=f"Space {space} in MLflow",
        key="space",
        description=f"Space {space}",
    )
    for sheet in draft.sheets:
        path = f"{url}/get-artifact?path=sheets/{sheet}.png&run_uuid={made.run.id}"
        await acreate_image_artifact(path, key=sheet, description=f"Space {space}")
    get_run_logger().info("registered as space %s", space)
    return made


@task(name="embed", cache_policy=NO_CACHE)
def embed(kernel: Kernel, media: Media, space: NetworkOfSpace) -> Embedded:
    """Everybody's photos that the space does not have yet, into the lake.

    Raises NetworkDamaged, MediaUnreachable.
    """
    lake, now = kernel.settings.lake, kernel.clock()
    done = photo_embedding.embed_missing(lake, media, space, now, _said("batches of photos"))
    get_run_logger().info("%d photos embedded, of %d places in profiles", done.photos, done.rows)
    _log_refused(done.refused)
    return done


@task(name="champion", cache_policy=NO_CACHE)
async def make_champion(kernel: Kernel, mlflow: MLflow, made: RegisteredSpace) -> None:
    """The next release is learned in the space; what nobody uses any more is forgotten."""
    used = await photo_registration.make_champion(mlflow, made.space.space)
    files = forget_spaces(kernel.settings.lake, used)
    await tracking.end_run(mlflow, made.run, "FINISHED", kernel.clock())
    get_run_logger().info("space %s is the champion; %d old files gone", made.space.space, files)


@flow(name="retrain-photos", persist_result=False)
async def retrain_photos(learn: bool = False, by: str = "schedule", seed: int = 0) -> str:
    """Embed everybody's photos that are new.

    learn: learn a new space first, and embed all photos in that. Where there is none yet, one is
    learned anyway. by: who or what asked, noted in MLflow. Returns the space's id.
    """
    settings = Settings.load()
    media = open_media(settings.media)
    async with open_kernel(settings) as kernel, open_mlflow(settings.mlflow_url) as mlflow:
        space = None if learn else await champion_space(mlflow)
        if space is not None:
            embed(kernel, media, space)
            return space.space
        return await _learned(kernel, mlflow, media, by, seed)


async def _learned(kernel: Kernel, mlflow: MLflow, media: Media, by: str, seed: int) -> str:
    from training.photos.fitting import PhotoSettings

    how = PhotoSettings()
    photos = read_photos(kernel, media, read_swipes(kernel))
    draft = learn_space(photos, how, seed)
    made = await register(kernel, mlflow, draft, Origin(str(flow_run.id), by, how, seed))
    try:
        embed(kernel, media, made.space)
    except BaseException:
        await tracking.end_run(mlflow, made.run, "FAILED", kernel.clock())
        raise
    await make_champion(kernel, mlflow, made)
    return made.space.space


def _said(what: str) -> Say:
    """Logs each tenth."""
    log = get_run_logger()

    def say(done: int, of: int) -> None:
        if done == of or done * _TENTHS // of != (done - 1) * _TENTHS // of:
            log.info("%d of %d %s", done, of, what)

    return say


def _log_refused(refused: dict[str, int]) -> None:
    for reason, count in sorted(refused.items()):
        get_run_logger().warning("%d photos left out: %s", count, reason)
