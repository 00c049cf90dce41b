"""What a drawing is made of: groups of parts and colours, and how often each is drawn.

Names are python-avatars' own. Left out is what no profile would show (costumes, hats that hide the
hair, mouths and eyes of a comic strip), and hair that has a colour of its own.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SKIN: Final = "skin_color"
"""The group that no simulated taste is about."""


@dataclass(frozen=True, slots=True)
class Group:
    """One attribute of a drawing: its `values`, and how often each is drawn (relative weights)
    in women's and in men's drawings. A weight of 0 is never drawn."""

    name: str
    values: tuple[str, ...]
    women: tuple[float, ...]
    men: tuple[float, ...]

    def code_of(self, shares: npt.NDArray[np.float64], of_women: bool) -> npt.NDArray[np.int64]:
        """Places in `values` (m,) for numbers (m,) drawn evenly from [0, 1)."""
        weights = np.array(self.women if of_women else self.men)
        edges = np.cumsum(weights) / weights.sum()
        # The last edge may fall short of 1 by rounding.
        return np.searchsorted(edges[:-1], shares, side="right")


def _alike(name: str, **weights: float) -> Group:
    shares = tuple(weights.values())
    return Group(name, tuple(weights), shares, shares)


def _hair(women: str, both: str, men: str) -> Group:
    hers, ours, his = women.split(), both.split(), men.split()
    return Group(
        "top",
        (*hers, *ours, *his),
        (2.0,) * len(hers) + (1.0,) * len(ours) + (0.0,) * len(his),
        (0.0,) * len(hers) + (1.0,) * len(ours) + (2.0,) * len(his),
    )


def _facial_hair(**men: float) -> Group:
    nobody = (1.0,) + (0.0,) * (len(men) - 1)
    return Group("facial_hair", tuple(men), nobody, tuple(men.values()))


def _colours(name: str, colours: str) -> Group:
    values = tuple(colours.split())
    return Group(name, values, (1.0,) * len(values), (1.0,) * len(values))


GROUPS: Final = (
    _hair(
        women="BIG_HAIR BOB BUN CURLY CURVY LONG_NOT_TOO_LONG MIA_WALLACE STRAIGHT_1"
        " STRAIGHT_STRAND BRAIDS CURLY_2 LOOSE_HAIR HALF_SHAVED TWIST_LONG_HAIR_2",
        both="DREADS FRO PIXIE SHAGGY_MULLET",
        men="CAESAR_SIDE_PART CAESAR FRIZZLE SHAGGY SHORT_CURLY SHORT_DREADS_1 SHORT_FLAT"
        " SHORT_ROUND SHORT_WAVED SIDES BUZZCUT POMPADOUR QUIFF WICK",
    ),
    _alike(
        "hair_color",
        BLACK=4.0,
        BROWN_DARK=4.0,
        BROWN=4.0,
        AUBURN=2.0,
        BLONDE=3.0,
        BLONDE_GOLDEN=2.0,
        RED=1.5,
        PLATINUM=1.0,
        SILVER_GRAY=1.0,
        PASTEL_PINK=0.5,
    ),
    _facial_hair(
        NONE=5.0, BEARD_LIGHT=3.0, BEARD_MEDIUM=2.0, BEARD_MAGESTIC=1.0, MOUSTACHE_FANCY=1.0
    ),
    _alike(
        "clothing",
        BLAZER_SHIRT=2.0,
        BLAZER_SWEATER=2.0,
        COLLAR_SWEATER=2.0,
        HOODIE=3.0,
        OVERALL=1.0,
        SHIRT_CREW_NECK=3.0,
        SHIRT_SCOOP_NECK=2.0,
        SHIRT_V_NECK=3.0,
    ),
    _colours(
        "clothing_color",
        "BLACK BLUE_01 BLUE_03 GRAY_01 GRAY_02 PASTEL_GREEN PASTEL_ORANGE PASTEL_YELLOW PINK RED",
    ),
    _alike("accessory", NONE=6.0, PRESCRIPTION_2=2.0, ROUND=2.0, SUNGLASSES=1.5, WAYFARERS_2=0.5),
    _alike("mouth", SMILE=4.0, BIG_SMILE=3.0, TWINKLE=3.0, SERIOUS=2.0, TONGUE=0.5),
    _alike("eyes", DEFAULT=4.0, HAPPY=2.0, SIDE=1.5, SQUINT=1.0, WINK=1.0),
    _alike(
        "eyebrows",
        DEFAULT_NATURAL=4.0,
        DEFAULT=2.0,
        RAISED_EXCITED_NATURAL=2.0,
        UP_DOWN_NATURAL=1.0,
        FLAT_NATURAL=1.0,
    ),
    _alike("nose", DEFAULT=3.0, SMALL=1.0, WIDE=1.0),
    _alike(SKIN, PALE=2.0, LIGHT=3.0, BROWN=2.0, DARK_BROWN=1.5, BLACK=1.5),
    _colours(
        "background_color",
        "#F2E6D9 #FFE1C7 #FBD3D3 #E6D7F5 #CFE3F7 #BEE5E1 #D5EBC6 #F7EDB5 #D9DCE1 #8FA3B8",
    ),
)
"""In the order of the columns of `simulator.avatars.codes`."""

NAMES: Final = tuple(group.name for group in GROUPS)
