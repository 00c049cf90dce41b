"""What is judged are the settings that tuning found: those in docs/quality, as committed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from training.factorisation import found as factors
from training.factorisation import search as factor_search
from training.reciprocal import found as reciprocal
from training.reciprocal.search import RANGES

QUALITY = Path(__file__).parents[3] / "docs" / "quality"


@pytest.mark.parametrize("name", RANGES)
def test_the_settings_of_real_people_are_those_that_were_found(name: str) -> None:
    found = settings_of("reciprocal", f"libimseti-validation/{name}")
    assert found == pytest.approx(dict(reciprocal.FOUND[name]))


@pytest.mark.parametrize("name", ["gravity-spectral", "gravity-als"])
def test_the_settings_on_gowalla_are_those_that_were_found(name: str) -> None:
    found = settings_of("factors", f"gowalla-validation/{name}")
    assert found.keys() == factor_search.RANGES[name].keys()
    assert found == pytest.approx({key: factors.FOUND[name][key] for key in found})


def settings_of(command: str, measurement: str) -> Mapping[str, float]:
    """The rows that name settings of a measurement."""
    kept = json.loads((QUALITY / f"{command}.json").read_text())[measurement]
    rows = {row["measure"]: row["value"] for row in kept["rows"]}
    return {name.removeprefix("setting "): v for name, v in rows.items() if "setting " in name}
