"""The commands of safety, billing, erasure and tokens, as an operator types them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from cli.main import app
from gravity.auth import TokenVerifier, public_key
from gravity.issuer import AUDIENCE, DEVELOPMENT_ISSUER, new_keys
from gravity.postgres import migrate, open_pool
from tests.infrastructure import Infra


def gravity(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def stores(
    infra: Infra, database_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """The settings of empty stores with person 7 in the environment; the database's URL."""
    asyncio.run(_prepare(database_url, infra.redis_url))
    for name, value in {
        "HOME": str(tmp_path),
        "POSTGRES_URL": database_url,
        "REDIS_URL": infra.redis_url,
        "BUS_URL": "tansu://127.0.0.1:1",
        "CARD_TOKEN_KEY": "k" * 32,
        "JWT_PUBLIC_KEY": new_keys().public,
    }.items():
        monkeypatch.setenv(f"GRAVITY_{name}", value)
    return database_url


async def _prepare(database_url: str, redis_url: str) -> None:
    async with await open_pool(database_url) as pool:
        for package in ("gravity", "safety", "billing", "identity"):
            await migrate(pool, package)
    async with Redis.from_url(redis_url) as redis:
        await redis.set("person:{7}", b"x")


def lanes(database_url: str) -> list[str]:
    async def read() -> list[str]:
        conn = await asyncpg.connect(database_url)
        try:
            return [row["lane"] for row in await conn.fetch("select lane from outbox order by id")]
        finally:
            await conn.close()

    return asyncio.run(read())


def test_commands_take_effect_and_are_told(stores: str) -> None:
    for arguments in (
        ("safety", "ban", "7", "--reason", "spam"),
        ("safety", "shadow-ban", "7", "--reason", "spam"),
        ("safety", "lift", "7", "--reason", "a mistake"),
        ("billing", "entitle", "7", "--tier", "gold", "--boost-hours", "1"),
        ("erase", "7", "--yes"),
    ):
        result = gravity(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
    assert lanes(stores) == ["safety", "safety", "safety", "billing", "identity"]
    assert "was erased before" in gravity("erase", "7", "--yes").output


def test_commands_refuse_what_makes_no_sense(stores: str) -> None:
    for arguments in (
        ("safety", "ban", "8", "--reason", "spam"),
        ("safety", "ban", "7", "--reason", " "),
        ("safety", "ban", "7"),
        ("safety", "ban", "0", "--reason", "spam"),
        ("safety", "ban", str(2**63), "--reason", "spam"),
        ("billing", "entitle", "8", "--tier", "gold"),
        ("billing", "entitle", "7", "--tier", "platinum"),
        ("erase", "8", "--yes"),
    ):
        result = gravity(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
    assert lanes(stores) == []


def test_a_token_speaks_for_its_viewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path))
    assert gravity("token", "--viewer", "42").exit_code == 1
    keys = new_keys()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "jwt_private").write_text(keys.private, encoding="ascii")
    result = gravity("token", "--viewer", "42")
    assert result.output.count("\n") == 1
    verifier = TokenVerifier(public_key(keys.public), DEVELOPMENT_ISSUER, AUDIENCE)
    assert verifier.verify(result.output.strip(), datetime.now(UTC)).person == 42
