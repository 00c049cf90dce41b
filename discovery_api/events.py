"""Impressions: what was shown, where, and with what probability."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from prometheus_client import Counter

from contracts import events_pb2 as events
from contracts.topics import IMPRESSIONS, person_key
from gravity import telemetry
from gravity.bus import AppendFailed, Message, Producer
from gravity.ids import new_event_id

log = logging.getLogger(__name__)

LOST: Final = Counter("impressions_lost", "Decks served whose impression was not logged.")
_MOST_WAITING: Final = 2_000
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Served:
    """One deck as served. `retrieved` and `scores` (m,) are everybody drawn from, any order.

    `scores` and `features` (cards, feature_names) are None in a fallback.
    """

    deck_id: str
    viewer: int
    release: str
    policy: str
    tau: float
    seed: int
    cards: Sequence[int]
    propensities: Sequence[float | None]
    retrieved: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64] | None
    feature_names: Sequence[str]
    features: npt.NDArray[np.float32] | None
    at: datetime

    def message(self, event_id: str) -> Message:
        """The record of discovery.impressions."""
        order = np.arange(len(self.retrieved))
        if self.scores is not None:
            order = np.argsort(-self.scores, kind="stable")
        event = events.DeckServed(
            event_id=event_id,
            occurred_at_ms=int(self.at.timestamp() * 1000),
            deck_id=self.deck_id,
            viewer=self.viewer,
            release=self.release,
            policy=self.policy,
            tau=self.tau,
            seed=self.seed,
            cards=[
                events.ServedCard(candidate=candidate, position=position, propensity=propensity)
                for position, (candidate, propensity) in enumerate(
                    zip(self.cards, self.propensities, strict=True)
                )
            ],
            retrieved=self.retrieved[order].tolist(),
            scores=b"" if self.scores is None else self.scores[order].astype("<f2").tobytes(),
            feature_names=self.feature_names,
            features=b"" if self.features is None else self.features.astype("<f4").tobytes(),
        )
        return Message(
            IMPRESSIONS.name,
            person_key(self.viewer),
            event.SerializeToString(),
            telemetry.inject(),
        )


class Impressions:
    """Appends impressions behind the answers: a deck waits for no bus.

    At most some thousands wait; what does not fit, or what the bus does not take before the
    producer's deadline, is counted and lost to learning. A swipe's token still ties it to its card.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(_MOST_WAITING)

    def put(self, served: Served) -> None:
        """Log a deck, soon."""
        try:
            self._waiting.put_nowait(served.message(new_event_id(served.at)))
        except asyncio.QueueFull:
            LOST.inc()

    async def run(self) -> None:
        """Append what waits until cancelled, and then what still waits."""
        batch: list[Message] = []
        try:
            while True:
                batch = [await self._waiting.get(), *self._more(_BATCH - 1)]
                await self._append(batch)
                batch = []
        finally:
            await self._append([*batch, *self._more(_MOST_WAITING)])

    def _more(self, most: int) -> list[Message]:
        found: list[Message] = []
        with suppress(asyncio.QueueEmpty):
            while len(found) < most:
                found.append(self._waiting.get_nowait())
        return found

    async def _append(self, batch: list[Message]) -> None:
        try:
            await self._producer.append_many(batch)
        except AppendFailed as error:
            _lost(batch, str(error))
        except Exception as error:
            # An error that nobody thought of must not end the logging of all decks to come.
            log.exception("impressions could not be appended")
            _lost(batch, type(error).__name__)


def _lost(batch: list[Message], reason: str) -> None:
    LOST.inc(len(batch))
    log.error("impressions lost", extra={"decks": len(batch), "reason": reason})
