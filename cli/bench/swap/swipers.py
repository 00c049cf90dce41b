"""People who swipe all the while, and what became of it: nobody's swipes are to be forgotten."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cli.bench.swap.population import People
from cli.client import Client, swipe_of
from cli.wait import until
from contracts import events_pb2 as events
from features.reader import read
from features.release import Release
from features.views import BEHAVIOUR, factors, photos
from gravity.kernel import Kernel

_AT_ONCE: Final = 2
_PAUSE_S: Final = 0.2
_APPLIED_WITHIN_S: Final = 60.0
_DURABLE: Final = ("accepted", "duplicate")
_ACTIONS: Final = {"like": events.ACTION_LIKE, "pass": events.ACTION_PASS}


@dataclass(slots=True)
class Swipers:
    """`made`: by each, the acknowledged (candidate, action); `shown_again`: cards of people whom
    the viewer had swiped before asking for the deck; `rounds`: how often everybody had a deck."""

    client: Client
    ids: list[int]
    made: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    shown_again: int = 0
    rounds: int = 0
    _is_stopped: bool = False
    _task: "asyncio.Task[None] | None" = None

    @property
    def count(self) -> int:
        """Swipes made."""
        return sum(map(len, self.made.values()))

    @property
    def touched(self) -> set[int]:
        """Everybody who swiped or was swiped."""
        swiped = {person for swipes in self.made.values() for person, _ in swipes}
        return swiped | set(self.made)

    @asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """Swipe while the block runs. Raises what goes wrong, at its end or in `check`."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            # Not cancelled: a swipe under way may have been acknowledged.
            self._is_stopped = True
            await asyncio.wait([self._task])
        self.check()

    def check(self) -> None:
        """Raise what went wrong, if something did."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def _run(self) -> None:
        while not self._is_stopped:
            await self.round(_PAUSE_S)

    async def round(self, pause_s: float = 0.0) -> None:
        """A deck for each, of which the first cards are swiped."""
        for viewer in self.ids:
            if self._is_stopped and pause_s:
                return
            before = {person for person, _ in self.made[viewer]}
            deck = await self.client.deck(viewer)
            self.shown_again += sum(card["id"] in before for card in deck["cards"])
            chosen = deck["cards"][:_AT_ONCE]
            words = ["like", "pass"][: len(chosen)]
            swipes = [swipe_of(card, word) for card, word in zip(chosen, words, strict=True)]
            if swipes:
                results = await self.client.swipe(viewer, swipes)
                self.made[viewer] += [
                    (swipe["candidate"], swipe["action"])
                    for swipe, result in zip(swipes, results, strict=True)
                    if result["status"] in _DURABLE
                ]
            await asyncio.sleep(pause_s)
        self.rounds += 1


async def forgotten(kernel: Kernel, people: People, swipers: Swipers) -> int:
    """Swipes that are not in what Redis has of those who made them, under each of the releases.

    The expected values are computed here, from the swipes that were acknowledged. Raises
    NeverHappened if the feature stream does not apply them all in time.
    """
    ids = [viewer for viewer, swipes in swipers.made.items() if swipes]
    if not ids:
        return 0
    counts = await _counts(kernel, people, swipers, ids)
    lost: set[int] = set()
    for release_id in (people.first, people.second):
        release = Release.open(kernel.settings.home / "releases" / release_id)
        view, of_photos, d = factors(release_id), photos(release_id), release.manifest.d
        found = await read(kernel.redis, [view, of_photos], ids)
        rows, in_photos = found[view.name], found[of_photos.name].lists("photo_taste")
        rates = release.rates(ids, counts)
        tastes = np.stack([_taste(release, viewer, swipers.made[viewer]) for viewer in ids])
        kept = np.isclose(rows.lists("taste"), tastes[:, :d], rtol=1e-3, atol=1e-4).all(axis=1)
        kept &= np.isclose(in_photos, tastes[:, d:], rtol=1e-3, atol=1e-4).all(axis=1)
        kept &= np.isclose(rows.numbers("given_rate"), rates.given, rtol=1e-4)
        kept &= np.isclose(rows.numbers("received_rate"), rates.received, rtol=1e-4)
        lost |= {viewer for viewer, is_kept in zip(ids, kept.tolist(), strict=True) if not is_kept}
    return sum(len(swipers.made[viewer]) for viewer in lost)


async def _counts(
    kernel: Kernel, people: People, swipers: Swipers, ids: list[int]
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The counts (s, 4) that swipers must have by now, once Redis has them."""
    row_of = {int(person): row for row, person in enumerate(people.population.person_id)}
    of_source = people.population.source[[row_of[viewer] for viewer in ids]]
    expected = np.array(people.source.release.arrays.counts[of_source], np.int64)
    at = {viewer: place for place, viewer in enumerate(ids)}
    for viewer, swipes in swipers.made.items():
        for candidate, action in swipes:
            liked = int(action == "like")
            if viewer in at:
                expected[at[viewer], :2] += (liked, 1)
            if candidate in at:
                expected[at[candidate], 2:] += (liked, 1)

    async def applied() -> bool:
        found = (await read(kernel.redis, [BEHAVIOUR], ids))[BEHAVIOUR.name]
        names = [feature.name for feature in BEHAVIOUR.features[:4]]
        return np.array_equal(np.stack([found.numbers(n) for n in names], axis=1), expected)

    await until(applied, "the counts of all swipes", _APPLIED_WITHIN_S)
    return expected


def _taste(
    release: Release, viewer: int, swipes: list[tuple[int, str]]
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    candidates = np.array([candidate for candidate, _ in swipes], np.int64)
    actions = np.array([_ACTIONS[action] for _, action in swipes], np.uint8)
    return np.asarray(release.fold_in(viewer, candidates, actions), np.float32)
