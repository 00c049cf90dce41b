"""MLflow's server: SQLite, artifacts under `mlruns/`, one worker."""

import sys

from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "mlflow"
PORTS = ("mlflow",)


def program(place: Place) -> Program:
    """MLflow as uvicorn runs it.

    `mlflow server` would import MLflow twice (command line and server: 8 CPU seconds, 300 MB), so
    the server is started directly, with the variables that the command line sets.
    """
    database = f"sqlite:///{place.home.path / 'mlflow' / 'mlflow.db'}"
    artifacts = str(place.home.artifacts)
    return Program(
        name=NAME,
        command=(
            *(sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app"),
            *("--host", "127.0.0.1", "--port", str(place.ports[NAME]), "--workers", "1"),
            *("--log-level", "warning"),
        ),
        # Not /health: the first query makes the tables, which takes seconds.
        check=Check("http", f"{place.url(NAME)}/api/2.0/mlflow/experiments/search?max_results=1"),
        directory=str(place.home.path / "mlflow"),
        environment={
            "_MLFLOW_SERVER_FILE_STORE": database,
            "_MLFLOW_SERVER_REGISTRY_STORE": database,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SGI_NAME": "uvicorn",
            "MLFLOW_SERVER_ALLOWED_HOSTS": "localhost,localhost:*,127.0.0.1,127.0.0.1:*",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
        url=place.url(NAME),
    )
