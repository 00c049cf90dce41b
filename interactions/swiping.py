"""Taking a batch of swipes: screen, reserve, append, settle, answer.

An answer says `accepted` only when the swipe is in the log with all replicas' acknowledgement and
its reservation is settled. Everything up to there is safe to send again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key
from gravity.auth import Caller
from gravity.bus import AppendFailed, Message, Producer
from gravity.card_tokens import (
    CardClaims,
    CardTokenExpired,
    CardTokenForged,
    CardTokenForOther,
    CardTokens,
)
from interactions import velocity
from interactions.domain import id_from
from interactions.quotas import Left, Limits
from interactions.reservations import (
    Reservations,
    Reserved,
    Settled,
    State,
    Wanted,
    reserve,
    settle,
)
from interactions.sweeping import resolve
from interactions.taking_back import read_entries
from interactions.velocity import wait_s


class Status(Enum):
    """What became of one swipe. The first two mean: it is durable, forget it."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    ALREADY_SWIPED = "already_swiped"
    # It was accepted, and rewound since.
    REWOUND = "rewound"
    OVER_LIMIT = "over_limit"
    OVER_SUPERLIKES = "over_superlikes"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    TOKEN_USED = "token_used"  # noqa: S105
    SELF_SWIPE = "self_swipe"
    CLIENT_ID_REUSED = "client_id_reused"
    # Neither accepted nor rejected: send it again, now or somewhat later.
    NOT_RECORDED = "not_recorded"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Sent:
    """One swipe as a client sends it; `swiped_at_ms` is the client's clock, only informative."""

    client_swipe_id: str
    candidate: int
    action: int
    token: str
    swiped_at_ms: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The statuses of a batch, in its order, and what is left of the day."""

    statuses: tuple[Status, ...]
    left: Left


class NotRecorded(Exception):
    """Some swipes could not be recorded for now: those `NOT_RECORDED` have to be sent again."""

    def __init__(self, statuses: Sequence[Status]) -> None:
        super().__init__("some swipes were not recorded")
        self.statuses = tuple(statuses)


class TooFast(Exception):
    """All of a batch came too fast; to be sent again after `wait_s` seconds."""

    def __init__(self, statuses: Sequence[Status]) -> None:
        super().__init__("swipes come too fast")
        self.statuses = tuple(statuses)
        self.wait_s = wait_s(len(statuses))


@dataclass(frozen=True, slots=True)
class Swiping:
    """What taking swipes needs."""

    redis: Redis
    pool: asyncpg.Pool
    producer: Producer
    tokens: CardTokens
    limits: Limits

    async def take(self, who: Caller, batch: Sequence[Sent], now: datetime) -> Taken:
        """Answer each swipe of a batch, in client order.

        Raises NotRecorded, TooFast, RedisError, and errors of Postgres, which is asked where two
        client ids meet on one candidate.
        """
        screened = [screen(self.tokens, who.person, sent, now) for sent in batch]
        fit = {n: one for n, one in enumerate(screened) if isinstance(one, CardClaims)}
        places = await self._places(who, len(fit), now)
        reserved = await self._reserve(who, [_wanted(batch[n], fit[n]) for n in fit], places, now)
        states = dict(zip(fit, reserved.states, strict=True))
        due = [n for n, one in states.items() if one.state is State.APPEND]
        try:
            await self.producer.append_many(
                [message_of(who.person, batch[n], fit[n], states[n]) for n in due]
            )
        except AppendFailed:
            # Nobody knows which of them are in the log; a second copy there has no effect.
            raise NotRecorded(answers(batch, screened, states, {})) from None
        settled = await self._settle(who, batch, states, due, places - reserved.new, now)
        statuses = answers(batch, screened, states, settled)
        if Status.NOT_RECORDED in statuses:
            raise NotRecorded(statuses)
        if all(status is Status.TOO_FAST for status in statuses):
            raise TooFast(statuses)
        return Taken(statuses, Left.of(reserved.quota, self.limits))

    async def _places(self, who: Caller, wanted: int, now: datetime) -> int:
        """How many new swipes the device may make; `_settle` puts back those not used."""
        if not who.device or not wanted:
            return wanted
        return await velocity.take(self.redis, who.device, wanted, now)

    async def _reserve(
        self, who: Caller, wanted: Sequence[Wanted], places: int, now: datetime
    ) -> Reservations:
        """Reserve, and once more where somebody else's reservation was in the way."""

        async def once(left: int) -> Reservations:
            return await reserve(self.redis, who.person, who.zone, wanted, self.limits, left, now)

        first = await once(places)
        contended = [
            one.candidate
            for one, reserved in zip(wanted, first.states, strict=True)
            if reserved.state is State.CONTENDED
        ]
        if not contended:
            return first
        entries = await read_entries(self.redis, who.person, contended)
        await resolve(self.redis, self.pool, self.producer, who.person, entries, now)
        # Without a device nothing is counted: what took a place may have been given back since.
        again = await once(places - first.new if who.device else places)
        return replace(again, new=first.new + again.new)

    async def _settle(
        self,
        who: Caller,
        batch: Sequence[Sent],
        states: Mapping[int, Reserved],
        due: Sequence[int],
        unused: int,
        now: datetime,
    ) -> dict[int, Settled]:
        """What became of those appended, by number."""
        appended = [(batch[n].client_swipe_id, batch[n].candidate, states[n].first_ms) for n in due]
        also = [velocity.give(who.device, unused, now)] if who.device and unused else []
        return dict(
            zip(due, await settle(self.redis, who.person, appended, now, also), strict=True)
        )


