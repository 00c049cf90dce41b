"""What is remembered of a person's photos in their hash: which were embedded, under which releases.

One field, `_ph`. Profiles change far more often than photos (every move is a change): the mark
tells at once that there is nothing to do, of a record that is delivered again too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PHOTOS_OF_PERSON: Final = 10
"""So many photos of a person count, the first ones."""

MARK_FIELD: Final = b"_ph"
UNSETTLED: Final = b"?"
"""In place of the photos' digest where some were not to be had: the next change tries again."""

# A release knows the photos that the lake had when it was learned, and the lake lags.
_LATE_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Photos:
    """Somebody's photos as a change of their profile has them."""

    version: int
    at_ms: int
    urls: tuple[str, ...]
    gender: int

    @property
    def digest(self) -> bytes:
        """Equal for the same photos in the same order, of somebody of the same gender: a place is
        held against that of others of it."""
        text = "\0".join((str(self.gender), *self.urls)).encode()
        return hashlib.sha256(text).hexdigest()[:16].encode()


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest version that was applied, the time from which the photos are these, their digest,
    and the releases under which they were written."""

    version: int
    since_ms: int
    digest: bytes
    releases: frozenset[str]


UNKNOWN: Final = Mark(0, 0, UNSETTLED, frozenset())


def packed(mark: Mark) -> bytes:
    """The bytes of the field."""
    releases = ",".join(sorted(mark.releases)).encode()
    return b"%d %d %b %b" % (mark.version, mark.since_ms, mark.digest, releases)


def unpacked(field: bytes | None) -> Mark:
    """The mark of a field, if there is one."""
    if not field:
        return UNKNOWN
    version, since_ms, digest, releases = field.split(b" ")
    names = frozenset(name.decode() for name in releases.split(b",") if name)
    return Mark(int(version), int(since_ms), digest, names)


def under(mark: Mark, photos: Photos, live: Mapping[str, int], again: Sequence[str]) -> set[str]:
    """The live releases under which photos have to be written.

    `live`: the time of each release's people, ms. Of photos that have not changed since, a release
    has its own; `again` names those that are to be written all the same.
    """
    if photos.version < mark.version:
        return set()
    if photos.digest != mark.digest:
        return set(live)
    missing = live.keys() - mark.releases
    return {r for r in missing if mark.since_ms > live[r] - _LATE_MS} | (live.keys() & {*again})


def after(mark: Mark, photos: Photos, written: set[str], settled: bool) -> Mark:
    """The mark once photos were written under releases; `settled`: all that they will ever be."""
    same = photos.digest == mark.digest
    return Mark(
        photos.version,
        mark.since_ms if same else photos.at_ms,
        photos.digest if settled else UNSETTLED,
        (mark.releases if same else frozenset()) | written,
    )
