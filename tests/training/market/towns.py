"""A town whose people have factors, as a release has them."""

import numpy as np

from features.behaviour import bands
from features.disk_cells import table_order
from features.eligibility import person_table
from features.profile_code import ProfileCode
from features.score import Calibration, Sides
from training.snapshot import People

TODAY = 20_000
_CALIBRATION = Calibration(1.0, 1.0, 1.0, 0.3)


def town(n: int, seed: int) -> tuple[People, Sides]:
    """Men and women within some 30 km of each other, who look 20 km far, of ages that all want."""
    rng = np.random.default_rng(seed)
    latitude, longitude = 48.1 + rng.normal(0, 0.1, n), 11.5 + rng.normal(0, 0.1, n)
    placed = table_order(latitude, longitude)
    gender = rng.integers(1, 3, n)
    table = person_table(
        np.arange(n),
        latitude[placed.order],
        longitude[placed.order],
        birth_day=TODAY - 30 * 365,
        gender=gender,
        seeks=np.where(gender == 1, 1 << 2, 1 << 1),
        age_min=18,
        age_max=99,
        max_distance_km=20.0,
    )
    nothing = np.zeros((n, 0), np.float32)
    code = ProfileCode((), (), ())
    band, dial = bands(gender, table["birth_day"], TODAY), np.ones(n, np.float32)
    people = People(table, placed.cell, band, nothing, code, dial)
    taste, appeal = rng.normal(0, 0.5, (2, n, 4)).astype(np.float32)
    given, received = rng.uniform(0.2, 0.6, n), rng.beta(1.0, 2.0, n) * 0.9 + 0.05
    line = np.tile(np.array([-0.7, 0.5], np.float32), (n, 1))
    rates = given.astype(np.float32), received.astype(np.float32)
    calibrations = dict.fromkeys((1, 2, 3), _CALIBRATION)
    return people, Sides.of(taste, appeal, *rates, line, gender, calibrations)
