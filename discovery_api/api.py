"""GET /v1/deck: the ranked deck of a viewer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.config import JsonDict
from redis.exceptions import RedisError

from discovery_api.decks import Busy, Deck, DeckRequest, Decks, Shown
from discovery_api.domain import Filters, LocationMissing, ProfileMissing
from discovery_api.why import Why
from gravity.auth import Asking
from gravity.plain_route import PlainRoute
from gravity.problems import Problem, problem_responses

LARGEST_DECK = 100

_EXAMPLE_CARD: JsonDict = {
    "id": 4711,
    "name": "Robin",
    "age": 34,
    "distance_km": 5,
    "photos": [],
    "why": [{"code": "likes_you_probably", "parameters": {"percent": 60}}],
    "simulated": False,
    "token": "AQAAAAAAAAAqAAAAAAAAEmc…",
}


@dataclass(slots=True)
class Photo:
    """One photo of a card; pixels."""

    url: str
    blurhash: str
    width: int
    height: int


_PHOTO: Final = TypeAdapter(Photo)


# Plain classes: to make the sixty models of a deck takes six times as long.
@dataclass(slots=True)
class CardView:
    """One card."""

    __pydantic_config__: ClassVar = ConfigDict(
        title="Card", json_schema_extra={"example": _EXAMPLE_CARD}
    )

    id: int
    name: str
    age: Annotated[int, Field(description="Whole years today, UTC.")]
    distance_km: Annotated[
        int, Field(description="Nearer than this; one of 2, 5, 10, 25, 50, … Never exact.")
    ]
    photos: list[Photo]
    why: Annotated[
        list[Why],
        Field(
            description="What lifted this card: `your_taste` and `your_photo_taste` (times: more "
            "like the people, or the photos, that the viewer liked), `likes_you_probably` and "
            "`may_like_you` (percent), `often_liked` (times); in a fallback `near_you` "
            "(distance_km)."
        ),
    ]
    simulated: Annotated[bool, Field(description="A person of a generated world, not a real one.")]
    token: Annotated[
        str, Field(description="To be sent back with the swipe; valid for seven days.")
    ]


@dataclass(slots=True)
class DeckView:
    """A deck of cards, best first."""

    __pydantic_config__: ClassVar = ConfigDict(
        title="Deck",
        json_schema_extra={
            "example": {
                "deck_id": "0198c0de-0000-7000-8000-000000000000",
                "release": "7",
                "policy": "ranker",
                "expires_at": "2026-03-01T12:15:00Z",
                "exhausted": False,
                "cards": [_EXAMPLE_CARD],
            }
        },
    )

    deck_id: UUID
    release: Annotated[str | None, Field(description="What ranked the deck; null in a fallback.")]
    policy: Annotated[
        str, Field(description="`ranker`, or `fallback` when no ranking came in time.")
    ]
    expires_at: Annotated[
        datetime, Field(description="Until then the same deck_id gives this deck.")
    ]
    exhausted: Annotated[bool, Field(description="Nobody else can be shown at the moment.")]
    cards: list[CardView]


class DeckQuery(BaseModel):
    """What a deck is asked for."""

    size: int = Field(20, ge=1, le=LARGEST_DECK, description="Cards wanted.")
    deck_id: UUID | None = Field(None, description="Made by the client; asked again, same deck.")
    age_min: int | None = Field(None, ge=18, le=120, description="Only narrows the preferences.")
    age_max: int | None = Field(None, ge=18, le=120, description="Only narrows the preferences.")
    max_distance_km: float | None = Field(
        None,
        gt=0,
        le=20_100,
        allow_inf_nan=False,
        description="Only narrows the preferences; counts as the largest of 2, 5, 10, 25, 50, … "
        "that is not above it, and as 2 below that.",
    )


def create_router(decks: Callable[[], Decks], new_id: Callable[[], UUID]) -> APIRouter:
    """The deck API; `decks` is called for each request."""
    router = APIRouter(prefix="/v1", tags=["discovery"])

    async def deck(who: Asking, query: Annotated[DeckQuery, Query()]) -> DeckView:
        """People whom the viewer will like and who will like them back, in order of showing.

        Everyone in it satisfies the constraints of both sides at the moment of the answer. Without
        preferences set, the viewer is shown those who seek them, of about their own age.

        Problems: `profile_missing`, `location_missing` (409), `age_limits_crossed` (422),
        `unavailable` (503).
        """
        age_min, age_max = query.age_min, query.age_max
        if age_min is not None and age_max is not None and age_min > age_max:
            raise Problem(422, "age_limits_crossed", "age_min is above age_max")
        filters = Filters(age_min, age_max, query.max_distance_km)
        request = DeckRequest(who.person, query.size, query.deck_id or new_id(), filters)
        return _view(await _serve(decks(), request))

    router.add_api_route(
        "/deck",
        deck,
        methods=["GET"],
        summary="A ranked deck",
        responses=problem_responses(401, 409, 422, 503),
        route_class_override=PlainRoute,
    )
    return router


async def _serve(decks: Decks, request: DeckRequest) -> Deck:
    try:
        return await decks.serve(request)
    except ProfileMissing:
        raise Problem(409, "profile_missing", "The viewer has no profile yet") from None
    except LocationMissing:
        raise Problem(409, "location_missing", "The viewer has no location yet") from None
    except (Busy, RedisError, OSError) as error:
        # Of which TimeoutError is one.
        raise Problem(
            503,
            "unavailable",
            "Decks are unavailable for the moment",
            headers={"Retry-After": "1"},
        ) from error


def _view(deck: Deck) -> DeckView:
    return DeckView(
        deck_id=deck.deck_id,
        release=deck.kept.release,
        policy=deck.kept.policy,
        expires_at=deck.kept.expires_at,
        exhausted=deck.kept.exhausted,
        cards=[_card(shown) for shown in deck.cards],
    )


def _card(shown: Shown) -> CardView:
    return CardView(
        id=shown.card.id,
        name=shown.tail.name,
        age=shown.age,
        distance_km=shown.distance_km,
        photos=[_PHOTO.validate_python(photo) for photo in shown.tail.photos],
        why=shown.card.why,
        simulated=shown.tail.simulated,
        token=shown.card.token,
    )
