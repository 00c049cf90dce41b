"""The development issuer: makes keys and tokens until the identity service does.

Only the command line and the playground use it, which is for development too; no process that
serves people ever holds the private key.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DEVELOPMENT_ISSUER = "gravity-development"
AUDIENCE = "gravity"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Ed25519, each the 32 raw bytes in base64url without padding, on one line."""

    private: str
    public: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"


def new_keys() -> KeyPair:
    """A fresh pair from the operating system's randomness."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(_encode(key.private_bytes_raw()), _encode(key.public_key().public_bytes_raw()))


def issue(
    private_key: str,
    person: int,
    now: datetime,
    ttl: timedelta,
    issuer: str = DEVELOPMENT_ISSUER,
    audience: str = AUDIENCE,
    zone: str = "",
    device: str = "",
) -> str:
    """A JWT that speaks for `person` until `now + ttl`; `zone`: the person's, as IANA names it."""
    key = Ed25519PrivateKey.from_private_bytes(_decode(private_key))
    issued = int(now.timestamp())
    claims: dict[str, str | int] = {
        "sub": str(person),
        "iss": issuer,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(ttl.total_seconds()),
        # `zoneinfo` is a standard claim of OpenID Connect, `device` is ours.
        **({"zoneinfo": zone} if zone else {}),
        **({"device": device} if device else {}),
    }
    return jwt.encode(claims, key, algorithm="EdDSA")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
