"""The photos of simulated people: a pool of drawn avatars, each known by its attributes.

The attributes are drawn at once from a fixed seed (milliseconds); a drawing is rendered only when
its file is made (about 15 ms each). The same attributes make the same bytes, in every process.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulator.avatar_parts import GROUPS

if TYPE_CHECKING:
    import python_avatars

POOL: Final = 3_000
WOMEN: Final = POOL // 2
"""The drawings below this number are women's, the others men's."""
SIDE: Final = 192
"""Pixels of a file's width and height."""

_SEED: Final = 20120630
_BASE_83: Final = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
)
_FRAME: Final = 'width="264px" height="280px" viewBox="0 0 264 280"'
_SQUARE: Final = 'width="264px" height="264px" viewBox="0 10 264 264"'

Codes = npt.NDArray[np.int8]


@cache
def codes() -> Codes:
    """Attributes (POOL, len(GROUPS)): places in each group's values. Not to be written to."""
    # Plain numbers from [0, 1): the one draw that no version of numpy has changed.
    shares = np.random.default_rng(_SEED).random((POOL, len(GROUPS)))
    drawn = np.empty(shares.shape, np.int8)
    for column, group in enumerate(GROUPS):
        drawn[:WOMEN, column] = group.code_of(shares[:WOMEN, column], of_women=True)
        drawn[WOMEN:, column] = group.code_of(shares[WOMEN:, column], of_women=False)
    drawn.setflags(write=False)
    return drawn


def attributes(drawing: int) -> dict[str, str]:
    """What a drawing is made of: group -> value."""
    row = codes()[drawing]
    return {group.name: group.values[code] for group, code in zip(GROUPS, row, strict=True)}


def file_name(drawing: int) -> str:
    """`avatar-0000.png`."""
    return f"avatar-{drawing:04}.png"


def url(drawing: int) -> str:
    """Where the drawing is found, relative to where the app's media are."""
    return f"/photos/{file_name(drawing)}"


def blurhash(drawing: int) -> str:
    """The blurhash of one component: the background's colour, everywhere."""
    # Blurhash: components (1 × 1 is 0), greatest other component (none: 0), then the mean in sRGB.
    colour = int(attributes(drawing)["background_color"].removeprefix("#"), 16)
    digits = (colour // 83**place % 83 for place in (3, 2, 1, 0))
    return "00" + "".join(_BASE_83[digit] for digit in digits)


def svg(drawing: int) -> str:
    """The drawing on its background, as SVG."""
    words = attributes(drawing)
    plain = _avatar(words).render()
    if _FRAME not in plain:
        raise RuntimeError("python-avatars' frame is not the one that is known here")
    background = f'<rect y="10" width="264" height="264" fill="{words["background_color"]}"/>'
    head, _, rest = plain.replace(_FRAME, _SQUARE, 1).partition(">")
    return f"{head}>{background}{rest}"


def png(drawing: int, side: int = SIDE) -> bytes:
    """The drawing as an opaque PNG of `side` × `side` pixels."""
    from resvg_py import svg_to_bytes

    # There is no text in it; reading the system's fonts would take longer than the drawing.
    return bytes(svg_to_bytes(svg_string=svg(drawing), width=side, skip_system_fonts=True))


def _avatar(words: dict[str, str]) -> "python_avatars.Avatar":
    import python_avatars as parts

    # Every attribute is given: the library draws what is not from the global generator.
    return parts.Avatar(
        style=parts.AvatarStyle.TRANSPARENT,
        background_color=words["background_color"],
        top=parts.HairType[words["top"]],
        hat_color=parts.ClothingColor.BLACK,
        eyebrows=parts.EyebrowType[words["eyebrows"]],
        eyes=parts.EyeType[words["eyes"]],
        nose=parts.NoseType[words["nose"]],
        mouth=parts.MouthType[words["mouth"]],
        facial_hair=parts.FacialHairType[words["facial_hair"]],
        skin_color=parts.SkinColor[words["skin_color"]],
        hair_color=parts.HairColor[words["hair_color"]],
        facial_hair_color=parts.HairColor[words["hair_color"]],
        accessory=parts.AccessoryType[words["accessory"]],
        clothing=parts.ClothingType[words["clothing"]],
        clothing_color=parts.ClothingColor[words["clothing_color"]],
        shirt_graphic=parts.ClothingGraphic.SKULL,
        shirt_text="",
    )
