"""Observed attributes of people as numbers: what anybody can see on a profile."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.profile_code import ProfileCode, Profiles

Floats = npt.NDArray[np.float32]

_LEAST_PEOPLE: Final = 20
_MOST_VALUES: Final = 24


def read_profile_columns(profiles: pa.Table) -> Profiles:
    """Lake profiles (schema PROFILES) as the code reads them."""
    return Profiles(
        gender=profiles.column("gender").to_numpy().astype(np.uint8),
        birth_day=profiles.column("birth_day").to_numpy(),
        height_cm=profiles.column("height_cm").to_numpy(zero_copy_only=False).astype(np.float32),
        body_type=profiles.column("body_type").to_pylist(),
        attributes=[json.loads(text or "{}") for text in profiles.column("attributes").to_pylist()],
    )


def fit_code(profiles: Profiles, today: int) -> ProfileCode:
    """The columns that these people's profiles make, centred over them.

    Values held by fewer than 20 people, and keys whose values are free text, are left out.
    """
    keys = sorted({key for person in profiles.attributes for key in person} - {"body_type"})
    code = ProfileCode(
        body_types=_common(profiles.body_type),
        attributes=tuple(
            (key, _common([person.get(key) for person in profiles.attributes])) for key in keys
        ),
        mean=(),
    )
    mean = code.indicators(profiles, today).mean(axis=0)
    return replace(code, mean=tuple(mean.tolist()))


def _common(values: Sequence[object]) -> tuple[str, ...]:
    counts = Counter(value for value in values if isinstance(value, str) and value)
    common = sorted(value for value, count in counts.most_common(_MOST_VALUES))
    return tuple(value for value in common if counts[value] >= _LEAST_PEOPLE)
