"""A real ranker process: `bentoml serve`, as the stack runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gravity.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_BENTOML = Path(sys.executable).with_name("bentoml")


@dataclass(frozen=True)
class RankerProcess:
    """A running service; `kill` is kill -9 of all its processes."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def wait(self, timeout_s: float = 60.0) -> None:
        """Return when it is ready; raise with its log when it ends or does not become so."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        """At once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running_ranker(settings: Settings, port: int | None = None) -> Iterator[RankerProcess]:
    """Start a ranker with the given settings; ended on exit."""
    at = port or free_port()
    log = settings.home / f"ranker-{at}.log"
    command = [
        *(str(_BENTOML), "serve", "serving.service:Ranker", "--host", "127.0.0.1"),
        *("--port", str(at), "--api-workers", "1", "--working-dir", str(ROOT)),
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=_environment(settings),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    ranker = RankerProcess(f"http://127.0.0.1:{at}", process, log)
    try:
        yield ranker
    finally:
        if process.poll() is None:
            ranker.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(settings.home / "bentoml"),
        "GRAVITY_HOME": str(settings.home),
        "GRAVITY_POSTGRES_URL": settings.postgres_url,
        "GRAVITY_REDIS_URL": settings.redis_url,
        "GRAVITY_BUS_URL": settings.bus_url,
        "GRAVITY_MLFLOW_URL": settings.mlflow_url,
        "GRAVITY_INDEX_URL": settings.index_url,
        "GRAVITY_RANK_BUDGET_MS": str(settings.rank_budget_ms),
        "GRAVITY_CARD_TOKEN_KEY": settings.card_token_key.get_secret_value(),
        "GRAVITY_JWT_PUBLIC_KEY": settings.jwt_public_key,
    }
