"""The notebooks run from top to bottom on a tiny world, and are kept in git without outputs."""

import os
from dataclasses import replace
from pathlib import Path

import nbformat
import pyarrow as pa
import pytest
from nbclient import NotebookClient
from PIL import Image

from features.lake import append_rows
from features.lake_tables import PROFILES
from tests.flows.drafts import drafted
from tests.flows.worlds import COLOURS, Market, colours_of, market, utc_now

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.parametrize(("name", "pictures"), [("the_loop", 5), ("photo_taste", 9)])
def test_a_notebook_runs_on_a_tiny_world(
    name: str, pictures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    world = with_photos(market(now), tmp_path / "media" / "photos")
    lake = str(tmp_path / "lake")
    append_rows(lake, "profiles", world.profiles, "import-profiles-000000")
    append_rows(lake, "swipes", world.swipes, "import-swipes-000000")
    drafted(world, now, tmp_path / "releases" / "1", colours_of(world))
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path))
    for setting in ("GRAVITY_LAKE_URL", "GRAVITY_MEDIA_URL", "GRAVITY_VIEWER"):
        monkeypatch.delenv(setting, raising=False)

    assert pictures_of(name, tmp_path) == pictures


def test_the_notebook_of_the_market_runs_on_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAVITY_PEOPLE", "400")
    monkeypatch.setenv("GRAVITY_DAYS", "4")
    assert pictures_of("exposure_and_fairness", tmp_path) == 4


def pictures_of(name: str, folder: Path) -> int:
    """How many pictures a notebook shows that runs in a folder."""
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": str(NOTEBOOKS.parent)})
    outputs = (
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def with_photos(world: Market, folder: Path) -> Market:
    """The market with a photo of one colour for everybody, but no file of the last colour."""
    folder.mkdir(parents=True)
    for colour in COLOURS[:-1]:
        Image.new("RGB", (16, 16), colour).save(folder / f"{colour}.png")
    n = world.profiles.num_rows
    photos = [
        [{"url": f"/photos/{colour}.png", "blurhash": "", "width": 16, "height": 16}]
        for colour in (COLOURS * n)[:n]
    ]
    column = PROFILES.get_field_index("photos")
    values = pa.array(photos, PROFILES.field("photos").type)
    profiles = world.profiles.set_column(column, PROFILES.field("photos"), values)
    return replace(world, profiles=profiles)
