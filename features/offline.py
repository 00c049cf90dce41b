"""Histories, point-in-time training sets and materialisation, through Feast.

For flows, notebooks and tests: importing this imports Feast.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from feast import FeatureStore, FileSource

from features.parquet_file import write_parquet
from features.release import Release
from features.repo.definitions import EVENT_TIME, source_path
from features.views import BEHAVIOUR, JOIN_KEY, View, factors

COUNTS = ("likes_given", "swipes_given", "likes_received", "swipes_received")


def point_in_time(
    store: FeatureStore, view: View, persons: npt.ArrayLike, times: "pd.Series[pd.Timestamp]"
) -> pd.DataFrame:
    """The features of a view of people (m,) as of times (m,), in that order.

    A person whom the view did not know by then has nulls. Feast is asked once for each person and
    time, and only of people with a history: its Dask engine fails on those without any as soon as
    the history has several files.
    """
    entities = pd.DataFrame({JOIN_KEY: np.asarray(persons, np.int64), EVENT_TIME: times})
    names = [feature.name for feature in view.features]
    asked = entities[entities[JOIN_KEY].isin(_known(store, view))].drop_duplicates()
    if asked.empty:
        return pd.DataFrame(np.nan, index=entities.index, columns=names)
    found = store.get_historical_features(
        entity_df=asked, features=[f"{view.name}:{name}" for name in names]
    ).to_df()
    return entities.merge(found, on=[JOIN_KEY, EVENT_TIME], how="left")[names]


def _known(store: FeatureStore, view: View) -> npt.NDArray[np.int64]:
    """Everybody (k,) who has a row in the history of a view."""
    source = store.get_feature_view(view.name).batch_source
    files = sorted(Path(source.path).glob("*.parquet")) if isinstance(source, FileSource) else []
    if not files:
        return np.zeros(0, np.int64)
    persons = pq.read_table(files, columns=[JOIN_KEY])[JOIN_KEY]
    return pc.unique(persons).to_numpy().astype(np.int64)


def pair_counts(store: FeatureStore, pairs: pa.Table) -> pa.Table:
    """Behaviour of both sides of pairs as of their times, joined point in time.

    `pairs`: viewer and candidate int64, event_timestamp. Returns `viewer_` and `candidate_` with
    each of COUNTS, int64 (m,), in order.
    """
    times = pairs[EVENT_TIME].to_pandas()
    both = np.concatenate((pairs["viewer"].to_numpy(), pairs["candidate"].to_numpy()))
    found = point_in_time(store, BEHAVIOUR, both, pd.concat((times, times), ignore_index=True))
    counts = {name: found[name].fillna(0).to_numpy(np.int64) for name in COUNTS}
    m = pairs.num_rows
    return pa.table(
        {
            f"{side}_{name}": pa.array(column[rows])
            for side, rows in (("viewer", slice(0, m)), ("candidate", slice(m, 2 * m)))
            for name, column in counts.items()
        }
    )


def materialise_factors(
    store: FeatureStore, folder: Path, release_id: str, release: Release, at: datetime
) -> int:
    """Put a release's tastes and rates into the online store through Feast; returns people.

    The view must be registered. Older rows of the same view are replaced, newer ones stay.
    """
    a, d = release.arrays, release.manifest.d
    taste = pa.array(np.ascontiguousarray(a.taste[:, :d]).reshape(-1), pa.float32())
    rows = pa.table(
        {
            JOIN_KEY: pa.array(np.asarray(a.person_id)),
            "taste": pa.FixedSizeListArray.from_arrays(taste, d).cast(pa.list_(pa.float32())),
            "given_rate": pa.array(np.asarray(a.given_rate)),
            "received_rate": pa.array(np.asarray(a.received_rate)),
        }
    )
    return _materialise(store, folder, factors(release_id), rows, at)


def _materialise(
    store: FeatureStore, folder: Path, view: View, rows: pa.Table, at: datetime
) -> int:
    """History of the view as of `at`, then Feast's own materialisation of just that moment."""
    moment = at.astimezone(UTC)
    time = pa.array([moment] * rows.num_rows, pa.timestamp("ms", "UTC"))
    target = source_path(folder, view) / f"at={moment:%Y-%m-%dT%H%M%S}.parquet"
    write_parquet(target, rows.append_column(EVENT_TIME, time))
    second = timedelta(seconds=1)
    store.materialize(moment - second, moment + second, feature_views=[view.name])
    return rows.num_rows
