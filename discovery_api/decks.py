"""A deck, from a viewer's request to cards: rank or fall back, look once more, keep, log."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt
from prometheus_client import Counter
from redis.asyncio import Redis

from contracts.ranking import Constraints, Ranking, RankRequest
from discovery_api import fallback, store
from discovery_api.domain import (
    FALLBACK_POLICY,
    Asker,
    Filters,
    Looked,
    asker_of,
    bucket_km,
    propensities,
)
from discovery_api.events import Impressions, Served
from discovery_api.ranker_client import RankerClient, RankerUnavailable
from discovery_api.store import StoredCard, StoredDeck
from discovery_api.why import Why, near, reasons
from features.eligibility import age
from features.person_row import PersonTail
from gravity.card_tokens import CardClaims, CardTokens
from gravity.telemetry import stage

Ints = npt.NDArray[np.int64]

DECKS: Final = Counter("decks", "Decks served.", ["policy"])
REFUSED: Final = Counter("decks_refused", "Decks that were not begun, as too many were under way.")
_MOST_AT_ONCE: Final = 128
_REST_S: Final = 1.0
"""What all but the ranking may take together: later, nobody waits for the deck any more."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeckRequest:
    """One request; the same `deck_id` gives the same deck for fifteen minutes."""

    viewer: int
    size: int
    deck_id: UUID
    filters: Filters


@dataclass(frozen=True, slots=True)
class Shown:
    """A card of a deck that still stands, with what is shown of the person."""

    card: StoredCard
    tail: PersonTail
    age: int
    distance_km: int


@dataclass(frozen=True, slots=True)
class Deck:
    """What is served: the kept deck, and its cards that still stand."""

    deck_id: UUID
    kept: StoredDeck
    cards: list[Shown]


@dataclass(frozen=True, slots=True)
class Choice:
    """Everybody who may be shown, in the order of showing, and how the order came about.

    `why`: of the first of them, the deck's size at least where there are so many; `scores` (m,) and
    `features` (m, f) float32 are those of the ranker, None in a fallback.
    """

    looked: Looked
    release: str | None
    policy: str
    why: list[list[Why]]
    exhausted: bool
    tau: float = 0.0
    seed: int = 0
    scores: npt.NDArray[np.float64] | None = None
    feature_names: tuple[str, ...] = ()
    features: npt.NDArray[np.float32] | None = None


class Busy(Exception):
    """So many decks are under way that another one would come too late."""


