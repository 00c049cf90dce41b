"""What this ranker reads of a person from the feature store, held against a release's signature."""

from typing import Final

from features.release import FeatureField, Manifest
from features.views import Kind, View, factors, photos

_DTYPES: Final = {Kind.FLOAT32: "float32", Kind.FLOAT32_LIST: "float32[{width}]"}


class SignatureMismatch(Exception):
    """The release was made for a ranker that reads other features."""


def inputs(d: int, e: int) -> set[FeatureField]:
    """The features read, for a release of d factors and e more of photos; `factors` and `photos`
    are the views of its own id."""
    return _fields("factors", factors(""), d) | (_fields("photos", photos(""), e) if e else set())


def _fields(name: str, view: View, width: int) -> set[FeatureField]:
    return {
        FeatureField(view=name, name=each.name, dtype=_DTYPES[each.kind].format(width=width))
        for each in view.features
    }


def check_signature(manifest: Manifest) -> None:
    """Names and types must be those that this ranker reads. Raises SignatureMismatch."""
    differing = inputs(manifest.d, manifest.e).symmetric_difference(manifest.features)
    if differing:
        names = sorted(f"{each.view}:{each.name} {each.dtype}" for each in differing)
        raise SignatureMismatch("on one side only: " + ", ".join(names))
