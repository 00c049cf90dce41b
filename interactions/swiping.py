"""Taking a batch of swipes: screen, reserve, append, settle, answer.

An answer says `accepted` only when the swipe is in the log with all replicas' acknowledgement and
its reservation is settled. Everything up to there is safe to send again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key
from gravity.bus import AppendFailed, Message, Producer
from gravity.card_tokens import (
    CardClaims,
    CardTokenExpired,
    CardTokenForged,
    CardTokenForOther,
    CardTokens,
)
from interactions.domain import id_from
from interactions.reservations import Reserved, State, Wanted, reserve, settle


class Status(Enum):
    """What became of one swipe. The first two mean: it is durable, forget it."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    ALREADY_SWIPED = "already_swiped"
    OVER_LIMIT = "over_limit"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    SELF_SWIPE = "self_swipe"
    CLIENT_ID_REUSED = "client_id_reused"
    # Neither accepted nor rejected: send it again.
    NOT_RECORDED = "not_recorded"


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
    """The statuses of a batch, in its order, and the places left today."""

    statuses: tuple[Status, ...]
    remaining: int


class NotRecorded(Exception):
    """The log did not take the swipes in time: those `NOT_RECORDED` have to be sent again."""

    def __init__(self, statuses: Sequence[Status]) -> None:
        super().__init__("the log did not take the swipes in time")
        self.statuses = tuple(statuses)


@dataclass(frozen=True, slots=True)
class Swiping:
    """What taking swipes needs. `limit`: swipes a person has in a UTC day."""

    redis: Redis
    producer: Producer
    tokens: CardTokens
    limit: int

    async def take(self, viewer: int, batch: Sequence[Sent], now: datetime) -> Taken:
        """Answer each swipe of a batch, in client order. Raises NotRecorded, RedisError."""
        screened = [screen(self.tokens, viewer, sent, now) for sent in batch]
        fit = [n for n, one in enumerate(screened) if isinstance(one, CardClaims)]
        wanted = [
            Wanted(batch[n].client_swipe_id, batch[n].candidate, batch[n].action) for n in fit
        ]
        reserved = await reserve(self.redis, viewer, wanted, self.limit, now)
        states = dict(zip(fit, reserved.states, strict=True))
        due = first_to_append(batch, states)
        try:
            await self.producer.append_many(
                [
                    message_of(viewer, batch[n], claims, states[n].first_ms)
                    for n in due
                    if isinstance(claims := screened[n], CardClaims)
                ]
            )
        except AppendFailed:
            # Nobody knows which of them are in the log; a second copy there has no effect.
            raise NotRecorded(answers(batch, screened, states, None)) from None
        await settle(self.redis, viewer, [batch[n].candidate for n in due], now)
        remaining = max(0, self.limit - reserved.charged)
        return Taken(answers(batch, screened, states, due), remaining)


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


def first_to_append(batch: Sequence[Sent], states: Mapping[int, Reserved]) -> list[int]:
    """Numbers of the swipes to append: of each candidate the first that the states allow."""
    first: dict[int, int] = {}
    for n, reserved in states.items():
        if reserved.state is State.APPEND:
            first.setdefault(batch[n].candidate, n)
    return list(first.values())


_ANSWERS: Final = {
    State.DUPLICATE: Status.DUPLICATE,
    State.ALREADY_SWIPED: Status.ALREADY_SWIPED,
    State.OVER_LIMIT: Status.OVER_LIMIT,
    State.REUSED: Status.CLIENT_ID_REUSED,
}


def answers(
    batch: Sequence[Sent],
    screened: Sequence[CardClaims | Status],
    states: Mapping[int, Reserved],
    appended: Sequence[int] | None,
) -> tuple[Status, ...]:
    """The answer to each swipe; `appended`: numbers of those in the log now, None: it failed."""
    taken = {batch[n].candidate: batch[n].client_swipe_id for n in appended or ()}
    numbers = frozenset(appended or ())

    def answer(n: int, refused: CardClaims | Status) -> Status:
        if isinstance(refused, Status):
            return refused
        state = states[n].state
        if state is not State.APPEND:
            return _ANSWERS[state]
        if appended is None:
            return Status.NOT_RECORDED
        if n in numbers:
            return Status.ACCEPTED
        again = taken[batch[n].candidate] == batch[n].client_swipe_id
        return Status.DUPLICATE if again else Status.ALREADY_SWIPED

    return tuple(answer(n, one) for n, one in enumerate(screened))


def message_of(viewer: int, sent: Sent, claims: CardClaims, first_ms: int) -> Message:
    """The command for the log. Sent again it is the same event: same id, same time."""
    impression = events.Impression(
        deck_id=claims.deck_id,
        position=claims.position,
        release=claims.release,
        policy=claims.policy,
        propensity=claims.propensity,
    )
    command = events.PairCommand(
        event_id=id_from(first_ms, f"swipe:{viewer}:{sent.client_swipe_id}".encode()),
        occurred_at_ms=first_ms,
        actor=viewer,
        target=sent.candidate,
        swipe=events.Swipe(
            action=events.Action.ValueType(sent.action),
            client_swipe_id=sent.client_swipe_id,
            swiped_at_ms=sent.swiped_at_ms,
            impression=impression,
        ),
    )
    key = pair_key(viewer, sent.candidate)
    return Message(USER_SWIPES.name, key, command.SerializeToString())
