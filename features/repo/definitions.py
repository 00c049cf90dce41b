"""The Feast objects, built from `features.views`: the entity, its views and where history lies."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from feast import Entity, FeatureView, Field, FileSource
from feast.data_format import ParquetFormat
from feast.types import Array, FeastType, Float32, Float64, Int64, String, UnixTimestamp
from feast.value_type import ValueType

from features.views import BEHAVIOUR, JOIN_KEY, PROFILE, Kind, View, factors, photos

EVENT_TIME: Final = "event_timestamp"

PERSON: Final = Entity(name="person", join_keys=[JOIN_KEY], value_type=ValueType.INT64)

_TYPES: Final[dict[Kind, FeastType]] = {
    Kind.STRING: String,
    Kind.INT64: Int64,
    Kind.FLOAT64: Float64,
    Kind.FLOAT32: Float32,
    Kind.UNIX_TIMESTAMP: UnixTimestamp,
    Kind.FLOAT32_LIST: Array(Float32),
}


def source_path(folder: Path, view: View) -> Path:
    """Where the history of a view lies: a folder of Parquet files with person_id and event time."""
    return folder / view.name


def feature_view(view: View, folder: Path) -> FeatureView:
    """Feast's object of one view. Its schema repeats the join key, which Feast would else infer
    by reading the source."""
    fields = [Field(name=f.name, dtype=_TYPES[f.kind]) for f in view.features]
    return FeatureView(
        name=view.name,
        entities=[PERSON],
        ttl=timedelta(seconds=view.ttl_s),
        schema=[Field(name=JOIN_KEY, dtype=Int64), *fields],
        source=FileSource(
            name=f"{view.name}_history",
            path=str(source_path(folder, view)),
            timestamp_field=EVENT_TIME,
            file_format=ParquetFormat(),
        ),
        online=True,
    )


def all_views(live_releases: list[str]) -> list[View]:
    """Every view there is while these releases are live."""
    of_releases = [view(release) for release in live_releases for view in (factors, photos)]
    return [BEHAVIOUR, PROFILE, *of_releases]
