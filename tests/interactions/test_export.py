"""Everything that one did, as one document, and nothing of others."""

import json

import asyncpg

from interactions.export import export
from interactions.export_api import Export
from tests.interactions.worlds import NOW
from tests.signed_client import SignedClient

ROWS = """
insert into swipes values ($1, 11, 1, '2026-02-01 10:11:12.5Z'), ($1, 12, 2, '2026-02-02Z'),
    ($1, 13, 3, '2026-02-03Z'), ($1, 14, 0, '2026-02-04Z'),
    (11, $1, 1, '2026-02-05 10:11:12Z'), (900000021, $1, 3, '2026-02-06 23:59:59Z'),
    (900000022, $1, 2, '2026-02-06Z'), (900000023, $1, 0, '2026-02-06Z');
insert into matches values
    (11, $1, '0198c0de-0000-7000-8000-000000000001', 2, '2026-02-05Z', '2026-02-07Z', 3),
    (12, $1, '0198c0de-0000-7000-8000-000000000002', 1, '2026-02-05Z', '2026-02-07Z', 3),
    (13, $1, '0198c0de-0000-7000-8000-000000000003', 1, '2026-02-05Z', null, null);
insert into match_members select $1, low, match_id, episode, matched_at, ended_at from matches;
insert into blocks values ($1, 11, '2026-02-07Z'), (12, $1, '2026-02-07Z'),
    (900000024, $1, '2026-02-07Z');
"""


async def test_all_of_ones_interactions_and_nobody_elses(
    api: SignedClient, pairs: asyncpg.Pool, me: int
) -> None:
    await pairs.execute(ROWS.replace("$1", str(me)))
    response = await api.get(me, "/v1/me/interactions")
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    Export.model_validate(found)
    assert found["person"] == me
    assert found["swipes"] == [
        {"candidate": 11, "action": "like", "at": "2026-02-01T10:11:12.500+00:00"},
        {"candidate": 12, "action": "pass", "at": "2026-02-02T00:00:00.000+00:00"},
        {"candidate": 13, "action": "superlike", "at": "2026-02-03T00:00:00.000+00:00"},
    ]
    assert found["rewound"] == [{"candidate": 14, "swiped_at": "2026-02-04T00:00:00.000+00:00"}]
    assert [(m["person"], m["episode"], m["end_reason"]) for m in found["matches"]] == [
        (11, 2, "block"), (12, 1, "unmatch"), (13, 1, None),
    ]  # fmt: skip
    assert found["blocks"] == [{"person": 11, "at": "2026-02-07T00:00:00.000+00:00"}]
    assert found["likes_received"] == [
        "2026-02-05T10:00:00.000+00:00",
        "2026-02-06T23:00:00.000+00:00",
    ]
    # Whoever liked, passed or blocked them is not in it.
    assert "9000000" not in response.text


async def test_fifty_thousand_swipes_come_in_pieces(pairs: asyncpg.Pool, me: int) -> None:
    await pairs.execute(
        f"insert into swipes select {me}, n, 2, now() from generate_series(1, 50000) n"
    )
    pieces = [piece async for piece in export(pairs, me, NOW)]
    assert max(map(len, pieces)) < 1_000_000
    found = json.loads("".join(pieces))
    assert found["swipes_count"] == len({s["candidate"] for s in found["swipes"]}) == 50_000


async def test_somebody_who_did_nothing_has_an_empty_document(
    api: SignedClient, pairs: asyncpg.Pool, me: int
) -> None:
    found = (await api.get(me, "/v1/me/interactions")).json()
    assert [value for key, value in found.items() if key.endswith("_count")] == [0] * 5
