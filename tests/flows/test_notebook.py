"""The notebook runs from top to bottom on a tiny world, and is kept in git without outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from features.lake import append_rows
from tests.flows.drafts import drafted
from tests.flows.worlds import market, utc_now

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "the_loop.ipynb"


def test_the_notebook_runs_on_a_tiny_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, world = utc_now(), market(utc_now())
    lake = str(tmp_path / "lake")
    append_rows(lake, "profiles", world.profiles, "import-profiles-000000")
    append_rows(lake, "swipes", world.swipes, "import-swipes-000000")
    drafted(world, now, tmp_path / "releases" / "1")
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path))
    monkeypatch.delenv("GRAVITY_LAKE_URL", raising=False)

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env={**os.environ, "PYTHONPATH": str(NOTEBOOK.parents[1])})
    plots = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(plots) == 5


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
