"""Card tokens: signed proof that a card was shown to a viewer, where, and with what probability.

Layout before base64url: version (1 byte), viewer, candidate (8 each), deck id (16), position (2),
propensity (4, NaN for none), time of issue in ms (8), lengths of release and policy (1 each),
release, policy; then the first 16 bytes of an HMAC-SHA256 over all of it.
"""

import base64
import binascii
import hashlib
import hmac
import math
import struct
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TTL_MS: Final = 7 * 24 * 3600 * 1000
# The server's clocks may differ a little between machines.
_SKEW_MS: Final = 60_000
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<Bqq16sHfqBB")
_MAC_BYTES: Final = 16
_LONGEST: Final = 1024
# Keeps a signature made here from meaning anything elsewhere under the same key.
_PURPOSE: Final = b"gravity card token\0"


class CardTokenForged(Exception):
    """Not a token that we signed."""


class CardTokenExpired(Exception):
    """Issued more than seven days ago by the server's clock."""


class CardTokenForOther(Exception):
    """Ours, but of another viewer or for another candidate."""


@dataclass(frozen=True, slots=True)
class CardClaims:
    """What a token says. `deck_id` is a UUID; `propensity` is rounded to 32 bits, and None where
    the policy has none; times are milliseconds since the Unix epoch."""

    viewer: int
    candidate: int
    deck_id: str
    position: int
    release: str
    policy: str
    propensity: float | None
    issued_at_ms: int


class CardTokens:
    """Issues and opens tokens under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key of card tokens needs at least 32 bytes")
        # To be copied: setting up a key takes longer than a signature.
        self._keyed = hmac.new(key, _PURPOSE, hashlib.sha256)

    def issue(self, claims: CardClaims) -> str:
        """The token of one card, about 120 characters, safe in URLs.

        Raises ValueError or struct.error where a field does not fit the layout.
        """
        payload = _pack(claims)
        return base64.urlsafe_b64encode(payload + self._sign(payload)).rstrip(b"=").decode()

    def open(self, token: str, viewer: int, candidate: int, now_ms: int) -> CardClaims:
        """The claims of a token presented by `viewer` for `candidate`.

        Raises CardTokenForged, CardTokenForOther, CardTokenExpired: in this order, so that
        nothing is learned about a token that is not one's own.
        """
        raw = _decode(token)
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._sign(payload)):
            raise CardTokenForged
        claims = _unpack(payload)
        if (claims.viewer, claims.candidate) != (viewer, candidate):
            raise CardTokenForOther
        if not -_SKEW_MS <= now_ms - claims.issued_at_ms <= TTL_MS:
            raise CardTokenExpired
        return claims

    def _sign(self, payload: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(payload)
        return mac.digest()[:_MAC_BYTES]


def _pack(claims: CardClaims) -> bytes:
    release, policy = claims.release.encode(), claims.policy.encode()
    head = _HEAD.pack(
        _VERSION,
        claims.viewer,
        claims.candidate,
        _deck_bytes(claims.deck_id),
        claims.position,
        math.nan if claims.propensity is None else claims.propensity,
        claims.issued_at_ms,
        len(release),
        len(policy),
    )
    return head + release + policy


@lru_cache(64)
def _deck_bytes(deck_id: str) -> bytes:
    # The cards of a deck are signed one after the other.
    return uuid.UUID(deck_id).bytes


def _unpack(payload: bytes) -> CardClaims:
    if len(payload) < _HEAD.size or payload[0] != _VERSION:
        raise CardTokenForged
    _, viewer, candidate, deck, position, propensity, issued, a, b = _HEAD.unpack_from(payload)
    tail = payload[_HEAD.size :]
    if len(tail) != a + b:
        raise CardTokenForged
    return CardClaims(
        viewer=viewer,
        candidate=candidate,
        deck_id=_uuid_text(deck.hex()),
        position=position,
        release=tail[:a].decode(),
        policy=tail[a:].decode(),
        propensity=None if math.isnan(propensity) else propensity,
        issued_at_ms=issued,
    )


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _decode(token: str) -> bytes:
    """Strict: one spelling a token, so that it can serve as an identity."""
    if len(token) > _LONGEST or not token.isascii():
        raise CardTokenForged
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise CardTokenForged from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != token.encode():
        raise CardTokenForged
    return raw
