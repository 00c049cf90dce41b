"""Who asks is known from a signed token alone."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gravity.auth import Caller, TokenExpired, TokenInvalid, TokenVerifier, public_key
from gravity.issuer import issue, new_keys

KEYS = new_keys()
VERIFIER = TokenVerifier(public_key(KEYS.public), "gravity-development", "gravity")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def signed(claims: dict[str, object]) -> str:
    raw = base64.urlsafe_b64decode(KEYS.private + "=")
    return jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(raw), algorithm="EdDSA")


GOOD: dict[str, object] = {
    "sub": "42",
    "iss": "gravity-development",
    "aud": "gravity",
    "exp": NOW.timestamp() + 60,
}


@given(person=st.integers(1, 2**63 - 1))
def test_an_issued_token_speaks_for_its_person(person: int) -> None:
    assert VERIFIER.verify(issue(KEYS.private, person, NOW, HOUR), NOW) == Caller(person)


def test_a_token_ends_at_its_expiry_by_the_callers_clock() -> None:
    token = issue(KEYS.private, 42, NOW, HOUR)
    assert VERIFIER.verify(token, NOW + HOUR - timedelta(seconds=1)).person == 42
    with pytest.raises(TokenExpired):
        VERIFIER.verify(token, NOW + HOUR)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "someone"},
        {"aud": "another"},
        {"sub": "0"},
        {"sub": "-1"},
        {"sub": "42x"},
        {"sub": "٤٢"},
        {"sub": str(2**63)},
        {"sub": "9" * 5000},
        {"sub": 42},
        {"sub": None},
        {"exp": "soon"},
        {"exp": None},
        {"exp": float("nan")},
        {"nbf": NOW.timestamp() + 5},
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_invalid(change: dict[str, object]) -> None:
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(signed(GOOD | change), NOW)


def test_zone_and_device_come_along() -> None:
    token = issue(KEYS.private, 42, NOW, HOUR, zone="Europe/Berlin", device="phone")
    assert VERIFIER.verify(token, NOW) == Caller(42, "Europe/Berlin", "phone")


@pytest.mark.parametrize("claim", [7, None, ["Europe/Berlin"], "x" * 65], ids=str)
def test_a_zone_or_device_that_does_not_fit_is_as_good_as_none(claim: object) -> None:
    token = signed(GOOD | {"zoneinfo": claim, "device": claim})
    assert VERIFIER.verify(token, NOW) == Caller(42)


@pytest.mark.parametrize("name", ["sub", "iss", "aud", "exp"])
def test_a_token_without_a_required_claim_is_invalid(name: str) -> None:
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(signed({k: v for k, v in GOOD.items() if k != name}), NOW)


def test_a_token_of_another_key_is_invalid() -> None:
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(issue(new_keys().private, 42, NOW, HOUR), NOW)


def test_no_other_algorithm_is_accepted() -> None:
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(jwt.encode(GOOD, KEYS.public * 2, algorithm="HS256"), NOW)
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(jwt.encode(GOOD, "", algorithm="none"), NOW)


@given(text=st.text())
def test_any_other_text_is_invalid(text: str) -> None:
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(text, NOW)


def test_a_changed_payload_is_invalid() -> None:
    head, _, signature = issue(KEYS.private, 42, NOW, HOUR).split(".")
    payload = base64.urlsafe_b64encode(json.dumps(GOOD | {"sub": "43"}).encode()).decode()
    with pytest.raises(TokenInvalid):
        VERIFIER.verify(f"{head}.{payload.rstrip('=')}.{signature}", NOW)


def test_a_key_may_be_pem_or_raw() -> None:
    raw = public_key(KEYS.public)
    pem = raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert public_key(pem) == raw
    assert public_key(pem.replace("\n", "\\n")) == raw


def test_a_private_key_is_not_shown() -> None:
    assert KEYS.private not in repr(KEYS)


def test_a_token_that_was_verified_before_still_expires_and_still_is_only_itself() -> None:
    verifier = TokenVerifier(public_key(KEYS.public), "gravity-development", "gravity")
    token, other = (issue(KEYS.private, person, NOW, HOUR) for person in (42, 43))
    assert [verifier.verify(each, NOW).person for each in (token, other, token)] == [42, 43, 42]
    with pytest.raises(TokenExpired):
        verifier.verify(token, NOW + HOUR)
    with pytest.raises(TokenInvalid):
        verifier.verify(token[:-1], NOW)
    later = signed(GOOD | {"nbf": NOW.timestamp() + 5})
    assert verifier.verify(later, NOW + timedelta(seconds=6)).person == 42
    with pytest.raises(TokenInvalid):
        verifier.verify(later, NOW)


def test_only_the_last_tokens_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gravity.auth._MOST_KNOWN", 3)
    verifier = TokenVerifier(public_key(KEYS.public), "gravity-development", "gravity")
    tokens = [issue(KEYS.private, person, NOW, HOUR) for person in range(1, 6)]
    people = [verifier.verify(token, NOW).person for token in tokens + tokens]
    assert people == [1, 2, 3, 4, 5] * 2
    assert len(verifier._known) == 3