def _wanted(sent: Sent, claims: CardClaims) -> Wanted:
    return Wanted(sent.client_swipe_id, sent.candidate, sent.action, claims.issued_at_ms)


def screen(tokens: CardTokens, viewer: int, sent: Sent, now: datetime) -> CardClaims | Status:
    """The claims of the swipe's token, or why the swipe is refused."""
    if sent.candidate == viewer:
        return Status.SELF_SWIPE
    try:
        return tokens.open(sent.token, viewer, sent.candidate, int(now.timestamp() * 1000))
    except CardTokenExpired:
        return Status.TOKEN_EXPIRED
    except (CardTokenForged, CardTokenForOther):
        # One answer for both: nothing is to be learned about others' tokens.
        return Status.TOKEN_INVALID


_ANSWERS: Final = {
    State.DUPLICATE: Status.DUPLICATE,
    State.REWOUND: Status.REWOUND,
    State.REUSED: Status.CLIENT_ID_REUSED,
    State.ALREADY_SWIPED: Status.ALREADY_SWIPED,
    State.TOKEN_USED: Status.TOKEN_USED,
    State.OVER_LIMIT: Status.OVER_LIMIT,
    State.OVER_SUPERLIKES: Status.OVER_SUPERLIKES,
    State.TOO_FAST: Status.TOO_FAST,
    # Twice in the way: whoever is there is being answered now.
    State.CONTENDED: Status.NOT_RECORDED,
}


_SETTLED: Final = {
    Settled.STANDS: Status.ACCEPTED,
    Settled.REWOUND: Status.REWOUND,
    Settled.LOST: Status.NOT_RECORDED,
}


def answers(
    batch: Sequence[Sent],
    screened: Sequence[CardClaims | Status],
    states: Mapping[int, Reserved],
    settled: Mapping[int, Settled],
) -> tuple[Status, ...]:
    """The answer to each swipe; `settled`: what became of those appended, by number."""
    taken = {batch[n].candidate: n for n in settled}

    def answer(n: int, refused: CardClaims | Status) -> Status:
        if isinstance(refused, Status):
            return refused
        state = states[n].state
        if state is State.APPEND:
            return _SETTLED[settled.get(n, Settled.LOST)]
        if state is not State.SECOND:
            return _ANSWERS[state]
        first = taken.get(batch[n].candidate)
        if first is None or settled[first] is not Settled.STANDS:
            return Status.NOT_RECORDED
        same = batch[first].client_swipe_id == batch[n].client_swipe_id
        return Status.DUPLICATE if same else Status.ALREADY_SWIPED

    return tuple(answer(n, one) for n, one in enumerate(screened))


def message_of(viewer: int, sent: Sent, claims: CardClaims, reserved: Reserved) -> Message:
    """The command for the log. Sent again it is the same event: same id, same time."""
    impression = events.Impression(
        deck_id=claims.deck_id,
        position=claims.position,
        release=claims.release,
        policy=claims.policy,
        propensity=claims.propensity,
    )
    command = events.PairCommand(
        event_id=id_from(reserved.first_ms, f"swipe:{viewer}:{sent.client_swipe_id}".encode()),
        occurred_at_ms=reserved.first_ms,
        actor=viewer,
        target=sent.candidate,
        swipe=events.Swipe(
            action=events.Action.ValueType(sent.action),
            client_swipe_id=sent.client_swipe_id,
            swiped_at_ms=sent.swiped_at_ms,
            impression=impression,
            charged_on=reserved.charged_on,
        ),
    )
    key = pair_key(viewer, sent.candidate)
    return Message(USER_SWIPES.name, key, command.SerializeToString())