class Decks:
    """Serves decks from one process's connections."""

    def __init__(
        self,
        redis: Redis,
        ranker: RankerClient,
        tokens: CardTokens,
        impressions: Impressions,
        clock: Callable[[], datetime],
        rank_budget_s: float,
    ) -> None:
        self._redis = redis
        self._ranker = ranker
        self._tokens = tokens
        self._impressions = impressions
        self._clock = clock
        self._rank_budget_s = rank_budget_s
        self._at_once = 0

    async def serve(self, request: DeckRequest) -> Deck:
        """A deck. Raises ProfileMissing, LocationMissing, Busy, TimeoutError, and what Redis raises
        when away."""
        if self._at_once >= _MOST_AT_ONCE:
            REFUSED.inc()
            raise Busy
        self._at_once += 1
        try:
            async with asyncio.timeout(self._rank_budget_s + _REST_S):
                return await self._serve(request)
        finally:
            self._at_once -= 1

    async def _serve(self, request: DeckRequest) -> Deck:
        now = self._clock()
        today = (now - _EPOCH).days
        with stage("open"):
            opening = await store.open_request(self._redis, request.viewer, str(request.deck_id))
            asker = asker_of(opening.heads, request.filters, today)
        if opening.deck is not None:
            return await self._again(request, asker, opening.deck, now)
        choice = await self._choose(request, asker, opening.release, today, now)
        with stage("tokens"):
            chances = _chances(choice, request.size)
            shown = choice.looked.take(np.arange(len(chances), dtype=np.int64))
            kept = self._deck(request, choice, shown, chances, now)
        with stage("keep"):
            before, tails = await store.keep_deck(
                self._redis, request.viewer, str(request.deck_id), kept
            )
        if before is not None:
            # The same deck was asked for twice at once, and the other request was first.
            return await self._again(request, asker, before, now)
        self._impressions.put(_served(request, choice, shown, chances, now))
        DECKS.labels(choice.policy).inc()
        return Deck(request.deck_id, kept, _as_seen(asker, kept.cards, shown, tails, today))

    async def _again(
        self, request: DeckRequest, asker: Asker, kept: StoredDeck, now: datetime
    ) -> Deck:
        """A deck served before, without the cards that have been withdrawn or swiped since."""
        today = (now - _EPOCH).days
        ids = np.array([card.id for card in kept.cards], np.int64)
        looked = await store.look(self._redis, asker, ids, now)
        standing = np.flatnonzero(looked.standing(asker.viewer, today))
        cards = [kept.cards[place] for place in standing.tolist()]
        tails = await store.tails(self._redis, [card.id for card in cards])
        shown = _as_seen(asker, cards, looked.take(standing), tails, today)
        return Deck(request.deck_id, kept, shown)

    async def _choose(
        self, request: DeckRequest, asker: Asker, release: str | None, today: int, now: datetime
    ) -> Choice:
        if release is not None:
            try:
                with stage("hop"):
                    ranking = await self._ranker.rank(
                        _ranking(request, asker, release, today, self._rank_budget_s)
                    )
            except RankerUnavailable:
                pass
            else:
                return await self._ranked(ranking, asker, request.size, today, now)
        found = await fallback.gather(self._redis, asker, request.size, today, now)
        why = near(bucket_km(asker.viewer, found.looked.heads.people))
        return Choice(found.looked, None, FALLBACK_POLICY, why, exhausted=found.whole)

    async def _ranked(
        self, ranking: Ranking, asker: Asker, size: int, today: int, now: datetime
    ) -> Choice:
        with stage("look"):
            looked = await store.look(self._redis, asker, ranking.ids, now)
            standing = np.flatnonzero(looked.standing(asker.viewer, today))
        # Who has no reasons stands so far down that hardly any deck comes to them.
        first = standing[:size]
        told = first[first < len(ranking.why_codes)]
        why = reasons(ranking.why_codes[told], ranking.why_values[told])
        return Choice(
            looked=looked.take(standing),
            release=ranking.release,
            policy=ranking.policy,
            why=why + [[]] * (len(first) - len(told)),
            exhausted=ranking.complete and len(standing) <= size,
            tau=ranking.tau,
            seed=ranking.seed,
            scores=ranking.scores[standing],
            feature_names=ranking.feature_names,
            features=ranking.features[standing],
        )

    def _deck(
        self,
        request: DeckRequest,
        choice: Choice,
        shown: Looked,
        chances: list[float | None],
        now: datetime,
    ) -> StoredDeck:
        cards = [
            StoredCard(
                id=candidate,
                why=why,
                token=self._tokens.issue(
                    CardClaims(
                        viewer=request.viewer,
                        candidate=candidate,
                        deck_id=str(request.deck_id),
                        position=position,
                        release=choice.release or "",
                        policy=choice.policy,
                        propensity=chance,
                        issued_at_ms=int(now.timestamp() * 1000),
                    )
                ),
            )
            for position, (candidate, why, chance) in enumerate(
                zip(shown.ids.tolist(), choice.why, chances, strict=False)
            )
        ]
        return StoredDeck(
            release=choice.release,
            policy=choice.policy,
            exhausted=choice.exhausted,
            expires_at=now + store.DECK_TTL,
            cards=cards,
        )


def _chances(choice: Choice, size: int) -> list[float | None]:
    """The propensity of each card to show; None where the policy has none."""
    if choice.scores is None:
        return [None] * min(size, len(choice.looked.ids))
    return list(propensities(choice.scores, choice.tau, size))


def _as_seen(
    asker: Asker,
    cards: list[StoredCard],
    looked: Looked,
    tails: Sequence[PersonTail | None],
    today: int,
) -> list[Shown]:
    """Without whoever is gone since they were looked at."""
    born = looked.heads.people["birth_day"].tolist()
    distances = bucket_km(asker.viewer, looked.heads.people)
    return [
        Shown(card, tail, age(day, today), km)
        for card, tail, day, km in zip(cards, tails, born, distances, strict=True)
        if tail is not None
    ]


def _ranking(
    request: DeckRequest, asker: Asker, release: str, today: int, budget_s: float
) -> RankRequest:
    viewer = asker.viewer
    return RankRequest(
        viewer=request.viewer,
        release=release,
        size=request.size,
        deck_id=request.deck_id,
        constraints=Constraints(
            latitude=asker.latitude,
            longitude=asker.longitude,
            birth_day=viewer.birth_day,
            gender=viewer.gender,
            seeks_mask=viewer.seeks,
            age_min=viewer.age_min,
            age_max=viewer.age_max,
            max_distance_km=viewer.max_distance_km,
        ),
        today=today,
        budget_ms=round(budget_s * 1000),
    )


def _served(
    request: DeckRequest, choice: Choice, shown: Looked, chances: list[float | None], now: datetime
) -> Served:
    return Served(
        deck_id=str(request.deck_id),
        viewer=request.viewer,
        release=choice.release or "",
        policy=choice.policy,
        tau=choice.tau,
        seed=choice.seed,
        cards=shown.ids.tolist(),
        propensities=chances,
        retrieved=choice.looked.ids,
        scores=choice.scores,
        feature_names=choice.feature_names,
        features=None if choice.features is None else choice.features[: len(shown.ids)],
        at=now,
    )
