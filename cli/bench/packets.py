"""Requests as the bytes that go over the wire, made before the clock starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Final

from cli.bench.plan import Load, Request, requests
from gravity.card_tokens import CardClaims, CardTokens
from gravity.issuer import issue

_POLICY: Final = "champion"
_TTL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys of people's tokens and of cards'."""

    jwt_private_key: str
    card_token_key: str


def packets(load: Load, path: str, signer: Signer, now: datetime) -> Iterator[bytes]:
    """Each request of a load as HTTP/1.1 to `path`, with the person's token and the cards'."""
    tokens = CardTokens(signer.card_token_key.encode())
    numbers = count()

    @cache
    def bearer(viewer: int) -> str:
        return issue(signer.jwt_private_key, viewer, now, _TTL)

    at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    issued_at_ms = int(now.timestamp() * 1000)

    def swipe(request: Request, place: int) -> str:
        candidate = request.candidates[place]
        deck = f"0198c0de-0000-7000-8000-{request.viewer:012x}"
        claims = CardClaims(
            request.viewer, candidate, deck, place, "4", _POLICY, 0.031, issued_at_ms
        )
        client_id = f"0198c0de-0000-7000-9000-{next(numbers):012x}"
        return (
            f'{{"client_swipe_id":"{client_id}","candidate":{candidate},'
            f'"action":"{request.actions[place]}","token":"{tokens.issue(claims)}",'
            f'"swiped_at":"{at}"}}'
        )

    for request in requests(load):
        swipes = [swipe(request, place) for place in range(load.size)]
        body = swipes[0] if load.size == 1 else f'{{"swipes":[{",".join(swipes)}]}}'
        yield (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {bearer(request.viewer)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
