"""What a matrix of features holds: which features of which views, in which columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features import online
from features.fixed_rows import Frame, frame_of
from features.manifest import FeatureField
from features.views import BEHAVIOUR, PROFILE, Feature, Kind, View, factors, photos

FACTORS: Final = "factors"
PHOTOS: Final = "photos"
"""How a manifest calls the views of its own release, which it does not know the names of."""

_SINGLES: Final = frozenset({Kind.FLOAT32, Kind.FLOAT32_LIST})
_DTYPES: Final = {
    "int64": {Kind.INT64, Kind.UNIX_TIMESTAMP},
    "float64": {Kind.FLOAT64},
    "float32": {Kind.FLOAT32},
    "string": {Kind.STRING},
}


class FeatureUnknown(Exception):
    """No view has a feature of that name and type."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One feature: `width` numbers, 1 but for lists, whose length nobody else knows."""

    view: View
    feature: Feature
    width: int = 1

    @property
    def name(self) -> str:
        """As Feast writes it."""
        return f"{self.view.name}:{self.feature.name}"


@dataclass(frozen=True)
class Signature:
    """Features in the order of their columns. Made once, used for every matrix.

    `columns`: where the numbers of a feature stand, by its name (`view:feature`); texts stand
    beside the matrix. `width`: columns in all. `dtype` is float32 where that holds every feature
    exactly, else float64 (exact for integers below 2**53). `views` is what is read, in its order,
    `fields` the hash fields of it, and `frame` the form of a reply, if all replies have one. Raises
    ValueError for a feature that is asked for twice or a width that cannot be.
    """

    features: tuple[Asked, ...]
    columns: Mapping[str, slice] = field(init=False, repr=False, compare=False)
    width: int = field(init=False, repr=False, compare=False)
    dtype: npt.DTypeLike = field(init=False, repr=False, compare=False)
    views: "tuple[Group, ...]" = field(init=False, repr=False, compare=False)
    fields: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    frame: Frame | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len({asked.name for asked in self.features}) < len(self.features):
            raise ValueError("a feature is asked for twice")
        columns: dict[str, slice] = {}
        at = 0
        for asked in self.features:
            if asked.width < 1 or (asked.width > 1 and asked.feature.kind is not Kind.FLOAT32_LIST):
                raise ValueError(f"{asked.name} cannot be {asked.width} wide")
            if asked.feature.kind is not Kind.STRING:
                columns[asked.name] = slice(at, at + asked.width)
                at += asked.width
        kinds = {asked.feature.kind for asked in self.features} - {Kind.STRING}
        self._set("columns", columns)
        self._set("width", at)
        self._set("dtype", np.float32 if kinds <= _SINGLES else np.float64)
        groups = tuple(_groups(self.features))
        self._set("views", groups)
        self._set("fields", tuple(each for group in groups for each in group.fields))
        self._set("frame", _frame_of(groups))

    def _set(self, name: str, value: object) -> None:
        # It is frozen for everybody else.
        object.__setattr__(self, name, value)

    @classmethod
    def of_views(cls, views: Sequence[View], widths: Mapping[str, int] | None = None) -> Self:
        """Every feature of views in their order; `widths` of lists by the feature's name."""
        wide = widths or {}
        return cls(tuple(Asked(v, f, wide.get(f.name, 1)) for v in views for f in v.features))

    @classmethod
    def of_release(cls, fields: Sequence[FeatureField], release: str) -> Self:
        """What a release's manifest names. Raises FeatureUnknown."""
        return cls(tuple(_resolved(each, release) for each in fields))


@dataclass(frozen=True, slots=True)
class Group:
    """The features that are asked of one view, and the hash fields they are read from: theirs in
    order, and the event time last where the view has a TTL, which nothing else needs it for."""

    view: View
    features: tuple[Asked, ...]
    fields: tuple[bytes, ...]


def _groups(features: Sequence[Asked]) -> Iterator[Group]:
    for view in dict.fromkeys(asked.view for asked in features):
        own = tuple(asked for asked in features if asked.view == view)
        fields = [online.feature_field(view.name, asked.feature.name) for asked in own]
        yield Group(view, own, (*fields, *([online.time_field(view.name)] * bool(view.ttl_s))))


def _frame_of(groups: Sequence[Group]) -> Frame | None:
    if any(group.view.ttl_s for group in groups):
        # Event times have any length.
        return None
    return frame_of([(a.feature.kind, a.width) for group in groups for a in group.features])


def _resolved(named: FeatureField, release: str) -> Asked:
    own = {FACTORS: factors(release), PHOTOS: photos(release)}
    views = {BEHAVIOUR.name: BEHAVIOUR, PROFILE.name: PROFILE, **own}
    view = views.get(named.view)
    features = view.features if view else ()
    for feature in features:
        width = _width(feature.kind, named.dtype) if feature.name == named.name else 0
        if view and width:
            return Asked(view, feature, width)
    raise FeatureUnknown(f"{named.view}:{named.name} of {named.dtype}")


def _width(kind: Kind, dtype: str) -> int:
    """How many numbers a feature of a kind has by the manifest's dtype, 0 if it is of another."""
    if kind is Kind.FLOAT32_LIST:
        found = re.fullmatch(r"float32\[([1-9]\d*)\]", dtype)
        return int(found[1]) if found else 0
    return int(kind in _DTYPES.get(dtype, ()))
