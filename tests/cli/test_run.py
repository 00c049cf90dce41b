"""`gravity run` listens where it is told."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from gravity.settings import Settings
from gravity.stack import ports
from tests.cli.worlds import environment_of
from tests.stack.waiting import eventually


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return environment_of(settings)


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
