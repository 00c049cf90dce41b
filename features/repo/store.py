"""Feast's feature store on our Redis and our Parquet, configured and registered in code.

Heavy (5–12 s to import Feast): for flows, notebooks and tests, never for serving.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from feast import FeatureStore, RepoConfig
from feast.infra.offline_stores.dask import DaskOfflineStoreConfig
from feast.infra.online_stores.redis import RedisOnlineStoreConfig, RedisType

from features.repo.definitions import PERSON, all_views, feature_view
from features.repo.online_store import DirectRedisOnlineStoreConfig
from features.views import PROJECT, View
from gravity.settings import Settings


def history_folder(settings: Settings) -> Path:
    """The folder of the views' histories; derived data, so always on a local disk."""
    return settings.home.absolute() / "feast" / "history"


def feature_store(
    settings: Settings,
    live_releases: Sequence[str],
    online: type[RedisOnlineStoreConfig] = DirectRedisOnlineStoreConfig,
) -> FeatureStore:
    """The store with every view registered: behaviour, profile and the factors of live releases.

    The registry is a file in the settings' home; calling again updates it. Nothing in Redis is
    touched. `online`: another store of the same layout, such as Feast's own.
    """
    store = FeatureStore(config=_config(settings, online))
    register(store, all_views(list(live_releases)), history_folder(settings))
    return store


def register(store: FeatureStore, views: Sequence[View], folder: Path) -> None:
    """Make the registry hold exactly these views."""
    for view in views:
        (folder / view.name).mkdir(parents=True, exist_ok=True)
    wanted = {view.name for view in views}
    former = [view for view in store.list_feature_views() if view.name not in wanted]
    store.apply([PERSON, *(feature_view(view, folder) for view in views)])
    for gone in former:
        # Not by `apply`: that scans Redis too, and drops whole hashes of people whose last view
        # it was; `drop_view` of features.view_writer removes the fields of a view and no more.
        store.registry.delete_feature_view(gone.name, PROJECT)


def _config(settings: Settings, online: type[RedisOnlineStoreConfig]) -> RepoConfig:
    home = settings.home.absolute() / "feast"
    home.mkdir(parents=True, exist_ok=True)
    return RepoConfig(
        project=PROJECT,
        registry=str(home / "registry.db"),
        provider="local",
        repo_path=home,
        entity_key_serialization_version=3,
        online_store=online.model_validate(notation(settings.features_url or settings.redis_url)),
        offline_store=DaskOfflineStoreConfig(),
    )


def notation(url: str) -> dict[str, str]:
    """Feast's notation of a redis://, rediss://, redis+cluster:// or rediss+cluster:// URL."""
    scheme, _, of_cluster = urlsplit(url).scheme.partition("+")
    login, _, hosts = urlsplit(url).netloc.rpartition("@")
    username, _, password = map(unquote, login.partition(":"))
    parts = [host if ":" in host else f"{host}:6379" for host in hosts.split(",")]
    if not of_cluster:
        parts.append(f"db={urlsplit(url).path.strip('/') or 0}")
    if username:
        parts.append(f"username={username}")
    if password:
        parts.append(f"password={password}")
    if scheme == "rediss":
        parts.append("ssl=true")
    kind = RedisType.redis_cluster if of_cluster else RedisType.redis
    return {"redis_type": kind.value, "connection_string": ",".join(parts)}
