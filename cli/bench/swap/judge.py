"""Whether a deck is one release's: its tokens, its scores and its order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from cli.bench.swap.generator import Dealt
from cli.check.scores import Scores, release_scores
from cli.check.world import World
from contracts import events_pb2 as events
from features.release import Release
from gravity.card_tokens import CardTokenForged, CardTokenForOther, CardTokens
from serving.exposure import Draw, expose, seed_of

# Scores are kept with eleven bits.
_ROUNDED: Final = 2e-3

Impressions = Mapping[str, events.DeckServed]


@dataclass(frozen=True, slots=True)
class Judged:
    """`mixed`: decks that are not one release's; of the others, those of which no impression was
    logged could not be told by their order, and are `unlogged`."""

    mixed: int
    unlogged: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows both releases from their folders. `touched`: whoever swiped or was swiped meanwhile, of
    whom Redis knows more than the releases."""

    world: World
    releases: Mapping[str, Release]
    scores: Mapping[str, Scores]
    tokens: CardTokens
    touched: Collection[int]
    now: datetime

    @classmethod
    def of(
        cls,
        world: World,
        releases: Mapping[str, Release],
        tokens: CardTokens,
        touched: Collection[int],
        now: datetime,
    ) -> "Judge":
        """Scores everybody's side under each release."""
        scores = {name: release_scores(release, world) for name, release in releases.items()}
        return cls(world, releases, scores, tokens, touched, now)

    def judge(self, decks: Sequence[Dealt], impressions: Impressions) -> Judged:
        """Of decks that the ranker ranked."""
        mixed = unlogged = 0
        for deck in decks:
            logged = impressions.get(deck.deck_id)
            if not self._has_own_tokens(deck):
                mixed += 1
            elif logged is None:
                unlogged += 1
            elif not self._has_own_order(deck, logged):
                mixed += 1
        return Judged(mixed, unlogged)

    def _has_own_tokens(self, deck: Dealt) -> bool:
        now_ms = int(self.now.timestamp() * 1000)
        try:
            claims = [
                self.tokens.open(token, deck.viewer, card, now_ms)
                for token, card in zip(deck.tokens, deck.cards, strict=True)
            ]
        except (CardTokenForged, CardTokenForOther):
            return False
        return all(
            (each.release, each.deck_id, each.position) == (deck.release, deck.deck_id, place)
            for place, each in enumerate(claims)
        )

    def _has_own_order(self, deck: Dealt, logged: events.DeckServed) -> bool:
        """By the scores that were logged: they are the release's, and the cards are the first that
        its draw makes of them."""
        release = self.releases.get(deck.release or "")
        if release is None or logged.release != deck.release:
            return False
        ids = np.array(logged.retrieved, np.int64)
        scores = np.frombuffer(logged.scores, "<f2").astype(np.float64)
        seed = seed_of(release.manifest.data_hash)
        drawn = Draw(deck.viewer, UUID(deck.deck_id), str(deck.release), seed)
        order = expose(drawn, ids, scores, release.manifest.tau)
        if ids[order][: len(deck.cards)].tolist() != list(deck.cards):
            return False
        return deck.viewer in self.touched or self._are_scores_of(deck, ids, scores)

    def _are_scores_of(
        self,
        deck: Dealt,
        ids: np.ndarray[tuple[int], np.dtype[np.int64]],
        scores: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> bool:
        known = np.array([person not in self.touched for person in ids.tolist()], bool)
        people = self.world.people
        rows = np.searchsorted(people.person, ids[known])
        nobody = np.zeros(len(rows), bool)
        own = self.scores[str(deck.release)].final(people.row(deck.viewer), rows, nobody)
        return bool(np.allclose(scores[known], own, rtol=_ROUNDED, atol=_ROUNDED))
