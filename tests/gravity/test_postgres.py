"""Migrations run once, in order, and say when they were changed."""

import asyncio

import asyncpg
import pytest

from gravity.postgres import MigrationChanged, migrate, migrations_of


async def test_a_packages_migrations_run_once(pool: asyncpg.Pool) -> None:
    names = [migration.name for migration in migrations_of("gravity")]
    assert names == sorted(names)
    assert await migrate(pool, "gravity") == names
    assert await migrate(pool, "gravity") == []


async def test_processes_that_start_together_migrate_once(pool: asyncpg.Pool) -> None:
    ran = await asyncio.gather(*(migrate(pool, "gravity") for _ in range(3)))
    assert sorted(len(names) for names in ran)[:2] == [0, 0]


async def test_a_migration_changed_after_it_ran_is_reported(pool: asyncpg.Pool) -> None:
    await migrate(pool, "gravity")
    await pool.execute("update schema_migrations set checksum = 'another'")
    with pytest.raises(MigrationChanged):
        await migrate(pool, "gravity")
