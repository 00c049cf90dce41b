"""The pool's files: each made once, whole, by processes that end with who asked for them."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from simulator import avatars
from simulator.photo_files import make_photos, missing
from tests.stack.waiting import eventually


@pytest.fixture
def nearly_whole(tmp_path: Path) -> Path:
    """A folder that lacks three drawings; the others are empty files."""
    for drawing in range(avatars.POOL - 3):
        (tmp_path / avatars.file_name(drawing)).touch()
    return tmp_path


def test_only_what_is_missing_is_drawn_and_said(nearly_whole: Path) -> None:
    lacking = missing(nearly_whole)
    (nearly_whole / ".avatar-2999.png.half").write_bytes(b"half of it")
    said: list[tuple[int, int]] = []
    assert make_photos(nearly_whole, lambda done, of: said.append((done, of)), 2) == 3
    assert said == [(2_998, 3_000), (2_999, 3_000), (3_000, 3_000)]
    for drawing in lacking:
        assert (nearly_whole / avatars.file_name(drawing)).read_bytes() == avatars.png(drawing)
    assert (nearly_whole / avatars.file_name(0)).read_bytes() == b""
    assert missing(nearly_whole) == []
    assert {path.suffix for path in nearly_whole.glob("*avatar*")} == {".png"}
    assert make_photos(nearly_whole, lambda done, of: said.append((done, of)), 2) == 0
    assert len(said) == 3


def test_killed_it_leaves_whole_files_and_no_process_and_goes_on(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from simulator.photo_files import make_photos\n"
        "if __name__ == '__main__': make_photos(Path(sys.argv[1]), lambda *_: None, 2)"
    )
    script = tmp_path / "draw.py"
    script.write_text(program, encoding="utf-8")
    folder = tmp_path / "photos"
    run = subprocess.Popen([sys.executable, str(script), str(folder)], cwd=Path.cwd())
    eventually(lambda: len(list(folder.glob("avatar-*.png"))) >= 5, 60)
    workers = psutil.Process(run.pid).children(recursive=True)
    assert workers
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
    drawn = sorted(folder.glob("avatar-*.png"))
    for path in (drawn[0], drawn[-1]):
        assert path.read_bytes() == avatars.png(int(path.stem.removeprefix("avatar-")))
    assert len(missing(folder)) == avatars.POOL - len(drawn)
