"""Events that were written once can be read for ever."""

from pathlib import Path

import pytest

from contracts import compatibility

SCHEMA = (compatibility.ROOT / "contracts" / "events.proto").read_text(encoding="utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    """A copy of the schema with one change, laid out as the repository is."""
    assert old in SCHEMA
    return written(folder, SCHEMA.replace(old, new))


def written(folder: Path, schema: str) -> Path:
    (folder / "contracts").mkdir()
    (folder / "contracts" / "events.proto").write_text(schema, encoding="utf-8")
    for name in ("buf.yaml", "contracts/ranking.proto"):
        (folder / name).write_bytes((compatibility.ROOT / name).read_bytes())
    return folder


def test_the_schema_breaks_nothing_that_was_released() -> None:
    assert compatibility.breaking(compatibility.BASELINE.read_bytes()) == []


def test_the_schema_breaks_nothing_since_this_branch_left_main(tmp_path: Path) -> None:
    before = compatibility.schema_at_merge_base()
    if before is None:
        pytest.skip("this is main, or there is no history here")
    assert compatibility.breaking(compatibility.image(written(tmp_path, before))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("int64 actor = 3;", "int32 actor = 3;"),
        ("int64 actor = 3;", "int64 actor = 30;"),
        ("int64 actor = 3;", ""),
        ("int64 actor = 3;", "int64 performer = 3;"),
        ("ACTION_PASS = 2;", "ACTION_PASS = 4;"),
        ("repeated int64 retrieved = 10;", "int64 retrieved = 10;"),
        ("message Unmatch {}", ""),
    ],
    ids=["type", "number", "removed", "renamed", "enum value", "label", "message"],
)
def test_a_breaking_change_is_found(tmp_path: Path, old: str, new: str) -> None:
    folder = changed(tmp_path, old, new)
    if old == "message Unmatch {}":
        schema = (folder / "contracts" / "events.proto").read_text(encoding="utf-8")
        without = schema.replace("    Unmatch unmatch = 7;\n", "")
        (folder / "contracts" / "events.proto").write_text(without, encoding="utf-8")
    assert compatibility.breaking(compatibility.image(), folder)


def test_a_field_may_be_added(tmp_path: Path) -> None:
    folder = changed(tmp_path, "int64 actor = 3;", "int64 actor = 3;\n  string device = 100;")
    assert compatibility.breaking(compatibility.image(), folder) == []


def test_a_schema_that_does_not_compile_is_an_error_not_a_pass(tmp_path: Path) -> None:
    folder = changed(tmp_path, "int64 actor = 3;", "int64 actor = ;")
    assert "unexpected" in " ".join(compatibility.breaking(compatibility.image(), folder))
