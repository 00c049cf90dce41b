"""The deck as the guides of its parts put it together: `python -m cli.bench.textbook.api PORT`.

FAISS over everybody and a filter behind it, Feast's SDK for the features of the 200 best, BentoML
for their scores, with the features as JSON. Everything is open and warm before the first request.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import bentoml
import faiss
import numpy as np
import redis
import uvicorn
from fastapi import FastAPI
from feast.infra.online_stores.redis import RedisOnlineStoreConfig
from pydantic import BaseModel

from cli.bench.textbook.index import Index
from cli.bench.textbook.programs import RANKER_URL, RELEASE
from features.release import Release
from features.repo.store import feature_store
from features.views import JOIN_KEY, factors, photos
from gravity.settings import Settings

_KEEP_ALIVE_S: Final = 75
_DAY_S: Final = 86_400


class Card(BaseModel):
    """A person and the score that put them where they are."""

    id: int
    score: float


class Deck(BaseModel):
    """Best first. `took_ms`: by stage."""

    cards: list[Card]
    took_ms: dict[str, float]


def _app(settings: Settings, release_id: str, ranker_url: str) -> FastAPI:
    parts: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts["index"] = Index.of(Release.open(settings.home / "releases" / release_id))
        parts["store"] = feature_store(settings, [release_id], RedisOnlineStoreConfig)
        parts["redis"] = redis.Redis.from_url(settings.redis_url)
        parts["ranker"] = bentoml.SyncHTTPClient(ranker_url)
        yield
        parts["ranker"].close()
        parts["redis"].close()

    app = FastAPI(lifespan=lifespan)
    views = (factors(release_id), photos(release_id))
    names = [f"{view.name}:{feature.name}" for view in views for feature in view.features]

    # Not `async`: Feast's SDK and Redis' client block, and FastAPI has threads for what does.
    @app.get("/deck")
    def deck(viewer: int, size: int = 20) -> Deck:
        started = time.perf_counter()
        swiped = np.array(parts["redis"].zrange(f"seen:{{{viewer}}}", 0, -1), np.int64)
        today = int(datetime.now(UTC).timestamp()) // _DAY_S
        candidates = parts["index"].search(viewer, swiped, today).tolist()
        searched = time.perf_counter()
        rows = [{JOIN_KEY: person} for person in (viewer, *candidates)]
        features = parts["store"].get_online_features(names, rows).to_dict()
        read = time.perf_counter()
        scores = parts["ranker"].rank(features=features)
        cards = [Card(id=i, score=s) for i, s in zip(candidates, scores, strict=True)]
        cards.sort(key=lambda card: card.score, reverse=True)
        ranked = time.perf_counter()
        took = {"search": searched - started, "features": read - searched, "rank": ranked - read}
        return Deck(
            cards=cards[:size],
            took_ms={stage: round(1000 * seconds, 3) for stage, seconds in took.items()},
        )

    return app


if __name__ == "__main__":
    # With more, a search waits for threads that a busy machine does not run.
    faiss.omp_set_num_threads(1)
    app = _app(Settings.load(), os.environ[RELEASE], os.environ[RANKER_URL])
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
