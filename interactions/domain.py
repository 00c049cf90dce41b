"""What a command on a pair changes. Pure: state in, state and effects out, nothing drawn or read.

Ids of what comes out are derived from the record that caused it, so that whoever decides again
on the same record decides the same.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from contracts import events_pb2 as events

LIKES: Final = (events.ACTION_LIKE, events.ACTION_SUPERLIKE)
ACTIONS: Final = (*LIKES, events.ACTION_PASS)


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """An unordered pair."""

    low: int
    high: int

    @classmethod
    def of(cls, a: int, b: int) -> "Pair":
        return cls(min(a, b), max(a, b))


@dataclass(frozen=True, slots=True)
class Match:
    """The match of a pair in its current episode; `ended` is a `MatchEnd`, 0 while it stands."""

    match_id: str
    episode: int
    matched_ms: int
    ended: int = 0


@dataclass(frozen=True, slots=True)
class PairState:
    """All that decides about a pair. Actions are those of low on high and of high on low, 0 for
    none; `withdrawn`: one of them is banned, shadow-banned or erased and matches nobody."""

    low_action: int = 0
    high_action: int = 0
    blocked: bool = False
    withdrawn: bool = False
    match: Match | None = None


class Kind(Enum):
    """The commands on a pair that this version obeys."""

    SWIPE = "swipe"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Command:
    """One record of user.swipes. `at_ms` is the server's clock; `place` names the record."""

    kind: Kind
    actor: int
    target: int
    at_ms: int
    place: "Place"
    action: int = 0
    impression: events.Impression = field(default_factory=events.Impression)

    @property
    def pair(self) -> Pair:
        return Pair.of(self.actor, self.target)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in user.swipes."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class SwipeRecorded:
    """The first decision of an ordered pair."""

    command: Command


@dataclass(frozen=True, slots=True)
class LikeReceived:
    """A like that the other person has not answered yet."""

    command: Command


@dataclass(frozen=True, slots=True)
class MatchCreated:
    """Two standing likes met."""

    command: Command
    match: Match


@dataclass(frozen=True, slots=True)
class MatchEnded:
    """A match does not stand any more."""

    command: Command
    match: Match


@dataclass(frozen=True, slots=True)
class Blocked:
    """The actor never wants to meet the target again."""

    command: Command


Effect = SwipeRecorded | LikeReceived | MatchCreated | MatchEnded | Blocked


@dataclass(frozen=True, slots=True)
class Decided:
    """The states after a batch and its effects, in the order of the commands."""

    states: Mapping[Pair, PairState]
    effects: tuple[Effect, ...]


def decide_all(states: Mapping[Pair, PairState], commands: Sequence[Command]) -> Decided:
    """Apply commands in order; a pair that `states` lacks has the empty state."""
    now = dict(states)
    effects: list[Effect] = []
    for command in commands:
        state, caused = decide(now.get(command.pair, PairState()), command)
        now[command.pair] = state
        effects += caused
    return Decided(now, tuple(effects))


def decide(state: PairState, command: Command) -> tuple[PairState, tuple[Effect, ...]]:
    """One command on its pair. What is known already changes nothing and causes nothing."""
    if command.actor == command.target:
        return state, ()
    if command.kind is Kind.BLOCK:
        return _block(state, command)
    return _swipe(state, command)


def _swipe(state: PairState, command: Command) -> tuple[PairState, tuple[Effect, ...]]:
    own, other = _actions(state, command)
    if own or command.action not in ACTIONS:
        return state, ()
    after = _with_action(state, command)
    recorded = SwipeRecorded(command)
    if command.action not in LIKES or state.blocked or state.withdrawn:
        return after, (recorded,)
    if other in LIKES:
        match = _match(state.match, command)
        return replace(after, match=match), (recorded, MatchCreated(command, match))
    if other == 0:
        return after, (recorded, LikeReceived(command))
    return after, (recorded,)


def _block(state: PairState, command: Command) -> tuple[PairState, tuple[Effect, ...]]:
    # The second of two blocks is kept too: each of the two may once want to take theirs back.
    after = replace(state, blocked=True)
    match = state.match
    if match is None or match.ended:
        return after, (Blocked(command),)
    ended = replace(match, ended=events.MATCH_END_BLOCK)
    return replace(after, match=ended), (Blocked(command), MatchEnded(command, ended))


def _actions(state: PairState, command: Command) -> tuple[int, int]:
    """The actor's action and the target's."""
    if command.actor < command.target:
        return state.low_action, state.high_action
    return state.high_action, state.low_action


def _with_action(state: PairState, command: Command) -> PairState:
    if command.actor < command.target:
        return replace(state, low_action=command.action)
    return replace(state, high_action=command.action)


def _match(before: Match | None, command: Command) -> Match:
    """The first match of a pair, or the next episode of its old one."""
    if before is None:
        return Match(derived_id(command, "match"), 1, command.at_ms)
    return Match(before.match_id, before.episode + 1, command.at_ms)


def derived_id(command: Command, what: str) -> str:
    """A UUIDv7 of the command's time whose random bits come from its place on the bus."""
    name = f"{what}:{command.place.partition}:{command.place.offset}".encode()
    return id_from(command.at_ms, name)


def id_from(at_ms: int, name: bytes) -> str:
    """A UUIDv7 of a time whose random bits are a hash of `name`."""
    bits = int.from_bytes(hashlib.sha256(name).digest()[:10], "big")
    high, low = bits >> 68, bits & ((1 << 62) - 1)
    value = (at_ms << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    return str(uuid.UUID(int=value))
