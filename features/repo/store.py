"""Feast's feature store on our Redis and our Parquet, configured and registered in code.

Heavy (5–12 s to import Feast): for flows, notebooks and tests, never for serving.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from feast import FeatureStore, RepoConfig
from feast.infra.offline_stores.dask import DaskOfflineStoreConfig
from feast.infra.online_stores.redis import RedisOnlineStoreConfig

from features.repo.definitions import PERSON, all_views, feature_view
from features.views import PROJECT, View
from gravity.settings import Settings


def history_folder(settings: Settings) -> Path:
    """The folder of the views' histories; derived data, so always on a local disk."""
    return settings.home.absolute() / "feast" / "history"


def feature_store(settings: Settings, live_releases: Sequence[str]) -> FeatureStore:
    """The store with every view registered: behaviour, profile and the factors of live releases.

    The registry is a file in the settings' home; calling again updates it. Nothing in Redis is
    touched.
    """
    store = FeatureStore(config=_config(settings))
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


def _config(settings: Settings) -> RepoConfig:
    home = settings.home.absolute() / "feast"
    home.mkdir(parents=True, exist_ok=True)
    return RepoConfig(
        project=PROJECT,
        registry=str(home / "registry.db"),
        provider="local",
        repo_path=home,
        entity_key_serialization_version=3,
        online_store=RedisOnlineStoreConfig(
            connection_string=connection_string(settings.redis_url)
        ),
        offline_store=DaskOfflineStoreConfig(),
    )


def connection_string(redis_url: str) -> str:
    """Feast's notation of a redis:// or rediss:// URL."""
    url = urlsplit(redis_url)
    parts = [f"{url.hostname}:{url.port or 6379}", f"db={url.path.strip('/') or 0}"]
    if url.username:
        parts.append(f"username={url.username}")
    if url.password:
        parts.append(f"password={url.password}")
    if url.scheme == "rediss":
        parts.append("ssl=true")
    return ",".join(parts)
