"""MLflow's server: SQLite, artifacts under `mlruns/`, one worker."""

import sys

from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "mlflow"
PORTS = ("mlflow",)

# Text, since nothing in this package may import MLflow. The tables are made before the first
# request: two requests at once would both make them and leave a database that no start repairs.
# In a file aside, since a stop halfway would do the same.
_SERVE = """
import sys
from pathlib import Path
import uvicorn
from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

database, port = Path(sys.argv[1]), int(sys.argv[2])
if not database.exists():
    draft = database.with_suffix(".new")
    draft.unlink(missing_ok=True)
    engine = create_sqlalchemy_engine(f"sqlite:///{draft}")
    _initialize_tables(engine)
    engine.dispose()
    draft.rename(database)
uvicorn.run("mlflow.server.fastapi_app:app", host="127.0.0.1", port=port, log_level="warning")
"""


def program(place: Place) -> Program:
    """MLflow as uvicorn runs it.

    `mlflow server` would import MLflow twice (command line and server: 8 CPU seconds, 300 MB), so
    the server is started directly, with the variables that the command line sets.
    """
    file = place.home.path / "mlflow" / "mlflow.db"
    database = f"sqlite:///{file}"
    artifacts = str(place.home.artifacts)
    return Program(
        name=NAME,
        command=(sys.executable, "-c", _SERVE, str(file), str(place.ports[NAME])),
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
