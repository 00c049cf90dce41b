"""How long after its acknowledgement a swipe has changed what the viewer is shown."""

from collections.abc import Callable, Sequence
from time import perf_counter
from uuid import uuid4

import numpy as np

from cli.check.ranker import Ranker
from cli.client import Client, swipe_of
from cli.wait import until
from contracts.ranking import Ranking


async def swipe_to_deck_s(
    client: Client, ranker: Ranker, viewers: Sequence[int], advance: Callable[[], None]
) -> float | None:
    """p99 of the seconds from the acknowledgement of a like to a deck ranked with it.

    One viewer at a time. The first answer in which the inputs of anybody's score differ is the
    first that learned; the scores themselves are rounded to half precision.
    """
    seconds = []
    for viewer in viewers:
        deck = await client.deck(viewer)
        answer = await ranker.rank(viewer, uuid4())
        before = _inputs(answer)
        if deck["cards"] and len(before) > 1:
            await client.swipe(viewer, [swipe_of(deck["cards"][0], "like")])
            seconds.append(await _seconds_until_changed(ranker, viewer, before))
        advance()
    return round(float(np.quantile(seconds, 0.99)), 4) if seconds else None


def _inputs(answer: Ranking) -> dict[int, bytes]:
    """What each candidate's score was computed from."""
    rows = zip(answer.ids.tolist(), answer.features, strict=True)
    return {person: row.tobytes() for person, row in rows}


async def _seconds_until_changed(ranker: Ranker, viewer: int, before: dict[int, bytes]) -> float:
    started = perf_counter()

    async def changed() -> bool:
        now = _inputs(await ranker.rank(viewer, uuid4()))
        return any(before.get(person, row) != row for person, row in now.items())

    await until(changed, f"a changed score for viewer {viewer}", every_s=0.005)
    return perf_counter() - started
