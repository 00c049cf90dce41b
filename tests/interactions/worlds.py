"""Tiny worlds: people with rows in Redis, tokens for cards, records of user.swipes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key
from features.eligibility import person_table
from features.person_row import PersonTail, encode_head, encode_tail, person_row_key
from gravity.bus import Consumer, Record
from gravity.bus_engines import engine_of
from gravity.card_tokens import CardClaims, CardTokens
from gravity.kernel import Kernel
from interactions.domain import Command, Kind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DECK = "0198c0de-0000-7000-8000-000000000000"


Photos = Sequence[Mapping[str, str | int]]


async def add_people(redis: Redis, *people: int, photos: Photos = ()) -> None:
    """People of 30 in San Francisco, named after their number."""
    for person in people:
        table = person_table(
            person, 37.7, -122.4, birth_day=9_500, gender=1, seeks=2,
            age_min=18, age_max=99, max_distance_km=50,
        )  # fmt: skip
        head = encode_head(table, 37.7, -122.4, 1, 1)[0]
        tail = encode_tail(PersonTail(f"P{person}", {}, photos, True))
        await redis.set(person_row_key(person), head + tail)


def token(tokens: CardTokens, viewer: int, candidate: int, at_ms: int = NOW_MS) -> str:
    """The token of a card served at a time."""
    return tokens.issue(CardClaims(viewer, candidate, DECK, 3, "7", "ranker", 0.25, at_ms))


def swipe_body(
    tokens: CardTokens,
    viewer: int,
    candidate: int,
    action: str = "like",
    client_id: str = "",
    at: datetime = NOW,
) -> dict[str, object]:
    """A swipe as a phone sends it, on a card served at a time."""
    return {
        "client_swipe_id": client_id or f"c{candidate}",
        "candidate": candidate,
        "action": action,
        "token": token(tokens, viewer, candidate, int(at.timestamp() * 1000)),
    }


async def appended(kernel: Kernel, me: int, at_least: int) -> list[events.PairCommand]:
    """The viewer's commands in the log, once there are so many."""
    places = dict.fromkeys(engine_of(kernel.settings.bus_url).places([USER_SWIPES]), 0)
    consumer = Consumer.open(kernel.settings.bus_url, places)
    found: list[events.PairCommand] = []
    try:
        while True:
            records = await consumer.poll(100, 2.0)
            commands = [events.PairCommand.FromString(record.value) for record in records]
            found += [command for command in commands if command.actor == me]
            if len(found) >= at_least and not records:
                return found
    finally:
        await consumer.close()


def record_of(command: Command) -> Record:
    """The command as a record of user.swipes."""
    sent = events.PairCommand(
        event_id="x", occurred_at_ms=command.at_ms, actor=command.actor, target=command.target
    )
    match command.kind:
        case Kind.SWIPE:
            sent.swipe.action = events.Action.ValueType(command.action)
            sent.swipe.impression.CopyFrom(command.impression)
        case Kind.REWIND:
            sent.rewind.swiped_ms = command.swiped_ms
        case Kind.UNMATCH:
            sent.unmatch.SetInParent()
        case Kind.BLOCK:
            sent.block.SetInParent()
        case Kind.ERASE:
            sent.erase.SetInParent()
    return Record(
        USER_SWIPES.name,
        command.place.partition,
        command.place.offset,
        pair_key(command.actor, command.target),
        sent.SerializeToString(),
    )
