"""The gate of features: what a release names is in Redis, under its name and of its type."""

from collections.abc import Sequence
from functools import partial
from typing import Final, cast

import numpy as np

from features import online
from features.forget import erased
from features.keyed import ask
from features.reader import decode_column, hmget_commands
from features.signature import Asked, FeatureUnknown, Signature
from features.views import Kind
from features.whereabouts import features_of
from flows.activation import Candidate
from flows.gates import Gate
from gravity.kernel import Kernel

NAME: Final = "features in the store"
_ASKED: Final = 2_000
_AT_ONCE: Final = 500
_LEAST_SHARE: Final = 0.99
_SEED: Final = 0

_Cells = Sequence[bytes | None]


async def judge(kernel: Kernel, candidate: Candidate) -> Gate:
    """Whether at least 99% of 2,000 random people of the release have each feature that it names.

    A null counts: a height may be unknown. Whoever was erased has none, and is not asked for.
    """
    names = candidate.release.manifest.features
    try:
        signature = Signature.of_release(names, candidate.id)
    except (FeatureUnknown, ValueError) as error:
        return Gate(NAME, False, f"no such feature: {error}")
    ids = np.asarray(candidate.release.arrays.person_id)
    drawn = np.random.default_rng(_SEED).permutation(ids)[:_ASKED]
    store = features_of(kernel)
    drawn = drawn[~await erased(store, drawn)]
    fields = [online.feature_field(a.view.name, a.feature.name) for a in signature.features]
    replies: list[_Cells] = []
    for start in range(0, len(drawn), _AT_ONCE):
        keys = online.entity_keys(drawn[start : start + _AT_ONCE])
        heard = await ask(store, keys, partial(hmget_commands, fields=fields))
        replies += cast("list[_Cells]", heard)
    columns = zip(*replies, strict=True) if replies else [()] * len(fields)
    shares = [_share(a, cells) for a, cells in zip(signature.features, columns, strict=True)]
    return _gate([asked.name for asked in signature.features], shares, len(drawn))


def _share(asked: Asked, cells: _Cells) -> float:
    """Of people (n,), how many have the feature, with a value of its type or none."""
    if not cells:
        return 1.0
    there = np.array([cell is not None for cell in cells])
    if asked.feature.kind in (Kind.FLOAT32, Kind.FLOAT64, Kind.FLOAT32_LIST):
        null = np.array([cell == online.NULL for cell in cells])
        values = np.asarray(decode_column(asked.feature.kind, cells, asked.width), np.float64)
        there &= null | np.isfinite(values.reshape(len(cells), -1)).all(axis=1)
    return float(there.mean())


def _gate(names: Sequence[str], shares: Sequence[float], people: int) -> Gate:
    """Every feature that too few have; if none, the one that fewest have."""
    lacking = [
        f"{name} {share:.1%}"
        for name, share in zip(names, shares, strict=True)
        if share < _LEAST_SHARE
    ]
    if lacking:
        found = f"of {people:,} people have {', '.join(lacking)}, at least {_LEAST_SHARE:.0%}"
        return Gate(NAME, False, found)
    return Gate(NAME, True, f"{min(shares, default=1.0):.1%} of {people:,} people at least")
