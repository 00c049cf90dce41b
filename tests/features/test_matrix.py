"""The matrix holds what `reader.read` does, which is held to Feast, whatever form replies have."""

from collections.abc import Sequence

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from features import online, reader
from features.fixed_rows import find
from features.keyed import Store
from features.manifest import FeatureField
from features.matrix import Matrix, read_matrix
from features.signature import Asked, FeatureUnknown, Signature
from features.view_writer import write_view
from features.views import BEHAVIOUR, PROFILE, Feature, Kind, View, factors
from features.wire import packed, raw_round_trip, round_trip

D = 5
AT_MS = 1_770_000_000_250
FACTORS = factors("7")
SCALARS = View(
    "scalars",
    tuple(Feature(f"s{n}", Kind.FLOAT64 if n % 3 else Kind.FLOAT32) for n in range(20)),
)
SHORT_LIVED = View("short_lived", FACTORS.features, ttl_s=60)
VIEWS = (BEHAVIOUR, PROFILE, FACTORS, SCALARS, SHORT_LIVED)
ASKED = {
    "nobody": [],
    "one": [3],
    "one who is unknown": [999],
    "few": [5, 1, 999, 2, 5],
    "a hundred who have all": list(range(101, 201)),
    "a hundred and an unknown one": [*range(101, 201), 999],
    "everybody, some twice, some unknown": [*range(260), *range(90, 110), 999],
    "nobody who is known": list(range(1000, 1030)),
}
"""People 1 to 100 have nulls, 101 to 200 have everything."""


def column_of(kind: Kind, people: int, rng: np.random.Generator) -> Sequence[object]:
    """Values of any length on the wire; nulls for half of the first hundred people, where a kind
    has any."""
    null = (rng.random(people) < 0.5) & (np.arange(people) < 100)
    if kind is Kind.STRING:
        texts = ["", "ça", "*3\r\n$9\r\n", "x" * 200]
        return [None if n else texts[i % 4] for i, n in enumerate(null)]
    if kind is Kind.FLOAT32_LIST:
        lists = rng.normal(size=(people, D)).astype(np.float32)
        lists[null] = np.nan
        return lists  # type: ignore[return-value]
    if kind in (Kind.FLOAT32, Kind.FLOAT64):
        return np.where(null, np.nan, rng.normal(size=people))  # type: ignore[return-value]
    whole = rng.integers(-5, 2**40, people)
    return np.where(null, -1, abs(whole)) if kind is Kind.UNIX_TIMESTAMP else whole  # type: ignore[return-value]


async def write(store: Store, view: View, at_ms: int = AT_MS) -> None:
    rng = np.random.default_rng(0)
    columns = [column_of(feature.kind, 200, rng) for feature in view.features]
    await write_view(store, view, np.arange(1, 201), columns, at_ms)  # type: ignore[arg-type]


async def assert_as_the_reader(
    redis: Redis, views: Sequence[View], people: Sequence[int], now_ms: int = 0
) -> Matrix:
    signature = Signature.of_views(views, {"taste": D})
    matrix = await read_matrix(redis, signature, people, now_ms)
    wanted = await reader.read(redis, views, people, now_ms, {"taste": D})
    assert matrix.values.shape == (len(people), signature.width)
    assert matrix.values.dtype == signature.dtype
    for asked in signature.features:
        rows, name = wanted[asked.view.name], asked.feature.name
        if asked.feature.kind is Kind.STRING:
            assert matrix.texts[asked.name].tolist() == rows.strings(name).tolist()
        elif asked.feature.kind is Kind.FLOAT32_LIST:
            np.testing.assert_array_equal(matrix.of(asked.name), rows.lists(name))
        else:
            np.testing.assert_array_equal(matrix.of(asked.name)[:, 0], rows.numbers(name))
    present = np.all([wanted[view.name].event_ms >= 0 for view in views], axis=0)
    assert matrix.present.tolist() == present.tolist()
    return matrix


