"""Feast's Redis store, read as serving reads it: `get_online_features` in one round trip.

    online_store:
        type: features.repo.online_store.DirectRedisOnlineStore
        connection_string: cache:6379,db=0

Feast makes a command for each person and a message of each value, which it then copies. Here the
bytes that Redis has, which are such messages already, become the answer as they are. Writing is
Feast's own.
"""

from threading import Lock
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from feast import FeatureView, RepoConfig, utils
from feast.infra.online_stores.redis import (
    RedisOnlineStore,
    RedisOnlineStoreConfig,
    RedisType,
    _versioned_fv_name,
)
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from redis.asyncio import Redis

from features.cluster import Access, Cluster
from features.keyed import Store
from features.repo.reading import Asked, Reading
from features.repo.vectors import add_vectors
from features.views import JOIN_KEY, PROJECT
from gravity.redis_client import cancellable

Int64s = npt.NDArray[np.int64]
Rows = dict[str, list[Value]]
Views = list[tuple[FeatureView, list[str]]]
_KEY_VERSION: Final = 3
_NAME: Final = "features.repo.online_store.DirectRedisOnlineStore"
_TIMEOUT_S: Final = 10.0


class DirectRedisOnlineStoreConfig(RedisOnlineStoreConfig):
    """Feast's settings of a Redis or a Redis Cluster."""

    # Feast finds the class of this name by it; each of its stores has another literal.
    type: Literal[_NAME] = _NAME  # type: ignore[valid-type]


class DirectRedisOnlineStore(RedisOnlineStore):
    """Feast's Redis store with reads of its own for people of this project, of one Redis or of a
    cluster. Whatever else is asked for, and `get_online_features_async`, is read in Feast's way.
    """

    _reading: Reading | None = None
    _opening = Lock()

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: Views,
        join_key_values: Rows,
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: GetOnlineFeaturesResponse,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """The seam by which Feast's Redis store, too, reads all views at once."""
        asked = _asked(config, grouped_refs, join_key_values, entity_name_to_join_key_map)
        if asked is None or include_feature_view_version_metadata:
            super()._read_features_per_fv(
                config,
                grouped_refs,
                join_key_values,
                entity_name_to_join_key_map,
                online_features_response,
                full_feature_names,
                include_feature_view_version_metadata,
            )
            return
        found = self._opened(config.online_store).read(asked)
        for (view, features), columns in zip(grouped_refs, found, strict=True):
            shown: str = view.projection.name_to_use()  # type: ignore[no-untyped-call]
            prefix = f"{shown}__" if full_feature_names else ""
            names = [prefix + feature for feature in features]
            online_features_response.metadata.feature_names.val.extend(names)
            add_vectors(online_features_response, columns)

    async def close(self) -> None:
        """Close the connections of what was read."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _opened(self, config: RedisOnlineStoreConfig) -> Reading:
        with self._opening:
            if self._reading is None or not self._reading.is_here:
                self._reading = Reading(_store_of(config))
            return self._reading


def _asked(
    config: RepoConfig, views: Views, rows: Rows, join_keys: dict[str, str]
) -> list[Asked] | None:
    """What to read; None where it is not all of people of this project, in Feast's newest notation
    of keys and on a server that we know to find."""
    known = config.online_store.redis_type in (RedisType.redis, RedisType.redis_cluster)
    if (
        not known
        or config.project != PROJECT
        or config.entity_key_serialization_version != _KEY_VERSION
    ):
        return None
    asked: list[Asked] = []
    for view, features in views:
        people = _people(utils._get_table_entity_values(view, join_keys, rows))
        if people is None:
            return None
        asked.append(Asked(_versioned_fv_name(view, config), features, people))
    return asked


def _people(keys: Rows) -> Int64s | None:
    values = keys.get(JOIN_KEY)
    if len(keys) != 1 or not values or not all(value.HasField("int64_val") for value in values):
        return None
    return np.array([value.int64_val for value in values], np.int64)


def _store_of(config: RedisOnlineStoreConfig) -> Store:
    nodes, said = RedisOnlineStore._parse_connection_string(config.connection_string)
    addresses = [(node["host"], int(node["port"])) for node in nodes]
    if config.redis_type == RedisType.redis_cluster:
        access = Access(said.get("username"), said.get("password"), bool(said.get("ssl")))
        return Cluster(addresses, access)
    host, port = addresses[0]
    return cancellable(Redis(host=host, port=port, **{"socket_timeout": _TIMEOUT_S, **said}))
