"""Impressions are appended behind the answers, whatever happens to one batch."""

import asyncio
from collections.abc import Sequence
from typing import cast

import numpy as np

from discovery_api.events import Impressions, Served
from gravity.bus import Message, Producer
from tests.serving.worlds import NOW


class FailingOnce:
    """A producer whose first append ends in an error that nobody foresaw."""

    def __init__(self) -> None:
        self.tried = 0
        self.appended = asyncio.Event()

    async def append_many(self, messages: Sequence[Message]) -> None:
        """See Producer.append_many."""
        self.tried += 1
        if self.tried == 1:
            raise RuntimeError("a defect")
        self.appended.set()


async def test_an_error_of_any_kind_is_no_end_of_appending() -> None:
    producer = FailingOnce()
    impressions = Impressions(cast("Producer", producer))
    appending = asyncio.create_task(impressions.run())
    try:
        async with asyncio.timeout(10):
            impressions.put(served())
            while not producer.tried:  # noqa: ASYNC110
                await asyncio.sleep(0)
            impressions.put(served())
            await producer.appended.wait()
    finally:
        appending.cancel()
        await asyncio.wait([appending])


def served() -> Served:
    return Served(
        deck_id="d",
        viewer=1,
        release="",
        policy="fallback",
        tau=0.0,
        seed=0,
        cards=[2],
        propensities=[None],
        retrieved=np.array([2], np.int64),
        scores=None,
        feature_names=(),
        features=None,
        at=NOW,
    )
