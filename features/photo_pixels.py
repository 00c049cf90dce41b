"""A photo's bytes to the pixels that the network sees: one way for batch and online.

Photos come from strangers. What can be refused by the header is refused before a pixel is decoded,
so that neither a decompression bomb nor a 100-megapixel image costs memory; only decoders of three
formats run at all.
"""

from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

Pixels = npt.NDArray[np.uint8]
SIDE: Final = 64
"""Pixels on each side of what `decode` gives."""

MAX_BYTES: Final = 20_000_000
MAX_PIXELS: Final = 40_000_000
MAX_SCANS: Final = 64
"""Of a JPEG: each pass over a large one takes tens of milliseconds, and may be a few bytes long."""

_ORIENTATION: Final = 0x0112
# Of a JPEG the decoder makes 1/2, 1/4 or 1/8 at a fraction of the cost; so much finer than SIDE
# that the resampling that follows decides how the photo looks.
_FINER: Final = 2
_OTHERS: Final = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0", b"8BPS", b"\0\0\0\x0cJXL ")
_SCAN: Final = b"\xff\xda"
_JPEG, _PNG, _WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"WEBP"


class PhotoRefused(Exception):
    """A photo cannot be used. `reason`: one of empty, too-many-bytes, not-an-image, format,
    animated, too-many-pixels, damaged; the text is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def decode(data: bytes) -> Pixels:
    """The centre square of a photo, upright, over white: (SIDE, SIDE, 3) uint8, RGB.

    Raises PhotoRefused.
    """
    if not data:
        raise PhotoRefused("empty", "no bytes")
    if len(data) > MAX_BYTES:
        raise PhotoRefused("too-many-bytes", f"{len(data)} bytes, {MAX_BYTES} at most")
    try:
        image = _opened(data)
    except PhotoRefused:
        raise
    except Exception as error:
        # Whatever a decoder comes upon in bytes that somebody made to hurt it.
        raise PhotoRefused("damaged", f"its header is damaged: {error!r}") from error
    _check(image)
    try:
        return _square(image)
    except Exception as error:
        raise PhotoRefused("damaged", f"truncated or damaged: {error!r}") from error


def _opened(data: bytes) -> "ImageFile":
    """The image with its header read, and nothing else.

    By the formats' own classes: `Image.open` takes a phone's JPEG that holds a second picture for
    an animation, and warns of size where we refuse.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    if data.startswith(_JPEG):
        # Within a scan no such bytes follow each other.
        if data.count(_SCAN) > MAX_SCANS:
            raise PhotoRefused("damaged", f"a JPEG of more than {MAX_SCANS} passes")
        return JpegImageFile(BytesIO(data))
    if data.startswith(_PNG):
        return PngImageFile(BytesIO(data))
    if data[:4] == b"RIFF" and data[8:12] == _WEBP:
        return WebPImageFile(BytesIO(data))
    if data.startswith(_OTHERS) or data[4:8] == b"ftyp":
        raise PhotoRefused("format", "an image, but neither JPEG, PNG nor WebP")
    raise PhotoRefused("not-an-image", "not an image")


def _check(image: "ImageFile") -> None:
    width, height = image.size
    if getattr(image, "n_frames", 1) > 1:
        raise PhotoRefused("animated", "an animation")
    if width * height > MAX_PIXELS:
        raise PhotoRefused("too-many-pixels", f"{width} × {height}, {MAX_PIXELS} pixels at most")
    if width < 1 or height < 1:
        raise PhotoRefused("damaged", "an image without pixels")


def _square(image: "ImageFile") -> Pixels:
    from PIL.Image import Resampling

    image.draft("RGB", (_FINER * SIDE, _FINER * SIDE))
    image.load()
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    plain = _eight_bits(image).resize(
        (SIDE, SIDE),
        Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
        reducing_gap=float(_FINER),
    )
    return np.array(_upright(_over_white(plain), _orientation(image)), np.uint8)


def _eight_bits(image: "Image") -> "Image":
    """The image in a mode whose values can be averaged: L, LA, RGB, RGBA or CMYK."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _over_white(image: "Image") -> "Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _orientation(image: "Image") -> int:
    # A camera's notes may be damaged where its picture is not.
    with suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _upright(image: "Image", orientation: int) -> "Image":
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)
