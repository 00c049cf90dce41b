"""The flow, run in this process against real servers."""

from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from features.registry import aliases
from gravity.kernel import Kernel
from tests.flows.worlds import import_market, market, utc_now


@pytest.fixture
def prefect_server(kernel: Kernel) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: kernel.settings.prefect_api_url}):
        yield


async def test_the_first_release_of_an_empty_system_is_served(
    kernel: Kernel, workers: None, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.retrain import retrain

    await import_market(kernel.settings.lake, kernel.redis, market(utc_now()))
    for name, value in environment(kernel).items():
        monkeypatch.setenv(name, value)
    release = await retrain(by="a test")
    assert await aliases(kernel.settings.mlflow_url) == {"champion": release}
    assert await kernel.redis.get("release:serving") == release.encode()


def environment(kernel: Kernel) -> dict[str, str]:
    settings = kernel.settings
    return {
        "GRAVITY_HOME": str(settings.home),
        "GRAVITY_POSTGRES_URL": settings.postgres_url,
        "GRAVITY_REDIS_URL": settings.redis_url,
        "GRAVITY_BUS_URL": settings.bus_url,
        "GRAVITY_MLFLOW_URL": settings.mlflow_url,
        "GRAVITY_PREFECT_API_URL": settings.prefect_api_url,
        "GRAVITY_CARD_TOKEN_KEY": settings.card_token_key.get_secret_value(),
        "GRAVITY_JWT_PUBLIC_KEY": settings.jwt_public_key,
    }
