"""Card tokens say what was shown to whom, and cannot be made or moved by others."""

import base64
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gravity.card_tokens import (
    TTL_MS,
    CardClaims,
    CardTokenExpired,
    CardTokenForged,
    CardTokenForOther,
    CardTokens,
)

TOKENS = CardTokens(b"k" * 32)
PERSONS = st.integers(1, 2**63 - 1)
NOW = 1_800_000_000_000
CLAIMS = CardClaims(
    viewer=42,
    candidate=7,
    deck_id="018f2f6e-0000-7000-8000-00000000000a",
    position=3,
    release="12",
    policy="ranker",
    propensity=0.25,
    issued_at_ms=NOW,
)
ANY_CLAIMS = st.builds(
    CardClaims,
    viewer=PERSONS,
    candidate=PERSONS,
    deck_id=st.uuids().map(str),
    position=st.integers(0, 65535),
    release=st.text(max_size=20),
    policy=st.text(max_size=20),
    propensity=st.none() | st.floats(0, 1, width=32),
    issued_at_ms=st.integers(0, 2**42),
)


@given(claims=ANY_CLAIMS, age=st.integers(0, TTL_MS))
def test_a_token_opens_to_what_it_was_issued_for(claims: CardClaims, age: int) -> None:
    token = TOKENS.issue(claims)
    assert TOKENS.open(token, claims.viewer, claims.candidate, claims.issued_at_ms + age) == claims


@given(claims=ANY_CLAIMS, data=st.data())
def test_no_changed_character_is_accepted(claims: CardClaims, data: st.DataObject) -> None:
    token = TOKENS.issue(claims)
    place = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n"
    other = data.draw(st.sampled_from(alphabet.replace(token[place], "")))
    forged = token[:place] + other + token[place + 1 :]
    with pytest.raises(CardTokenForged):
        TOKENS.open(forged, claims.viewer, claims.candidate, claims.issued_at_ms)


@given(text=st.text() | st.binary(max_size=300).map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_no_text_made_elsewhere_is_accepted(text: str) -> None:
    with pytest.raises(CardTokenForged):
        TOKENS.open(text, 1, 2, 0)


def test_a_token_of_another_viewer_or_card_is_refused() -> None:
    token = TOKENS.issue(CLAIMS)
    for viewer, candidate in ((43, 7), (42, 8), (7, 42)):
        with pytest.raises(CardTokenForOther):
            TOKENS.open(token, viewer, candidate, NOW)


def test_a_token_lasts_seven_days_by_the_servers_clock() -> None:
    token = TOKENS.issue(CLAIMS)
    assert TOKENS.open(token, 42, 7, NOW + TTL_MS) == CLAIMS
    with pytest.raises(CardTokenExpired):
        TOKENS.open(token, 42, 7, NOW + TTL_MS + 1)


def test_a_token_from_the_future_is_refused() -> None:
    with pytest.raises(CardTokenExpired):
        TOKENS.open(TOKENS.issue(replace(CLAIMS, issued_at_ms=NOW + 3_600_000)), 42, 7, NOW)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(CardTokenForged):
        CardTokens(b"x" * 32).open(TOKENS.issue(CLAIMS), 42, 7, NOW)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CardTokens(b"short")


def test_a_token_is_short_and_safe_in_urls() -> None:
    token = TOKENS.issue(replace(CLAIMS, deck_id=str(uuid.UUID(int=2**128 - 1))))
    assert len(token) <= 120
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
