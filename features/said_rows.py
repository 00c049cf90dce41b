"""What people say, out of a change of their profile or of their row in Redis."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from features.person_row import PersonRowUnreadable, decode_tail
from features.profile_code import Profiles, height_of


def profiles_of_changes(changes: Sequence[events.ProfileChanged]) -> Profiles:
    """Profiles (m,) of changes, in their order."""
    return profiles_of_attributes(
        np.array([change.gender for change in changes], np.uint8),
        np.array([change.birth_day for change in changes], np.int32),
        [dict(change.attributes) for change in changes],
    )


def profiles_of_rows(heads: npt.NDArray[np.void], rows: Sequence[bytes | None]) -> Profiles:
    """Profiles (m,) of heads (m,) HEAD_DTYPE and what is stored of the same people, if it is."""
    people = heads["person"]
    attributes = [_attributes(row) for row in rows]
    return profiles_of_attributes(
        people["gender"].astype(np.uint8), people["birth_day"].astype(np.int32), attributes
    )


def profiles_of_attributes(
    gender: npt.NDArray[np.uint8],
    birth_day: npt.NDArray[np.int32],
    attributes: Sequence[Mapping[str, str]],
) -> Profiles:
    """Profiles (m,) whose body type and height are among the attributes."""
    return Profiles(
        gender=gender,
        birth_day=birth_day,
        height_cm=np.array([height_of(each.get("height_cm")) for each in attributes], np.float32),
        body_type=[each.get("body_type") or None for each in attributes],
        attributes=attributes,
    )


def _attributes(row: bytes | None) -> Mapping[str, str]:
    """Those of a row's tail; none where it makes no sense."""
    try:
        return decode_tail(row).attributes if row is not None else {}
    except PersonRowUnreadable:
        return {}
