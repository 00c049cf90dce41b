"""What the profiles API takes and gives, with examples."""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from contracts import events_pb2 as events
from features.prices import LEAST_EXPOSURE, MOST_EXPOSURE

GENDERS: Final = {
    "man": events.GENDER_MAN,
    "woman": events.GENDER_WOMAN,
    "nonbinary": events.GENDER_NONBINARY,
}
VISIBILITIES: Final = {
    "visible": events.VISIBILITY_VISIBLE,
    "hidden": events.VISIBILITY_HIDDEN,
    "paused": events.VISIBILITY_PAUSED,
}
GenderName = Literal["man", "woman", "nonbinary"]
VisibilityName = Literal["visible", "hidden", "paused"]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("no NUL characters")
    return text


def _distinct(genders: list[GenderName]) -> list[GenderName]:
    if len(set(genders)) != len(genders):
        raise ValueError("each gender once")
    return genders


Storable = AfterValidator(_storable)
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), Storable
]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
AttributeValue = Annotated[str, StringConstraints(max_length=500), Storable]
_EXAMPLE_PROFILE: JsonDict = {
    "name": "Robin",
    "birth_date": "1991-05-04",
    "gender": "woman",
    "attributes": {"body_type": "athletic", "height_cm": "172", "job": "education"},
    "photos": [],
}
_EXAMPLE_LOCATION: JsonDict = {"latitude": 37.7749, "longitude": -122.4194}
_EXAMPLE_PREFERENCES: JsonDict = {
    "seeks": ["man", "nonbinary"],
    "age_min": 25,
    "age_max": 40,
    "max_distance_km": 30.0,
    "exposure": 1.0,
    "visibility": "visible",
}


class PhotoIn(BaseModel):
    """One photo; pixels."""

    model_config = ConfigDict(title="ProfilePhoto")

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S{1,500}$"), Storable]
    blurhash: Annotated[str, StringConstraints(max_length=120), Storable] = ""
    width: Annotated[int, Field(ge=1, le=20_000)]
    height: Annotated[int, Field(ge=1, le=20_000)]


class PhotoOut(BaseModel):
    """One photo as stored; pixels."""

    model_config = ConfigDict(title="StoredProfilePhoto")

    url: str = Field(
        description="Of imported people perhaps `/photos/…`: relative to where the app's media are."
    )
    blurhash: str
    width: int
    height: int


class ProfileIn(BaseModel):
    """Who somebody is: replaces the profile as a whole."""

    model_config = ConfigDict(title="Profile", json_schema_extra={"example": _EXAMPLE_PROFILE})

    name: Name
    birth_date: date = Field(description="18 years ago or longer.")
    gender: GenderName
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=40)] = {}
    photos: Annotated[list[PhotoIn], Field(max_length=10)] = []


class LocationView(BaseModel):
    """Degrees (WGS 84)."""

    model_config = ConfigDict(title="Location", json_schema_extra={"example": _EXAMPLE_LOCATION})

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class PreferencesIn(BaseModel):
    """Whom somebody wants to see, and whether and how much they are shown themselves."""

    model_config = ConfigDict(
        title="Preferences", json_schema_extra={"example": _EXAMPLE_PREFERENCES}
    )

    seeks: Annotated[list[GenderName], Field(min_length=1), AfterValidator(_distinct)]
    age_min: Annotated[int, Field(ge=18, le=120)]
    age_max: Annotated[int, Field(ge=18, le=120, description="Not below age_min.")]
    max_distance_km: Annotated[float, Field(gt=0, le=20_100, allow_inf_nan=False)] = 50.0
    visibility: VisibilityName | None = Field(
        None, description="`hidden` and `paused` people are shown to nobody; null: as it is."
    )
    exposure: float | None = Field(
        None,
        ge=LEAST_EXPOSURE,
        le=MOST_EXPOSURE,
        allow_inf_nan=False,
        description="How much exposure is enough, in shares of the usual: who is ready to read"
        " twice as many likes sets 2, and is crowded later. It counts from the next release on;"
        " null: as it is.",
    )


class PreferencesOut(BaseModel):
    """Preferences as stored; `seeks` is empty while they were never set."""

    model_config = ConfigDict(title="StoredPreferences")

    seeks: list[GenderName]
    age_min: int
    age_max: int
    max_distance_km: float
    exposure: float


class MeOut(BaseModel):
    """Everything that profiles knows of the person who asks."""

    model_config = ConfigDict(
        title="Me",
        json_schema_extra={
            "example": {
                "id": 42,
                "version": 3,
                **_EXAMPLE_PROFILE,
                "age": 34,
                "location": _EXAMPLE_LOCATION,
                "preferences": {
                    name: value
                    for name, value in _EXAMPLE_PREFERENCES.items()
                    if name != "visibility"
                },
                "visibility": "visible",
                "simulated": False,
            }
        },
    )

    id: int
    version: int = Field(description="Grows by one with every change.")
    name: str
    birth_date: date
    age: int
    gender: GenderName
    attributes: dict[str, str]
    photos: list[PhotoOut]
    location: LocationView | None
    preferences: PreferencesOut
    visibility: VisibilityName
    simulated: bool = Field(description="Made up by the simulator, not a person.")
