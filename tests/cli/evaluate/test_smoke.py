"""Every `gravity evaluate …` at its smallest, as CI runs it; real data where it is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_OURS = {
    "factors": "gravity-als",
    "reciprocal": "gravity product",
    "calibration": "gravity-ranker",
    "coldstart": "gravity-tower-fold-in",
    "ranker": "gravity ranker",
    "photos": "gravity",
    "market": "gravity-exact",
    "simulation": "gravity without photos",
}
_REAL = {"factors"}
"""What has nothing to measure without real data."""


@pytest.mark.parametrize("command", _OURS)
def test_a_minute_is_enough_to_see_that_it_works(command: str, tmp_path: Path) -> None:
    data = Path("../shared/data")
    if command in _REAL and not data.is_dir():
        pytest.skip("there is no real data here")
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "evaluate", command, "--budget", "smoke", "--json"],
        env=os.environ | {"GRAVITY_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout)["rows"] if row["budget"] == "smoke"]
    assert "not finished" not in done.stderr
    ours = [row for row in rows if row["method"] == _OURS[command]]
    assert ours
    for row in rows:
        assert row["value"] is not None
        if row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
    assert (tmp_path / "evaluate" / f"{command}.svg").stat().st_size > 1000
    assert (tmp_path / "mlflow" / "mlflow.db").exists()
