"""One typed object per process, read once from the environment at the composition root."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsMissing(Exception):
    """Settings are absent or malformed; the message names each of them, never its value."""


def _per_tier(value: object) -> object:
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, int):
        return (parts,) * 3
    return parts * 3 if isinstance(parts, list) and len(parts) == 1 else parts


PerTier = Annotated[
    tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt], NoDecode, BeforeValidator(_per_tier)
]


class Settings(BaseSettings):
    """Where everything is. `GRAVITY_<FIELD>` in the environment wins over `<home>/env`."""

    model_config = SettingsConfigDict(env_prefix="GRAVITY_", frozen=True, extra="ignore")

    home: Path = Path(".gravity")
    # May hold passwords, hence absent from the representation.
    postgres_url: str = Field(repr=False)
    redis_url: str = Field(repr=False)
    # Where people's online features are: empty, in that Redis; redis(s)://… in another one,
    # redis(s)+cluster://host:port,host:port in a cluster.
    features_url: str = Field(
        default="",
        repr=False,
        pattern=r"^$|^rediss?://[^/?]+(/\d*)?(\?.+)?$|^rediss?\+cluster://[^/,]+:\d+(,[^/,]+:\d+)*$",
    )
    # tansu://host:port is the embedded broker, kafka://host:port,host:port a real cluster.
    bus_url: str
    # Where the embedded broker keeps its records; None where the cluster keeps its own.
    bus_bucket: str | None = None
    s3_url: str = ""
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    mlflow_url: str = ""
    prefect_api_url: str = ""
    ranker_url: str = ""
    # Where the ranker searches for candidates: empty, in its own process; http(s)://… or a path
    # that ends in .db, in a Milvus.
    index_url: str = Field(default="", repr=False)
    api_url: str = ""
    # The origin of the development playground, the one whose pages may call the API from a
    # browser; empty: none may.
    playground_url: str = Field(default="", pattern=r"^$|^https?://[^/?#@\s]+$")
    # A folder or s3://bucket/prefix; empty means <home>/lake.
    lake_url: str = ""
    # Where people's photos are: a folder, s3://bucket/prefix or an http(s):// prefix; empty means
    # <home>/media. Photos elsewhere are not read.
    media_url: str = ""
    otlp_url: str | None = None
    # A person's own day has so many: of free, plus, gold ("2000,5000,10000"), or one for all.
    # Superlikes have a count of their own.
    daily_swipes: PerTier = (2000, 5000, 10000)
    daily_superlikes: PerTier = (1, 5, 10)
    # At least 32 characters: the key of the HMAC of card tokens.
    card_token_key: SecretStr
    # Ed25519: PEM, or the 32 raw bytes in base64url on one line.
    jwt_public_key: str
    jwt_issuer: str = "gravity-development"
    jwt_audience: str = "gravity"
    # What a deck waits for the ranker before it is dealt without one: on a busy laptop rankings
    # take longer than on a quiet one, and a late one is better than none.
    rank_budget_ms: int = 300

    @property
    def lake(self) -> str:
        """The root of the lake, with its default applied."""
        return self.lake_url or str(self.home / "lake")

    @property
    def media(self) -> str:
        """The root of the photos, with its default applied."""
        return self.media_url or str(self.home / "media")

    @classmethod
    def load(cls) -> Self:
        """Read the environment, then the file that `gravity up` wrote.

        Raises SettingsMissing, which names what is absent.
        """
        home = Path(os.environ.get("GRAVITY_HOME", ".gravity"))
        try:
            return cls(_env_file=home / "env", home=home)  # type: ignore[call-arg]
        except ValidationError as error:
            fields = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
            names = ", ".join(f"GRAVITY_{field.upper()}" for field in fields)
            raise SettingsMissing(
                f"not set or malformed: {names} (`gravity up` writes them to {home / 'env'})"
            ) from None
