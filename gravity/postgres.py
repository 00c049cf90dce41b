"""The Postgres pool, and migrations: numbered SQL files beside the package that owns the tables."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

# One lock for all packages: migrations are rare, and two processes may start together.
_MIGRATION_LOCK = 0x67726176
_HISTORY = """
create table if not exists schema_migrations (
    package text not null, name text not null, checksum text not null,
    applied_at timestamptz not null default now(), primary key (package, name))
"""


class MigrationChanged(Exception):
    """A migration that was applied has other content now; write a new one instead."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file of a package."""

    package: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def open_pool(url: str, max_size: int = 20) -> asyncpg.Pool:
    """A pool that heals by itself: connections broken by a restart are replaced on use."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        command_timeout=60,
        # Compiling pays for queries of seconds; ours take milliseconds.
        server_settings={"jit": "off"},
    )


def migrations_of(package: str) -> list[Migration]:
    """The package's `migrations/NNN_name.sql`, in order."""
    folder = files(package) / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [
        Migration(package, entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


async def migrate(pool: asyncpg.Pool, package: str) -> list[str]:
    """Apply the migrations of `package` that are missing, each once; returns their names.

    Raises MigrationChanged if one of the applied ones differs from its file.
    """
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("select pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        await conn.execute(_HISTORY)
        rows = await conn.fetch(
            "select name, checksum from schema_migrations where package = $1", package
        )
        applied = {row["name"]: row["checksum"] for row in rows}
        return [
            migration.name
            for migration in migrations_of(package)
            if await _apply(conn, migration, applied.get(migration.name))
        ]


async def _apply(conn: asyncpg.Connection, migration: Migration, checksum: str | None) -> bool:
    if checksum is not None:
        if checksum != migration.checksum:
            raise MigrationChanged(f"{migration.package}/migrations/{migration.name}")
        return False
    await conn.execute(migration.sql)
    await conn.execute(
        "insert into schema_migrations (package, name, checksum) values ($1, $2, $3)",
        migration.package,
        migration.name,
        migration.checksum,
    )
    return True
