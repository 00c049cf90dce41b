"""The registry as a worker sees it: MLflow over plain HTTP, copies in a folder."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features import registry
from features.mlflow_rest import ArtifactsElsewhere, MLflowRefused, MLflowUnreachable
from features.release import ReleaseCorrupt
from serving.releases import RegistryUnavailable

_AWAY = (
    MLflowUnreachable,
    MLflowRefused,
    ArtifactsElsewhere,
    registry.ReleaseUnknown,
    OSError,
)


@dataclass(frozen=True, slots=True)
class MLflowRegistry:
    """Implements `serving.releases.Registry`; `folder` holds one folder a release."""

    url: str
    folder: Path

    async def aliases(self) -> Mapping[str, str]:
        """See `Registry.aliases`."""
        try:
            return await registry.aliases(self.url)
        except _AWAY as error:
            raise RegistryUnavailable(repr(error)) from error

    async def fetch(self, release: str) -> Path:
        """See `Registry.fetch`; a copy that is there needs no MLflow."""
        try:
            return await registry.download(self.url, release, self.folder)
        except registry.DownloadDamaged as error:
            raise ReleaseCorrupt(str(error)) from error
        except _AWAY as error:
            raise RegistryUnavailable(repr(error)) from error

    async def discard(self, release: str) -> None:
        """See `Registry.discard`; whoever has the files open keeps them."""
        await asyncio.to_thread(shutil.rmtree, self.folder / release, ignore_errors=True)
