"""Columbia's speed dating, waves 1-14: who would date whom, from what they said of themselves.

Of the surveys only what was asked before the event is read, and nothing about race, religion or
income, nor what stands in for them (home town, school, tuition): what is not named here is not
read. Ratings of importance are shares of a hundred points (some waves gave 1-10 instead), and what
people say of themselves is also taken relative to their gender in their wave.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TRAITS: Final = ("attr", "sinc", "intel", "fun", "amb")
_IMPORTANCE: Final = tuple(f"{trait}1_1" for trait in (*_TRAITS, "shar"))
_THOUGHT_OF_OTHERS: Final = tuple(f"{trait}2_1" for trait in (*_TRAITS, "shar"))
_SELF: Final = tuple(f"{trait}3_1" for trait in _TRAITS)
_HABITS: Final = ("age", "date", "go_out", "exphappy")
_INTERESTS: Final = (
    *("sports", "tvsports", "exercise", "dining", "museums", "art", "hiking", "gaming", "clubbing"),
    *("reading", "tv", "theater", "movies", "concerts", "music", "shopping", "yoga"),
)
_KINDS: Final = ("goal", "field_cd", "career_c")
_WHO: Final = ("iid", "pid", "wave", "gender", "dec")
_READ: Final = (
    *_WHO,
    *_HABITS,
    *_INTERESTS,
    *_IMPORTANCE,
    *_THOUGHT_OF_OTHERS,
    *_SELF,
    *_KINDS,
    "int_corr",
)
_LEAST_PEOPLE: Final = 15

OF_PAIR: Final = 0
OF_PERSON: Final = 1
OF_PERSON_BY_GENDER: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class SpeedDating:
    """m decisions: `wave` (m,), `yes` (m,); `back` (m,) the row of the other's decision; inputs
    (m, w) float32 that may hold NaN, and of what `kind` (w,) each is."""

    wave: Ints
    yes: Bools
    back: Ints
    inputs: Floats
    kind: Ints

    def __len__(self) -> int:
        return len(self.wave)

    @property
    def matched(self) -> Bools:
        """(m,) both said yes."""
        return np.asarray(self.yes & self.yes[self.back], np.bool_)


def read_speed_dating(path: Path) -> SpeedDating:
    """The set of a CSV file; dates of which one side's decision is missing are left out."""
    options = pcsv.ConvertOptions(
        include_columns=list(_READ), column_types={name: pa.float64() for name in _READ}
    )
    table = pcsv.read_csv(path, pcsv.ReadOptions(encoding="latin1"), convert_options=options)
    columns = {name: table[name].to_numpy().astype(np.float64) for name in _READ}
    return speed_dating_of(columns)


def speed_dating_of(columns: dict[str, Floats64]) -> SpeedDating:
    """The set of columns (m,) of floats by the file's names, NaN where nothing is said."""
    back = _backs(columns["iid"], columns["pid"])
    kept = back >= 0
    place = np.cumsum(kept) - 1
    columns = {name: values[kept] for name, values in columns.items()}
    back = place[back[kept]]
    people = _People.of(columns)
    viewer, candidate = people.row_of(columns["iid"]), people.row_of(columns["pid"])
    sign = np.where(columns["gender"] == 0.0, 1.0, -1.0)[:, None]
    of_people = np.concatenate((people.own[viewer], people.own[candidate]), axis=1)
    blocks = (
        _pair_columns(people, viewer, candidate, columns["int_corr"], sign[:, 0]),
        of_people,
        np.concatenate((sign, sign * of_people), axis=1),
    )
    kind = np.repeat([OF_PAIR, OF_PERSON, OF_PERSON_BY_GENDER], [b.shape[1] for b in blocks])
    return SpeedDating(
        wave=columns["wave"].astype(np.int64),
        yes=columns["dec"] == 1.0,
        back=back,
        inputs=np.concatenate(blocks, axis=1).astype(np.float32),
        kind=kind.astype(np.int64),
    )


