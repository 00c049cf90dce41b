"""Several people do whatever the API lets them, in any order; a simple model says what must come
of it: in Postgres, in the lists, and in the answers."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar, TypeVar

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from cli.wait import NeverHappened, until
from contracts import events_pb2 as events
from identity.erasure import erase
from interactions import charges, keys
from interactions.domain import Kind
from interactions.read_side_check import no_pause
from interactions.rewinds import WINDOW
from tests.infrastructure import Infra
from tests.interactions.reference import Reference, command
from tests.interactions.services import Services
from tests.interactions.worlds import add_people, token

T = TypeVar("T")
PEOPLE = 4
ACTIONS = {
    "like": events.ACTION_LIKE,
    "pass": events.ACTION_PASS,
    "superlike": events.ACTION_SUPERLIKE,
}
_numbers = count(9_000_000, PEOPLE)
who = st.integers(0, PEOPLE - 1)


@pytest.fixture
def services(infra: Infra) -> Iterator[Services]:
    infra.wait("postgres", "redis", "s3", "broker")
    admin, _, name = infra.postgres_url.rpartition("/")
    with asyncio.Runner() as runner:

        async def execute(statement: str) -> None:
            connection = await asyncpg.connect(f"{admin}/{name}")
            await connection.execute(statement)
            await connection.close()

        runner.run(execute("create database model"))
        opened = Services(runner)
        try:
            runner.run(opened.open(infra, f"{admin}/model"))
            yield opened
        finally:
            runner.run(opened.stack.aclose())
            runner.run(execute("drop database model with (force)"))


@dataclass(frozen=True)
class Found:
    """Swipes with actions; standing matches (low, high, episode); blocks; and of the lists, as
    (person, other): who is seen, whose likes wait, who is matched."""

    swipes: dict[tuple[int, int], int]
    matches: list[tuple[int, int, int]]
    blocks: set[tuple[int, int]]
    seen: set[tuple[int, int]]
    waiting: set[tuple[int, int]]
    matched: set[tuple[int, int]]


@dataclass(frozen=True)
class Request:
    """A swipe that was answered, to be sent again."""

    candidate: int
    body: dict[str, object]
    at: int
    when: datetime


class People(RuleBasedStateMachine):
    """Four people who swipe, change their minds, part and leave."""

    services: ClassVar[Services]
    everybody: ClassVar[set[int]] = set()

    @initialize()
    def begin(self) -> None:
        first = next(_numbers) * PEOPLE
        self.people = list(range(first, first + PEOPLE))
        self.everybody.update(self.people)
        self.model = Reference()
        self.clock = 0
        self.erased: set[int] = set()
        self.superlikes: dict[int, int] = dict.fromkeys(self.people, 0)
        # Of each person: the swipe that may be rewound, and the rewind that was answered last.
        self.last: dict[int, Request] = {}
        self.rewound: dict[int, Request] = {}
        self._run(add_people(self.services.kernel.redis, *self.people))

    @rule(a=who, b=who, action=st.sampled_from(["like", "like", "like", "pass", "superlike"]))
    def swipe(self, a: int, b: int, action: str) -> None:
        """A card that was just served is decided on."""
        viewer, candidate = self.people[a], self.people[b]
        if a == b or {viewer, candidate} & self.erased:
            return
        self._tick()
        body: dict[str, object] = {
            "client_swipe_id": f"{viewer}-{self.clock}",
            "candidate": candidate,
            "action": action,
            "token": self._token(viewer, candidate),
        }
        expected = self._expected(viewer, candidate, action)
        assert self._swipe(viewer, body) == expected
        if expected == "accepted":
            self._obey(viewer, candidate, ACTIONS[action])
            self.superlikes[viewer] += action == "superlike"
            self.last[viewer] = Request(candidate, body, self.clock, self.services.now)
            self.rewound.pop(viewer, None)

    @rule(a=who, b=who)
    def swipe_on_the_erased(self, a: int, b: int) -> None:
        """A card that was served before its person left: taken, and nothing comes of it."""
        viewer, candidate = self.people[a], self.people[b]
        if viewer in self.erased or candidate not in self.erased:
            return
        self._tick()
        body: dict[str, object] = {
            "client_swipe_id": f"{viewer}-{self.clock}",
            "candidate": candidate,
            "action": "like",
            "token": self._token(viewer, candidate),
        }
        assert self._swipe(viewer, body) in ("accepted", "already_swiped")
        self.last.pop(viewer, None)
        self.rewound.pop(viewer, None)

    @rule(a=who)
    def send_again(self, a: int) -> None:
        """The answer was lost, or the phone is late."""
        viewer = self.people[a]
        if viewer in self.erased:
            return
        if viewer in self.last:
            assert self._swipe(viewer, self.last[viewer].body) == "duplicate"
        if viewer in self.rewound:
            assert self._swipe(viewer, self.rewound[viewer].body) == "rewound"
            if self.rewound[viewer].candidate in self.erased:
                # The mark that the token is used up named the erased: see swipe_on_the_erased.
                return
            another = {**self.rewound[viewer].body, "client_swipe_id": f"{viewer}-again"}
            standing = (viewer, self.rewound[viewer].candidate) in self.model.swipes
            expected = "already_swiped" if standing else "token_used"
            assert self._swipe(viewer, another) == expected

    @rule(a=who, later=st.booleans())
    def rewind(self, a: int, later: bool) -> None:
        """The last swipe is taken back, once; asking again changes nothing."""
        viewer = self.people[a]
        if viewer in self.erased:
            return
        self._tick()
        again = viewer not in self.last
        request = self.rewound.get(viewer) if again else self.last[viewer]
        if request is None:
            assert self._rewind(viewer, {"client_swipe_id": f"{viewer}-never"}) == 409
            return
        if not again and later:
            self.services.now += timedelta(minutes=6)
        if not again and self.services.now - request.when > WINDOW:
            assert self._rewind(viewer, request.body) == 409
            del self.last[viewer]
            return
        status = self._rewind(viewer, request.body)
        if status == 409 and request.candidate in self.erased:
            # Erasure forgot the swipe with the person: there is nothing left to take back.
            self.last.pop(viewer, None)
            self.rewound.pop(viewer, None)
            return
        assert status == 200
        if not again:
            self._obey(viewer, request.candidate, kind=Kind.REWIND, swiped=request.at)
            self.superlikes[viewer] -= request.body["action"] == "superlike"
            self.rewound[viewer] = self.last.pop(viewer)

    @rule(a=who, b=who)
    def block(self, a: int, b: int) -> None:
        """Never again."""
        viewer, other = self.people[a], self.people[b]
        if a == b or {viewer, other} & self.erased:
            return
        self._tick()
        assert self._post(viewer, "/v1/blocks", {"person": other}).status_code == 204
        self._obey(viewer, other, kind=Kind.BLOCK)

    @rule(a=who, b=who)
    def unmatch(self, a: int, b: int) -> None:
        """A match is left, as soon as it shows in the list."""
        viewer, other = self.people[a], self.people[b]
        pair = frozenset((viewer, other))
        if pair not in self.model.standing:
            return
        self.settle()
        self._tick()
        response = self._run(self.services.api.delete(viewer, f"/v1/matches/{other}"))
        assert response.status_code == 204
        self._obey(viewer, other, kind=Kind.UNMATCH)

    @precondition(lambda self: len(self.erased) < 2)
    @rule(a=who, sure=st.integers(0, 3))
    def leave(self, a: int, sure: int) -> None:
        """Somebody is erased; now and then, or nobody would be left."""
        person, kernel = self.people[a], self.services.kernel
        if sure or person in self.erased:
            return
        self._tick()
        self._run(erase(kernel.pool, kernel.redis, person, kernel.clock()))
        self.erased.add(person)
        for other in self.people:
            if other != person:
                self._obey(person, other, kind=Kind.ERASE)
                self._obey(other, person, kind=Kind.ERASE)

    @rule()
    def settle(self) -> None:
        """Everything arrives: Postgres, the lists and the model agree."""
        try:
            self._run(until(self._agrees, "agreement with the model", 30.0))
        except NeverHappened:
            assert self._run(self._found()) == self._wanted()
            raise

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.settle()
            kernel = self.services.kernel
            found = self._run(self.services.differences(self.people))
            if found:
                # A like that is taken back and given again agrees before either is told.
                self._run(self.services.settled())
                found = self._run(self.services.differences(self.people))
            assert found == []
            charged = self._run(
                charges.differences(kernel.pool, kernel.redis, no_pause, kernel.clock())
            )
            assert [each for each in charged if each.person in set(self.people) - self.erased] == []

    def _run(self, awaitable: Coroutine[Any, Any, T]) -> T:
        return self.services.runner.run(awaitable)

    def _tick(self) -> None:
        self.clock += 1
        self.services.now += timedelta(milliseconds=20)

    def _token(self, viewer: int, candidate: int) -> str:
        at_ms = int(self.services.now.timestamp() * 1000)
        return token(self.services.tokens, viewer, candidate, at_ms)

    def _expected(self, viewer: int, candidate: int, action: str) -> str:
        if (viewer, candidate) in self.model.swipes:
            return "already_swiped"
        spent = self.superlikes[viewer] >= self.services.settings.daily_superlikes[0]
        return "over_superlikes" if action == "superlike" and spent else "accepted"

    def _obey(
        self, a: int, b: int, action: int = 0, kind: Kind | None = None, swiped: int = -1
    ) -> None:
        self.model.obey(command(self.clock, a, b, action, kind, swiped))

    def _post(self, viewer: int, path: str, body: object) -> httpx.Response:
        return self._run(self.services.api.post(viewer, path, body))

    def _swipe(self, viewer: int, body: object) -> str:
        response = self._post(viewer, "/v1/swipes", body)
        assert response.status_code == 200, response.text
        status: str = response.json()["results"][0]["status"]
        return status

    def _rewind(self, viewer: int, body: dict[str, object]) -> int:
        wanted = {"client_swipe_id": body["client_swipe_id"]}
        return self._post(viewer, "/v1/rewinds", wanted).status_code

    async def _agrees(self) -> bool:
        return await self._found() == self._wanted()

    def _wanted(self) -> Found:
        """What the model says there is."""
        swipes = {pair: action for pair, (action, _) in self.model.swipes.items()}
        matched = sorted((min(p), max(p), self.model.matches[p][0]) for p in self.model.standing)
        waiting: set[tuple[int, int]] = set(self.model.waiting())
        blocks = set(self.model.blocks)
        return Found(swipes, matched, blocks, set(swipes), waiting, _both(matched))

    async def _found(self) -> Found:
        """What Postgres and Redis say there is."""
        pool, redis = self.services.kernel.pool, self.services.kernel.redis
        swipes = await pool.fetch(
            "select * from swipes where action <> 0 and swiper = any($1)", self.people
        )
        matches = await pool.fetch(
            "select * from matches where ended_at is null and low = any($1)", self.people
        )
        blocks = await pool.fetch("select * from blocks where blocker = any($1)", self.people)
        return Found(
            {(row["swiper"], row["swiped"]): row["action"] for row in swipes},
            sorted((row["low"], row["high"], row["episode"]) for row in matches),
            {(row["blocker"], row["blocked"]) for row in blocks},
            await self._members(redis, keys.seen),
            await self._members(redis, keys.likes),
            await self._members(redis, keys.matches),
        )

    async def _members(self, redis: Redis, key: Callable[[int], str]) -> set[tuple[int, int]]:
        return {
            (person, int(other))
            for person in self.people
            for other in await redis.zrange(key(person), 0, -1)
        }


def _both(matched: list[tuple[int, int, int]]) -> set[tuple[int, int]]:
    return {pair for low, high, _ in matched for pair in ((low, high), (high, low))}


def test_whatever_people_do_is_what_the_model_says(services: Services) -> None:
    class Bound(People):
        pass

    Bound.services = services
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            # A failing run waits for what does not come: too long to be made smaller.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    # What arrives after the lists agreed must not change them.
    services.runner.run(services.settled())
    assert services.runner.run(services.differences(People.everybody)) == []
