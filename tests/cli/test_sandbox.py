"""`gravity sandbox`: a ranker from one file, and a clear word where there is none."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.sandbox.command import SAMPLE
from training.ranker.sandbox import LogUnusable, play, read_log


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["sandbox", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_sample_is_scored_by_every_method(tmp_path: Path) -> None:
    few = tmp_path / "few.parquet"
    pq.write_table(pq.read_table(SAMPLE).slice(0, 3000), few)
    status, out, _ = run("--log", str(few), "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["learned"], found["judged"]) == (2400, 600)
    scored = {each["method"]: each for each in found["scored"]}
    assert set(scored) == {"gravity ranker", "calibrated logit", "trees"}
    assert all(0.7 < each["auc"] < 0.95 for each in scored.values())


def test_a_missing_log_is_said() -> None:
    status, out, err = run("--log", "nowhere.parquet", "--json")
    assert (status, out) == (1, "")
    assert "nowhere.parquet: there is no such file" in err


@pytest.mark.parametrize("rows", [0, 10])
def test_an_empty_log_is_said(rows: int, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(SAMPLE).slice(0, rows), tmp_path / "log.parquet")
    with pytest.raises(LogUnusable, match=f"{rows} answered cards"):
        read_log(tmp_path / "log.parquet")


def test_another_file_is_no_log(tmp_path: Path) -> None:
    pq.write_table(pa.table({"liked": [True]}), tmp_path / "log.parquet")
    with pytest.raises(LogUnusable, match="lacks"):
        read_log(tmp_path / "log.parquet")
    (tmp_path / "text").write_text("liked\n")
    with pytest.raises(LogUnusable, match="not a Parquet file"):
        read_log(tmp_path / "text")


def test_cards_that_nobody_liked_teach_nothing(tmp_path: Path) -> None:
    table = pq.read_table(SAMPLE).slice(0, 2000)
    at = table.schema.get_field_index("liked")
    none = table.set_column(at, "liked", pa.array(np.zeros(2000, bool)))
    pq.write_table(none, tmp_path / "log.parquet")
    with pytest.raises(LogUnusable, match="same answer"):
        play(read_log(tmp_path / "log.parquet"), 0)