def _backs(person: Floats64, partner: Floats64) -> Ints:
    """The row (m,) of the other's decision about the same date; -1 where there is none."""
    rows = {pair: row for row, pair in enumerate(zip(person, partner, strict=True))}
    found = [rows.get((b, a), -1) for a, b in zip(person, partner, strict=True)]
    return np.asarray(found, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """n people, ascending by id: answers (n,) by name, in standard deviations but for `_KINDS`;
    `own` (n, a) all of it as columns."""

    iid: Floats64
    answers: dict[str, Floats64]
    own: Floats64

    @classmethod
    def of(cls, columns: dict[str, Floats64]) -> "_People":
        iid, first = np.unique(columns["iid"], return_index=True)
        raw = {name: values[first] for name, values in columns.items()}
        for names in (_IMPORTANCE, _THOUGHT_OF_OTHERS):
            total = np.sum([raw[name] for name in names], axis=0)
            raw |= {name: raw[name] / total for name in names}
        group = raw["wave"] * 2.0 + raw["gender"]
        numbers = (*_HABITS, *_INTERESTS, *_IMPORTANCE, *_THOUGHT_OF_OTHERS, *_SELF)
        answers = {name: _standardised(raw[name]) for name in numbers}
        relative = [_within(answers[name], group) for name in (*_HABITS, *_SELF)]
        own = [*answers.values(), *relative, *(c for k in _KINDS for c in _indicators(raw[k]))]
        answers |= {name: raw[name] for name in _KINDS}
        return cls(iid, answers, np.stack(own, axis=1))

    def row_of(self, iid: Floats64) -> Ints:
        return np.searchsorted(self.iid, iid).astype(np.int64)


def _standardised(values: Floats64) -> Floats64:
    return np.asarray((values - np.nanmean(values)) / max(float(np.nanstd(values)), 1e-9))


def _within(values: Floats64, group: Floats64) -> Floats64:
    """Values (n,) less the mean of their group."""
    _, place = np.unique(group, return_inverse=True)
    known = np.isfinite(values)
    total = np.bincount(place, np.where(known, values, 0.0))
    return np.asarray(values - (total / np.maximum(np.bincount(place, known), 1.0))[place])


def _indicators(values: Floats64) -> list[Floats64]:
    """One column (n,) for each answer that at least 15 people gave."""
    known, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    return [(values == each).astype(np.float64) for each in known[counts >= _LEAST_PEOPLE]]


def _pair_columns(
    people: _People, viewer: Ints, candidate: Ints, correlation: Floats64, sign: Floats64
) -> Floats64:
    """What the two say in the light of each other (m, b)."""

    def both(name: str) -> tuple[Floats64, Floats64]:
        answers = people.answers[name]
        return answers[viewer], answers[candidate]

    def fit(weighing: Ints, weighed: Ints) -> Floats64:
        terms = [
            people.answers[f"{trait}1_1"][weighing] * people.answers[f"{trait}3_1"][weighed]
            for trait in _TRAITS
        ]
        return np.asarray(np.sum(terms, axis=0))

    mine, theirs = both("age")
    older = theirs - mine
    interests = [np.subtract(*both(name)) for name in _INTERESTS]
    agree = [np.multiply(*both(name)) for name in _IMPORTANCE]
    columns = [
        *(older, np.abs(older), sign * older, older**2, correlation),
        np.sqrt(np.mean(np.square(interests), axis=0)),
        *(fit(viewer, candidate), fit(candidate, viewer), np.sum(agree, axis=0)),
        *(
            people.answers[f"{t}1_1"][viewer] * people.answers[f"{t}3_1"][candidate]
            for t in _TRAITS
        ),
        *(np.abs(np.subtract(*both(name))) for name in (*_SELF, "date", "go_out", "exphappy")),
        *(np.equal(*both(name)).astype(np.float64) for name in (*_KINDS, "date", "go_out")),
    ]
    return np.stack(columns, axis=1)
