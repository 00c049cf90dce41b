"""People's photos as a release is learned with them: mean vectors in the champion space."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from features.media import Media, MediaUnreachable
from features.mlflow_rest import MLflow
from features.photo_embeddings import person_vectors, read_embeddings, read_photos
from features.photo_reading import Say
from features.photo_registry import NetworkOfSpace, champion_space
from flows.photo_embedding import Embedded, embed_missing
from training.snapshot import PhotoVectors

log = logging.getLogger(__name__)


async def champion_vectors(
    mlflow: MLflow,
    lake: str | Path,
    media: Media,
    now: datetime,
    say: Say = lambda done, of: None,
) -> PhotoVectors | None:
    """Mean vectors of people's photos, with the network that made them, once what is new has been
    embedded; None where no space was learned yet, or nobody's photo is embedded.

    Of media that are away, what was embedded before counts. Raises NetworkDamaged,
    MLflowUnreachable.
    """
    space = await champion_space(mlflow)
    if space is None:
        return None
    return await asyncio.to_thread(_vectors, space, lake, media, now, say)


def _vectors(
    space: NetworkOfSpace, lake: str | Path, media: Media, now: datetime, say: Say
) -> PhotoVectors | None:
    try:
        log.info("photos embedded", extra=_shown(embed_missing(lake, media, space, now, say)))
    except MediaUnreachable as error:
        log.warning("new photos are not embedded", extra={"reason": str(error)})
    found = person_vectors(read_photos(lake), read_embeddings(lake, space.space))
    if not len(found.persons):
        return None
    return PhotoVectors(space.space, space.network_bytes, found.persons, found.vectors)


def _shown(done: Embedded) -> dict[str, object]:
    return {"photos": done.photos, "places": done.rows, "refused": done.refused}
