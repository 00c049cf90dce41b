"""What a command on a pair changes. Pure: state in, state and effects out, nothing drawn or read.

Ids of what comes out are derived from the record that caused it, so that whoever decides again
on the same record decides the same.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

from contracts import events_pb2 as events

LIKES: Final = (events.ACTION_LIKE, events.ACTION_SUPERLIKE)
ACTIONS: Final = (*LIKES, events.ACTION_PASS)
PARTED: Final = (events.MATCH_END_UNMATCH, events.MATCH_END_BLOCK, events.MATCH_END_ERASURE)
"""Ends of a match after which the two never match again; after a rewind they may."""


class Pair(NamedTuple):
    """An unordered pair. A tuple, as it is sorted, hashed and made several times a command."""

    low: int
    high: int

    @classmethod
    def of(cls, a: int, b: int) -> "Pair":
        return cls(a, b) if a < b else cls(b, a)


@dataclass(frozen=True, slots=True)
class Match:
    """The match of a pair in its current episode; `ended` is a `MatchEnd`, 0 while it stands."""

    match_id: str
    episode: int
    matched_ms: int
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Swipe:
    """What one of the two decided on the other, and when by the server's clock.

    Action 0: nothing stands, and no swipe up to `at_ms` ever will; 0 if none was taken back.
    """

    action: int = 0
    at_ms: int = 0


NO_SWIPE: Final = Swipe()


class PairState(NamedTuple):
    """All that decides about a pair. `withdrawn`: one of them is banned, shadow-banned or erased
    and matches nobody; `erased`: one of them is erased, and nothing is recorded any more."""

    low: Swipe = NO_SWIPE
    high: Swipe = NO_SWIPE
    blocked: bool = False
    withdrawn: bool = False
    erased: bool = False
    match: Match | None = None

    @property
    def closed(self) -> bool:
        """Whether likes between the two go no further."""
        parted = self.match is not None and self.match.ended in PARTED
        return self.blocked or self.withdrawn or self.erased or parted


class Kind(Enum):
    """The commands on a pair."""

    SWIPE = "swipe"
    REWIND = "rewind"
    UNMATCH = "unmatch"
    BLOCK = "block"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Command:
    """One record of user.swipes. `at_ms` is the server's clock; `place` names the record;
    `charged_on`: the swiper's own day; `swiped_ms`: the time up to which a rewind takes back."""

    kind: Kind
    actor: int
    target: int
    at_ms: int
    place: "Place"
    action: int = 0
    impression: events.Impression = field(default_factory=events.Impression)
    charged_on: int = 0
    swiped_ms: int = 0
    # Asked for several times a command: made once.
    pair: "Pair" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pair", Pair.of(self.actor, self.target))


class Place(NamedTuple):
    """Where a record stands in user.swipes."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class SwipeRecorded:
    """The actor decided on the target, and did not before or took that back."""

    command: Command


@dataclass(frozen=True, slots=True)
class SwipeTakenBack:
    """The actor's swipe on the target does not stand any more.

    `waiting_like_ms`: when the target liked the actor, if that like waits for an answer again.
    """

    command: Command
    swipe: Swipe
    waiting_like_ms: int = 0


@dataclass(frozen=True, slots=True)
class SwipeRuledOut:
    """The swipe that a rewind takes back is not there, and will not count if it comes yet."""

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


@dataclass(frozen=True, slots=True)
class PairErased:
    """Of a pair of whom one is erased: an erasure, or a command that came after it. Nothing that
    the actor did is to be kept, nor what was between the two."""

    command: Command


Effect = (
    SwipeRecorded
    | SwipeTakenBack
    | SwipeRuledOut
    | LikeReceived
    | MatchCreated
    | MatchEnded
    | Blocked
    | PairErased
)


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


Outcome = tuple[PairState, tuple[Effect, ...]]


def decide(state: PairState, command: Command) -> Outcome:
    """One command on its pair. What is known already changes nothing and causes nothing."""
    if command.actor == command.target:
        return state, ()
    if command.kind is Kind.ERASE:
        return _erase(state, command)
    if state.erased:
        # Too late to be recorded, but what was acknowledged may have left a trace.
        return state, (PairErased(command),)
    match command.kind:
        case Kind.SWIPE:
            return _swipe(state, command)
        case Kind.REWIND:
            return _rewind(state, command)
        case Kind.UNMATCH:
            return _unmatch(state, command)
        case Kind.BLOCK:
            return _block(state, command)


def _swipe(state: PairState, command: Command) -> Outcome:
    own, other = _swipes(state, command)
    # A swipe no newer than one taken back is that one, delivered again.
    if own.action or command.at_ms <= own.at_ms or command.action not in ACTIONS:
        return state, ()
    after = _with_swipe(state, command, Swipe(command.action, command.at_ms))
    recorded = SwipeRecorded(command)
    if command.action not in LIKES or state.closed:
        return after, (recorded,)
    if other.action in LIKES:
        match = _match(state.match, command)
        return after._replace(match=match), (recorded, MatchCreated(command, match))
    if other.action == 0:
        return after, (recorded, LikeReceived(command))
    return after, (recorded,)


def _rewind(state: PairState, command: Command) -> Outcome:
    own, other = _swipes(state, command)
    gone = Swipe(0, command.swiped_ms)
    if own.at_ms > gone.at_ms or own == gone:
        return state, ()
    after = _with_swipe(state, command, gone)
    if own.action == 0:
        return after, (SwipeRuledOut(command),)
    waits = other.action in LIKES and not state.closed
    taken_back = SwipeTakenBack(command, own, other.at_ms if waits else 0)
    match = state.match
    if match is None or match.ended:
        return after, (taken_back,)
    ended = replace(match, ended=events.MATCH_END_REWIND)
    return after._replace(match=ended), (taken_back, MatchEnded(command, ended))


def _unmatch(state: PairState, command: Command) -> Outcome:
    match = state.match
    # One that a rewind ended is parted too: whoever unmatched never meets the other again.
    if match is None or match.ended in PARTED:
        return state, ()
    ended = replace(match, ended=events.MATCH_END_UNMATCH)
    return state._replace(match=ended), (MatchEnded(command, ended),)


def _block(state: PairState, command: Command) -> Outcome:
    # The second of two blocks is kept too: each of the two may once want to take theirs back.
    after = state._replace(blocked=True)
    match = state.match
    if match is None or match.ended:
        return after, (Blocked(command),)
    ended = replace(match, ended=events.MATCH_END_BLOCK)
    return after._replace(match=ended), (Blocked(command), MatchEnded(command, ended))


def _erase(state: PairState, command: Command) -> Outcome:
    own, _ = _swipes(state, command)
    effects: list[Effect] = []
    if own.action:
        effects.append(SwipeTakenBack(command, own))
    match = state.match
    if match is not None and not match.ended:
        ended = replace(match, ended=events.MATCH_END_ERASURE)
        effects.append(MatchEnded(command, ended))
    effects.append(PairErased(command))
    # The match is gone; the other direction's swipe goes by a command of its own.
    after = _with_swipe(state._replace(erased=True, match=None), command, NO_SWIPE)
    return after, tuple(effects)


def _swipes(state: PairState, command: Command) -> tuple[Swipe, Swipe]:
    """The actor's swipe and the target's."""
    if command.actor < command.target:
        return state.low, state.high
    return state.high, state.low


def _with_swipe(state: PairState, command: Command, swipe: Swipe) -> PairState:
    if command.actor < command.target:
        return state._replace(low=swipe)
    return state._replace(high=swipe)


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
    # As text at once: a UUID object takes longer than all the rest.
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
