"""How long after its acknowledgement a swipe has changed what the viewer is shown."""

from collections.abc import Callable, Sequence
from time import perf_counter
from uuid import uuid4

import numpy as np

from cli.check.ranker import Ranker
from cli.client import Client, swipe_of
from cli.wait import until


async def swipe_to_deck_s(
    client: Client, ranker: Ranker, viewers: Sequence[int], advance: Callable[[], None]
) -> float | None:
    """p99 of the seconds from the acknowledgement of a like to a deck ranked with it.

    One viewer at a time. A score is a pure function of the two people's features, so the first
    answer in which anybody's score differs is the first that learned.
    """
    seconds = []
    for viewer in viewers:
        deck = await client.deck(viewer)
        answer = await ranker.rank(viewer, uuid4())
        before = dict(zip(answer.ids, answer.scores, strict=True))
        if deck["cards"] and len(before) > 1:
            await client.swipe(viewer, [swipe_of(deck["cards"][0], "like")])
            seconds.append(await _seconds_until_changed(ranker, viewer, before))
        advance()
    return round(float(np.quantile(seconds, 0.99)), 4) if seconds else None


async def _seconds_until_changed(ranker: Ranker, viewer: int, before: dict[int, float]) -> float:
    started = perf_counter()

    async def changed() -> bool:
        answer = await ranker.rank(viewer, uuid4())
        pairs = zip(answer.ids, answer.scores, strict=True)
        return any(before.get(person, score) != score for person, score in pairs)

    await until(changed, f"a changed score for viewer {viewer}", every_s=0.005)
    return perf_counter() - started
