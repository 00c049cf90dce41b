"""Who asks: a Bearer JWT (EdDSA), verified without a call to anyone."""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope

from gravity.problems import Problem
from gravity.settings import Settings

_LARGEST_PERSON = 2**63 - 1
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_REQUIRED = ["sub", "iss", "aud", "exp"]
_LONGEST_CLAIM = 64
# Of people who were here lately: 6 MB.
_MOST_KNOWN: Final = 20_000


class TokenInvalid(Exception):
    """Not a token of our issuer for us."""


class TokenExpired(Exception):
    """It was one, until `exp`."""


def public_key(text: str) -> Ed25519PublicKey:
    """An Ed25519 key from PEM, or from its 32 raw bytes in base64url. Raises ValueError."""
    if text.startswith("-----BEGIN"):
        key = load_pem_public_key(text.replace("\\n", "\n").encode())
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not an Ed25519 key")
        return key
    return Ed25519PublicKey.from_public_bytes(
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """What a token says of who asks; zone (as IANA names it) and device are "" where it does not
    say."""

    person: int
    zone: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token says whose signature, issuer and audience are right."""

    caller: Caller
    not_before: float
    expires: float


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Tokens of one issuer for one audience.

    Verifying a signature costs as much as all else that a request needs, and a client sends the
    same token for hours: those verified are known by their digest (so the look-up says nothing of a
    token that is guessed at), the last 20,000 of them. Times are compared each time.
    """

    key: Ed25519PublicKey
    issuer: str
    audience: str
    _known: OrderedDict[bytes, _Verified] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The verifier that the settings describe."""
        return cls(public_key(settings.jwt_public_key), settings.jwt_issuer, settings.jwt_audience)

    def verify(self, token: str, now: datetime) -> Caller:
        """Whom the token speaks for. Raises TokenInvalid, TokenExpired."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None:
            claims = self._claims(token)
            not_before, expires = _times(claims)
            _check_times(not_before, expires, now.timestamp())
            known = _Verified(_said(claims), not_before, expires)
            self._remember(digest, known)
        else:
            _check_times(known.not_before, known.expires, now.timestamp())
            self._known.move_to_end(digest)
        return known.caller

    def _claims(self, token: str) -> Mapping[str, object]:
        try:
            # Times are compared by the caller, with its clock.
            claims: Mapping[str, object] = jwt.decode(
                token,
                self.key,
                algorithms=["EdDSA"],
                issuer=self.issuer,
                audience=self.audience,
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenInvalid(type(error).__name__) from None
        return claims

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._known[digest] = verified
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def _said(claims: Mapping[str, object]) -> Caller:
    return Caller(
        _person(claims["sub"]), _text(claims.get("zoneinfo")), _text(claims.get("device"))
    )


def _times(claims: Mapping[str, object]) -> tuple[float, float]:
    expires, not_before = claims["exp"], claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(not_before, int | float):
        raise TokenInvalid("times")
    return not_before, expires


def _check_times(not_before: float, expires: float, now: float) -> None:
    # Written so that NaN, which compares with nothing, is refused.
    if not now < expires:
        raise TokenExpired if now >= expires else TokenInvalid("times")
    if not now >= not_before:
        raise TokenInvalid("not yet")


def _person(subject: object) -> int:
    if not isinstance(subject, str) or not (subject.isascii() and subject.isdigit()):
        raise TokenInvalid("subject")
    if len(subject) > 19 or not 0 < int(subject) <= _LARGEST_PERSON:
        raise TokenInvalid("subject")
    return int(subject)


def _text(claim: object) -> str:
    """An optional claim; one that does not fit is as good as none."""
    return claim if isinstance(claim, str) and len(claim) <= _LONGEST_CLAIM else ""


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", scheme_name="person")


_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _caller(request: Request, credentials: _Credentials) -> Caller:
    if credentials is None:
        raise Problem(401, "token_missing", "A bearer token is needed", headers=_CHALLENGE)
    verifier: TokenVerifier = request.app.state.tokens
    try:
        return verifier.verify(credentials.credentials, request.app.state.kernel.clock())
    except TokenExpired:
        raise Problem(401, "token_expired", "The token has expired", headers=_CHALLENGE) from None
    except TokenInvalid:
        raise Problem(401, "token_invalid", "The token is not valid", headers=_CHALLENGE) from None


def caller_of(scope: Scope, authorization: str) -> Caller | None:
    """Whom the header's token speaks for; None where it is none, or not valid now."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    state = scope["app"].state
    verifier: TokenVerifier = state.tokens
    try:
        return verifier.verify(token.strip(), state.kernel.clock())
    except (TokenInvalid, TokenExpired):
        return None


async def _viewer(request: Request, credentials: _Credentials) -> int:
    return (await _caller(request, credentials)).person


# On whose behalf a request is made; parameters of a route.
Viewer = Annotated[int, Depends(_viewer)]
Asking = Annotated[Caller, Depends(_caller)]
