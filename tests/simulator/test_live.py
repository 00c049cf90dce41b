"""The fast and the live mode are one code: on the same decks the same people meet."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import numpy.typing as npt

from billing.entitlements import TIERS, entitle
from cli.chaos.people import draw_town, settle_people
from cli.importing.effects import open_stores
from cli.own_stack import OwnStack, gravity_run, own_stack
from features.person_rows import people_of
from gravity import issuer
from gravity.kernel import utc_now
from gravity.stack.keys import jwt_private_file
from interactions.settling import Settling
from simulator.choices import Choices
from simulator.crowd import Crowd, Visits
from simulator.days import Day, live_days
from simulator.fast import FastApp
from simulator.live import LiveApp, only
from simulator.phones import Phones
from simulator.policies import Order
from simulator.pools import Pools
from simulator.tastes import Market

PEOPLE, DAYS, SEED = 30, 3, 5
_DAY_MS = 86_400_000

Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Pairs = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Lived:
    """The days on the platform, and all matches of which it says that they stand, both ways."""

    days: list[Day]
    said: Pairs


def test_the_fast_and_the_live_mode_agree() -> None:
    town = draw_town(PEOPLE, datetime.now(UTC), SEED)
    choices = Choices(Market.draw(town, SEED), busy_crowd())
    services = {"api": gravity_run("api"), "consumers": gravity_run("consumers")}
    with own_stack("gravity-tests-", services, {}) as stack, asyncio.Runner() as runner:
        lived = live(stack, runner, choices)

    pools = Pools.of(people_of(town), int(datetime.now(UTC).timestamp() * 1000) // _DAY_MS)
    app = FastApp(pools, choices.crowd, Recorded(lived.days))
    fast = list(live_days(app, choices, DAYS))
    assert [swipes_of(day) for day in lived.days] == [swipes_of(day) for day in fast]
    assert [matches_of([day]) for day in lived.days] == [matches_of([day]) for day in fast]

    matches = matches_of(lived.days)
    assert len(matches) >= 5
    assert lived.said == matches | {(other, one) for one, other in matches}
    answers = [len(day.swiped.viewer) - int(day.seen.sum()) for day in lived.days]
    assert sum(answers) > 0, "nobody answered a like that was waiting"


def test_who_is_not_of_the_market_is_left_out() -> None:
    def deal(request: httpx.Request) -> httpx.Response:
        cards = [{"id": person, "token": "t"} for person in (1, 12, 99, 11)]
        return httpx.Response(200, json={"cards": cards})

    async def settled() -> None:
        return

    http = httpx.AsyncClient(transport=httpx.MockTransport(deal), base_url="http://api")
    with asyncio.Runner() as runner:
        app = LiveApp(Phones(http, str), np.array([10, 11, 12]), runner.run, settled)
        cards = app.decks(0, Visits(np.array([0]), np.array([5])))
    assert cards.candidate.tolist() == [2, 1]
    assert cards.place.tolist() == [0, 1]
    assert np.isnan(cards.propensity).all()


def test_only_some_of_a_crowd_come_and_they_are_there_at_once() -> None:
    drawn = Crowd.draw(200, 10, SEED)
    crowd = only(drawn, np.array([3, 7, 11]))
    came = {person for day in range(10) for person in crowd.visiting(day).person.tolist()}
    assert came <= {3, 7, 11}
    assert crowd.present(0).all()
    assert (crowd.leaves == drawn.leaves - drawn.arrives).all()


def busy_crowd() -> Crowd:
    """Most come every day, from the first to the last."""
    drawn = Crowd.draw(PEOPLE, DAYS, SEED)
    return replace(
        drawn,
        visits=np.full(PEOPLE, 0.8),
        cards=np.full(PEOPLE, 8.0),
        arrives=np.zeros(PEOPLE, np.int64),
        leaves=np.full(PEOPLE, DAYS),
    )


def live(stack: OwnStack, runner: asyncio.Runner, choices: Choices) -> Lived:
    """Let the town live on the platform; everybody there sees who likes them."""
    key = jwt_private_file(stack.home.keys).read_text(encoding="ascii")
    person = choices.market.person

    def bearer(viewer: int) -> str:
        return issuer.issue(key, viewer, utc_now(), timedelta(hours=1))

    async def move_in() -> None:
        async with open_stores(stack.settings) as stores:
            await settle_people(stores, PEOPLE, SEED)
            for each in person.tolist():
                await entitle(stores.pool, stores.redis, each, TIERS["gold"], utc_now())

    async def settled() -> None:
        async with open_stores(stack.settings) as stores:
            await Settling(stores.pool, stack.settings.bus_url, utc_now, 60.0)()

    async def matches(phones: Phones) -> Pairs:
        await settled()
        found: Pairs = set()
        for row, viewer in enumerate(person.tolist()):
            said = await phones.http.get(
                "/v1/matches",
                params={"size": 100},
                headers={"Authorization": f"Bearer {bearer(viewer)}"},
            )
            others = [int(item["person"]) for item in said.raise_for_status().json()["items"]]
            found |= {(row, int(other)) for other in np.searchsorted(person, others)}
        return found

    runner.run(move_in())
    http = httpx.AsyncClient(base_url=stack.settings.api_url, timeout=30.0)
    phones = Phones(http, bearer)
    try:
        days = list(live_days(LiveApp(phones, person, runner.run, settled), choices, DAYS))
        return Lived(days, runner.run(matches(phones)))
    finally:
        runner.run(http.aclose())


class Recorded:
    """Implements simulator.policies.Policy by the decks of days that were."""

    def __init__(self, days: list[Day]) -> None:
        self._days, self._day = days, 0

    def open_day(self, day: int, present: Bools) -> None:
        """The decks of that day."""
        self._day = day

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The deck as it was, whose cards must all be of the candidates."""
        cards = self._days[self._day].cards
        deck = cards.candidate[cards.viewer == viewer]
        assert np.isin(deck, candidates).all()
        assert len(deck) == min(size, len(candidates))
        return Order(np.searchsorted(candidates, deck), np.full(len(deck), np.nan))

    def learn(self, day: Day) -> None:
        """Nothing."""


def swipes_of(day: Day) -> set[tuple[int, int, bool]]:
    """Viewer, candidate and whether it was a like."""
    swiped = day.swiped
    decisions = (swiped.viewer.tolist(), swiped.candidate.tolist(), swiped.liked.tolist())
    return set(zip(*decisions, strict=True))


def matches_of(days: list[Day]) -> Pairs:
    """Of all these days, the lower row first."""
    pairs = [tuple(sorted(pair)) for day in days for pair in day.matches.tolist()]
    return {(low, high) for low, high in pairs}