@pytest.mark.parametrize("people", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_view_is_what_the_reader_reads(
    redis: Redis, view: View, people: Sequence[int]
) -> None:
    await write(redis, view)
    await assert_as_the_reader(redis, [view], people, AT_MS)


@pytest.mark.parametrize("people", ASKED.values(), ids=ASKED)
async def test_views_stand_beside_each_other(redis: Redis, people: Sequence[int]) -> None:
    for view in (BEHAVIOUR, FACTORS):
        await write(redis, view)
    # Somebody with a row of one view only.
    await write_view(redis, BEHAVIOUR, [250], [[1], [2], [3], [4], [5]], AT_MS)
    await assert_as_the_reader(redis, [FACTORS, BEHAVIOUR], people)
    await assert_as_the_reader(redis, [FACTORS, PROFILE], people)


@pytest.mark.parametrize("people", ASKED.values(), ids=ASKED)
async def test_who_has_expired_is_there_with_nothing(redis: Redis, people: Sequence[int]) -> None:
    await write(redis, SHORT_LIVED)
    await write_view(
        redis, SHORT_LIVED, [150, 3], [np.ones((2, D)), [0.5, 0.5], [0.5, 0.5]], AT_MS + 10_000
    )
    for now_ms in (AT_MS + 60_000, AT_MS + 60_001, AT_MS + 70_001):
        await assert_as_the_reader(redis, [SHORT_LIVED], people, now_ms)


async def test_values_of_another_form_are_missing(redis: Redis) -> None:
    await write(redis, FACTORS)
    taste, given, _ = online.view_fields(FACTORS)[:3]
    shorter = online.encode_column(Kind.FLOAT32_LIST, np.ones((1, D - 1)))[0]
    whole = online.encode_column(Kind.INT64, [7])[0]
    for person, field, value in ((110, taste, shorter), (120, given, whole), (130, given, b"?")):
        key = online.entity_keys([person])[0]
        await round_trip(redis, packed(b"HSET", key, field, value), 1)
    matrix = await assert_as_the_reader(redis, [FACTORS], range(101, 201))
    assert np.isnan(matrix.of("factors_7:taste")[9]).all()
    assert np.flatnonzero(np.isnan(matrix.of("factors_7:given_rate"))).tolist() == [19, 29]


async def test_columns_are_those_that_were_asked_for_in_their_order(redis: Redis) -> None:
    for view in (FACTORS, PROFILE):
        await write(redis, view)
    taste, given, _ = FACTORS.features
    body, latitude = PROFILE.features[2], PROFILE.features[4]
    signature = Signature(
        (
            Asked(FACTORS, given),
            Asked(PROFILE, latitude),
            Asked(PROFILE, body),
            Asked(FACTORS, taste, D),
        )
    )
    matrix = await read_matrix(redis, signature, [101, 102])
    rows = await reader.read(redis, [FACTORS, PROFILE], [101, 102])
    numbers = (rows["factors_7"].numbers("given_rate"), rows["profile"].numbers("latitude"))
    wanted = np.column_stack((*numbers, rows["factors_7"].lists("taste")))
    np.testing.assert_array_equal(matrix.values, wanted)
    assert list(matrix.texts) == ["profile:body_type"]


async def test_most_replies_are_taken_as_an_array(redis: Redis) -> None:
    await write(redis, SCALARS)
    signature = Signature.of_views([SCALARS])
    assert signature.frame is not None
    keys = online.entity_keys([*range(101, 140), 999, *range(141, 200)])
    commands = reader.hmget_commands(keys, signature.views[0].fields)
    found = find(signature.frame, await raw_round_trip(redis, commands, len(keys)), len(keys))
    assert found is not None
    assert found.others.tolist() == [39]


@pytest.mark.parametrize("people", [[1, 7], list(range(1, 40))], ids=["few", "many"])
async def test_an_error_is_raised(redis: Redis, people: Sequence[int]) -> None:
    await write(redis, FACTORS)
    key = online.entity_keys([7])[0]
    await round_trip(redis, packed(b"DEL", key) + packed(b"SET", key, b"*3\r\n$9\r\n"), 2)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await read_matrix(redis, Signature.of_views([FACTORS], {"taste": D}), people)


def test_what_fits_single_precision_has_it() -> None:
    assert Signature.of_views([FACTORS], {"taste": D}).dtype is np.float32
    assert Signature.of_views([SCALARS]).dtype is np.float64
    assert Signature.of_views([BEHAVIOUR]).dtype is np.float64


def test_a_manifests_features_are_found() -> None:
    fields = [
        FeatureField(view="factors", name="taste", dtype="float32[5]"),
        FeatureField(view="factors", name="given_rate", dtype="float32"),
        FeatureField(view="profile", name="body_type", dtype="string"),
        FeatureField(view="behaviour", name="last_swipe_at", dtype="int64"),
    ]
    assert Signature.of_release(fields, "7") == Signature(
        (
            Asked(FACTORS, FACTORS.features[0], 5),
            Asked(FACTORS, FACTORS.features[1]),
            Asked(PROFILE, PROFILE.features[2]),
            Asked(BEHAVIOUR, BEHAVIOUR.features[4]),
        )
    )


@pytest.mark.parametrize(
    "field",
    [
        FeatureField(view="factors", name="tastes", dtype="float32[5]"),
        FeatureField(view="factors", name="taste", dtype="float32"),
        FeatureField(view="factors", name="taste", dtype="float32[0]"),
        FeatureField(view="factors", name="given_rate", dtype="float32[5]"),
        FeatureField(view="moods", name="taste", dtype="float32[5]"),
    ],
    ids=str,
)
def test_what_no_view_has_is_refused(field: FeatureField) -> None:
    with pytest.raises(FeatureUnknown):
        Signature.of_release([field], "7")


def test_a_signature_that_cannot_be_is_refused() -> None:
    given = Asked(FACTORS, FACTORS.features[1])
    with pytest.raises(ValueError, match="twice"):
        Signature((given, given))
    with pytest.raises(ValueError, match="wide"):
        Signature((Asked(FACTORS, FACTORS.features[1], 2),))
