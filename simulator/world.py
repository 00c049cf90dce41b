"""A simulated world on disk: profiles and swipes to import, and the truth to check against."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from gravity.atomic_file import write_atomic
from simulator.history import draw_history
from simulator.population import draw_population
from simulator.tastes import Market

EVERYBODY: Final = 59_946
_RECIPE: Final = "recipe.json"
_VERSION: Final = 4
"""Of the truth and of what is drawn by it: a world of another is drawn anew."""


@dataclass(frozen=True, slots=True)
class World:
    """The files of a world: `profiles` and `swipes` for `gravity import`, `truth` for checks."""

    folder: Path
    people: int
    swipes_count: int

    @property
    def profiles(self) -> Path:
        """Parquet, schema PROFILES."""
        return self.folder / "profiles.parquet"

    @property
    def swipes(self) -> Path:
        """Parquet, the schema of docs/import.md."""
        return self.folder / "swipes.parquet"

    def truth(self) -> Market:
        """Who would like whom; for checks only, never for models."""
        return Market.load(self.folder)


def build_world(folder: Path, people: int, until: datetime, seed: int) -> World:
    """Write the world of `people` people and the month of swipes before `until`.

    A finished world of the same people and seed is left as it is, whatever its month.
    """
    recipe = {"version": _VERSION, "people": people, "seed": seed}
    found = _read_recipe(folder)
    if found is not None and {name: found.get(name) for name in recipe} == recipe:
        return World(folder, people, int(found["swipes"]))
    folder.mkdir(parents=True, exist_ok=True)
    profiles = draw_population(people, until, seed)
    market = Market.draw(profiles, seed)
    swipes = draw_history(profiles, market, until, seed).swipes
    pq.write_table(profiles, folder / "profiles.parquet", compression="zstd")
    pq.write_table(swipes, folder / "swipes.parquet", compression="zstd")
    market.save(folder)
    # Last, so that a world with a recipe is whole.
    done = {**recipe, "until": until.isoformat(), "swipes": swipes.num_rows}
    write_atomic(folder / _RECIPE, json.dumps(done).encode())
    return World(folder, people, swipes.num_rows)


def find_world(folder: Path) -> World | None:
    """The finished world in a folder, if there is one of this version."""
    found = _read_recipe(folder)
    return None if found is None else World(folder, int(found["people"]), int(found["swipes"]))


def _read_recipe(folder: Path) -> dict[str, int] | None:
    path = folder / _RECIPE
    if not path.exists():
        return None
    recipe: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    return recipe if recipe.get("version") == _VERSION else None
