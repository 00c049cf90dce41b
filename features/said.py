"""What people say of themselves, from the online store: for those whom a release does not know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from features import online
from features.keyed import Store, ask
from features.profile_code import Profiles
from features.reader import decode, hmget_commands
from features.views import PROFILE

ATTRIBUTES_FIELD: Final = b"_at"
"""Hash field beside the `profile` view: a JSON object of texts, which Feast's types do not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Profiles of people by id (p,)."""

    ids: npt.NDArray[np.int64]
    profiles: Profiles


def packed_attributes(attributes: Mapping[str, str]) -> bytes:
    """The value of ATTRIBUTES_FIELD."""
    return json.dumps(dict(attributes), ensure_ascii=False, separators=(",", ":")).encode()


async def read_said(store: Store, persons: Sequence[int]) -> Said:
    """What those of `persons` say who have a profile, in one round trip."""
    fields = [*online.view_fields(PROFILE), ATTRIBUTES_FIELD]
    heard = await ask(store, online.entity_keys(persons), partial(hmget_commands, fields=fields))
    replies = cast("list[list[bytes | None]]", heard)
    there = [(p, row) for p, row in zip(persons, replies, strict=True) if row[-2] is not None]
    view = decode((PROFILE,), [row[:-1] for _, row in there])[PROFILE.name]
    birth_day = np.nan_to_num(view.numbers("birth_day"))
    profiles = Profiles(
        gender=np.nan_to_num(view.numbers("gender")).astype(np.uint8),
        birth_day=birth_day.astype(np.int32),
        height_cm=view.numbers("height_cm").astype(np.float32),
        body_type=view.strings("body_type").tolist(),
        attributes=[_attributes(row[-1]) for _, row in there],
    )
    return Said(np.array([person for person, _ in there], np.int64), profiles)


def _attributes(value: bytes | None) -> Mapping[str, object]:
    found = json.loads(value) if value else {}
    return found if isinstance(found, dict) else {}
