"""The pool of drawings: plausible, told apart by gender, the same in every process."""

import hashlib
import io
import subprocess
import sys

import numpy as np
from PIL import Image

from simulator import avatars
from simulator.avatar_parts import GROUPS, NAMES

SOME = (0, 7, avatars.WOMEN - 1, avatars.WOMEN, 2_345, avatars.POOL - 1)


def test_every_drawing_is_another_and_every_value_is_drawn() -> None:
    codes = avatars.codes()
    assert codes.shape == (avatars.POOL, len(GROUPS))
    assert len(np.unique(codes, axis=0)) == avatars.POOL
    for column, group in enumerate(GROUPS):
        assert set(codes[:, column]) == set(range(len(group.values))), group.name


def test_women_have_no_beards_and_some_hair_is_of_one_gender_only() -> None:
    codes = avatars.codes()
    facial_hair, top = NAMES.index("facial_hair"), NAMES.index("top")
    assert not codes[: avatars.WOMEN, facial_hair].any()
    assert codes[avatars.WOMEN :, facial_hair].any()
    hers, his = set(codes[: avatars.WOMEN, top]), set(codes[avatars.WOMEN :, top])
    assert hers - his
    assert his - hers


def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "import hashlib; from simulator import avatars; "
        "print(hashlib.sha256(avatars.codes().tobytes()).hexdigest()); "
        f"[print(hashlib.sha256(avatars.png(i)).hexdigest()) for i in {SOME}]"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    here = [avatars.codes().tobytes(), *(avatars.png(drawing) for drawing in SOME)]
    assert said == [hashlib.sha256(content).hexdigest() for content in here]


def test_a_file_is_an_opaque_square_picture_on_its_background() -> None:
    for drawing in SOME:
        picture = Image.open(io.BytesIO(avatars.png(drawing)))
        assert picture.size == (avatars.SIDE, avatars.SIDE)
        pixels = np.asarray(picture.convert("RGBA"))
        assert pixels[..., 3].min() == 255
        colour = avatars.attributes(drawing)["background_color"].removeprefix("#")
        # No hair reaches the upper left corner.
        assert bytes(pixels[0, 0, :3]) == bytes.fromhex(colour)
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20


def test_the_blurhash_is_one_colour_in_base_83() -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
    for drawing in SOME:
        text = avatars.blurhash(drawing)
        assert len(text) == 6
        assert text.startswith("00")
        value = 0
        for digit in text[2:]:
            value = 83 * value + digits.index(digit)
        colour = avatars.attributes(drawing)["background_color"].removeprefix("#")
        assert value.to_bytes(3, "big") == bytes.fromhex(colour)


def test_names_and_urls() -> None:
    assert avatars.file_name(7) == "avatar-0007.png"
    assert avatars.url(2_999) == "/photos/avatar-2999.png"
