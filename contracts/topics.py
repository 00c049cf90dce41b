"""The topics of the bus: name, numbers of partitions and the message each carries."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

from contracts import events_pb2 as events


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. All records of a key are in one partition, in order.

    Two numbers of partitions: of the embedded broker, where each costs CPU with every append and
    every fetch, and of a cluster, where it is how many processes may share a consumer's work.
    """

    name: str
    embedded: int
    on_cluster: int
    message: type[Message]


USER_SWIPES: Final = Topic("user.swipes", 2, 16, events.PairCommand)
SWIPE_RECORDED: Final = Topic("swipe.recorded", 1, 16, events.SwipeRecorded)
MATCH_CREATED: Final = Topic("match.created", 1, 8, events.MatchCreated)
MATCH_ENDED: Final = Topic("match.ended", 1, 8, events.MatchEnded)
LIKE_RECEIVED: Final = Topic("like.received", 1, 8, events.LikeReceived)
PAIR_ERASED: Final = Topic("pair.erased", 1, 8, events.PairErased)
IMPRESSIONS: Final = Topic("discovery.impressions", 1, 16, events.DeckServed)
PROFILE_CHANGED: Final = Topic("profile.changed", 2, 8, events.ProfileChanged)
SAFETY_DECIDED: Final = Topic("safety.decided", 1, 1, events.SafetyDecided)
CHAT_ACTIVITY: Final = Topic("chat.activity", 1, 8, events.ChatActivity)
BILLING_ENTITLED: Final = Topic("billing.entitled", 1, 1, events.BillingEntitled)
PERSON_ERASED: Final = Topic("person.erased", 1, 1, events.PersonErased)
RELEASE_PROMOTED: Final = Topic("release.promoted", 1, 1, events.ReleasePromoted)

ALL: Final = (
    USER_SWIPES,
    SWIPE_RECORDED,
    MATCH_CREATED,
    MATCH_ENDED,
    LIKE_RECEIVED,
    PAIR_ERASED,
    IMPRESSIONS,
    PROFILE_CHANGED,
    SAFETY_DECIDED,
    CHAT_ACTIVITY,
    BILLING_ENTITLED,
    PERSON_ERASED,
    RELEASE_PROMOTED,
)


def pair_key(a: int, b: int) -> bytes:
    """The key of an unordered pair: both directions land in one partition, in one order."""
    return f"{min(a, b)}:{max(a, b)}".encode()


def person_key(person: int) -> bytes:
    """The key of events about one person."""
    return str(person).encode()
