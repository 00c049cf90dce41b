"""Between the domain and the contracts: commands read from user.swipes, events written."""

from datetime import UTC, datetime
from typing import cast

from contracts import events_pb2 as events
from contracts.topics import (
    LIKE_RECEIVED,
    MATCH_CREATED,
    MATCH_ENDED,
    PAIR_ERASED,
    SWIPE_RECORDED,
    pair_key,
)
from gravity.bus import Message, Record
from gravity.consumer import InvalidRecord
from interactions.domain import (
    ACTIONS,
    Blocked,
    Command,
    Effect,
    Kind,
    LikeReceived,
    MatchCreated,
    MatchEnded,
    PairErased,
    Place,
    SwipeRecorded,
    SwipeRuledOut,
    SwipeTakenBack,
    derived_id,
)

_LARGEST_PERSON = 2**63 - 1
_YEAR_2100_MS = 4_102_444_800_000
_YEAR_2100_DAY = _YEAR_2100_MS // 86_400_000


_KINDS = {
    "swipe": Kind.SWIPE,
    "rewind": Kind.REWIND,
    "unmatch": Kind.UNMATCH,
    "block": Kind.BLOCK,
    "erase": Kind.ERASE,
}


def command_of(record: Record) -> Command:
    """The command in a record. Raises InvalidRecord where no person could have sent it."""
    sent = events.PairCommand.FromString(record.value)
    if not (0 < sent.actor <= _LARGEST_PERSON and 0 < sent.target <= _LARGEST_PERSON):
        raise InvalidRecord(record, "a person id that is none")
    if sent.actor == sent.target:
        raise InvalidRecord(record, "a command on oneself")
    check_time(record, sent.occurred_at_ms)
    check_time(record, sent.rewind.swiped_ms)
    which = sent.WhichOneof("command")
    if which is None:
        raise InvalidRecord(record, "no command")
    if which == "swipe" and sent.swipe.action not in ACTIONS:
        raise InvalidRecord(record, "an action that is none")
    if not 0 <= sent.swipe.charged_on <= _YEAR_2100_DAY:
        raise InvalidRecord(record, "a day that is none")
    return Command(
        _KINDS[which],
        sent.actor,
        sent.target,
        sent.occurred_at_ms,
        Place(record.partition, record.offset),
        action=sent.swipe.action,
        impression=sent.swipe.impression,
        charged_on=sent.swipe.charged_on,
        swiped_ms=sent.rewind.swiped_ms,
    )


def check_time(record: Record, milliseconds: int) -> None:
    """Raises InvalidRecord for what no clock says: the times of Postgres and of ids end."""
    if not 0 <= milliseconds < _YEAR_2100_MS:
        raise InvalidRecord(record, "a time that is none")


def at(milliseconds: int) -> datetime:
    """A time of Postgres."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def message_of(effect: Effect) -> Message | None:
    """The event that tells others of an effect; None where nobody else needs to know."""
    match effect:
        case SwipeRecorded(command):
            return _swipe_recorded(command)
        case SwipeTakenBack():
            return _swipe_taken_back(effect)
        case LikeReceived(command):
            return _like_received(command)
        case MatchCreated():
            return _match_created(effect)
        case MatchEnded():
            return _match_ended(effect)
        case PairErased(command):
            return _pair_erased(command)
        case Blocked() | SwipeRuledOut():
            return None


def _key(command: Command) -> bytes:
    return pair_key(command.actor, command.target)


def _swipe_recorded(command: Command) -> Message:
    event = events.SwipeRecorded(
        event_id=derived_id(command, "swipe.recorded"),
        occurred_at_ms=command.at_ms,
        swiper=command.actor,
        swiped=command.target,
        # A cast, as the enum's own conversion is a tenth of all that a swipe costs here.
        action=cast("events.Action.ValueType", command.action),
        impression=command.impression,
        source=events.Source(partition=command.place.partition, offset=command.place.offset),
    )
    return Message(SWIPE_RECORDED.name, _key(command), event.SerializeToString())


def _swipe_taken_back(effect: SwipeTakenBack) -> Message:
    command = effect.command
    event = events.SwipeRecorded(
        event_id=derived_id(command, "swipe.recorded"),
        occurred_at_ms=command.at_ms,
        swiper=command.actor,
        swiped=command.target,
        action=events.Action.ValueType(effect.swipe.action),
        source=events.Source(partition=command.place.partition, offset=command.place.offset),
        taken_back=True,
        swiped_ms=effect.swipe.at_ms,
        waiting_like_ms=effect.waiting_like_ms,
    )
    return Message(SWIPE_RECORDED.name, _key(command), event.SerializeToString())


def _like_received(command: Command) -> Message:
    event = events.LikeReceived(
        event_id=derived_id(command, "like.received"),
        occurred_at_ms=command.at_ms,
        liker=command.actor,
        liked=command.target,
        superlike=command.action == events.ACTION_SUPERLIKE,
    )
    return Message(LIKE_RECEIVED.name, _key(command), event.SerializeToString())


def _match_created(effect: MatchCreated) -> Message:
    command, match = effect.command, effect.match
    event = events.MatchCreated(
        event_id=derived_id(command, "match.created"),
        occurred_at_ms=command.at_ms,
        low=command.pair.low,
        high=command.pair.high,
        match_id=match.match_id,
        episode=match.episode,
    )
    return Message(MATCH_CREATED.name, _key(command), event.SerializeToString())


def _match_ended(effect: MatchEnded) -> Message:
    command, match = effect.command, effect.match
    event = events.MatchEnded(
        event_id=derived_id(command, "match.ended"),
        occurred_at_ms=command.at_ms,
        low=command.pair.low,
        high=command.pair.high,
        match_id=match.match_id,
        episode=match.episode,
        reason=events.MatchEnd.ValueType(match.ended),
    )
    return Message(MATCH_ENDED.name, _key(command), event.SerializeToString())


def _pair_erased(command: Command) -> Message:
    event = events.PairErased(
        event_id=derived_id(command, "pair.erased"),
        occurred_at_ms=command.at_ms,
        low=command.pair.low,
        high=command.pair.high,
    )
    return Message(PAIR_ERASED.name, _key(command), event.SerializeToString())
