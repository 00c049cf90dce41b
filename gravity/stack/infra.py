"""The servers that Gravity runs on: which of them a stack needs, and the settings they imply."""

from collections.abc import Mapping
from types import ModuleType

from gravity.stack.place import Place
from gravity.stack.program import Program
from gravity.stack.servers import broker, mlflow, postgres, prefect, redis, s3

# Quick ones first: on two cores the order of the first seconds is the order of this list.
_SERVERS: tuple[ModuleType, ...] = (postgres, redis, s3, broker, mlflow, prefect)
# A server is needed unless the environment names another one by this setting.
_REPLACED_BY: dict[str, str] = {
    postgres.NAME: "GRAVITY_POSTGRES_URL",
    redis.NAME: "GRAVITY_REDIS_URL",
    # Only the embedded broker stores anything there.
    s3.NAME: "GRAVITY_BUS_URL",
    broker.NAME: "GRAVITY_BUS_URL",
    mlflow.NAME: "GRAVITY_MLFLOW_URL",
    prefect.NAME: "GRAVITY_PREFECT_API_URL",
}
# What the quick part of the stack consists of: enough for everything but learning.
STORES = (postgres.NAME, redis.NAME, s3.NAME, broker.NAME)
LEARNING = (mlflow.NAME, prefect.NAME)


def port_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The ports of the named servers."""
    return tuple(port for server in _SERVERS if server.NAME in names for port in server.PORTS)


def needed(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The named servers, without those that the environment replaces by real clusters."""
    return tuple(name for name in names if not environment.get(_REPLACED_BY[name]))


def programs(
    place: Place, names: tuple[str, ...], environment: Mapping[str, str]
) -> tuple[Program, ...]:
    """Those of the named servers that are needed, in the order of their start."""
    here = needed(names, environment)
    if s3.NAME in here:
        s3.write_credentials(place)
    return tuple(server.program(place) for server in _SERVERS if server.NAME in here)


def settings(place: Place, names: tuple[str, ...]) -> dict[str, str]:
    """The settings by which processes find these servers, as environment variables."""
    found: dict[str, str] = {
        "GRAVITY_CARD_TOKEN_KEY": place.keys.card_token_key,
        "GRAVITY_JWT_PUBLIC_KEY": place.keys.jwt_public_key,
    }
    if postgres.NAME in names:
        found["GRAVITY_POSTGRES_URL"] = postgres.url(place)
    if redis.NAME in names:
        found["GRAVITY_REDIS_URL"] = redis.url(place)
    if s3.NAME in names:
        found["GRAVITY_S3_URL"] = s3.url(place)
        found["GRAVITY_S3_ACCESS_KEY"] = s3.ACCESS_KEY
        found["GRAVITY_S3_SECRET_KEY"] = place.keys.s3_secret_key
    if broker.NAME in names:
        found["GRAVITY_BUS_URL"] = broker.url(place)
        found["GRAVITY_BUS_BUCKET"] = s3.BUCKET
    if mlflow.NAME in names:
        found["GRAVITY_MLFLOW_URL"] = place.url(mlflow.NAME)
    if prefect.NAME in names:
        found["GRAVITY_PREFECT_API_URL"] = prefect.api_url(place)
    return found
