"""The OkCupid profiles (CC0) as columns, and the observed traits that tastes can depend on.

Only the columns named here are read: ethnicity, religion, drugs, income, offspring, sign, pets and
status never leave the file.
"""

import html
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv

PROFILES_ZIP: Final = Path(__file__).parents[1] / "data" / "okcupid" / "profiles_revised.csv.zip"

_MEMBER: Final = "profiles_revised.csv"
_ATTRIBUTES: Final = ("education", "job", "diet", "drinks", "smokes", "speaks")
_COLUMNS: Final = ("age", "sex", "orientation", "body_type", "height", *_ATTRIBUTES)
_CM_PER_INCH: Final = 2.54
_UNSAID: Final = ("", "NA", "rather not say")

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class OkCupid:
    """Columns of n people. Empty text and NaN height mean not said.

    `age` (n,) int64 years in 18..80; `is_woman` (n,) bool; `orientation` (n,) text;
    `height_cm` (n,) float64; `body_type` (n,) text; `attributes` name -> (n,) text.
    """

    age: npt.NDArray[np.int64]
    is_woman: npt.NDArray[np.bool_]
    orientation: Texts
    height_cm: npt.NDArray[np.float64]
    body_type: Texts
    attributes: dict[str, Texts]

    def __len__(self) -> int:
        return len(self.age)

    def take(self, rows: npt.NDArray[np.int64]) -> "OkCupid":
        """The given rows, in that order."""
        return OkCupid(
            self.age[rows],
            self.is_woman[rows],
            self.orientation[rows],
            self.height_cm[rows],
            self.body_type[rows],
            {name: column[rows] for name, column in self.attributes.items()},
        )


def read_okcupid(path: Path = PROFILES_ZIP) -> OkCupid:
    """Read the profiles: 59,946 people. Raises FileNotFoundError."""
    convert = pcsv.ConvertOptions(
        include_columns=list(_COLUMNS), column_types=dict.fromkeys(_COLUMNS, pa.string())
    )
    with zipfile.ZipFile(path) as archive, archive.open(_MEMBER) as source:
        # The file is UTF-8 with a few HTML entities in it.
        table = pcsv.read_csv(source, convert_options=convert)
    text = {name: _clean(table, name) for name in _COLUMNS if name not in ("age", "height")}
    return OkCupid(
        # The authors' noise has put some at 17 and two beyond 100.
        age=np.clip(_numbers(table, "age"), 18, 80).astype(np.int64),
        is_woman=text["sex"] == "f",
        orientation=text["orientation"],
        height_cm=_heights(_numbers(table, "height")),
        body_type=text["body_type"],
        attributes={name: text[name] for name in _ATTRIBUTES},
    )


def _clean(table: pa.Table, name: str) -> Texts:
    encoded = table.column(name).combine_chunks().dictionary_encode()
    words = [html.unescape(str(word)).strip() for word in encoded.dictionary.to_pylist()]
    kept = np.array([word if word not in _UNSAID else "" for word in words], dtype=object)
    column: Texts = kept[encoded.indices.to_numpy()]
    return column


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    words = table.column(name).to_pylist()
    return np.array([word if word not in _UNSAID else "nan" for word in words], np.float64)


def _heights(inches: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centimetres; NaN where the figure cannot be an adult's (the file has 1 and 95 inches)."""
    return np.where((inches >= 54) & (inches <= 84), np.round(inches * _CM_PER_INCH), np.nan)
