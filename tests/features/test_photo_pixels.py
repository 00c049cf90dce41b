"""A photo's bytes to pixels: what is refused, and that what is taken looks as it should."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from features.photo_pixels import (
    MAX_BYTES,
    MAX_PIXELS,
    MAX_SCANS,
    SIDE,
    PhotoRefused,
    Pixels,
    decode,
)

FACES = Path(__file__).parents[2].parent / "shared" / "data" / "faces-cc0" / "images"
RED, WHITE = (200, 30, 30), (255, 255, 255)
SHAPE = (SIDE, SIDE, 3)


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def reason_of(data: bytes) -> str:
    with pytest.raises(PhotoRefused) as refused:
        decode(data)
    assert str(refused.value)
    return refused.value.reason


def is_plain(pixels: Pixels, colour: tuple[int, int, int], within: int = 2) -> bool:
    near = np.abs(pixels.astype(int) - np.array(colour)).max() <= within
    return bool(pixels.shape == SHAPE and pixels.dtype == np.uint8 and near)


def quarters(width: int, height: int) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    rows = np.zeros((height, width, 3), np.uint8)
    y, x = height // 2, width // 2
    rows[:y, :x], rows[:y, x:] = (255, 0, 0), (0, 255, 0)
    rows[y:, :x], rows[y:, x:] = (0, 0, 255), (255, 255, 255)
    return Image.fromarray(rows)


def corners(pixels: Pixels) -> str:
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    far = SIDE - 9
    places = ((8, 8), (8, far), (far, 8), (far, far))
    return "".join(names[tuple((pixels[place] > 127).astype(int).tolist())] for place in places)


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    blank = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + blank + chunk(b"IEND", b"")


def test_what_is_no_photo_is_refused_by_what_it_is() -> None:
    plain = Image.new("RGB", (30, 30), RED)
    assert reason_of(b"") == "empty"
    assert reason_of(b"<html>not found</html>") == "not-an-image"
    assert reason_of(b"\xff") == "not-an-image"
    assert reason_of(encoded(plain, "GIF")) == "format"
    assert reason_of(encoded(plain, "BMP")) == "format"
    assert reason_of(encoded(plain, "TIFF")) == "format"
    assert reason_of(b"\0\0\0\x18ftypheic" + bytes(40)) == "format"
    assert reason_of(b"\xff\xd8\xff" + bytes(MAX_BYTES)) == "too-many-bytes"


@pytest.mark.parametrize("size", [(10_000, 10_000), (MAX_PIXELS + 1, 1), (60_000, 60_000)])
def test_too_many_pixels_are_refused_before_one_is_decoded(size: tuple[int, int]) -> None:
    # It has none: had it been decoded, it would be refused as damaged.
    assert reason_of(bomb(*size)) == "too-many-pixels"


def test_a_real_image_of_100_megapixels_is_refused() -> None:
    assert reason_of(encoded(Image.new("1", (10_000, 10_000)))) == "too-many-pixels"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, WHITE)]
    moving = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert reason_of(moving) == "animated"


def test_a_phones_jpeg_with_a_second_picture_is_its_first() -> None:
    first, second = (Image.new("RGB", (80, 80), colour) for colour in (RED, WHITE))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert is_plain(decode(data), RED, within=6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(kind: str, kept: float) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (300, 300, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert reason_of(data[: int(len(data) * kept)]) == "damaged"


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("RGB", RED, "JPEG"),
        ("RGB", RED, "WEBP"),
        ("RGBA", (*RED, 255), "PNG"),
        ("RGBA", (*RED, 255), "WEBP"),
    ],
)
def test_colours_stay(mode: str, colour: tuple[int, ...], kind: str) -> None:
    assert is_plain(decode(encoded(Image.new(mode, (90, 90), colour), kind)), RED, within=6)


def test_palettes_greys_and_cmyk_become_rgb() -> None:
    plain = Image.new("RGB", (90, 90), RED)
    assert is_plain(decode(encoded(plain.convert("P", palette=Image.Palette.ADAPTIVE))), RED)
    assert is_plain(decode(encoded(plain.convert("CMYK"), "JPEG")), RED, within=6)
    assert is_plain(decode(encoded(Image.new("L", (90, 90), 77))), (77, 77, 77))
    assert is_plain(decode(encoded(Image.new("LA", (90, 90), (77, 255)))), (77, 77, 77))
    assert is_plain(decode(encoded(Image.new("1", (90, 90), 1))), WHITE)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_sixteen_bits_are_their_high_eight(level: int) -> None:
    deep = Image.fromarray(np.full((70, 70), level * 257, np.uint16))
    assert deep.mode == "I;16"
    assert is_plain(decode(encoded(deep)), (level, level, level), within=0)


def test_what_is_transparent_is_white() -> None:
    assert is_plain(decode(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))), WHITE)
    assert is_plain(decode(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 51)))), (204,) * 3)
    assert is_plain(decode(encoded(Image.new("LA", (50, 50), (0, 0)))), WHITE)
    palette = Image.new("P", (50, 50), 0)
    palette.putpalette([0, 0, 0] * 256)
    assert is_plain(decode(encoded(palette, transparency=0)), WHITE)
    assert is_plain(decode(encoded(Image.new("L", (50, 50), 9), transparency=9)), WHITE)


@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, "rgbw"),
        (2, "grwb"),
        (3, "wbgr"),
        (4, "bwrg"),
        (5, "rbgw"),
        (6, "brwg"),
        (7, "wgbr"),
        (8, "gwrb"),
        (99, "rgbw"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_camera_is_turned_back(orientation: int, seen: str, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(
        quarters(200, 160), kind, exif=exif, **({"quality": 95} if kind != "PNG" else {})
    )
    assert corners(decode(data)) == seen


def test_damaged_camera_notes_do_not_refuse_a_photo() -> None:
    data = encoded(quarters(200, 160), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 30)
    assert corners(decode(data)) == "rgbw"


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 3), (9, 2000), (4000, 700)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_any_size_becomes_a_square(size: tuple[int, int], kind: str) -> None:
    assert is_plain(decode(encoded(Image.new("RGB", size, RED), kind)), RED, within=6)


def test_the_centre_is_kept() -> None:
    wide = Image.new("RGB", (900, 300), WHITE)
    wide.paste(Image.new("RGB", (300, 300), RED), (300, 0))
    # But for the outermost pixels, whose averages reach over the edge.
    inner = decode(encoded(wide))[1:-1, 1:-1]
    assert np.abs(inner - np.array(RED)).max() <= 3


def test_fine_patterns_are_averaged() -> None:
    board = (np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8)
    assert is_plain(decode(encoded(Image.fromarray(board))), (127, 127, 127), within=4)


@pytest.mark.skipif(not FACES.exists(), reason=f"real photos are absent: {FACES}")
def test_real_photos_look_like_themselves() -> None:
    files = sorted(FACES.glob("*.jpg"))[:20]
    assert files
    for file in files:
        image = Image.open(file).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        plain = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC), int)
        # JPEG's own halving is another filter than ours.
        assert np.abs(decode(file.read_bytes()) - plain).mean() < 6


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_pixels_or_a_reason(data: bytes, head: bytes) -> None:
    _decoded_or_refused(head + data)


@given(st.data(), st.sampled_from(["JPEG", "PNG", "WEBP"]))
@settings(max_examples=150, deadline=None)
def test_damaged_photos_give_pixels_or_a_reason(data: st.DataObject, kind: str) -> None:
    photo = bytearray(encoded(quarters(40, 30), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        photo[data.draw(st.integers(0, len(photo) - 1))] = data.draw(st.integers(0, 255))
    _decoded_or_refused(bytes(photo))


def _decoded_or_refused(data: bytes) -> None:
    try:
        pixels = decode(data)
    except PhotoRefused as refused:
        assert refused.reason
    else:
        assert pixels.shape == SHAPE


def test_a_jpeg_of_thousands_of_passes_is_refused_before_any() -> None:
    out = BytesIO()
    Image.new("L", (400, 400), 90).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    assert decode(data).shape == (SIDE, SIDE, 3)
    with pytest.raises(PhotoRefused) as refused:
        decode(data[:-2] + MAX_SCANS * last + data[-2:])
    assert refused.value.reason == "damaged"
