"""Homes in the San Francisco Bay Area, drawn from where its people live.

A town is a Gaussian whose width follows from its population at an ordinary density; draws that
fall into the sea or the bay are drawn again.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

_FOLDER: Final = Path(__file__).parents[1] / "data" / "geography"
_PEOPLE_PER_KM2: Final = 2500.0
_KM_PER_DEGREE: Final = 111.195
_REDRAWS: Final = 30

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Towns: centres in degrees (m,) and people (m,)."""

    latitude: Floats
    longitude: Floats
    population: Floats


@dataclass(frozen=True, slots=True)
class Homes:
    """Degrees (n,), on land."""

    latitude: Floats
    longitude: Floats


def read_places(name: str = "places.csv") -> Places:
    """The towns of a table of data/geography: `places.csv`, or `region.csv`, which is larger."""
    with (_FOLDER / name).open(encoding="utf-8", newline="") as source:
        rows = [
            (float(row["latitude"]), float(row["longitude"]), float(row["population"]))
            for row in csv.DictReader(source)
        ]
    return Places(*np.array(rows).T)


def draw_homes(count: int, random: np.random.Generator) -> Homes:
    """`count` homes: a town in proportion to its people, then a point in and around it."""
    places, water = read_places(), _read_water()
    share = places.population / places.population.sum()
    town = random.choice(len(share), size=count, p=share)
    latitude, longitude = places.latitude[town], places.longitude[town]
    wet = np.arange(count)
    for _ in range(_REDRAWS):
        near = near_towns(places, town[wet], random)
        latitude[wet], longitude[wet] = near.latitude, near.longitude
        wet = wet[_in_water(latitude[wet], longitude[wet], water)]
        if not len(wet):
            break
    # Whoever still stands in the water lives at the centre of town, which is on land.
    latitude[wet], longitude[wet] = places.latitude[town[wet]], places.longitude[town[wet]]
    return Homes(latitude, longitude)


def near_towns(places: Places, town: npt.NDArray[np.int64], random: np.random.Generator) -> Homes:
    """A point (n,) in or around each town (n,), given as rows of `places`; some are in the sea."""
    radius_km = np.sqrt(places.population[town] / _PEOPLE_PER_KM2 / np.pi)
    # Half of a Gaussian's points lie within 1.18 sigma: here, within 0.7 of the disk's radius.
    spread = 0.6 * radius_km / _KM_PER_DEGREE
    north, east = random.standard_normal((2, len(town)))
    latitude = places.latitude[town] + north * spread
    longitude = places.longitude[town] + east * spread / np.cos(np.radians(latitude))
    return Homes(latitude, longitude)


def in_water(latitude: Floats, longitude: Floats) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the points that lie in the outlines of data/geography/water.csv."""
    return _in_water(latitude, longitude, _read_water())


def _read_water() -> list[Floats]:
    outlines: dict[str, list[tuple[float, float]]] = {}
    with (_FOLDER / "water.csv").open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            point = (float(row["latitude"]), float(row["longitude"]))
            outlines.setdefault(row["water"], []).append(point)
    return [np.array(points) for points in outlines.values()]


def _in_water(latitude: Floats, longitude: Floats, water: list[Floats]) -> npt.NDArray[np.bool_]:
    wet = np.zeros(len(latitude), dtype=bool)
    for outline in water:
        wet |= _inside(latitude, longitude, outline)
    return wet


def _inside(latitude: Floats, longitude: Floats, outline: Floats) -> npt.NDArray[np.bool_]:
    """Even-odd rule: count the edges that a ray to the east crosses."""
    inside = np.zeros(len(latitude), dtype=bool)
    for (lat, lon), (next_lat, next_lon) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if lat == next_lat:
            continue
        spans = (latitude < lat) != (latitude < next_lat)
        crossing = lon + (latitude - lat) * (next_lon - lon) / (next_lat - lat)
        inside ^= spans & (longitude < crossing)
    return inside
