"""The tables of profiles: one row a person, versions that grow, bulk import by COPY."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import numpy as np
import numpy.typing as npt

from features.photo_texts import photo_texts
from profiles.domain import Location, Person, Photo, Preferences, Profile

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS: Final = (
    "person",
    "version",
    "changed_at",
    "name",
    "birth_day",
    "gender",
    "attributes",
    "photos",
    "seeks",
    "age_min",
    "age_max",
    "max_distance_km",
    "latitude",
    "longitude",
    "visibility",
    "exposure",
    "simulated",
)
_ALL: Final = ", ".join(_COLUMNS)
_PLACES: Final = ", ".join(f"${n}" for n in range(1, len(_COLUMNS) + 1))
_REPLACED: Final = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])

_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('profiles', $1))"
_IMPORT: Final = f"""
insert into persons ({_ALL}) select {_ALL} from incoming i
where not exists (select from erased_persons e where e.person = i.person)
on conflict (person) do update set {_REPLACED} where excluded.version > persons.version
returning person
"""  # noqa: S608
_SAME: Final = f"""
select i.person from incoming i join persons p on p.person = i.person
where ({", ".join(f"i.{name}" for name in _COLUMNS)})
  is not distinct from ({", ".join(f"p.{name}" for name in _COLUMNS)})
"""  # noqa: S608


class PersonErased(Exception):
    """The person was erased; nothing of them may be stored again."""


async def lock(conn: asyncpg.Connection, person: int) -> None:
    """Serialise the changes of one person until the transaction ends, a first one included.

    Raises PersonErased.
    """
    await conn.execute(_LOCK, person)
    if await conn.fetchval("select true from erased_persons where person = $1", person):
        raise PersonErased(person)


async def find(conn: "asyncpg.Connection | asyncpg.Pool", person: int) -> Person | None:
    """The person as stored."""
    found = await find_many(conn, [person])
    return found[0] if found else None


async def find_many(
    conn: "asyncpg.Connection | asyncpg.Pool", persons: Sequence[int]
) -> list[Person]:
    """Those of `persons` who are stored, in no order."""
    rows = await conn.fetch(f"select {_ALL} from persons where person = any($1)", list(persons))  # noqa: S608
    return [_person(row) for row in rows]


async def save(conn: asyncpg.Connection, person: Person) -> None:
    """Write the whole row."""
    await conn.execute(
        f"insert into persons ({_ALL}) values ({_PLACES})"  # noqa: S608
        f" on conflict (person) do update set {_REPLACED}",
        *_record(person),
    )


async def erase(conn: asyncpg.Connection, persons: Sequence[int]) -> None:
    """Delete rows for good; idempotent. A change under way ends first, a later one is refused."""
    # Ascending: two transactions that lock the same people cannot wait for each other.
    for person in sorted(set(persons)):
        await conn.execute(_LOCK, person)
    await conn.execute(
        "insert into erased_persons (person) select unnest($1::bigint[]) on conflict do nothing",
        list(persons),
    )
    await conn.execute("delete from persons where person = any($1)", list(persons))


async def import_profiles(
    pool: asyncpg.Pool, rows: "pa.Table", again: bool = False
) -> npt.NDArray[np.int64]:
    """Write a table of schema PROFILES (n,) by COPY; only a newer version replaces what is stored.

    One row a person. `body_type` and `height_cm` go into the attributes. Erased people stay out.
    Returns the people written (m,), and with `again` also those stored just as they are here.
    """
    async with pool.acquire() as conn, conn.transaction():
        # An erasure waits until this ends, or this sees it.
        await conn.execute("lock table erased_persons in share mode")
        await conn.execute(
            "create temporary table incoming (like persons including defaults) on commit drop"
        )
        await conn.copy_records_to_table(
            "incoming", records=_imported(rows), columns=[*_COLUMNS], timeout=600
        )
        same = await conn.fetch(_SAME, timeout=600) if again else []
        written = await conn.fetch(_IMPORT, timeout=600)
    return np.array([row["person"] for row in (*same, *written)], np.int64)


def _record(person: Person) -> tuple[object, ...]:
    preferences, location = person.preferences, person.location
    return (
        person.person,
        person.version,
        person.changed_at,
        person.profile.name,
        person.profile.birth_day,
        person.profile.gender,
        json.dumps(dict(person.profile.attributes)),
        json.dumps([photo.as_json() for photo in person.profile.photos]),
        list(preferences.seeks),
        preferences.age_min,
        preferences.age_max,
        preferences.max_distance_km,
        None if location is None else location.latitude,
        None if location is None else location.longitude,
        person.visibility,
        person.exposure,
        person.simulated,
    )


def _person(row: asyncpg.Record) -> Person:
    located = row["latitude"] is not None
    return Person(
        person=row["person"],
        version=row["version"],
        changed_at=row["changed_at"],
        profile=Profile(
            name=row["name"],
            birth_day=row["birth_day"],
            gender=row["gender"],
            attributes=json.loads(row["attributes"]),
            photos=tuple(Photo(**photo) for photo in json.loads(row["photos"])),
        ),
        preferences=Preferences(
            tuple(row["seeks"]), row["age_min"], row["age_max"], row["max_distance_km"]
        ),
        location=Location(row["latitude"], row["longitude"]) if located else None,
        visibility=row["visibility"],
        exposure=row["exposure"],
        simulated=row["simulated"],
    )


def _imported(rows: "pa.Table") -> Iterator[tuple[object, ...]]:
    """Rows in the order of _COLUMNS."""
    table: dict[str, list[Any]] = rows.drop_columns(["photos"]).to_pydict()
    table["attributes"] = [
        _attributes(*each)
        for each in zip(table["attributes"], table["body_type"], table["height_cm"], strict=True)
    ]
    table["photos"] = photo_texts(rows["photos"])
    return zip(*(table[name] for name in _COLUMNS), strict=True)


def _attributes(attributes: str, body_type: str | None, height_cm: float | None) -> str:
    """The JSON of all attributes."""
    own: dict[str, str] = {}
    if body_type is not None:
        own["body_type"] = body_type
    if height_cm is not None:
        own["height_cm"] = f"{height_cm:g}"
    return json.dumps(json.loads(attributes) | own) if own else attributes
