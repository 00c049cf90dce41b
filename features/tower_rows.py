"""The towers as a release keeps them: one array of weights, beside the code in the manifest."""

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS
from features.cold_start_rows import cold_start_dtype
from features.profile_code import ProfileCode, Profiles
from features.towers import Towers

Floats = npt.NDArray[np.float32]
Table = npt.NDArray[np.void]


def tower_shape(code: ProfileCode, d: int) -> tuple[int, int]:
    """Of the weights: a row for each input, columns for taste, appeal, both rates and the line."""
    return len(GENDERS) + len(code.mean), 2 * d + 4


def packed_towers(towers: Towers) -> Floats:
    """Weights of `tower_shape`, float32."""
    columns = (towers.taste, towers.appeal, towers.given, towers.received, towers.line)
    return np.column_stack(columns).astype(np.float32)


def unpacked_towers(code: ProfileCode, weights: Floats) -> Towers:
    """The reverse of `packed_towers`."""
    d = (weights.shape[1] - 4) // 2
    taste, appeal, rest = weights[:, :d], weights[:, d : 2 * d], weights[:, 2 * d :]
    return Towers(code, taste, appeal, rest[:, 0], rest[:, 1], rest[:, 2:])


def expected_rows(towers: Towers, profiles: Profiles, today: int) -> Table:
    """What profiles (p) let expect, as rows (p,) like those of the bands."""
    found = towers.expected(profiles, today)
    rows = np.zeros(len(profiles), cold_start_dtype(found.taste.shape[1]))
    for name in rows.dtype.names or ():
        rows[name] = getattr(found, name)
    return rows
