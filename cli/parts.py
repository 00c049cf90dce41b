"""The parts of the consumers: what reads the bus and what runs beside, each fit for a process.

`gravity run consumers` runs them all in one process, `--only` some of them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gravity.consumer import Subscription
    from gravity.kernel import Kernel

_Background = Coroutine[Any, Any, None]

# A topic's records may be trimmed once all of these have passed them. Releases are caught
# up from profile.changed too, and hold what they need of it; they read safety.decided and
# person.erased from the beginning, so those are not here: they are never trimmed.
READERS: Final = {
    "user.swipes": ("matcher",),
    "swipe.recorded": ("features", "lake.swipe.recorded", "read-side"),
    "like.received": ("read-side",),
    "match.created": ("read-side",),
    "match.ended": ("read-side",),
    "pair.erased": ("read-side",),
    "profile.changed": ("features", "photos", "lake.profile.changed", "profile-rows"),
    "discovery.impressions": ("lake.discovery.impressions",),
    "billing.entitled": ("billing",),
}
_LANES: Final = ("interactions", "profiles", "safety", "billing", "identity", "releases")


@dataclass(frozen=True, slots=True)
class Work:
    """What a part does: its consumers, and what runs beside them until the stop."""

    subscriptions: Sequence["Subscription"] = ()
    background: Sequence[_Background] = ()


class UnknownPart(ValueError):
    """No part has this name."""


def work_of(names: Sequence[str], kernel: "Kernel", stop: asyncio.Event) -> Work:
    """The work of the named parts; of all where none is named. Raises UnknownPart."""
    works = [PARTS[name](kernel, stop) for name in checked(names)]
    return Work(
        [each for work in works for each in work.subscriptions],
        [each for work in works for each in work.background],
    )


def checked(names: Sequence[str]) -> list[str]:
    """The names, each once; all where there is none. Raises UnknownPart."""
    for name in names:
        if name not in PARTS:
            raise UnknownPart(f"there is no part {name!r}; the parts are {', '.join(PARTS)}")
    return list(dict.fromkeys(names)) or list(PARTS)


def _matcher(_: "Kernel", __: asyncio.Event) -> Work:
    from interactions import app as interactions

    return Work(interactions.matching())


def _relay(kernel: "Kernel", stop: asyncio.Event) -> Work:
    from gravity.bus_engines import engine_of
    from gravity.outbox import relay

    every_s = engine_of(kernel.settings.bus_url).relay_every_s
    lanes = [relay(kernel.pool, kernel.producer, lane, stop, every_s) for lane in _LANES]
    return Work(background=lanes)


def _stream(kernel: "Kernel", stop: asyncio.Event) -> Work:
    from features.app import FeatureStream

    stream = FeatureStream(kernel)
    return Work(stream.subscriptions(), stream.background(stop))


def _photos(kernel: "Kernel", _: asyncio.Event) -> Work:
    from features.app import photo_subscriptions

    return Work(photo_subscriptions(kernel))


def _lake(kernel: "Kernel", _: asyncio.Event) -> Work:
    from features.app import lake_subscriptions

    return Work(lake_subscriptions(kernel))


def _read_side(kernel: "Kernel", stop: asyncio.Event) -> Work:
    from interactions import app as interactions

    return Work(interactions.reading(kernel), interactions.background(kernel, stop))


def _rest(kernel: "Kernel", stop: asyncio.Event) -> Work:
    from billing import app as billing
    from gravity.bus_retention import trim_forever
    from gravity.stack.servers.redis import sync_forever
    from identity import app as identity
    from profiles import app as profiles
    from safety import app as safety

    return Work(
        [
            *profiles.subscriptions(kernel),
            *safety.subscriptions(kernel),
            *billing.subscriptions(kernel),
            *identity.subscriptions(kernel),
        ],
        [
            trim_forever(kernel.pool, kernel.settings, READERS, stop),
            sync_forever(kernel.settings.home, stop),
        ],
    )


PARTS: Final[Mapping[str, Callable[["Kernel", asyncio.Event], Work]]] = {
    "matcher": _matcher,
    "relay": _relay,
    "stream": _stream,
    "photos": _photos,
    "lake": _lake,
    "read-side": _read_side,
    "rest": _rest,
}
