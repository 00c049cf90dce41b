"""Prefect's server: SQLite, nothing reported to its makers."""

import sys

from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "prefect"
PORTS = ("prefect",)


def api_url(place: Place) -> str:
    """The URL of Prefect's API, as its clients want it."""
    return f"{place.url(NAME)}/api"


def program(place: Place) -> Program:
    """Prefect's API, UI and schedules in one process."""
    folder = place.home.path / "prefect"
    return Program(
        name=NAME,
        command=(
            *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
            *("--host", "127.0.0.1", "--port", str(place.ports[NAME])),
            *("--log-level", "warning", "--timeout-keep-alive", "5"),
        ),
        check=Check("http", f"{api_url(place)}/health"),
        directory=str(folder),
        environment={
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": api_url(place),
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
            "PREFECT_UI_API_URL": api_url(place),
            "PREFECT_UI_STATIC_DIRECTORY": str(folder / "ui"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT__SERVER_FINAL": "1",
            "DO_NOT_TRACK": "1",
        },
        url=place.url(NAME),
    )
