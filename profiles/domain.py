"""A person as profiles knows them, and every decision about a change. Pure."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from contracts import events_pb2 as events
from features.eligibility import age
from features.prices import USUAL_EXPOSURE

ADULT: Final = 18
_OLDEST: Final = 120
_EPOCH: Final = date(1970, 1, 1)


class TooYoung(Exception):
    """Nobody under 18."""


class BirthDateImpossible(Exception):
    """In the future, or longer ago than anybody lives."""


class AgeLimitsCrossed(Exception):
    """The lower age limit is above the upper one."""


class ProfileMissing(Exception):
    """A place or preferences for somebody who has no profile yet."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo, as cards show it; pixels."""

    url: str
    blurhash: str
    width: int
    height: int

    def as_json(self) -> dict[str, str | int]:
        return {
            "url": self.url,
            "blurhash": self.blurhash,
            "width": self.width,
            "height": self.height,
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is. `birth_day` in days since 1970-01-01, `gender` as in the contracts."""

    name: str
    birth_day: int
    gender: int
    attributes: Mapping[str, str]
    photos: tuple[Photo, ...] = ()


@dataclass(frozen=True, slots=True)
class Preferences:
    """Whom somebody wants to see. No genders: never set, and nobody fits."""

    seeks: tuple[int, ...] = ()
    age_min: int = ADULT
    age_max: int = _OLDEST
    max_distance_km: float = 50.0


@dataclass(frozen=True, slots=True)
class Location:
    """Degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Person:
    """The whole state of one person; each change is one version further. `exposure`: how much of
    it is enough for them, in shares of the usual."""

    person: int
    version: int
    changed_at: datetime
    profile: Profile
    preferences: Preferences = field(default_factory=Preferences)
    location: Location | None = None
    visibility: int = events.VISIBILITY_VISIBLE
    exposure: float = USUAL_EXPOSURE
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a request wants to be different; None leaves a part as it is."""

    profile: Profile | None = None
    preferences: Preferences | None = None
    location: Location | None = None
    visibility: int | None = None
    exposure: float | None = None


def changed(person: Person | None, number: int, change: Change, now: datetime) -> Person:
    """The next state of person `number`; the same object where nothing is different.

    Raises ProfileMissing, TooYoung, BirthDateImpossible, AgeLimitsCrossed.
    """
    profile = change.profile or (person.profile if person else None)
    if profile is None:
        raise ProfileMissing(number)
    if change.profile is not None:
        _check_age(change.profile.birth_day, now)
    if change.preferences is not None and change.preferences.age_min > change.preferences.age_max:
        raise AgeLimitsCrossed
    before = person or Person(number, 0, now, profile)
    after = replace(
        before,
        profile=profile,
        preferences=change.preferences or before.preferences,
        location=change.location or before.location,
        visibility=change.visibility or before.visibility,
        exposure=change.exposure or before.exposure,
    )
    if after == person:
        return person
    return replace(after, version=before.version + 1, changed_at=now)


def _check_age(birth_day: int, now: datetime) -> None:
    years = age(birth_day, day_of(now.astimezone(UTC).date()))
    if not 0 <= years <= _OLDEST:
        raise BirthDateImpossible
    if years < ADULT:
        raise TooYoung


def shown_as(person: Person) -> int:
    """The `Visibility` that others go by: who was never located is hidden, whatever they chose."""
    return person.visibility if person.location else events.VISIBILITY_HIDDEN


def as_stored(number: float) -> float:
    """A number as every store keeps it, in 32 bits: so that all of them compare the same."""
    nearest: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return nearest


def day_of(when: date) -> int:
    """Days since 1970-01-01."""
    return (when - _EPOCH).days


def age_of(person: Person, now: datetime) -> int:
    """Whole years today, UTC."""
    return age(person.profile.birth_day, day_of(now.astimezone(UTC).date()))
