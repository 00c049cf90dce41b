"""`gravity run` listens where it is told."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from gravity.settings import Settings
from gravity.stack import ports
from tests.stack.waiting import eventually


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What `gravity up` would write to the environment file."""
    return {
        **os.environ,
        "GRAVITY_HOME": str(settings.home),
        "GRAVITY_POSTGRES_URL": settings.postgres_url,
        "GRAVITY_REDIS_URL": settings.redis_url,
        "GRAVITY_BUS_URL": settings.bus_url,
        "GRAVITY_CARD_TOKEN_KEY": settings.card_token_key.get_secret_value(),
        "GRAVITY_JWT_PUBLIC_KEY": settings.jwt_public_key,
    }


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "cli.main", "run", *arguments]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "it ended"
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address")
@pytest.mark.parametrize("service", ["api", "consumers"])
def test_a_process_listens_at_its_host_only(environment: dict[str, str], service: str) -> None:
    port = ports.any_free(set(), random.SystemRandom())
    with running(environment, service, "--port", str(port), "--host", "127.0.0.2") as process:
        eventually(lambda: is_ready(process, f"http://127.0.0.2:{port}"), timeout_s=60)
        assert not is_ready(process, f"http://127.0.0.1:{port}")
