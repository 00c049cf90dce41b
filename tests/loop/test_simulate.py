"""`gravity simulate --live`: a crowd for the demo."""

import json

import asyncpg

from gravity.settings import Settings
from tests.loop.conftest import Loop

_STANDING = "select count(*) from matches where ended_at is null"


async def test_the_demos_people_live_on_the_stack(loop: Loop, settings: Settings) -> None:
    database = await asyncpg.connect(settings.postgres_url)
    try:
        before = await database.fetchval(_STANDING)
        said = json.loads(
            loop.gravity("simulate", "--live", "--days", "2", "--people", "40", "--json")
        )
        new = await database.fetchval(_STANDING) - before
    finally:
        await database.close()
    assert [day["day"] for day in said["days"]] == [1, 2]
    total = said["total"]
    assert total["matches"] == new > 0
    # Likes of the imported month waited, and some of them were answered.
    assert min(total["visits"], total["cards"], total["answers"], total["likes"]) > 0
