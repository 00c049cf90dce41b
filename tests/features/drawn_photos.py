"""A folder of photos that a test draws."""

from io import BytesIO
from pathlib import Path

from PIL import Image

Colour = tuple[int, int, int]


def plain(colour: Colour, size: tuple[int, int] = (80, 90)) -> bytes:
    """A photo (PNG) of one colour."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def draw(folder: Path, shades: int) -> None:
    """Photos named 0, 1, …: the higher, the more red."""
    folder.mkdir(parents=True)
    for shade in range(shades):
        (folder / str(shade)).write_bytes(plain((shade * 255 // shades, 0, 255)))
