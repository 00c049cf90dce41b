"""What this ranker reads of a person from the feature store, held against a release's signature."""

from typing import Final

from features.release import FeatureField, Manifest
from features.views import Kind, factors

_DTYPES: Final = {Kind.FLOAT32: "float32", Kind.FLOAT32_LIST: "float32[{d}]"}


class SignatureMismatch(Exception):
    """The release was made for a ranker that reads other features."""


def inputs(d: int) -> set[FeatureField]:
    """The features read, for a release of d factors; `factors` is the view of its own id."""
    return {
        FeatureField(view="factors", name=feature.name, dtype=_DTYPES[feature.kind].format(d=d))
        for feature in factors("").features
    }


def check_signature(manifest: Manifest) -> None:
    """Names and types must be those that this ranker reads. Raises SignatureMismatch."""
    differing = inputs(manifest.d).symmetric_difference(manifest.features)
    if differing:
        names = sorted(f"{each.view}:{each.name} {each.dtype}" for each in differing)
        raise SignatureMismatch("on one side only: " + ", ".join(names))
