"""Feast's own SDK, a process of its own: `python -m cli.bench.feast_sdk`, which only
`gravity bench features` starts. Questions come on stdin, a line each; so do the answers on stdout.

Apart, so that neither Feast's import nor its garbage is there while the reader is measured.
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feast import FeatureStore

    from cli.bench.feature_shapes import Shape

Value = float | str | list[float] | None


@dataclass(frozen=True, slots=True)
class Place:
    """The first line: the Redis to read, and a folder for the registry."""

    redis_url: str
    home: str


@dataclass(frozen=True, slots=True)
class Question:
    """A call to time: of which store, which shape, of whom, and whether to tell what came of it.

    `ours`: of Feast's SDK on `features.repo.online_store`, else on Feast's own store of Redis.
    """

    ours: bool
    shape: str
    people: Sequence[int]
    values: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """How long the call took. `values`: by feature a value a person; timestamps in seconds."""

    ms: float
    values: dict[str, list[Value]]


def main() -> None:
    """Answer until stdin ends."""
    # It ends with whoever asks, who is interrupted with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = sys.stdout
    # What libraries print is no answer.
    with contextlib.redirect_stdout(sys.stderr):
        from cli.bench.feature_shapes import SHAPES

        stores = _stores(Place(**json.loads(sys.stdin.readline())))
        print("{}", file=out, flush=True)
        for line in sys.stdin:
            question = Question(**json.loads(line))
            answer = _answer(stores[question.ours], SHAPES[question.shape], question)
            print(json.dumps(asdict(answer)), file=out, flush=True)


def _stores(place: Place) -> "dict[bool, FeatureStore]":
    """Feast's own and ours, with the views of the benchmark and no others."""
    from feast.infra.online_stores.redis import RedisOnlineStoreConfig
    from pydantic import SecretStr

    from cli.bench.feature_shapes import SHAPES
    from features.repo.online_store import DirectRedisOnlineStoreConfig
    from features.repo.store import feature_store, history_folder, register
    from gravity.settings import Settings

    settings = Settings(
        home=Path(place.home),
        redis_url=place.redis_url,
        postgres_url="",
        bus_url="",
        card_token_key=SecretStr("0" * 32),
        jwt_public_key="",
    )
    stores = {
        ours: feature_store(settings, [], online)
        for ours, online in ((False, RedisOnlineStoreConfig), (True, DirectRedisOnlineStoreConfig))
    }
    for store in stores.values():
        register(store, [shape.view for shape in SHAPES.values()], history_folder(settings))
    return stores


def _answer(store: "FeatureStore", shape: "Shape", question: Question) -> Answer:
    from features.views import JOIN_KEY

    names = [f"{shape.view.name}:{feature.name}" for feature in shape.view.features]
    rows = [{JOIN_KEY: person} for person in question.people]
    started = time.perf_counter()
    response = store.get_online_features(names, rows)
    ms = 1000 * (time.perf_counter() - started)
    # Making a dictionary of it is not timed: whoever wants arrays does not need that.
    found = response.to_dict() if question.values else {}
    wanted = [feature.name for feature in shape.view.features if feature.name in found]
    return Answer(ms, {name: [_told(value) for value in found[name]] for name in wanted})


def _told(value: object) -> Value:
    if isinstance(value, datetime):
        return value.timestamp()
    assert value is None or isinstance(value, float | int | str | list)
    return value


if __name__ == "__main__":
    main()
