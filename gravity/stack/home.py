"""The one folder that holds everything a local stack writes."""

import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below the stack's folder (`.gravity` by default); two checkouts never share one."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "Home":
        """Make the folder's skeleton and return it; existing content stays."""
        home = cls(path.resolve())
        for folder in (home.path, home.logs, home.specs, home.started):
            folder.mkdir(parents=True, exist_ok=True)
        home.keys.mkdir(mode=0o700, exist_ok=True)
        # PostgreSQL runs as another user when root starts the stack: it must get through.
        home.path.chmod(home.path.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
        return home

    @property
    def env(self) -> Path:
        """KEY=VALUE file of the settings that clients of this stack need."""
        return self.path / "env"

    @property
    def keys(self) -> Path:
        """Development secrets (mode 0700)."""
        return self.path / "keys"

    @property
    def logs(self) -> Path:
        """One log per program."""
        return self.path / "logs"

    @property
    def specs(self) -> Path:
        """What supervisor and the launcher read."""
        return self.path / "stack"

    @property
    def started(self) -> Path:
        """When each running program became ready."""
        return self.specs / "started"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts: `mlruns/` beside a `.gravity` folder, inside any other."""
        return (self.path.parent if self.path.name == ".gravity" else self.path) / "mlruns"

    def log(self, program: str) -> Path:
        """The log file of a program."""
        return self.logs / f"{program}.log"
