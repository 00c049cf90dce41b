"""Photos' bytes come from the operator's media and from nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from features import media
from features.lake_files import place_of, replace
from features.media import MediaUnreachable, PhotoElsewhere, PhotoMissing, open_media
from features.photo_pixels import MAX_BYTES, PhotoRefused
from gravity.stack.probe import wait_until_ready
from gravity.stack.servers import s3
from tests.infrastructure import Infra

LEADING_OUT = (
    "/photos/../../secret",
    "/photos/%2e%2e/%2E%2E/secret",
    "/../secret",
    "//secret",
    "/photos//secret",
    "/photos/..\\secret",
    "/photos/\0",
    "/photos/a\n.png",
    "/",
    "",
    "photos/a.png",
    "file:///etc/passwd",
    "https://[",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(b"secret")
    place = tmp_path / "media" / "photos"
    place.mkdir(parents=True)
    (place / "a.png").write_bytes(b"photo")
    return tmp_path / "media"


def test_a_folder_gives_what_is_in_it(folder: Path) -> None:
    (folder / "photos" / "my face.png").write_bytes(b"face")
    photos = open_media(str(folder))
    assert photos.read("/photos/a.png") == b"photo"
    assert photos.read("/photos/a.png?v=2") == b"photo"
    assert photos.read("/photos/my%20face.png") == b"face"


@pytest.mark.parametrize("url", [*LEADING_OUT, "https://example.com/photos/a.png"])
def test_no_url_leads_out_of_a_folder(folder: Path, url: str) -> None:
    with pytest.raises(PhotoElsewhere):
        open_media(str(folder)).read(url)


def test_no_link_leads_out_of_a_folder(folder: Path) -> None:
    photos = open_media(str(folder))
    (folder / "photos" / "out.png").symlink_to(folder.parent / "secret")
    (folder / "photos" / "up").symlink_to(folder.parent)
    (folder / "photos" / "in.png").symlink_to(folder / "photos" / "a.png")
    (folder / "photos" / "round").symlink_to(folder / "photos" / "round")
    for url in ("/photos/out.png", "/photos/up/secret"):
        with pytest.raises(PhotoElsewhere):
            photos.read(url)
    with pytest.raises(PhotoMissing):
        photos.read("/photos/round")
    assert photos.read("/photos/in.png") == b"photo"


@pytest.mark.parametrize(
    "url", ["/photos/b.png", "/photos", "/photos/a.png/b.png", f"/photos/{'n' * 300}"]
)
def test_what_a_folder_has_not_is_missing(folder: Path, url: str) -> None:
    with pytest.raises(PhotoMissing):
        open_media(str(folder)).read(url)


def test_a_folder_that_is_not_there_yet_has_no_photo(tmp_path: Path) -> None:
    with pytest.raises(PhotoMissing):
        open_media(str(tmp_path / "none")).read("/photos/a.png")


def test_what_is_too_large_is_refused(folder: Path) -> None:
    with (folder / "photos" / "big.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PhotoRefused) as refused:
        open_media(str(folder)).read("/photos/big.png")
    assert refused.value.reason == "too-many-bytes"


def test_a_bucket_gives_what_is_in_it(
    infra: Infra, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    infra.wait(s3.NAME)
    assert wait_until_ready(s3.check(infra.place, "test-media"), lambda: False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", infra.s3_access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", infra.s3_secret_key)
    where = f"s3://test-media/{{}}?region=us-east-1&endpoint_override={infra.s3_url}"
    replace(place_of(where.format("")), "secret", b"secret")
    root = where.format("app")
    replace(place_of(root), "photos/a.png", b"photo")
    replace(place_of(root), "photos/big.png", bytes(MAX_BYTES + 1))
    photos = open_media(root)
    assert photos.read("/photos/a.png") == b"photo"
    for missing in ("/photos/b.png", "/photos"):
        with pytest.raises(PhotoMissing):
            photos.read(missing)
    for url in (*LEADING_OUT, f"{infra.s3_url}/test-media/secret"):
        with pytest.raises(PhotoElsewhere):
            photos.read(url)
    with pytest.raises(PhotoRefused, match="more than"):
        photos.read("/photos/big.png")


class _Site(BaseHTTPRequestHandler):
    """/app/photos/a.png is a photo; the rest is as its name says."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.rpartition("/")[2]
        match name:
            case "moved.png":
                self._answer(302, b"", location="/secret")
            case "busy.png":
                self._answer(503, b"")
            case "endless.png":
                self.send_response(200)
                self.end_headers()
                while self._sent(bytes(1 << 20)):
                    pass
            case "slow.png":
                self.send_response(200)
                self.end_headers()
                while self._sent(b"."):
                    self.server.stopping.wait(0.05)  # type: ignore[attr-defined]
            case "a.png" | "a.png?v=2":
                self._answer(200, b"photo")
            case _:
                self._answer(404, b"no")

    def _sent(self, data: bytes) -> bool:
        try:
            self.wfile.write(data)
        except OSError:
            return False
        return True

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _site() -> Iterator[tuple[str, list[str]]]:
    from threading import Event

    asked: list[str] = []
    handler = type("Site", (_Site,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.stopping = Event()  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.stopping.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """The URL of a site, and the paths that it was asked for."""
    with _site() as running:
        yield running


def test_a_site_gives_what_is_below_its_prefix(site: tuple[str, list[str]]) -> None:
    url, asked = site
    photos = open_media(f"{url}/app/")
    assert photos.read("/photos/a.png") == b"photo"
    assert photos.read(f"{url}/app/photos/a.png?v=2") == b"photo"
    assert asked == ["/app/photos/a.png", "/app/photos/a.png?v=2"]
    with pytest.raises(PhotoMissing):
        photos.read("/photos/b.png")


def test_a_site_is_not_asked_for_what_is_elsewhere(site: tuple[str, list[str]]) -> None:
    url, asked = site
    photos = open_media(f"{url}/app")
    others = (
        f"{url}/secret",
        f"{url}/application/a.png",
        f"{url}/app/../secret",
        f"{url}/app/%2e%2e/secret",
        f"{url}/app@example.com/a.png",
        "http://169.254.169.254/latest/meta-data",
        f"{url}.example.com/app/a.png",
    )
    for other in (*LEADING_OUT, *others):
        with pytest.raises(PhotoElsewhere):
            photos.read(other)
    assert asked == []


def test_a_redirect_is_not_followed(site: tuple[str, list[str]]) -> None:
    url, asked = site
    with pytest.raises(PhotoElsewhere):
        open_media(f"{url}/app").read("/photos/moved.png")
    assert asked == ["/app/photos/moved.png"]


def test_an_endless_photo_is_refused(site: tuple[str, list[str]]) -> None:
    with pytest.raises(PhotoRefused, match="more than"):
        open_media(site[0]).read("/photos/endless.png")


def test_a_site_in_trouble_is_unreachable(
    site: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "_WHOLE_S", 0.2)
    for name in ("busy.png", "slow.png"):
        with pytest.raises(MediaUnreachable):
            open_media(site[0]).read(f"/photos/{name}")


def test_a_site_that_is_away_is_unreachable() -> None:
    with _site() as (url, _):
        pass
    with pytest.raises(MediaUnreachable):
        open_media(url).read("/photos/a.png")
