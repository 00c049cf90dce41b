"""The code that is checked in is what the schema generates."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import topics
from contracts.compatibility import ROOT

SCHEMAS = ("events", "ranking")


def generate(folder: Path) -> None:
    """Run the rule of the Makefile that generates, in a copy of what it reads."""
    (folder / "contracts").mkdir()
    for name in ("Makefile", *(f"contracts/{schema}.proto" for schema in SCHEMAS)):
        shutil.copy(ROOT / name, folder / name)
    environment = Path(sys.executable).parent.parent
    (folder / ".venv").symlink_to(environment)
    # Its first prerequisite is the environment that runs this test.
    subprocess.run(
        ["make", "--silent", "--old-file=venv", "contracts"],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("name", [f"{s}_pb2.{end}" for s in SCHEMAS for end in ("py", "pyi")])
def test_checked_in_code_is_a_fresh_generation(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder)
    fresh = (folder / "contracts" / name).read_text(encoding="utf-8")
    assert (ROOT / "contracts" / name).read_text(encoding="utf-8") == fresh


def test_topics_have_names_and_messages_of_their_own() -> None:
    assert len({topic.name for topic in topics.ALL}) == len(topics.ALL)
    assert len({topic.message for topic in topics.ALL}) == len(topics.ALL)


def test_every_event_has_an_id_and_a_time() -> None:
    for topic in topics.ALL:
        assert {"event_id", "occurred_at_ms"} <= set(topic.message.DESCRIPTOR.fields_by_name)


def test_both_directions_of_a_pair_have_one_key() -> None:
    assert topics.pair_key(7, 42) == topics.pair_key(42, 7) == b"7:42"
