"""Bytes of photos, by the urls of profiles.

Profiles come from strangers, and so do the urls in them: only what is below the one place that the
operator named (`GRAVITY_MEDIA_URL`) is read. A path that leads out of it, another host or a
redirect is `PhotoElsewhere`, and nothing is asked.
"""

import errno
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import httpx

from features.lake_files import Place, place_of
from features.photo_pixels import MAX_BYTES, PhotoRefused

_CONNECT_S: Final = 3.0
_READ_S: Final = 5.0
_WHOLE_S: Final = 20.0
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")


class PhotoMissing(PhotoRefused):
    """There is no photo at the url."""

    def __init__(self, url: str) -> None:
        super().__init__("missing", f"no photo at {url}")


class PhotoElsewhere(PhotoRefused):
    """The url is not one of the media's, and is not asked."""

    def __init__(self, url: str) -> None:
        super().__init__("elsewhere", f"not among the media: {url}")


class MediaUnreachable(Exception):
    """The place of the media did not answer in time, or with an error of its own: not now."""


class Media(Protocol):
    """Where photos are. `read` blocks; it may be called from several threads."""

    def read(self, url: str) -> bytes:
        """The bytes at a profile's url, at most MAX_BYTES.

        Raises PhotoMissing, PhotoElsewhere, PhotoRefused (too-many-bytes), MediaUnreachable.
        """
        ...


def open_media(root: str) -> Media:
    """The media at a folder, s3://bucket/prefix?region=… (as the lake's) or http(s)://prefix."""
    if _WEB.match(root):
        return _Site(root.rstrip("/"), _client())
    if "://" in root:
        return _Bucket(place_of(root))
    return _Folder(Path(root).absolute())


def _client() -> httpx.Client:
    patience = httpx.Timeout(_READ_S, connect=_CONNECT_S)
    as_it_is = {"accept-encoding": "identity"}
    return httpx.Client(timeout=patience, headers=as_it_is, follow_redirects=False)


def _path_of(url: str, whole: str) -> str:
    """The path below the root that a `/…` url names, without its leading slash.

    `whole`: the url to name in the error. Raises PhotoElsewhere.
    """
    if not url.startswith("/") or url.startswith("//") or _UNFIT.search(url):
        raise PhotoElsewhere(whole)
    path = unquote(urlsplit(url).path)[1:]
    if _UNFIT.search(path.replace(" ", "")) or {"", ".", ".."} & set(path.split("/")):
        raise PhotoElsewhere(whole)
    return path


def _check_length(length: int) -> None:
    if length > MAX_BYTES:
        raise PhotoRefused("too-many-bytes", f"more than {MAX_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class _Folder:
    root: Path

    def read(self, url: str) -> bytes:
        file = self.root / _path_of(url, url)
        try:
            # Links followed: one that leads out of the folder is not the operator's.
            if not file.resolve().is_relative_to(self.root.resolve()):
                raise PhotoElsewhere(url)
            if not file.is_file():
                raise PhotoMissing(url)
            _check_length(file.stat().st_size)
            return file.read_bytes()
        except (FileNotFoundError, PermissionError, RuntimeError) as error:
            # (A RuntimeError is a circle of links.)
            raise PhotoMissing(url) from error
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise PhotoMissing(url) from error
            raise MediaUnreachable(f"{url}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Bucket:
    root: Place

    def read(self, url: str) -> bytes:
        path = f"{self.root.folder}/{_path_of(url, url)}"
        try:
            with self.root.files.open_input_stream(path) as source:
                content: bytes = source.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise PhotoMissing(url) from error
        except OSError as error:
            raise MediaUnreachable(f"{url}: {error}") from error
        _check_length(len(content))
        return content


@dataclass(frozen=True, slots=True, eq=False)
class _Site:
    """`root` has no slash at its end."""

    root: str
    http: httpx.Client

    def read(self, url: str) -> bytes:
        below = url.removeprefix(self.root)
        # With the slash, so that cdn.example.com is no prefix of cdn.example.com.evil.net.
        _path_of(below, url)
        try:
            with self.http.stream("GET", self.root + below) as response:
                return self._body(response, url)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PhotoElsewhere(url) from error
        except httpx.HTTPError as error:
            raise MediaUnreachable(f"{url}: {error!r}") from error

    def _body(self, response: httpx.Response, url: str) -> bytes:
        if response.is_redirect:
            raise PhotoElsewhere(url)
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise MediaUnreachable(f"{url}: status {response.status_code}")
        if response.status_code != httpx.codes.OK:
            raise PhotoMissing(url)
        ends, body = time.monotonic() + _WHOLE_S, bytearray()
        # Raw: what is compressed could be a thousand times larger than what was read.
        for chunk in response.iter_raw():
            body += chunk
            _check_length(len(body))
            if time.monotonic() > ends:
                raise MediaUnreachable(f"{url}: not whole after {_WHOLE_S:.0f} s")
        return bytes(body)
