"""GET and PUT /v1/me, PUT /v1/me/location, PUT /v1/me/preferences."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import cast

import asyncpg
from fastapi import APIRouter, Response
from redis.exceptions import RedisError

from gravity.auth import Viewer
from gravity.kernel import Kernel
from gravity.problems import Problem, problem_responses
from profiles import store
from profiles.changes import Changed, change
from profiles.domain import (
    AgeLimitsCrossed,
    BirthDateImpossible,
    Change,
    Location,
    Person,
    Photo,
    Preferences,
    Profile,
    ProfileMissing,
    TooYoung,
    age_of,
    as_stored,
    day_of,
)
from profiles.schemas import (
    GENDERS,
    VISIBILITIES,
    GenderName,
    LocationView,
    MeOut,
    PhotoOut,
    PreferencesIn,
    PreferencesOut,
    ProfileIn,
    VisibilityName,
)

_GENDER_NAMES: dict[int, GenderName] = {
    value: cast("GenderName", name) for name, value in GENDERS.items()
}
_VISIBILITY_NAMES: dict[int, VisibilityName] = {
    value: cast("VisibilityName", name) for name, value in VISIBILITIES.items()
}
_EPOCH = date(1970, 1, 1)
_POSTGRES_IS_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    # While it starts or stops, and where it has no connection left. InterfaceError: ours is gone.
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
)


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of profiles. A change is acknowledged when every later deck obeys it."""
    router = APIRouter(prefix="/v1/me", tags=["profiles"])

    async def apply(viewer: int, wanted: Change) -> Changed:
        with problems():
            return await change(kernel.pool, kernel.redis, viewer, wanted, kernel.clock())

    def view(person: Person) -> MeOut:
        return _me(person, age_of(person, kernel.clock()))

    @router.get("", summary="The viewer's profile", responses=problem_responses(401, 404, 503))
    async def me(viewer: Viewer) -> MeOut:
        """Profile, place and preferences. Problems: `profile_missing` (404)."""
        with problems():
            person = await store.find(kernel.pool, viewer)
            if person is None:
                raise ProfileMissing(viewer)
        return view(person)

    @router.put(
        "",
        summary="Create or replace the viewer's profile",
        responses={
            **problem_responses(401, 410, 413, 422, 503),
            201: {"model": MeOut, "description": "Created"},
        },
    )
    async def put_profile(viewer: Viewer, body: ProfileIn, response: Response) -> MeOut:
        """Place and preferences stay as they are.

        Problems: `too_young`, `birth_date_impossible` (422), `person_erased` (410).
        """
        done = await apply(viewer, Change(profile=_profile(body)))
        response.status_code = 200 if done.existed else 201
        return view(done.person)

    @router.put(
        "/location",
        summary="Where the viewer is",
        responses=problem_responses(401, 404, 410, 422, 503),
    )
    async def put_location(viewer: Viewer, body: LocationView) -> MeOut:
        """Any place on Earth, poles and date line too. Problems: `profile_missing` (404)."""
        wanted = Change(location=Location(body.latitude, body.longitude))
        return view((await apply(viewer, wanted)).person)

    @router.put(
        "/preferences",
        summary="Whom the viewer wants to see",
        responses=problem_responses(401, 404, 410, 422, 503),
    )
    async def put_preferences(viewer: Viewer, body: PreferencesIn) -> MeOut:
        """Hard limits, in both directions; and how much exposure is enough.

        Problems: `profile_missing` (404), `age_limits_crossed` (422).
        """
        wanted = Change(
            preferences=Preferences(
                tuple(sorted(GENDERS[name] for name in body.seeks)),
                body.age_min,
                body.age_max,
                as_stored(body.max_distance_km),
            ),
            visibility=VISIBILITIES[body.visibility] if body.visibility else None,
            exposure=as_stored(body.exposure) if body.exposure else None,
        )
        return view((await apply(viewer, wanted)).person)

    return router


@contextmanager
def problems() -> Iterator[None]:
    """The states of this package as problems."""
    try:
        yield
    except ProfileMissing:
        raise Problem(404, "profile_missing", "The viewer has no profile yet") from None
    except store.PersonErased:
        raise Problem(410, "person_erased", "The person was erased") from None
    except TooYoung:
        raise Problem(422, "too_young", "Nobody under 18") from None
    except BirthDateImpossible:
        raise Problem(422, "birth_date_impossible", "Not a birth date of a living person") from None
    except AgeLimitsCrossed:
        raise Problem(422, "age_limits_crossed", "age_min is above age_max") from None
    except (RedisError, *_POSTGRES_IS_AWAY) as error:
        raise Problem(
            503, "unavailable", "Unavailable for the moment", headers={"Retry-After": "1"}
        ) from error


def _profile(body: ProfileIn) -> Profile:
    return Profile(
        name=body.name,
        birth_day=day_of(body.birth_date),
        gender=GENDERS[body.gender],
        attributes=dict(body.attributes),
        photos=tuple(Photo(p.url, p.blurhash, p.width, p.height) for p in body.photos),
    )


def _me(person: Person, age: int) -> MeOut:
    profile, preferences, location = person.profile, person.preferences, person.location
    return MeOut(
        id=person.person,
        version=person.version,
        name=profile.name,
        birth_date=_EPOCH + timedelta(days=profile.birth_day),
        age=age,
        gender=_GENDER_NAMES[profile.gender],
        attributes=dict(profile.attributes),
        photos=[PhotoOut.model_validate(photo.as_json()) for photo in profile.photos],
        location=LocationView(latitude=location.latitude, longitude=location.longitude)
        if location
        else None,
        preferences=PreferencesOut(
            seeks=[_GENDER_NAMES[gender] for gender in preferences.seeks],
            age_min=preferences.age_min,
            age_max=preferences.age_max,
            max_distance_km=round(preferences.max_distance_km, 3),
            exposure=round(person.exposure, 3),
        ),
        visibility=_VISIBILITY_NAMES[person.visibility],
        simulated=person.simulated,
    )
